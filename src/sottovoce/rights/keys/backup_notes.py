"""Which identities are in a backup, as far as this machine knows."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import StatementError
from sottovoce.rights.keys.backup import collect_files
from sottovoce.rights.keys.key_files import configuration_folder, replace_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["backup_dates", "list_new_files", "note_backup"]

_FORMAT = "sottovoce-backups-1"
_MOST_BYTES = 1 << 23


def backup_dates(*, folder: Path | None = None) -> dict[str, str]:
    """Return the date of the last backup that holds each identity.

    Parameters
    ----------
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    dates : dict of str to str
        Such as ``{"4f2a-91c0-77de": "2026-11-28"}``; empty if none was made, or the note of it
        cannot be read.
    """
    dates = _read(folder).get("owners")
    if not isinstance(dates, dict):
        return {}
    return {str(owner): str(date) for owner, date in dates.items()}


def list_new_files(*, folder: Path | None = None) -> list[str]:
    """Return the names of files that the last backup lacks, or has with another content.

    Parameters
    ----------
    folder : Path or None
        As for `backup_dates`.

    Returns
    -------
    names : list of str
        As `collect_files` names them; all of them if no backup was made.

    Raises
    ------
    StatementError
        If a file cannot be read.
    """
    kept = _read(folder).get("files")
    known = kept if isinstance(kept, dict) else {}
    files = collect_files(folder=folder)
    return [name for name, data in files.items() if known.get(name) != _hash(data)]


def note_backup(
    owner_ids: Iterable[int],
    *,
    made: str,
    files: Mapping[str, bytes],
    folder: Path | None = None,
) -> None:
    """Note that a backup holds these identities.

    Parameters
    ----------
    owner_ids : iterable of int
        Whose.
    made : str
        The date of the backup.
    files : mapping of str to bytes
        What is in it.
    folder : Path or None
        As for `backup_dates`.

    Raises
    ------
    StatementError
        If the note cannot be stored.
    """
    owners = backup_dates(folder=folder)
    owners |= {format_owner_id(owner_id): made for owner_id in owner_ids}
    path = _path(folder)
    hashes = {name: _hash(data) for name, data in files.items()}
    noted = {"format": _FORMAT, "owners": owners, "files": hashes}
    content = json.dumps(noted, indent=2) + "\n"
    try:
        replace_note(path, content.encode("utf-8"))
    except OSError as err:
        raise StatementError(
            f"{path}: cannot be stored: {err.strerror or err}", remedy="Make the folder writable."
        ) from err


def _read(folder: Path | None) -> dict[str, Any]:
    """Return the note; empty if there is none, or it cannot be read."""
    try:
        with _path(folder).open("rb") as file:
            fields = json.loads(file.read(_MOST_BYTES))
        return fields if fields["format"] == _FORMAT else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _path(folder: Path | None) -> Path:
    return (folder or configuration_folder()) / "backups.json"
