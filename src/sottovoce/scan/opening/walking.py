"""`walk`: every file of a folder, lazily, with its kind by its name or first bytes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.files.decoding.sniffing import sounds_like_audio
from sottovoce.files.kinds import kind_of_other, may_hold_sound, read_head, suffix_of_head
from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.reach.reach import Reach
from sottovoce.scan.stores.remote_folders import holds_saved_dataset, is_audio

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INNER_LINK", "Other", "Saved", "walk"]

INNER_LINK = "link to a folder here"
_MOST_HIDDEN = 10_000
"""Entries of a hidden folder that are examined for audio."""
_CONTAINERS = frozenset({".tar", ".zip", ".rar", ".7z", ".parquet", ".arrow", ".npy", ".h5"})
_TOOLS = frozenset({".git", ".svn", ".hg", ".venv", ".tox", ".mypy_cache", ".ruff_cache"})
"""Hidden folders of programs, which do not contain recordings."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A folder that is a saved data set."""

    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A regular file that is not audio by its name and first bytes.

    Attributes
    ----------
    path : str
        The file.
    head : bytes
        Its first bytes; empty if it cannot be opened.
    left_out : LeftOut
        How it is counted if it is not a data set either.
    """

    path: str
    head: bytes
    left_out: LeftOut


def walk(
    root: str, reach: Reach | None = None
) -> Iterator[str | Saved | Other | LeftOut | Finding]:
    """Yield the paths of audio files, and all other entries, sorted within each folder.

    Parameters
    ----------
    root : str
        The folder.
    reach : Reach or None
        Where links may lead; None for nowhere outside the folder.  Links to folders are followed
        if it says so, and each folder is visited once: links may be circular.
    """
    reach = Reach(within=root) if reach is None else reach
    waiting = [root]
    seen: set[str] = set()
    while waiting:
        folder = waiting.pop()
        if reach.follow_links:
            real = os.path.realpath(folder)
            if real in seen:
                continue
            seen.add(real)
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as err:
            yield Finding(
                id=_show(folder),
                status="error",
                message=f"the folder cannot be read: {err.strerror}",
                remedy="Check its permissions.",
            )
            continue
        shown = [entry for entry in found if not entry.name.startswith(".")]
        yield from (_tell_hidden(entry) for entry in found if entry.name.startswith("."))
        if holds_saved_dataset({one.name for one in shown}):
            yield Saved(folder)
            continue
        inner = [one for one in shown if _is_folder(one, follow_links=reach.follow_links)]
        waiting += [one.path for one in reversed(inner)]
        for entry in shown:
            if entry not in inner:
                yield from _tell(entry, reach)


def _tell(entry: os.DirEntry[str], reach: Reach) -> Iterator[str | Other | LeftOut | Finding]:
    path = entry.path
    shown = _show(path)
    if shown != path:
        yield Finding(
            id=shown,
            status="error",
            message="has a name that is not UTF-8",
            remedy="Rename it: convmv -f latin1 -t utf8 --notest FILE",
        )
        return
    if entry.is_symlink() and (passed := _tell_link(path, reach)) is not None:
        yield passed
    elif not entry.is_symlink() or not _is_folder(entry, follow_links=True):
        yield path if is_audio(path) else _look(path)
    else:  # what it leads to is walked through where it lies
        yield LeftOut(id=path, kind=INNER_LINK, may_hold_sound=False)


def _tell_link(path: str, reach: Reach) -> LeftOut | None:
    """Return how a link is left out; None if it leads to something that may be read."""
    real = os.path.realpath(path)
    is_folder = os.path.isdir(real)  # noqa: PTH112 - for names that are too long as well
    if not os.path.lexists(real) or os.path.islink(real):  # noqa: PTH114 - a circle of links
        return None if is_audio(path) else _leave_out(path, "broken link")
    if reach.allows(path) and (not is_folder or reach.holds(real)):
        return None
    if is_audio(path) and not is_folder:
        return None  # a row of its own
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - not a Path of each of millions
    holds = is_folder or may_hold_sound(suffix, None)
    return LeftOut(id=path, kind="link", may_hold_sound=holds)


def _is_folder(entry: os.DirEntry[str], *, follow_links: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow_links)
    except OSError:  # a link that leads to itself; opening it will report that
        return False


def _look(path: str) -> str | Other | LeftOut:
    """Return the path if the first bytes are audio, otherwise the kind of file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - not a Path of each of millions
            return _leave_out(path, "special")
    except OSError:
        return _leave_out(path, "unreadable")
    head = read_head(Path(path))
    kind = kind_of_other(os.path.splitext(path)[1].lower(), head)  # noqa: PTH122
    if not kind:
        return path
    left_out = LeftOut(id=path, kind=kind, may_hold_sound=may_hold_sound(kind, head))
    return Other(path=path, head=head or b"", left_out=left_out)


def _leave_out(path: str, kind: str) -> LeftOut:
    return LeftOut(id=path, kind=kind, may_hold_sound=may_hold_sound(kind, None))


def _tell_hidden(entry: os.DirEntry[str]) -> LeftOut:
    """Return a hidden file or folder as left out; audio in it is reported."""
    if entry.is_dir(follow_symlinks=False):
        holds = entry.name not in _TOOLS and _holds_sound(entry.path)
    else:
        holds = _is_sound(entry)
    return LeftOut(
        id=_show(entry.path), kind="hidden sound" if holds else "hidden", may_hold_sound=holds
    )


def _holds_sound(folder: str) -> bool:
    waiting, n = [folder], 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    n += 1
                    if n > _MOST_HIDDEN or _is_sound(entry):
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            return True
    return False


def _is_sound(entry: os.DirEntry[str]) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    head = read_head(Path(entry.path))
    return head is not None and (sounds_like_audio(head) or suffix_of_head(head) in _CONTAINERS)


def _show(path: str) -> str:
    return path.encode("utf-8", errors="backslashreplace").decode()
