"""Where each result of a command goes."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from sottovoce.cli._words import format_path
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sottovoce.cli._inputs import Input

__all__ = ["is_protected_copy", "name_targets"]

_MARKED_SUFFIX = ".protected"
_MARKED_NAME = re.compile(r"(?P<stem>.+)\.protected(?:-(?P<number>\d{1,9}))?", re.DOTALL)
"""The name, without its suffix, of a file that an earlier call without -o has written."""
_AUDIO = frozenset(
    (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aiff", ".aif", ".mp4", ".mkv")
)


def name_targets(
    sources: Sequence[Input], *, out: Path | None, in_place: bool = False
) -> list[Path]:
    """Return where the result of each source goes; nothing is made or written.

    Parameters
    ----------
    sources : sequence of Input
        The files to process.
    out : Path or None
        A file for one file, else a folder, in which folders are mirrored.  None puts
        "take.protected.wav" beside "take.wav", "takes.protected" beside "takes", and
        "take.protected-2.wav" beside "take.protected.wav".
    in_place : bool
        Whether to replace every source by its result.

    Returns
    -------
    targets : list of Path
        One for each source.

    Raises
    ------
    ParameterError
        If a target would be a source, or lie in a folder that is an input, or be the same for
        two sources; if `out` is given with `in_place`; or if `out` is a file where a folder is
        needed.
    AudioFileError
        If `out` cannot be written to.
    """
    if in_place:
        if out is not None:
            raise ParameterError(
                "--in-place and --output contradict each other", remedy="Leave one of them out."
            )
        return [source.path for source in sources]
    has_several = len({source.given for source in sources}) > 1
    if out is not None:
        _check_place(out)
        _check_kind(out, sources, has_several=has_several)
    targets = [_name_target(source, out=out, has_several=has_several) for source in sources]
    _refuse_overlap(sources, targets)
    return targets


def is_protected_copy(source: Input) -> bool:
    """Return whether a file that was named has the name of a protected copy."""
    return not source.is_in_folder and _MARKED_NAME.fullmatch(source.given.stem) is not None


def _name_beside(name: str) -> str:
    """Return the name for the copy beside a file or folder; never ".protected.protected"."""
    copy = _MARKED_NAME.fullmatch(name)
    if copy is None:
        return name + _MARKED_SUFFIX
    return f"{copy['stem']}{_MARKED_SUFFIX}-{int(copy['number'] or 1) + 1}"


def _check_place(out: Path) -> None:
    """Refuse a path that is neither a file nor a folder, or that cannot be written to."""
    place = out
    status = _look_at(place)
    if status is not None and not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
        raise AudioFileError(
            "is neither a file nor a folder, and cannot be replaced",
            path=str(out),
            remedy="Name a file or a folder with -o.",
        )
    while status is None or (place == out and stat.S_ISREG(status.st_mode)):
        place = place.parent
        status = _look_at(place)
    if not stat.S_ISDIR(status.st_mode):
        raise AudioFileError(
            f"{format_path(place)} is a file, not a folder",
            path=str(out),
            remedy="Name a folder, or a file in a folder, with -o.",
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise AudioFileError(
            f"the folder {format_path(place)} cannot be written to",
            path=str(out),
            remedy="Choose another place with -o, or change the folder's permissions.",
        )


def _look_at(place: Path) -> os.stat_result | None:
    """Return the status of a path; None if it does not exist."""
    try:
        return place.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise AudioFileError(
            (err.strerror or str(err)).lower(),
            path=str(place),
            remedy="Choose another place with -o.",
        ) from err


def _check_kind(out: Path, sources: Sequence[Input], *, has_several: bool) -> None:
    """Refuse a file where a folder is needed."""
    looks_like_a_file = out.is_file() or (out.suffix.lower() in _AUDIO and not out.is_dir())
    if has_several and looks_like_a_file:
        raise ParameterError(
            f"-o names the file {format_path(out)}, but several inputs were given",
            remedy="Name a folder with -o, or one input.",
        )
    given = next((source.given for source in sources if source.is_in_folder), None)
    if given is not None and out.is_file():
        raise ParameterError(
            f"-o names the file {format_path(out)}, but {format_path(given)} is a folder",
            remedy="Name a folder with -o.",
        )


def _name_target(source: Input, *, out: Path | None, has_several: bool) -> Path:
    is_folder = source.is_in_folder
    if out is None:
        # resolve() gives "." and ".." a name
        given = source.given if source.given.name not in {"", ".."} else source.given.resolve()
        if is_folder:
            return given.with_name(_name_beside(given.name)) / source.inside
        return given.with_name(_name_beside(given.stem) + given.suffix)
    if has_several:
        named = source.given.resolve().name if is_folder else ""
        return out / named / source.inside
    if is_folder or out.is_dir() or not (out.suffix or out.is_file()):
        return out / source.inside
    return out


def _refuse_overlap(sources: Sequence[Input], targets: Sequence[Path]) -> None:
    folders = {source.given.resolve() for source in sources if source.is_in_folder}
    originals = {source.path.resolve() for source in sources}
    taken: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        place = target.resolve()
        if place in originals:
            remedy = "Choose another place with -o, or add --in-place if that is what you want."
            if target == source.path.with_name(_name_beside(source.path.stem) + target.suffix):
                remedy = f"Name only the original {source.path}, or choose a folder with -o."
            raise ParameterError(f"{target} is an input and would be overwritten", remedy=remedy)
        inside = folders & set(place.parents)
        if inside:
            raise ParameterError(
                f"the output {target} lies inside the input folder {inside.pop()}",
                remedy="Choose a folder outside it with -o.",
            )
        if place in taken:
            raise ParameterError(
                f"{source.path} and {taken[place]} would both be written to {target}",
                remedy="Protect them separately, into different folders.",
            )
        taken[place] = source.path
