"""The user's signed texts, beside the keys in the configuration folder: never replaced.

A statement that was overwritten would leave a gap in the chain, and a grant that was overwritten
could not be revoked any more.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.keys import key_files
from sottovoce.rights.keys.key_files import configuration_folder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "grant_folder",
    "list_own_grants",
    "owner_folder",
    "read_bounded",
    "read_own_statements",
    "statement_folder",
    "write_once",
    "write_own_grant",
    "write_own_statement",
]

_MOST_BYTES = 1 << 22
_SERIAL = re.compile(r"[A-Za-z0-9_-]{16}")
_STATEMENT_NAME = re.compile(r"[0-9]{6}\.jws")


def statement_folder(owner_id: int, *, folder: Path | None = None) -> Path:
    """Return the folder of the user's statements of an owner id; it may not exist.

    Parameters
    ----------
    owner_id : int
        48 bits.
    folder : Path or None
        Configuration folder; None is the user's.
    """
    return owner_folder("statements", owner_id, folder=folder)


def owner_folder(name: str, owner_id: int, *, folder: Path | None = None) -> Path:
    """Return the folder of what is kept of one kind for an owner id; it may not exist.

    Parameters
    ----------
    name : str
        The kind, as its folder is called.
    owner_id : int
        48 bits.
    folder : Path or None
        Configuration folder; None is the user's.
    """
    return (folder or configuration_folder()) / name / format_owner_id(owner_id)


def grant_folder(*, folder: Path | None = None) -> Path:
    """Return the folder of the grants that the user has signed; it may not exist.

    Parameters
    ----------
    folder : Path or None
        Configuration folder; None is the user's.
    """
    return (folder or configuration_folder()) / "grants"


def read_own_statements(owner_id: int, *, folder: Path | None = None) -> list[str]:
    """Return the statements of an owner id that the user has signed, the first one first.

    Parameters
    ----------
    owner_id : int
        48 bits.
    folder : Path or None
        Configuration folder; None is the user's.

    Returns
    -------
    tokens : list of str
        Empty if there is none; not verified.

    Raises
    ------
    StatementError
        If one of them cannot be read.
    """
    place = statement_folder(owner_id, folder=folder)
    paths = sorted(path for path in place.glob("*.jws") if _STATEMENT_NAME.fullmatch(path.name))
    return [read_bounded(path).decode("ascii", "replace").strip() for path in paths]


def write_own_statement(token: str, *, owner_id: int, seq: int, folder: Path | None = None) -> Path:
    """Store a statement that the user has signed.

    Parameters
    ----------
    token : str
        The statement.
    owner_id, seq : int
        Whose it is, and its number.
    folder : Path or None
        Configuration folder; None is the user's.

    Returns
    -------
    path : Path
        Where it is; only its owner can read it.

    Raises
    ------
    StatementError
        If there is one of that number, or it cannot be stored.
    """
    path = statement_folder(owner_id, folder=folder) / f"{seq:06}.jws"
    write_once(path, token.encode("ascii") + b"\n")
    return path


def list_own_grants(*, folder: Path | None = None) -> list[Path]:
    """Return the files of the grants that the user has signed, sorted by serial.

    Parameters
    ----------
    folder : Path or None
        Configuration folder; None is the user's.
    """
    paths = grant_folder(folder=folder).glob("*.grant")
    return sorted(path for path in paths if _SERIAL.fullmatch(path.stem))


def write_own_grant(data: bytes, *, serial: str, folder: Path | None = None) -> Path:
    """Store a grant that the user has signed.

    Parameters
    ----------
    data : bytes
        The file.
    serial : str
        Names it.
    folder : Path or None
        Configuration folder; None is the user's.

    Returns
    -------
    path : Path
        Where it is; only its owner can read it.

    Raises
    ------
    ParameterError
        If `serial` is not that of a grant.
    StatementError
        If there is one of that serial, or it cannot be stored.
    """
    if not _SERIAL.fullmatch(serial):
        raise ParameterError(f"{serial!r} is not the serial of a grant")
    path = grant_folder(folder=folder) / f"{serial}.grant"
    write_once(path, data)
    return path


def read_bounded(path: Path, *, most_bytes: int = _MOST_BYTES) -> bytes:
    """Read a file that may be hostile.

    Parameters
    ----------
    path : Path
        The file.
    most_bytes : int
        Size from which it is refused.

    Returns
    -------
    data : bytes
        All of it.

    Raises
    ------
    StatementError
        If it cannot be read, is not a regular file, or is too large.
    """
    try:
        if not path.is_file():
            raise StatementError(f"{path}: does not exist, or is not a file")
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as err:
        raise StatementError(f"{path}: {err.strerror or err}") from err
    if len(data) > most_bytes:
        raise StatementError(f"{path}: larger than {most_bytes >> 20} MiB, so not a signed text")
    return data


def write_once(path: Path, data: bytes) -> None:
    """Write a file in one step, for its owner alone, unless the name is taken.

    Parameters
    ----------
    path : Path
        Destination; folders are created.
    data : bytes
        The content.

    Raises
    ------
    StatementError
        If the name is taken, or it cannot be written.
    """
    try:
        key_files.write_once(path, data)
    except OSError as err:
        if os.path.lexists(path):
            raise StatementError(
                f"{path} already exists, and signed texts are never replaced",
                remedy="Choose another name.",
            ) from err
        raise StatementError(
            f"{path}: cannot be stored: {err.strerror or err}",
            remedy="Make the folder writable, or free some space.",
        ) from err
