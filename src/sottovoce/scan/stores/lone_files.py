"""Single files: only regular files are opened."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.scan.finding import Finding
from sottovoce.scan.reach.reach import ANYWHERE, Reach
from sottovoce.scan.recording import Cut, File, Recording
from sottovoce.scan.source import Kept, atomic_out, tell_unreadable
from sottovoce.scan.stores.remote_folders import describe_remote
from sottovoce.scan.stores.store import ask, is_remote, local_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


__all__ = ["FileSource", "describe_file", "link_or_copy"]


def describe_file(path: str, *, reach: Reach = ANYWHERE, **groups: str) -> Recording | Finding:
    """Return a local file as a recording, or a finding that says why it is not one.

    Parameters
    ----------
    path : str
        The file, which is also its id.
    reach : Reach
        Where it may lead, if it is a link.
    **groups : str
        Groups that it belongs to.
    """
    try:
        status = os.lstat(path)  # a Path would double the time, for every file
        if stat.S_ISLNK(status.st_mode):
            if not reach.allows(path):
                return _refuse(path, "is a link that leads out of the folder", groups)
            status = Path(path).stat()
    except OSError as err:
        is_missing = isinstance(err, FileNotFoundError | NotADirectoryError)
        return Finding(
            id=path,
            status="error",
            message="does not exist" if is_missing else str(err.strerror).lower(),
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
        """Yield the file as a recording."""
        if not is_remote(self.name):
            yield describe_file(self.name, folder=os.path.dirname(self.name) or ".")  # noqa: PTH120 - kept as it was given
            return
        try:
            details = ask(self.name, "info")
        except AudioFileError as err:
            yield tell_unreadable(self.name, err, {})
            return
        yield from describe_remote(self.name, details)

    def cuts(self) -> Iterator[Cut]:
        """Yield the whole file as one cut."""
        yield Cut(id=self.name, recording_id=self.name)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Link or copy the file, unless it is refused."""
        if refused(self.name) or is_remote(self.name):
            return Kept(path=str(out), n_kept=0, n_left_out=1)
        with atomic_out(out) as part:
            is_link = link_or_copy(Path(self.name), part)
        return Kept(path=str(out), n_kept=1, n_left_out=0, has_links=is_link)


def link_or_copy(source: Path, target: Path) -> bool:
    """Create a hard link to a file, or copy it if that is not possible.

    Parameters
    ----------
    source, target : pathlib.Path
        The file, and its new name.

    Returns
    -------
    is_link : bool
        Whether both are the same file.
    """
    with suppress(OSError):
        os.link(os.path.realpath(source), target)
        return True
    shutil.copy2(source, target)
    return False
