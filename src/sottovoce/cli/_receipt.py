"""The receipt of `protect`: an account of every file in and out, for a client."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sottovoce.cli._words import format_path
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sottovoce.cli._inputs import Selection

__all__ = ["check_receipt_path", "write_receipt"]

_SUFFIXES = (".json", ".html")


def check_receipt_path(
    path: Path, *, selection: Selection, targets: Sequence[Path], in_place: bool
) -> None:
    """Refuse a receipt that could not be written, or would overwrite audio, before any work.

    Raises
    ------
    ParameterError
        If the suffix is neither .json nor .html; or if it is an input or an output, a folder, or
        lies in a folder that is processed in place.
    AudioFileError
        If nothing can be written there.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ParameterError(
            f"unknown kind of receipt {format_path(path.name)!r}",
            remedy="Name it FILE.json or FILE.html.",
        )
    place = path.resolve()
    if path.is_dir():
        raise ParameterError(
            f"the receipt {format_path(path)} is a folder", remedy="Name a file in it."
        )
    named = [*(source.path for source in selection.sources), *targets]
    if place in {each.resolve() for each in named}:
        raise ParameterError(
            f"the receipt {format_path(path)} is an input or an output and would overwrite it",
            remedy="Give the receipt another name.",
        )
    folders = {one.given.resolve() for one in selection.sources if one.is_in_folder}
    if in_place and folders & set(place.parents):
        raise ParameterError(
            f"the receipt {format_path(path)} lies inside a folder that is processed in place",
            remedy="Put it outside that folder.",
        )
    above = next(folder for folder in place.parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise AudioFileError(
            f"the receipt cannot be written there: {format_path(above)} is"
            f" {'a write-protected folder' if above.is_dir() else 'not a folder'}",
            path=str(path),
            remedy="Choose another folder.",
        )


def write_receipt(path: Path, receipt: dict[str, Any]) -> None:
    """Write a receipt as JSON or as a page, by the suffix of its name.

    Raises
    ------
    AudioFileError
        If it cannot be written.
    """
    from sottovoce.files.atomic import atomic_path
    from sottovoce.files.receipts.page import make_page  # late, so that --help is quick

    if path.suffix.lower() == ".json":
        text = json.dumps(receipt, indent=2, allow_nan=False) + "\n"
    else:
        text = make_page(receipt)
    with suppress(OSError):  # atomic_path reports it
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")
