"""Folders of audio files, and single files: walked lazily, nothing but regular files opened."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import Cut, File, Recording
from sottovoce.scan.sources import Kept
from sottovoce.scan.storage import is_remote, local_stamp, open_remote, stamp_of_details

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.sources import Source

__all__ = ["FileSource", "FolderSource", "RemoteFolderSource", "describe_file"]


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
        status = Path(path).lstat()
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
        system, path = open_remote(self.name)
        yield from _describe_remote(self.name, system.info(path))

    def cuts(self) -> Iterator[Cut]:
        """Yield the whole file."""
        yield Cut(id=self.name, recording_id=self.name)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Link or copy the file, unless it is refused."""
        if refused(self.name) or is_remote(self.name):
            return Kept(path=str(out), n_kept=0, n_left_out=1)
        out.parent.mkdir(parents=True, exist_ok=True)
        _link(Path(self.name), out)
        return Kept(path=str(out), n_kept=1, n_left_out=0)


class FolderSource:
    """All audio files of a folder, and the data sets in it.

    Parameters
    ----------
    name : str
        The folder.
    open_nested : callable
        Returns the source that a file in it is, or None where it is no data set.
    """

    def __init__(self, name: str, *, open_nested: Callable[[str], Source | None]) -> None:
        self.name = name
        self._open_nested = open_nested

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield audio files sorted within each folder, and what is in data sets among them.

        Links to folders are not followed, hidden files and folders left out.
        """
        for path in self._walk():
            if isinstance(path, Finding):
                yield path
            elif Path(path).suffix.lower() in AUDIO_SUFFIXES:
                yield describe_file(path, root=self.name, folder=os.path.dirname(path))  # noqa: PTH120 - kept as it was given
            else:
                nested = self._open_nested(path)
                if nested is not None:
                    yield from nested.recordings()

    def cuts(self) -> Iterator[Cut]:
        """Yield every file as a whole, and the examples of data sets."""
        for path in self._walk():
            if isinstance(path, Finding):
                continue
            if Path(path).suffix.lower() in AUDIO_SUFFIXES:
                yield Cut(id=path, recording_id=path)
            else:
                nested = self._open_nested(path)
                if nested is not None:
                    yield from nested.cuts()

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
            place = part / os.path.relpath(path, self.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            is_audio = Path(path).suffix.lower() in AUDIO_SUFFIXES
            nested = None if is_audio else self._open_nested(path)
            if nested is not None:
                kept = nested.write_kept(place, refused=refused)
                n_kept, n_left_out = n_kept + kept.n_kept, n_left_out + kept.n_left_out
            elif is_audio and refused(path):
                n_left_out += 1
            elif Path(path).is_file():
                _link(Path(path), place)
                n_kept += is_audio
        part.replace(out)
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)

    def _walk(self) -> Iterator[str | Finding]:
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
            waiting += [e.path for e in reversed(shown) if e.is_dir(follow_symlinks=False)]
            yield from (_check_name(one.path) for one in shown if not _leads_to_folder(one))


class RemoteFolderSource:
    """All audio files under an address, as ``s3://bucket/prefix``, and the data sets there.

    Parameters
    ----------
    name : str
        The address.
    open_nested : callable
        Returns the source that a file there is, or None where it is no data set.
    """

    def __init__(self, name: str, *, open_nested: Callable[[str], Source | None]) -> None:
        self.name = name
        self._open_nested = open_nested

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield audio files in the order in which the store lists them, data sets among them."""
        for url, folder, details in self._walk():
            if Path(url).suffix.lower() in AUDIO_SUFFIXES:
                yield from _describe_remote(url, details, folder=folder)
            elif (nested := self._open_nested(url)) is not None:
                yield from nested.recordings()

    def cuts(self) -> Iterator[Cut]:
        """Yield every file as a whole, and the examples of data sets."""
        for url, _, _ in self._walk():
            if Path(url).suffix.lower() in AUDIO_SUFFIXES:
                yield Cut(id=url, recording_id=url)
            elif (nested := self._open_nested(url)) is not None:
                yield from nested.cuts()

    def _walk(self) -> Iterator[tuple[str, str, dict[str, object]]]:
        """Yield address, folder and details of every file."""
        system, root = open_remote(self.name)
        scheme = self.name.split("://", 1)[0]
        for folder, _, files in system.walk(root, detail=True):
            for details in sorted(files.values(), key=lambda details: str(details["name"])):
                url = f"{scheme}://{details['name'].lstrip('/')}"
                yield url, f"{scheme}://{folder.lstrip('/')}", details

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the addresses that are kept, one a line; the bytes stay where they are.

        A data set is kept as a whole or not at all; opened by its own name, it is copied in part.
        """
        n_kept = n_left_out = 0
        part = out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            for url, _, _ in self._walk():
                is_audio = Path(url).suffix.lower() in AUDIO_SUFFIXES
                nested = None if is_audio else self._open_nested(url)
                if not is_audio and nested is None:
                    continue
                ids = [url] if nested is None else [cut.recording_id for cut in nested.cuts()]
                if any(refused(one) for one in ids):
                    n_left_out += len(ids)
                else:
                    file.write(f"{url}\n")
                    n_kept += len(ids)
        part.replace(out)
        return Kept(path=str(out), n_kept=n_kept, n_left_out=n_left_out)


def _describe_remote(url: str, details: dict[str, object], **groups: str) -> Iterator[Recording]:
    stamp, size = stamp_of_details(details)
    modified = details.get("LastModified") or details.get("mtime")
    timestamp = getattr(modified, "timestamp", None)
    yield Recording(
        id=url,
        place=File(url),
        stamp=stamp,
        n_bytes=size,
        modified_s=timestamp() if timestamp is not None else None,
        groups=groups,
    )


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
