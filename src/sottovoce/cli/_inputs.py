"""Which files a command works on, and where each result goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Source", "find_sources", "name_targets"]

_MARKED_SUFFIX = ".protected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to work on.

    Attributes
    ----------
    path : Path
        Where it is.
    given : Path
        The file or folder that the person named.
    problem : AudioFileError or None
        Why it cannot be worked on, where that is known already.
    """

    path: Path
    given: Path
    problem: AudioFileError | None = None

    @property
    def inside(self) -> Path:
        """The path inside the folder that was named; the file's name where a file was."""
        return (
            Path(self.path.name) if self.path == self.given else self.path.relative_to(self.given)
        )


def find_sources(given: Sequence[Path], *, suffixes: frozenset[str]) -> list[Source]:
    """Return the files that a person named, those in folders included.

    Parameters
    ----------
    given : sequence of Path
        Files and folders.  A file is taken whatever its name; in folders those are taken whose
        suffix is one of audio, hidden ones left out, links to folders not followed.
    suffixes : frozenset of str
        Suffixes of audio files, lower case, with the dot.

    Returns
    -------
    sources : list of Source
        In the order given, folders sorted, each file once.  What is not there, is unreadable or
        holds no audio stands among them with its problem.
    """
    sources: list[Source] = []
    for path in given:
        if path.is_dir():
            sources += _walk(path, suffixes)
        elif path.exists() or path.is_symlink():
            sources.append(Source(path=path, given=path))
        else:
            problem = AudioFileError("there is no such file or folder", path=str(path))
            sources.append(Source(path=path, given=path, problem=problem))
    once = {os.path.realpath(source.path): source for source in reversed(sources)}
    return [source for source in sources if once[os.path.realpath(source.path)] is source]


def _walk(folder: Path, suffixes: frozenset[str]) -> list[Source]:
    found: list[Source] = []

    def note_unreadable(err: OSError) -> None:
        path = Path(err.filename)
        problem = AudioFileError(
            f"the folder cannot be read: {err.strerror}", path=str(path), remedy="Check its rights."
        )
        found.append(Source(path=path, given=folder, problem=problem))

    for where, folders, names in os.walk(folder, onerror=note_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if path.suffix.lower() in suffixes and not name.startswith(".") and path.is_file():
                found.append(Source(path=path, given=folder))
    if not found:
        problem = AudioFileError("there is no audio file in this folder", path=str(folder))
        found.append(Source(path=folder, given=folder, problem=problem))
    return found


def name_targets(
    sources: Sequence[Source], *, out: Path | None, in_place: bool = False
) -> list[Path]:
    """Return where the result of each source goes; nothing is made or written.

    Parameters
    ----------
    sources : sequence of Source
        What to work on.
    out : Path or None
        A file for one file, else a folder, in which folders are mirrored.  None puts
        "take.protected.wav" beside "take.wav" and "takes.protected" beside "takes".
    in_place : bool
        Replace every source by its result.

    Returns
    -------
    targets : list of Path
        One for each source.

    Raises
    ------
    ParameterError
        If a target would be a source, or lie in a folder that is an input, or be the same for
        two sources; or if `out` is given with `in_place`.
    """
    if in_place:
        if out is not None:
            raise ParameterError(
                "--in-place and --output contradict each other", remedy="Leave one of them out."
            )
        return [source.path for source in sources]
    targets = [_name_target(source, out=out, sources=sources) for source in sources]
    _refuse_overlap(sources, targets)
    return targets


def _name_target(source: Source, *, out: Path | None, sources: Sequence[Source]) -> Path:
    is_folder = source.given.is_dir()
    if out is None:
        # resolve() gives "." and ".." a name
        given = source.given if source.given.name not in {"", ".."} else source.given.resolve()
        if is_folder:
            return given.with_name(given.name + _MARKED_SUFFIX) / source.inside
        return given.with_name(given.stem + _MARKED_SUFFIX + given.suffix)
    given_once = {other.given for other in sources}
    if len(given_once) > 1:
        named = source.given.resolve().name if is_folder else ""
        return out / named / source.inside
    if is_folder or out.is_dir() or not out.suffix:
        return out / source.inside
    return out


def _refuse_overlap(sources: Sequence[Source], targets: Sequence[Path]) -> None:
    folders = {source.given.resolve() for source in sources if source.given.is_dir()}
    originals = {source.path.resolve() for source in sources}
    taken: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        place = target.resolve()
        if place in originals:
            raise ParameterError(
                f"{target} is an input and would be overwritten",
                remedy="Give another place with -o, or say --in-place if that is what you want.",
            )
        inside = folders & set(place.parents)
        if inside:
            raise ParameterError(
                f"the output {target} lies inside the input folder {inside.pop()}",
                remedy="Give a folder outside of it with -o.",
            )
        if place in taken:
            raise ParameterError(
                f"{source.path} and {taken[place]} would both be written to {target}",
                remedy="Protect them one after the other, into different folders.",
            )
        taken[place] = source.path
