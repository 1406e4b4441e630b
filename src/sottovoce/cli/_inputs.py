"""Which files a command works on."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.cli._missing import explain_missing
from sottovoce.cli._walk import SkippedLink, Walk
from sottovoce.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Input", "Selection", "find_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file to work on.

    Attributes
    ----------
    path : Path
        Its path.
    given : Path
        The file or folder that the user named.
    problem : AudioFileError or None
        Why it cannot be processed, if that is known already.
    linked : bool
        Whether the path leads through a symbolic link in the folder.
    twins : tuple of Path
        Other names (hard links) of the file that were selected too; only with `once`.
    n_other_names : int
        Further hard links to it, which were not selected.
    """

    path: Path
    given: Path
    problem: AudioFileError | None = None
    linked: bool = False
    twins: tuple[Path, ...] = ()
    n_other_names: int = 0

    @property
    def is_in_folder(self) -> bool:
        """Whether the user named a folder."""
        return os.path.isdir(self.given)  # noqa: PTH112 - is_dir() raises for names too long

    @property
    def inside(self) -> Path:
        """The path inside the folder that was named; the file's name where a file was."""
        return (
            Path(self.path.name) if self.path == self.given else self.path.relative_to(self.given)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a call works on, and what it leaves out.

    Attributes
    ----------
    sources : list of Input
        In the order given, folders sorted.
    not_looked_at : Counter
        Files left out: by suffix in lower case (of archives, documents and pictures without one,
        by the usual suffix), and as "without suffix", "empty" (neither a suffix nor a byte),
        "hidden", "special" (pipes, devices) or "unreadable".
    left_out : list of (Path, str)
        The same files by name, with the kind of each, as far as they are remembered.
    links : list of SkippedLink
        Links in folders that were not followed.
    """

    sources: list[Input]
    not_looked_at: Counter[str] = field(default_factory=Counter)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    links: list[SkippedLink] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return what is left out, as fields for JSON; empty where nothing is."""
        fields: dict[str, Any] = {}
        if self.not_looked_at:
            fields["not_looked_at"] = dict(self.not_looked_at.most_common())
        if self.links:
            fields["links_not_followed"] = [
                {"path": str(link.path), "reason": link.reason} for link in self.links
            ]
        return fields


def find_sources(
    given: Sequence[Path], *, suffixes: frozenset[str], once: bool = False
) -> Selection:
    """Return the files that a user named, those in folders included.

    Parameters
    ----------
    given : sequence of Path
        Files and folders.  A file is taken whatever its name.  In folders, files are taken that
        have an audio suffix or begin like audio; hidden ones are left out, and links are followed
        only if they stay inside the folder.
    suffixes : frozenset of str
        Suffixes of audio files, lower case, with the dot.
    once : bool
        Whether to take a file that has several names only once, as is right if it is replaced.
        Otherwise every name is taken.

    Returns
    -------
    selection : Selection
        Inputs that do not exist, are unreadable or hold no audio are among the sources, with
        their problem.
    """
    selection = Selection(sources=[])
    for path in given:
        if os.path.isdir(path):  # noqa: PTH112 - a name that is too long does not exist
            _add_folder(selection, path, suffixes)
        elif os.path.lexists(path):
            selection.sources.append(Input(path=path, given=path))
        else:
            selection.sources.append(Input(path=path, given=path, problem=explain_missing(path)))
    # The same name, given twice.
    names = {os.path.abspath(one.path): one for one in reversed(selection.sources)}  # noqa: PTH100 - resolve() would follow links
    sources = [one for one in selection.sources if names[os.path.abspath(one.path)] is one]  # noqa: PTH100
    return replace(selection, sources=_join_names(sources) if once else sources)


def _add_folder(selection: Selection, folder: Path, suffixes: frozenset[str]) -> None:
    walk = Walk(folder, suffixes=suffixes)
    walk.run()
    found = [Input(path=path, given=folder, linked=linked) for path, linked in walk.files]
    found += [
        Input(
            path=path,
            given=folder,
            problem=AudioFileError(
                f"the folder cannot be read: {reason}",
                path=str(path),
                remedy="Check its permissions.",
            ),
        )
        for path, reason in walk.unreadable
    ]
    if not found:
        problem = AudioFileError(
            "there is no audio file in this folder",
            path=str(folder),
            remedy="Name another folder, or the files themselves.",
        )
        found.append(Input(path=folder, given=folder, problem=problem))
    selection.sources.extend(found)
    selection.not_looked_at.update(walk.not_looked_at)
    selection.left_out.extend(walk.left_out)
    selection.links.extend(walk.links)


def _join_names(sources: Sequence[Input]) -> list[Input]:
    """Return each file once, with what is known of its other names."""
    groups: dict[object, list[Input]] = {}
    for source in sources:
        groups.setdefault(_identify(source.path), []).append(source)
    joined: list[Input] = []
    for group in groups.values():
        # The file itself rather than a link to it.
        first = min(group, key=lambda source: source.linked or source.path.is_symlink())
        own = os.path.realpath(first.path)
        twins = {os.path.realpath(source.path): None for source in group}
        twins.pop(own)
        n_names = 1
        if first.problem is None and first.path.is_file():
            n_names = first.path.stat().st_nlink
        joined.append(
            replace(
                first,
                twins=tuple(Path(name) for name in twins),
                n_other_names=max(0, n_names - 1 - len(twins)),
            )
        )
    return joined


def _identify(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    # File systems without such numbers report 0.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
