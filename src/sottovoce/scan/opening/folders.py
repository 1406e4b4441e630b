"""`FolderSource`: a folder of audio files and data sets; nothing in it is skipped silently."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.opening.folder_copies import FolderCopy, is_group
from sottovoce.scan.opening.walking import INNER_LINK, Other, Saved, walk
from sottovoce.scan.recording import Cut, Recording
from sottovoce.scan.source import atomic_out
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.stores.remote_folders import is_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.reach.reach import Reach
    from sottovoce.scan.source import Kept, Source

__all__ = ["FolderSource"]

_MOST_LISTINGS = 10_000
"""Files remembered until it is known whether the folder itself holds audio."""
_NOT_COPIED = {
    *("hidden", "hidden sound", "link", INNER_LINK, "broken link", "special", "unreadable"),
}


@dataclass(frozen=True, slots=True)
class _Inner:
    """A data set, or a listing, in the folder."""

    name: str
    source: Source


class FolderSource:
    """All audio files of a folder, by their names or first bytes, and the data sets in it.

    If it holds neither, the listings in it are read, as far as they name files in it.

    Parameters
    ----------
    name : str
        The folder.
    open_nested : callable
        Takes a path and the first bytes of the file (None if its name is sufficient); returns its
        source, or None if it is not a data set.
    open_saved : callable
        Returns the source for a folder in it where `datasets` has saved a data set.
    open_listing : callable
        Takes the path of a file; returns its source, or None if it does not list recordings.
    open_beside : callable
        The same for a listing that goes into a copy: data sets in it are files like any other.
    reach : Reach
        Where links may lead.
    """

    def __init__(
        self,
        name: str,
        *,
        open_nested: Callable[[str, bytes | None], Source | None],
        open_saved: Callable[[str], Source],
        open_listing: Callable[[str], Source | None],
        open_beside: Callable[[str], Source | None],
        reach: Reach,
    ) -> None:
        self.name = name
        self._open_nested = open_nested
        self._open_saved = open_saved
        self._open_listing = open_listing
        self._open_beside = open_beside
        self._reach = reach

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield audio files, sorted within each folder, and the recordings of data sets there.

        Hidden files and folders are left out, and links to folders unless links are followed.
        """
        for one in self._resolve():
            if isinstance(one, _Inner):
                yield from one.source.recordings()
            elif isinstance(one, str):
                yield describe_file(one, reach=self._reach, folder=os.path.dirname(one))  # noqa: PTH120 - kept as it was given
            else:
                yield one

    def cuts(self) -> Iterator[Cut]:
        """Yield every file as a whole, and the examples of data sets."""
        for one in self._resolve():
            if isinstance(one, _Inner):
                yield from one.source.cuts()
            elif isinstance(one, str):
                yield Cut(id=one, recording_id=one)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Rebuild the folder from hard links, without refused recordings.

        Data sets in it are rewritten, and so are listings that name removed files; all other
        files are linked as well.  Nothing is copied from outside the folder.
        """
        with atomic_out(out) as part:
            part.mkdir()
            copy = FolderCopy(
                self.name, part, refused=refused, reach=self._reach, open_beside=self._open_beside
            )
            groups = []
            for one in self._tell():
                if isinstance(one, _Inner):
                    copy.add_data_set(one.name, one.source)
                elif isinstance(one, str):
                    copy.add_sound(one)
                elif isinstance(one, Finding):
                    copy.pass_over("unreadable")
                elif one.kind in _NOT_COPIED:
                    copy.pass_over(one.kind)
                elif is_group(one.id):
                    groups.append(one.id)
            for path in groups:
                copy.add_group(path)
            for one in self._tell():
                if isinstance(one, LeftOut) and one.kind not in _NOT_COPIED:
                    copy.add_other(one.id)
        return copy.describe(out)

    def _resolve(self) -> Iterator[str | _Inner | LeftOut | Finding]:
        """Yield the paths of audio files, data sets, and all other files.

        Possible listings come last: only then is it known whether they are needed.
        """
        waiting: list[LeftOut] = []
        n_found = 0
        for one in self._tell():
            if isinstance(one, LeftOut) and not n_found and len(waiting) < _MOST_LISTINGS:
                waiting.append(one)
                continue
            n_found += not isinstance(one, LeftOut)
            yield one
        for passed in waiting:
            listing = None if n_found else self._open_listing(passed.id)
            yield passed if listing is None else _Inner(passed.id, listing)

    def _tell(self) -> Iterator[str | _Inner | LeftOut | Finding]:
        for one in walk(self.name, self._reach):
            if isinstance(one, Saved):
                yield _Inner(one.folder, self._open_saved(one.folder))
            elif isinstance(one, Other):
                nested = self._open_nested(one.path, one.head)
                yield one.left_out if nested is None else _Inner(one.path, nested)
            elif isinstance(one, str) and not is_audio(one):
                # Audio by its first bytes, which can mislead: an archive may begin like that.
                nested = self._open_nested(one, None)
                yield one if nested is None else _Inner(one, nested)
            else:
                yield one
