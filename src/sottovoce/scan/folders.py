"""Folders of audio files, and single files: walked lazily, nothing but regular files opened."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import Cut, File, Recording
from sottovoce.scan.remote_folders import (
    describe_failure,
    describe_remote,
    holds_saved_dataset,
    is_audio,
)
from sottovoce.scan.sources import Kept
from sottovoce.scan.storage import ask, is_remote, local_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.sources import Source

__all__ = ["FileSource", "FolderSource", "describe_file"]


def describe_file(path: str, *, root: str | None = None, **groups: str) -> Recording | Finding:
    """Return a local file as a recording, or why it is none.

    Parameters
    ----------
    path : str
        The file, which is also its id.
    root : str or None
        Folder out of which no link may lead.
    **groups : str
        What it belongs to.
    """
    try:
        status = os.lstat(path)  # a Path would take as long again, of every file
        if stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(path)
            if root is not None and not Path(target).is_relative_to(os.path.realpath(root)):
                return _refuse(path, "is a link that leads out of the folder", groups)
            status = Path(path).stat()
    except OSError as err:
        return Finding(
            id=path,
            status="error",
            message=str(err.strerror).lower(),
            remedy="Check the name and the permissions.",
            groups=groups,
        )
    if not stat.S_ISREG(status.st_mode):
        return _refuse(path, "is not a regular file", groups)
    return Recording(
        id=path,
        place=File(path),
        stamp=local_stamp(status),
        n_bytes=status.st_size,
        modified_s=status.st_mtime,
        groups=groups,
    )


def _refuse(path: str, message: str, groups: dict[str, str]) -> Finding:
    return Finding(id=path, status="unsupported", message=message, groups=groups)


class FileSource:
    """One audio file.

    Parameters
    ----------
    name : str
        Its path or address.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield the file."""
        if not is_remote(self.name):
            yield describe_file(self.name, folder=os.path.dirname(self.name) or ".")  # noqa: PTH120 - kept as it was given
            return
        try:
            details = ask(self.name, "info")
        except AudioFileError as err:
            yield describe_failure(err, self.name)
            return
        yield from describe_remote(self.name, details)

    def cuts(self) -> Iterator[Cut]:
        """Yield the whole file."""
        yield Cut(id=self.name, recording_id=self.name)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Link or copy the file, unless it is refused."""
        if refused(self.name) or is_remote(self.name):
            return Kept(path=str(out), n_kept=0, n_left_out=1)
        part = out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _link(Path(self.name), part)
        part.replace(out)
        return Kept(path=str(out), n_kept=1, n_left_out=0)


class FolderSource:
    """All audio files of a folder, and the data sets in it.

    Parameters
    ----------
    name : str
        The folder.
    open_nested : callable
        Returns the source that a file in it is, or None where it is no data set.
    open_saved : callable
        Returns the source that a folder in it is, where `datasets` has saved a data set there.
    """

    def __init__(
        self,
        name: str,
        *,
        open_nested: Callable[[str], Source | None],
        open_saved: Callable[[str], Source],
    ) -> None:
        self.name = name
        self._open_nested = open_nested
        self._open_saved = open_saved

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield audio files sorted within each folder, and what is in data sets among them.

        Links to folders are not followed, hidden files and folders left out.
        """
        for path in self._walk():
            if isinstance(path, Finding):
                yield path
            elif isinstance(path, str) and is_audio(path):
                yield describe_file(path, root=self.name, folder=os.path.dirname(path))  # noqa: PTH120 - kept as it was given
            elif (nested := self._nested(path)) is not None:
                yield from nested.recordings()

    def _nested(self, path: str | _Saved) -> Source | None:
        if isinstance(path, _Saved):
            return self._open_saved(path.folder)
        return None if is_audio(path) else self._open_nested(path)

    def cuts(self) -> Iterator[Cut]:
        """Yield every file as a whole, and the examples of data sets."""
        for path in self._walk():
            if isinstance(path, Finding):
                continue
            if (nested := self._nested(path)) is not None:
                yield from nested.cuts()
            elif isinstance(path, str) and is_audio(path):
                yield Cut(id=path, recording_id=path)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Make the folder anew from hard links, without what is refused.

        Data sets in it are written anew; other files than audio are linked as well.
        """
        part = out.with_name(out.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        n_kept = n_left_out = 0
        for path in self._walk():
            if isinstance(path, Finding):
                continue
            nested = self._nested(path)
            name = path.folder if isinstance(path, _Saved) else path
            place = part / os.path.relpath(name, self.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if nested is not None:
                kept = nested.write_kept(place, refused=refused)
                n_kept, n_left_out = n_kept + kept.n_kept, n_left_out + kept.n_left_out
            elif is_audio(name) and refused(name):
                n_left_out += 1
            elif Path(name).is_file():
                _link(Path(name), place)
                n_kept += is_audio(name)
        part.replace(out)
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)

    def _walk(self) -> Iterator[str | _Saved | Finding]:
        """Yield the paths of files, each folder sorted, never all at once."""
        waiting = [self.name]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    shown = sorted(
                        (entry for entry in entries if not entry.name.startswith(".")),
                        key=lambda entry: entry.name,
                    )
            except OSError as err:
                yield Finding(
                    id=folder,
                    status="error",
                    message=f"the folder cannot be read: {err.strerror}",
                    remedy="Check its rights.",
                )
                continue
            if holds_saved_dataset({one.name for one in shown}):
                yield _Saved(folder)
                continue
            waiting += [e.path for e in reversed(shown) if e.is_dir(follow_symlinks=False)]
            yield from (_check_name(one.path) for one in shown if not _leads_to_folder(one))


@dataclass(frozen=True, slots=True)
class _Saved:
    """A folder that is a saved data set."""

    folder: str


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; whoever opens it will say so
        return False


def _check_name(path: str) -> str | Finding:
    """Return a path, or a finding where no database and no report could hold it."""
    shown = path.encode("utf-8", errors="backslashreplace").decode()
    if shown == path:
        return path
    return Finding(
        id=shown,
        status="error",
        message="has a name that is not UTF-8",
        remedy="Rename it: convmv -f latin1 -t utf8 --notest FILE",
    )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be done."""
    with suppress(OSError):
        os.link(os.path.realpath(source), target)
        return
    shutil.copy2(source, target)
