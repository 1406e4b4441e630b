"""The error of an input that does not exist, with similar names in its folder."""

from __future__ import annotations

import difflib
import itertools
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.cli._words import format_path
from sottovoce.errors import AudioFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["explain_missing"]

_MOST_ENTRIES = 5_000
_MOST_NAMES = 3
_LIKE = 0.75
"""Similarity of names, 0 to 1, from which one may be a typo of the other: one letter in four, the
suffix included."""


def explain_missing(path: Path) -> AudioFileError:
    """Return the error of an input that does not exist, with names that may have been meant.

    Parameters
    ----------
    path : Path
        The input as given.

    Returns
    -------
    error : AudioFileError
        Not raised.
    """
    message = "does not exist"
    if not os.path.isdir(path.parent):  # noqa: PTH112 - a name may be too long to ask for
        above = next((folder for folder in path.parents if os.path.isdir(folder)), path.parent)  # noqa: PTH112
        missing = path.parent if above == path.parent else _child(path, above)
        remedy = f"Check the name: {format_path(missing)} is not a folder."
        return AudioFileError(message, path=str(path), remedy=remedy)
    names = [format_path(path.with_name(name)) for name in _find_like(path)]
    remedy = f"Did you mean {' or '.join(names)}?" if names else "Check the name and the folder."
    return AudioFileError(message, path=str(path), remedy=remedy)


def _child(path: Path, above: Path) -> Path:
    """Return the first folder on the way to `path` that does not exist."""
    return next(folder for folder in path.parents if folder.parent == above)


def _find_like(path: Path) -> list[str]:
    """Return names in the same folder: the same with another suffix first, then similar ones."""
    names: list[str] = []
    with suppress(OSError):
        entries = itertools.islice(path.parent.iterdir(), _MOST_ENTRIES)
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    same = [name for name in names if name.rpartition(".")[0] == path.stem]
    near = difflib.get_close_matches(path.name, names, n=_MOST_NAMES, cutoff=_LIKE)
    return list(dict.fromkeys([*same, *near]))[:_MOST_NAMES]
