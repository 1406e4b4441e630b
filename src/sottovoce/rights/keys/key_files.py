"""Files of keys: private, written once and never replaced, with a record that they were checked.

Deriving an owner id from its key is expensive (0.2 s, on purpose), so it is stored with the key.  A
stored one could be wrong, by an edit or a mixed-up copy, and every mark made with it would prove
nothing.  So it is derived again once, and a checksum over both records that this has been done.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shlex
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = [
    "configuration_folder",
    "explain_exposure",
    "has_checked",
    "note_checked",
    "replace_note",
    "seal_owner",
    "write_key",
    "write_once",
]

_NO_LINKS = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EXDEV,
    errno.EINVAL,
}
"""Errors where hard links are not supported: FAT and exFAT, many network shares, Android."""

_BINARY = getattr(os, "O_BINARY", 0)
"""Without it, Windows turns each line feed into two bytes."""


def configuration_folder() -> Path:
    """Return the program's folder in the user's configuration; it may not exist."""
    # Only commands that touch a key pay for the import.
    import platformdirs

    return Path(platformdirs.user_config_dir("sottovoce", appauthor=False))


def explain_exposure(path: Path) -> str:
    """Return a warning if others may read a key file, with the command that fixes it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    warning : str
        One line; empty if only its owner can read it, or if the system cannot tell.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    if os.name != "posix" or not mode & 0o077:
        return ""
    return (
        f"other users of this computer can read the key {str(path)!r}: anyone who has it can sign"
        f" in your name.  Run: chmod 600 {shlex.quote(str(path))}"
    )


def seal_owner(public_key: bytes, owner: str) -> str:
    """Return the checksum of a key and the owner id derived from it."""
    return hashlib.sha256(b"sottovoce-owner-checked-1" + public_key + owner.encode()).hexdigest()


def has_checked(path: Path, seal: str) -> bool:
    """Return whether `note_checked` has recorded this checksum."""
    try:
        return _note(path).read_text(encoding="ascii", errors="replace").strip() == seal
    except OSError:
        return False


def note_checked(path: Path, seal: str) -> None:
    """Record next to a key file of an older release that its owner id was derived again.

    The key file itself is not changed; if nothing can be written, it is checked each time.
    """
    with suppress(OSError):
        _note(path).write_text(seal + "\n", encoding="ascii")


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def write_key(path: Path, content: dict[str, Any]) -> None:
    """Write the file of a key in one step, as JSON.

    Parameters
    ----------
    path : Path
        Destination; the folder is created, for its owner alone.
    content : dict
        The fields to store.

    Raises
    ------
    FileExistsError
        If the name is taken: a key is never replaced.
    OSError
        If it cannot be written.
    """
    write_once(path, (json.dumps(content, indent=2) + "\n").encode("utf-8"))


def write_once(path: Path, data: bytes) -> None:
    """Write a file in one step, for its owner alone, unless the name is taken.

    Parameters
    ----------
    path : Path
        Destination; its folders are created.
    data : bytes
        The whole content.

    Raises
    ------
    FileExistsError
        If the name is taken.
    OSError
        If it cannot be written.
    """
    draft = _write_draft(path, data)
    try:
        _move(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def replace_note(path: Path, data: bytes) -> None:
    """Write a file that holds no key in one step, in the place of an earlier one.

    Parameters
    ----------
    path : Path
        Destination; its folders are created.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    draft = _write_draft(path, data)
    try:
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _write_draft(path: Path, data: bytes) -> Path:
    """Write the content under a hidden name in the same folder."""
    folder = path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{path.name}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    return draft


def _move(draft: Path, path: Path) -> None:
    """Give a file its name, unless the name is taken.

    Unlike a rename, a link fails if the name exists: two processes that create the same identity
    at once cannot replace each other's key.  Without links, an empty file claims the name.
    """
    try:
        os.link(draft, path)
    except (OSError, AttributeError) as err:  # Python for WebAssembly has no `os.link`
        if isinstance(err, OSError) and err.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            draft.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
