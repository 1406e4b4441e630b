"""Walk through a folder: which files are audio, which are not, and where links lead."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SkippedLink", "Walk"]

_MOST_NAMES = 16
"""Under which one folder is entered: links between folders could name it endlessly."""
_MOST_LEFT_OUT = 10_000
"""Left-out files that are remembered by name; all of them are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedLink:
    """A symbolic link that was not followed.

    Attributes
    ----------
    path : Path
        The link.
    reason : str
        Where it leads, as the end of "the link …".
    may_hold_sound : bool
        Whether there may be sound behind it that is not reached otherwise.
    """

    path: Path
    reason: str
    may_hold_sound: bool = False


class Walk:
    """A walk through one folder.

    Parameters
    ----------
    root : Path
        The folder.
    suffixes : frozenset of str
        Suffixes of audio files, lower case, with the dot.

    Attributes
    ----------
    files : list of (Path, bool)
        Audio files, sorted within each folder, and whether a link led there.
    unreadable : list of (Path, str)
        Folders that cannot be read, and why.
    not_looked_at : Counter
        Other files by kind, as in `Selection`.
    left_out : list of (Path, str)
        The same by name, with the kind of each.
    links : list of SkippedLink
        Links that were not followed.
    """

    def __init__(self, root: Path, *, suffixes: frozenset[str]) -> None:
        self.files: list[tuple[Path, bool]] = []
        self.unreadable: list[tuple[Path, str]] = []
        self.not_looked_at: Counter[str] = Counter()
        self.left_out: list[tuple[Path, str]] = []
        self.links: list[SkippedLink] = []
        self._root = root
        self._real_root = os.path.realpath(root)
        self._suffixes = suffixes
        self._n_entered: Counter[str] = Counter()

    def run(self) -> None:
        """Walk through the folder, and fill the attributes."""
        # A stack of its own: folders can be nested deeper than Python's.
        # Each with the real folders above it, to notice circles, and whether a link led there.
        waiting: list[tuple[Path, tuple[str, ...], bool]] = [(self._root, (), False)]
        while waiting:
            folder, above, linked = waiting.pop()
            if above and folder.is_symlink() and not self._may_enter(folder, above):
                continue
            real = os.path.realpath(folder)
            self._n_entered[real] += 1
            waiting += [
                (path, (*above, real), linked or is_link)
                for path, is_link in reversed(self._list(folder, linked=linked))
            ]

    def _list(self, folder: Path, *, linked: bool) -> list[tuple[Path, bool]]:
        """Collect the files of a folder; return its folders, and which of them are links."""
        folders: list[tuple[Path, bool]] = []
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as err:
            self.unreadable.append((folder, err.strerror or str(err)))
            return []
        for entry in found:
            path, is_link = folder / entry.name, entry.is_symlink()
            if entry.name.startswith("."):
                self._leave_out(path, "hidden")
            elif is_link and not self._may_follow(path):
                continue
            elif entry.is_dir():
                folders.append((path, is_link))
            elif not entry.is_file():
                self._leave_out(path, "special")
            elif kind := self._tell_kind(path):
                self._leave_out(path, kind)
            else:
                self.files.append((path, linked or is_link))
        return folders

    def _leave_out(self, path: Path, kind: str) -> None:
        self.not_looked_at[kind] += 1
        if len(self.left_out) < _MOST_LEFT_OUT:
            self.left_out.append((path, kind))

    def _may_follow(self, link: Path) -> bool:
        real = os.path.realpath(link)
        if not link.exists():
            self.links.append(SkippedLink(path=link, reason="leads nowhere"))
            return False
        if Path(real).is_relative_to(self._real_root):
            return True
        # A file outside is not opened, not even to identify it.
        may_hold_sound = link.is_dir() or link.suffix.lower() in self._suffixes
        self.links.append(
            SkippedLink(path=link, reason="leads out of the folder", may_hold_sound=may_hold_sound)
        )
        return False

    def _may_enter(self, link: Path, above: tuple[str, ...]) -> bool:
        real = os.path.realpath(link)
        if real in above:
            self.links.append(SkippedLink(path=link, reason="leads in a circle"))
            return False
        if self._n_entered[real] >= _MOST_NAMES:
            reason = f"is one of more than {_MOST_NAMES} names of a folder"
            self.links.append(SkippedLink(path=link, reason=reason))
            return False
        return True

    def _tell_kind(self, path: Path) -> str:
        """Return the kind by which a file that is not audio is counted; empty for audio."""
        from sottovoce.files.kinds import kind_of_other, read_head

        suffix = path.suffix.lower()
        return "" if suffix in self._suffixes else kind_of_other(suffix, read_head(path))
