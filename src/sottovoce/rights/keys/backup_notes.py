"""Which identities are in a backup, as far as this machine knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import StatementError
from sottovoce.rights.keys.key_files import configuration_folder, replace_note

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["backup_dates", "note_backup"]

_FORMAT = "sottovoce-backups-1"
_MOST_BYTES = 1 << 20


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
    try:
        with _path(folder).open("rb") as file:
            fields = json.loads(file.read(_MOST_BYTES))
        dates = fields["owners"] if fields["format"] == _FORMAT else {}
        return {str(owner): str(date) for owner, date in dates.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def note_backup(owner_ids: Iterable[int], *, made: str, folder: Path | None = None) -> None:
    """Note that a backup holds these identities.

    Parameters
    ----------
    owner_ids : iterable of int
        Whose.
    made : str
        The date of the backup.
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
    content = json.dumps({"format": _FORMAT, "owners": owners}, indent=2) + "\n"
    try:
        replace_note(path, content.encode("utf-8"))
    except OSError as err:
        raise StatementError(
            f"{path}: cannot be stored: {err.strerror or err}", remedy="Make the folder writable."
        ) from err


def _path(folder: Path | None) -> Path:
    return (folder or configuration_folder()) / "backups.json"
