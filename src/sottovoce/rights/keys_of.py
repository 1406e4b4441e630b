"""The keys that sign for an identity: where statements and grants meet the user's keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.rights.jws import peek_kid
from sottovoce.rights.keys.commitments import load_commitment
from sottovoce.rights.own_files import read_own_statements
from sottovoce.rights.public_keys import thumbprint
from sottovoce.rights.rotation import list_rotated_keys, signing_key

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.identity import Identity
    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = ["SigningKeys", "keys_of", "present_thumbprint", "secret_files_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The key that signs, and the thumbprints of those that may take over from it.

    Attributes
    ----------
    private_key : Ed25519PrivateKey
        Signs statements and grants; not shown by `repr`.
    thumbprint : str
        Its thumbprint.
    first_thumbprint : str
        That of the key which the owner id was made from, as contracts name it.  No rotation
        changes it.
    next_thumbprint, recovery_thumbprint : str or None
        Keys that are kept on paper; None if there are none, so that this key can never be
        replaced and no refusal ever be lifted.
    """

    private_key: Ed25519PrivateKey = field(repr=False, compare=False)
    thumbprint: str
    first_thumbprint: str
    next_thumbprint: str | None = None
    recovery_thumbprint: str | None = None


def keys_of(identity: Identity, *, ask: AskPassphrase | None = None) -> SigningKeys:
    """Return the keys of an identity.

    Parameters
    ----------
    identity : Identity
        One of the user's.
    ask : callable or None
        Given the path of a sealed file, returns its passphrase; None refuses those.

    Returns
    -------
    keys : SigningKeys
        The key that the newest of the user's own statements names as the present one; without a
        statement, the first key.  What may take over is what was named last on this machine.

    Raises
    ------
    StatementError
        If the key is not on this machine, cannot be opened, or others may read it; or if a stored
        statement or thumbprint is damaged.
    """
    wanted = present_thumbprint(identity)
    named = load_commitment(identity.owner_id, folder=_folder(identity))
    return SigningKeys(
        private_key=signing_key(identity, wanted=wanted, ask=ask),
        thumbprint=wanted,
        first_thumbprint=thumbprint(identity.public_key),
        next_thumbprint=named.next_thumbprint if named else None,
        recovery_thumbprint=named.recovery_thumbprint if named else None,
    )


def present_thumbprint(identity: Identity) -> str:
    """Return the thumbprint of the key that signs for an identity now; open nothing.

    Parameters
    ----------
    identity : Identity
        One of the user's.

    Returns
    -------
    thumbprint : str
        That of the key which the newest of the user's own statements is signed by; without a
        statement, that of the first key.

    Raises
    ------
    StatementError
        If the statement cannot be read.
    """
    tokens = read_own_statements(identity.owner_id, folder=_folder(identity))
    return peek_kid(tokens[-1]) if tokens else thumbprint(identity.public_key)


def secret_files_of(identity: Identity) -> list[Path]:
    """Return the files that hold the present key of an identity, or that it may be made from.

    Parameters
    ----------
    identity : Identity
        One of the user's.

    Returns
    -------
    paths : list of Path
        Empty if none is on this machine.

    Raises
    ------
    StatementError
        If the newest statement cannot be read.
    """
    if present_thumbprint(identity) == thumbprint(identity.public_key):
        return identity.secret_files()
    return list_rotated_keys(identity.owner_id, folder=_folder(identity))


def _folder(identity: Identity) -> Path:
    return identity.path.parent.parent
