"""The user's keys: one Ed25519 pair for each identity, kept in the configuration folder.

A separate identity for each project keeps its recordings from being linked by their owner ids.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.key_files import FORMAT, has_checked, note_checked, seal_owner, write_key
from sottovoce.rights.key_id import owner_id_from_public_key

__all__ = [
    "ANONYMOUS",
    "DEFAULT_IDENTITY",
    "Identity",
    "explain_exposure",
    "identity_folder",
    "is_reserved",
    "list_identities",
    "load_identity",
    "make_identity",
]

DEFAULT_IDENTITY = "default"
ANONYMOUS = "anonymous"
"""Given instead of an identity, for a refusal that nobody can trace."""

_MOST_BYTES = 1 << 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A key pair with its name and owner id.

    Attributes
    ----------
    name : str
        The user's name for it; never leaves the computer.
    owner_id : int
        48 bits, never 0.
    public_key : bytes
        32 bytes, Ed25519.
    path : Path
        The file that holds the key.
    private_key : Ed25519PrivateKey
        Key for signing; not shown by `repr`.
    """

    name: str
    owner_id: int
    public_key: bytes
    path: Path
    private_key: Ed25519PrivateKey = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the public fields, as a dictionary for JSON, without the private key."""
        return {
            "name": self.name,
            "owner_id": self.owner_id,
            "owner": format_owner_id(self.owner_id),
            "public_key": base64.b64encode(self.public_key).decode("ascii"),
            "path": str(self.path),
        }


def identity_folder() -> Path:
    """Return the folder of identities in the user's configuration; it may not exist."""
    # Only commands that touch a key pay for the import.
    import platformdirs

    return Path(platformdirs.user_config_dir("sottovoce", appauthor=False)) / "identities"


def list_identities(*, folder: Path | None = None) -> list[str]:
    """Return the names of all identities, sorted.

    Parameters
    ----------
    folder : Path or None
        Folder that holds them; None is `identity_folder`.

    Returns
    -------
    names : list of str
        Empty if there is none yet.  Damaged key files are listed; files that other programs leave
        in the folder are not.
    """
    paths = (folder or identity_folder()).glob("*.json")
    return sorted(path.stem for path in paths if _NAME.fullmatch(path.stem) and _may_be_key(path))


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


def make_identity(name: str = DEFAULT_IDENTITY, *, folder: Path | None = None) -> Identity:
    """Make a new key pair and store it in the user's configuration folder.

    Parameters
    ----------
    name : str
        Letters, digits, ".", "_" and "-"; at most 64.
    folder : Path or None
        Folder to store it in; None is `identity_folder`.

    Returns
    -------
    identity : Identity
        The new one.

    Raises
    ------
    ParameterError
        If `name` has other characters, or an identity with that name exists: a key is never
        overwritten, since every mark made with it would lose its proof.
    StatementError
        If the key cannot be stored.
    """
    path = _identity_path(name, folder)
    if is_reserved(name):
        raise ParameterError(
            f"{name!r} could be mistaken for an owner id", remedy="Give the identity another name."
        )
    if path.exists():
        raise _already_exists(name, path)
    while True:
        key = Ed25519PrivateKey.generate()
        owner_id = owner_id_from_public_key(_raw_public_key(key))
        if owner_id:  # 0 means anonymous
            break
    identity = Identity(
        name=name, owner_id=owner_id, public_key=_raw_public_key(key), path=path, private_key=key
    )
    try:
        write_key(path, _make_content(identity))
    except OSError as err:
        if path.exists():
            raise _already_exists(name, path) from err
        raise StatementError(
            f"{path}: the new key cannot be stored: {err.strerror or err}",
            remedy="Make the folder writable.",
        ) from err
    return identity


def load_identity(
    name: str = DEFAULT_IDENTITY, *, folder: Path | None = None, verify: bool = False
) -> Identity:
    """Read an identity from the user's configuration folder.

    Parameters
    ----------
    name : str
        As given to `make_identity`.
    folder : Path or None
        Folder that holds it; None is `identity_folder`.
    verify : bool
        Whether to derive the owner id again from the key (0.2 s) in any case.  Otherwise that is
        done once per file, and then trusted as long as key and owner id do not change.

    Returns
    -------
    identity : Identity
        The key pair and its owner id.

    Raises
    ------
    ParameterError
        If `name` is not a valid name, or no identity has it.
    StatementError
        If the file cannot be read, or its parts do not belong together.
    """
    path = _identity_path(name, folder)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        key = serialization.load_pem_private_key(stored["private_key"].encode(), password=None)
        owner_id = parse_owner_id(stored["owner"])
        known = stored["format"] == FORMAT
        stored_public_key = base64.b64decode(stored["public_key"])
    except FileNotFoundError as err:
        raise ParameterError(
            f"there is no identity named {name!r}",
            remedy=f"Create it with `make_identity(name='{name}')`.",
        ) from err
    except OSError as err:
        raise StatementError(f"{path}: {err.strerror or err}") from err
    except (ValueError, LookupError, TypeError, AttributeError, UnsupportedAlgorithm) as err:
        raise _damaged(path) from err
    if not (known and isinstance(key, Ed25519PrivateKey)):
        raise _damaged(path)
    public_key = _raw_public_key(key)
    if public_key != stored_public_key:
        raise _damaged(path)
    seal = seal_owner(public_key, stored["owner"])
    if verify or not (stored.get("owner_checked") == seal or has_checked(path, seal)):
        if owner_id_from_public_key(public_key) != owner_id:
            raise StatementError(
                f"{path}: the file is damaged: its owner id {format_owner_id(owner_id)} does"
                " not belong to its key",
                remedy="Restore a copy of it.  Marks with that owner id would prove nothing.",
            )
        if stored.get("owner_checked") != seal:
            note_checked(path, seal)
    return Identity(name=name, owner_id=owner_id, public_key=public_key, path=path, private_key=key)


def _identity_path(name: str, folder: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"{name!r} is not a valid name for an identity",
            remedy="Use letters, digits, '.', '_' and '-', starting with a letter or digit.",
        )
    return (folder or identity_folder()) / f"{name}.json"


def is_reserved(name: str) -> bool:
    """Return whether no identity may have this name: an owner id, or the word for none."""
    if name == ANONYMOUS:
        return True
    try:
        parse_owner_id(name)
    except ParameterError:
        return False
    return True


def _already_exists(name: str, path: Path) -> ParameterError:
    return ParameterError(
        f"an identity named {name!r} already exists in {path}",
        remedy=f"Show it with `load_identity(name='{name}')`, or choose another name.",
    )


def _damaged(path: Path) -> StatementError:
    return StatementError(
        f"{path}: not a sottovoce key file, or damaged",
        remedy="Restore a copy of it, or create another identity with `make_identity(name=…)`.",
    )


def _raw_public_key(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _make_content(identity: Identity) -> dict[str, str]:
    """Return the content of an identity's file."""
    pem = identity.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    owner = format_owner_id(identity.owner_id)
    return {
        "format": FORMAT,
        "owner": owner,
        "owner_checked": seal_owner(identity.public_key, owner),
        "public_key": base64.b64encode(identity.public_key).decode("ascii"),
        "private_key": pem.decode("ascii"),
    }


def _may_be_key(path: Path) -> bool:
    """Return whether a file is a key, or a damaged one, rather than another program's file."""
    try:
        with path.open("rb") as file:
            stored = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return path.is_file()
    return not isinstance(stored, dict) or not stored or "private_key" in stored
