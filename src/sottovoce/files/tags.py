"""Carry the tags of a file over to its marked copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.keeping import carry_over
from sottovoce.files.reading import read_info

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copy_tags"]


def copy_tags(source: Path, target: Path, *, audio_format: str, subtype: str) -> None:
    """Copy all tags and pictures from one file to another of the same format.

    Parameters
    ----------
    source : Path
        Original.
    target : Path
        Copy, written already.
    audio_format, subtype : str
        As in `AudioInfo`; the file itself is asked.

    Raises
    ------
    UnsupportedFormatError
        If something could not be kept.
    """
    lines = carry_over(source, target, read_info(source))
    if lines:
        raise UnsupportedFormatError("; ".join(lines))
