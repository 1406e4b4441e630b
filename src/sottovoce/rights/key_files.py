"""The file of a key: written once and never replaced, with a record that it was checked.

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
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT", "has_checked", "note_checked", "seal_owner", "write_key"]

FORMAT = "sottovoce-identity-1"
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


def write_key(path: Path, content: dict[str, str]) -> None:
    """Write the file of a key in one step.

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
    folder = path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    draft = folder / f".{path.name}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        _move(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


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
