"""A backup: everything that is worth keeping, in one file that only the recovery words open.

What is stored is sealed with AES-256-GCM under a key from the words, so that the file may lie on
any disk or in any cloud, and one changed bit is noticed.  Nothing that exists is ever replaced
when it is brought back.

::

    19 bytes   "sottovoce-backup-1" and a line feed
    12 bytes   random nonce
    the rest   JSON: format, date, and the files by their names, each in base64; sealed
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sottovoce.errors import StatementError
from sottovoce.rights.keys.key_files import configuration_folder, write_once
from sottovoce.rights.keys.seed import list_seeds

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.keys.recovery import RecoveryWords

__all__ = [
    "OpenedBackup",
    "Restored",
    "collect_files",
    "open_backup",
    "restore_files",
    "seal_backup",
]

_FAMILY = b"sottovoce-backup-"
_MAGIC = _FAMILY + b"1\n"
_FORMAT = "sottovoce-backup-1"
_NONCE_BYTES = 12
_FOLDERS = ("identities", "recovery", "keys", "statements", "grants", "shown")
_MOST_FILE_BYTES = 1 << 22
_MOST_BYTES = 1 << 26
_MOST_FILES = 20_000
_MOST_DEPTH = 8
_MOST_NAME = 200
_FOREIGN = frozenset('\0\\:*?"<>|')


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of the files of a backup.

    Attributes
    ----------
    added : tuple of str
        Names of files that were brought back.
    present : tuple of str
        Those that were there, with the same content.
    refused : tuple of str
        Those whose name is taken by another content; that was left as it is.
    """

    added: tuple[str, ...]
    present: tuple[str, ...]
    refused: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as a dictionary for JSON."""
        return {
            "added": list(self.added),
            "present": list(self.present),
            "refused": list(self.refused),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBackup:
    """What a backup holds.

    Attributes
    ----------
    made : str
        The date on which it was made, as in "2026-11-28".
    files : dict of str to bytes
        As `collect_files` returns them.
    """

    made: str
    files: dict[str, bytes] = field(repr=False)


def collect_files(*, folder: Path | None = None) -> dict[str, bytes]:
    """Return what a backup holds: all keys and thumbprints, what was signed, and what was shown.

    Parameters
    ----------
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    files : dict of str to bytes
        Contents by their names under the folder, with forward slashes.  A sealed seed stays sealed.
        Hidden files and links are left out.

    Raises
    ------
    StatementError
        If a file cannot be read, or there is more than a backup may hold.
    """
    folder = folder or configuration_folder()
    paths = list_seeds(folder=folder)
    for name in _FOLDERS:
        paths += sorted(path for path in (folder / name).rglob("*") if _is_own(path, folder))
    files: dict[str, bytes] = {}
    n_bytes = 0
    for path in paths:
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_FILE_BYTES + 1)
        except OSError as err:
            raise StatementError(f"{path}: {err.strerror or err}") from err
        n_bytes += len(data)
        if len(data) > _MOST_FILE_BYTES or n_bytes > _MOST_BYTES // 2 or len(files) >= _MOST_FILES:
            raise StatementError(
                f"{path}: more than a backup holds (4 MB a file, 32 MB in all, 20,000 files)",
                remedy="Move files away that are no statements or grants.",
            )
        name = path.relative_to(folder).as_posix()
        if not _is_portable(name):
            raise StatementError(
                f"{path}: other systems cannot have a file of this name",
                remedy='Rename it, without \\ : * ? " < > |, or move it to another folder.',
            )
        files[name] = data
    return files


def seal_backup(files: dict[str, bytes], words: RecoveryWords, *, made: str) -> bytes:
    """Return the content of a backup file.

    Parameters
    ----------
    files : dict of str to bytes
        What `collect_files` returned.
    words : RecoveryWords
        The words that open it again.
    made : str
        The date, as in "2026-11-28".

    Returns
    -------
    data : bytes
        Another one each time: the nonce is random.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in files.items()}
    content = json.dumps({"format": _FORMAT, "made": made, "files": encoded}).encode("utf-8")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _MAGIC + nonce + AESGCM(words.backup_key()).encrypt(nonce, content, _MAGIC)


def open_backup(path: Path, words: RecoveryWords) -> OpenedBackup:
    """Return what a backup holds.

    Parameters
    ----------
    path : Path
        The backup.
    words : RecoveryWords
        Those that it was made with.

    Returns
    -------
    opened : OpenedBackup
        What `seal_backup` was given.

    Raises
    ------
    StatementError
        If it cannot be read, is no backup, was made by a newer release, was changed, or the words
        do not open it.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = _read_bounded(path)
    head = len(_MAGIC) + _NONCE_BYTES
    if not data.startswith(_MAGIC):
        if data.startswith(_FAMILY) and data[len(_FAMILY) :][:1].isdigit():
            raise StatementError(
                f"{path}: a backup of a newer release, or damaged", remedy="Update sottovoce."
            )
        raise StatementError(
            f"{path}: not a backup of sottovoce, or damaged", remedy="Choose another copy of it."
        )
    try:
        content = AESGCM(words.backup_key()).decrypt(data[len(_MAGIC) : head], data[head:], _MAGIC)
    except (InvalidTag, ValueError):
        raise StatementError(
            f"{path}: these recovery words do not open the backup, or it is damaged",
            remedy="Use the words that the backup was made with, or another copy of it.",
        ) from None
    try:
        fields = json.loads(content)
        made = str(fields["made"])
        files = {
            name: base64.b64decode(text, validate=True) for name, text in fields["files"].items()
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as err:
        raise StatementError(f"{path}: not a backup of sottovoce, or damaged") from err
    for name in files:
        if not _is_portable(name):
            raise StatementError(f"{path}: the backup names a file outside its folder: {name!r}")
    return OpenedBackup(made=made, files=files)


def restore_files(files: dict[str, bytes], *, folder: Path | None = None) -> Restored:
    """Bring files back; what exists is never replaced.

    Parameters
    ----------
    files : dict of str to bytes
        What `open_backup` returned.
    folder : Path or None
        As for `collect_files`.

    Returns
    -------
    restored : Restored
        What became of each.  A seed whose name is taken is kept beside the other one, since the
        keys that came with it need it.

    Raises
    ------
    StatementError
        If a file cannot be written; those before it are complete, and it can be done again.
    """
    folder = folder or configuration_folder()
    added: list[str] = []
    present: list[str] = []
    refused: list[str] = []
    for name, data in files.items():
        path = folder.joinpath(*name.split("/"))
        if _is_seed(name):
            if any(_has(seed, data) for seed in list_seeds(folder=folder)):
                present.append(name)
                continue
            if path.exists():
                path = folder / f"seed-{hashlib.sha256(data).hexdigest()[:12]}.json"
        try:
            write_once(path, data)
        except OSError as err:
            if not path.exists():
                raise StatementError(
                    f"{path}: cannot be restored: {err.strerror or err}",
                    remedy="Make the folder writable, and restore again.",
                ) from err
            (present if _has(path, data) else refused).append(name)
        else:
            added.append(path.relative_to(folder).as_posix())
    return Restored(added=tuple(added), present=tuple(present), refused=tuple(refused))


def _read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as err:
        raise StatementError(f"{path}: {(err.strerror or str(err)).lower()}") from err
    if len(data) > _MOST_BYTES:
        raise StatementError(f"{path}: too large for a backup, which has at most 64 MB")
    return data


def _is_own(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    is_hidden = any(part.startswith(".") for part in parts)
    return path.is_file() and not path.is_symlink() and not is_hidden


def _is_seed(name: str) -> bool:
    return "/" not in name


def _is_portable(name: str) -> bool:
    """Return whether a name leads to a file in the folder, on any system."""
    parts = name.split("/")
    is_seed = len(parts) == 1 and name.startswith("seed") and name.endswith(".json")
    is_inside = 2 <= len(parts) <= _MOST_DEPTH and parts[0] in _FOLDERS
    is_plain = all(
        part.strip(". ") and len(part) <= _MOST_NAME and not set(part) & _FOREIGN for part in parts
    )
    return is_plain and (is_seed or is_inside)


def _has(path: Path, data: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False
