"""Write a file next to its destination and move it there when it is complete.

Until then it is a *part file*: a hidden name in the same folder that contains the id of the process
that writes it, so that the part of a killed process can be removed without touching any other.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import secrets
import shutil
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_path", "part_path", "remove_parts"]

_PRIVATE = 0o600
_OLD_S = 86_400.0
_STEM_CHARS = 40
"""Leaves room for the rest of the name in the 255 bytes that file systems allow."""
# Eight random digits and the process; earlier releases had only the random ones.
_PART = re.compile(r"\..{0,40}\.[0-9a-f]{8}(?:[0-9a-f]{8})?\.part(?:\.[^.]*)?", re.DOTALL)


@contextlib.contextmanager
def atomic_path(
    path: Path, *, keep: Path | None = None, mode_from: Path | None = None
) -> Iterator[Path]:
    """Yield a temporary path in the same folder, and move it into place on success.

    Parameters
    ----------
    path : Path
        Final path of the file.
    keep : Path or None
        The original that the new file replaces: its permissions, times, extended attributes and,
        if the system allows it, its owner are kept.
    mode_from : Path or None
        A file whose permissions, and nothing else, the new file gets.  None, without `keep`,
        follows the umask like any new file.

    Yields
    ------
    temporary : Path
        The path to write to; the file already exists, is empty, and only its owner can read it.
        On any exception it is removed and nothing else has changed.

    Raises
    ------
    AudioFileError
        If the folder cannot be written to, or the disk is full.
    """
    temporary: Path | None = None
    try:
        _sweep_once(path.parent)
        temporary = _make_part(path)
        yield temporary
        _finish(temporary, keep=keep, mode_from=mode_from)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as err:
        if isinstance(err, AudioFileError):
            raise
        raise _explain(err, path) from err
    except RuntimeError as err:  # as libsndfile's errors are
        if _is_full(path.parent):
            raise _explain(OSError(errno.ENOSPC, ""), path) from err
        raise AudioFileError(f"cannot be written: {err}", path=str(path)) from err
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def part_path(path: Path) -> Path:
    """Return a new name for a part file next to `path`, which `remove_parts` would find.

    Parameters
    ----------
    path : Path
        The file being written, or a part file of it.

    Returns
    -------
    part : Path
        In the same folder, hidden; it is not created.
    """
    stem, suffix = _name_part(path)
    return path.with_name(
        f"{stem}.{secrets.token_hex(4)}{_format_process(os.getpid())}.part{suffix}"
    )


def remove_parts(path: Path, *, process: int) -> int:
    """Remove the part files that a killed process left of a file.

    Parameters
    ----------
    path : Path
        The file that it was writing, as given to `atomic_path`.
    process : int
        Its process id.

    Returns
    -------
    n_removed : int
        Part files removed.
    """
    # Parts of parts, such as one track of a film, begin with another dot.
    stem = re.escape(_name_part(path)[0][1:_STEM_CHARS])
    pattern = re.compile(
        rf"\.{{1,2}}{stem}.*\.[0-9a-f]{{8}}{_format_process(process)}\.part(?:\..*)?", re.DOTALL
    )
    n_removed = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
                    n_removed += 1
    return n_removed


def _name_part(path: Path) -> tuple[str, str]:
    """Return the prefix and the suffix of the names of a file's part files."""
    # Codecs take names as UTF-8, so this one must not contain other bytes.
    stem, suffix = (
        text.encode("utf-8", "replace").decode("utf-8").replace("?", "_")
        for text in (path.stem[:_STEM_CHARS], path.suffix)
    )
    return f".{stem}", suffix


def _format_process(process: int) -> str:
    return f"{process & 0xFFFF_FFFF:08x}"


def _make_part(path: Path) -> Path:
    temporary = part_path(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(temporary, flags, _PRIVATE))
    return temporary


def _finish(temporary: Path, *, keep: Path | None, mode_from: Path | None) -> None:
    """Flush the file to the disk, then set its permissions, last of all."""
    mode = _choose_mode(temporary, keep or mode_from)
    # A read-only file cannot be opened for writing, nor get attributes.
    temporary.chmod(_PRIVATE)
    if keep is not None:
        _copy_attributes(keep, temporary)
        _copy_owner(keep, temporary)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(mode)
    if keep is not None:
        times = keep.stat()
        os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))


def _choose_mode(temporary: Path, model: Path | None) -> int:
    if model is not None:
        return stat.S_IMODE(model.stat().st_mode) & 0o777
    written = stat.S_IMODE(temporary.stat().st_mode)
    if written != _PRIVATE:
        return written  # chosen by the writer
    # The umask can only be read by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _copy_attributes(original: Path, new: Path) -> None:
    if not hasattr(os, "listxattr"):  # only on Linux
        return
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listxattr(original)
    for name in names:
        # One that only the system or root may set must not stop the others.
        with contextlib.suppress(OSError):
            os.setxattr(new, name, os.getxattr(original, name))


def _copy_owner(original: Path, new: Path) -> None:
    if not hasattr(os, "chown"):  # not on Windows
        return
    old, own = original.stat(), new.stat()
    if (old.st_uid, old.st_gid) == (own.st_uid, own.st_gid):
        return
    try:
        os.chown(new, old.st_uid, old.st_gid)
    except OSError:
        with contextlib.suppress(OSError):
            os.chown(new, -1, old.st_gid)


@functools.lru_cache(maxsize=256)
def _sweep_once(folder: Path) -> None:
    """Remove part files not written to for a day; once per folder."""
    now = time.time()
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if not _PART.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and now - status.st_mtime > _OLD_S:
                    Path(entry.path).unlink()


def _explain(err: OSError, path: Path) -> AudioFileError:
    remedies = {
        errno.ENOSPC: ("no space left on the disk", "Free some space, or choose another disk."),
        errno.EDQUOT: ("the disk quota is used up", "Free some space, or choose another disk."),
        errno.EACCES: ("no permission to write to the folder", "Choose another folder."),
        errno.EROFS: ("no permission to write to the folder", "Choose another folder."),
        errno.ENOENT: ("its folder does not exist", "Create the folder first."),
    }
    if err.errno == errno.ENOENT and path.parent.is_dir():
        return _explain(OSError(errno.EACCES, ""), path)  # for a folder that only the system fills
    message, remedy = remedies.get(err.errno or 0, (str(err.strerror or err).lower(), ""))
    return AudioFileError(message, path=str(path), remedy=remedy)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1 << 16
    except OSError:  # the folder is gone
        return False


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a crash, if the system supports that for a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
