"""The user's keys: one Ed25519 pair for each identity, kept in the configuration folder.

A separate identity for each project keeps its recordings from being linked by their owner ids.
The file of an identity holds what marking needs.  Its private key is made from the seed of the
machine when something is to be signed; in files of the first format, it is in the file itself.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.key_id import owner_id_from_public_key
from sottovoce.rights.keys.identity_files import make_content, parse
from sottovoce.rights.keys.key_files import (
    configuration_folder,
    explain_exposure,
    has_checked,
    note_checked,
    seal_owner,
    write_key,
)
from sottovoce.rights.keys.seed import (
    INFO_BYTES,
    derive_identity_key,
    find_identity_key,
    list_seeds,
    open_seed,
)
from sottovoce.rights.public_keys import raw_public_key

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = [
    "ANONYMOUS",
    "DEFAULT_IDENTITY",
    "Identity",
    "adopt_identity",
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
        The user's name for it; stands in receipts, and in no mark, statement or grant.
    owner_id : int
        48 bits, never 0.
    public_key : bytes
        32 bytes, Ed25519.
    path : Path
        The file.
    info : bytes
        What makes its private key from the seed, 16 bytes; empty if the file holds the key.
    stored_key : Ed25519PrivateKey or None
        The private key in a file of the first format; not shown by `repr`.
    """

    name: str
    owner_id: int
    public_key: bytes
    path: Path
    info: bytes = field(default=b"", repr=False)
    stored_key: Ed25519PrivateKey | None = field(default=None, repr=False, compare=False)

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The first key of the identity, if that needs no passphrase; see `open_key`."""
        return self.open_key()

    def open_key(self, *, ask: AskPassphrase | None = None) -> Ed25519PrivateKey:
        """Return the first private key of the identity, the one that gave the owner id.

        After a rotation, another key signs: see `sottovoce.rights.signing_key`.

        Parameters
        ----------
        ask : callable or None
            Given the path of a sealed seed, returns its passphrase; None refuses those.

        Returns
        -------
        key : Ed25519PrivateKey
            For signing.

        Raises
        ------
        StatementError
            If the seed is not on this machine, cannot be opened, or others may read it.
        """
        if self.stored_key is not None:
            return self.stored_key
        return find_identity_key(
            self.public_key, self.info, folder=self.path.parent.parent, ask=ask
        )

    def secret_files(self) -> list[Path]:
        """Return the files that hold its private key, or the seed from which it is made."""
        if self.stored_key is not None:
            return [self.path]
        return list_seeds(folder=self.path.parent.parent)

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
    return configuration_folder() / "identities"


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


def make_identity(
    name: str = DEFAULT_IDENTITY,
    *,
    folder: Path | None = None,
    ask: AskPassphrase | None = None,
    self_contained: bool = False,
) -> Identity:
    """Make a new key pair and store it in the user's configuration folder.

    Parameters
    ----------
    name : str
        Letters, digits, ".", "_" and "-"; at most 64.
    folder : Path or None
        Folder to store it in; None is `identity_folder`.  The seed is in the folder above.
    ask : callable or None
        Given the path of a sealed seed, returns its passphrase; None refuses those.
    self_contained : bool
        Whether the private key is random and in the file itself, as in files of the first format,
        instead of being made from the seed.

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
        If the key cannot be stored, or the seed cannot be opened.
    """
    path = _new_path(name, folder)
    seed = None if self_contained else open_seed(folder=path.parent.parent, ask=ask)
    identity = _make_pair(name, path, seed)
    _store(identity)
    return identity


def adopt_identity(
    public_key: bytes, *, name: str = DEFAULT_IDENTITY, folder: Path | None = None
) -> Identity:
    """Store an identity of which only the public key is known: its first key is lost.

    A key that took over from the first one can sign for it; see `sottovoce.rights.signing_key`.

    Parameters
    ----------
    public_key : bytes, length 32
        The key that its owner id was made from, as its statements name it.
    name : str
        As for `make_identity`.
    folder : Path or None
        As for `make_identity`.

    Returns
    -------
    identity : Identity
        It marks like any other, and its first key is *missing* on this machine.

    Raises
    ------
    ParameterError
        As `make_identity` does.
    StatementError
        If it cannot be stored.
    """
    identity = Identity(
        name=name,
        owner_id=owner_id_from_public_key(public_key),
        public_key=public_key,
        path=_new_path(name, folder),
        # As in a copied file: no seed of this machine makes the key from it.
        info=secrets.token_bytes(INFO_BYTES),
    )
    _store(identity)
    return identity


def _new_path(name: str, folder: Path | None) -> Path:
    path = _identity_path(name, folder)
    if is_reserved(name):
        raise ParameterError(
            f"{name!r} could be mistaken for an owner id", remedy="Give the identity another name."
        )
    if path.exists():
        raise _already_exists(name, path)
    return path


def _store(identity: Identity) -> None:
    path = identity.path
    try:
        write_key(
            path,
            make_content(
                identity.public_key, _owner(identity), key=identity.stored_key, info=identity.info
            ),
        )
    except OSError as err:
        if path.exists():
            raise _already_exists(identity.name, path) from err
        raise StatementError(
            f"{path}: the new key cannot be stored: {err.strerror or err}",
            remedy="Make the folder writable.",
        ) from err


def _make_pair(name: str, path: Path, seed: bytes | None) -> Identity:
    """Return a new identity: of the seed, or with a key of its own."""
    while True:
        info = b"" if seed is None else secrets.token_bytes(INFO_BYTES)
        key = Ed25519PrivateKey.generate() if seed is None else derive_identity_key(seed, info)
        public_key = raw_public_key(key)
        owner_id = owner_id_from_public_key(public_key)
        if owner_id:  # 0 means anonymous
            break
    return Identity(
        name=name,
        owner_id=owner_id,
        public_key=public_key,
        path=path,
        info=info,
        stored_key=key if seed is None else None,
    )


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
        with path.open("rb") as file:
            stored = parse(file.read(_MOST_BYTES), path)
    except FileNotFoundError as err:
        raise ParameterError(
            f"there is no identity named {name!r}",
            remedy=f"Create it with `make_identity(name='{name}')`.",
        ) from err
    except OSError as err:
        raise StatementError(f"{path}: {err.strerror or err}") from err
    owner_id = parse_owner_id(stored.owner)
    seal = seal_owner(stored.public_key, stored.owner)
    if verify or not (stored.owner_checked == seal or has_checked(path, seal)):
        if owner_id_from_public_key(stored.public_key) != owner_id:
            raise StatementError(
                f"{path}: the file is damaged: its owner id {format_owner_id(owner_id)} does"
                " not belong to its key",
                remedy="Restore a copy of it.  Marks with that owner id would prove nothing.",
            )
        if stored.owner_checked != seal:
            note_checked(path, seal)
    return Identity(
        name=name,
        owner_id=owner_id,
        public_key=stored.public_key,
        path=path,
        info=stored.info,
        stored_key=stored.key,
    )


def _identity_path(name: str, folder: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise ParameterError(
            f"{name!r} is not a valid name for an identity",
            remedy="Use letters, digits, '.', '_' and '-', starting with a letter or digit.",
        )
    return (folder or identity_folder()) / f"{name}.json"


def is_reserved(name: str) -> bool:
    """Return whether no identity may have this name: an owner id, or the word for none."""
    # `protect --owner` takes a name, an owner id or this word.
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


def _owner(identity: Identity) -> str:
    return format_owner_id(identity.owner_id)


def _may_be_key(path: Path) -> bool:
    """Return whether a file is a key, or a damaged one, rather than another program's file."""
    try:
        with path.open("rb") as file:
            stored = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return path.is_file()
    return not isinstance(stored, dict) or not stored or "private_key" in stored
