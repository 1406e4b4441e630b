"""The receipt of `protect`: an account of every file in and out, for a client."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sottovoce
from sottovoce.cli._receipt_page import make_page
from sottovoce.cli._words import format_path
from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.notices import describe_notice, make_notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sottovoce import Notice
    from sottovoce.cli._inputs import Selection

__all__ = ["check_receipt_path", "hash_file", "make_receipt", "write_receipt"]

_FORMAT = "sottovoce-receipt-1"
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


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; empty if it is unreadable or not a file."""
    with suppress(OSError):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def make_receipt(
    files: Sequence[dict[str, Any]],
    *,
    notice: Notice,
    totals: Mapping[str, int],
    selection: Selection,
    in_place: bool,
) -> dict[str, Any]:
    """Return a receipt as fields for JSON; docs/json.md says what they mean."""
    left_out = selection.to_dict()
    return {
        "format": _FORMAT,
        "program": f"sottovoce {sottovoce.__version__}",
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "notice": {**(make_notice(notice) or {}), "words": describe_notice(notice)},
        "in_place": in_place,
        "totals": {"in": len(files), **totals},
        "files": list(files),
        "not_looked_at": left_out.get("not_looked_at", {}),
        "files_not_looked_at": [
            {"path": str(path), "kind": kind} for path, kind in selection.left_out
        ],
        "links_not_followed": left_out.get("links_not_followed", []),
    }


def write_receipt(path: Path, receipt: dict[str, Any]) -> None:
    """Write a receipt as JSON or as a page, by the suffix of its name.

    Raises
    ------
    AudioFileError
        If it cannot be written.
    """
    from sottovoce.files.atomic import atomic_path

    if path.suffix.lower() == ".json":
        text = json.dumps(receipt, indent=2, allow_nan=False) + "\n"
    else:
        text = make_page(receipt)
    with suppress(OSError):  # atomic_path reports it
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")
