"""Destination of a marked file, and what may not be overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.files.writing import convertible_suffixes, writable

if TYPE_CHECKING:
    import os

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["choose_target", "is_other_format"]


def is_other_format(source: Path, target: Path) -> bool:
    """Return whether the names of two files imply different formats."""
    if not source.suffix:  # no contradiction, unless the new name implies a format
        return target.suffix.lower() in AUDIO_SUFFIXES
    return target.suffix.lower() != source.suffix.lower()


def choose_target(
    source: Path,
    dst: str | os.PathLike[str] | None,
    info: AudioInfo | None,
    *,
    in_place: bool,
    partial: bool,
) -> Path:
    """Return the destination of the marked file.

    Parameters
    ----------
    source : Path
        Original.
    dst : path-like or None
        As in `protect_file`.
    info : AudioInfo or None
        Properties of the original; None if it has no sound, as it is then never converted.
    in_place, partial : bool
        As in `protect_file`.

    Returns
    -------
    target : Path
        If the original is to be replaced, the original itself, not a link to it.

    Raises
    ------
    ParameterError
        If the arguments contradict each other.
    AudioFileError
        If the target is the original, a folder, or of another format.
    """
    if in_place and partial:
        raise ParameterError(
            "a part of a file cannot replace it", remedy="Write it to another file."
        )
    if in_place:
        if dst is not None and Path(dst).resolve() != source.resolve():
            raise ParameterError(f"dst={str(dst)!r} given together with in_place")
        return source.resolve()  # the file itself, not a link to it
    if dst is None:
        raise ParameterError("dst is missing; give a path, or in_place=True")
    target = Path(dst)
    if target.is_dir():
        raise AudioFileError("is a folder", path=str(target), remedy="Specify a file in it.")
    if target.exists() and not target.is_file():
        raise AudioFileError(
            "is not a regular file, and would be replaced by one",
            path=str(target),
            remedy="Specify another file.",
        )
    same = target.exists() and source.exists() and target.samefile(source)
    if same or target.resolve() == source.resolve():
        raise AudioFileError(
            "is both the input and the output",
            path=str(source),
            remedy="Choose another output, or ask for the original to be replaced.",
        )
    if is_other_format(source, target) and (
        info is None or writable(info) or target.suffix.lower() not in convertible_suffixes(info)
    ):
        raise AudioFileError(
            f"has a different suffix from {source.name}; formats are kept, not converted",
            path=str(target),
            remedy=f"Name it {target.with_suffix(source.suffix).name}.",
        )
    return target
