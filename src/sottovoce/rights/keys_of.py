"""The keys that sign for an identity: where statements and grants meet the user's keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.rights.jws import public_jwk, thumbprint_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.identity import Identity

__all__ = ["SigningKeys", "keys_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The key that signs, and the thumbprints of those that may take over from it.

    Attributes
    ----------
    private_key : Ed25519PrivateKey
        Signs statements and grants; not shown by `repr`.
    thumbprint : str
        Its thumbprint, as a contract names it.
    next_thumbprint, recovery_thumbprint : str or None
        Keys that are kept elsewhere; None if there are none, so that this key can never be
        replaced and no refusal ever be lifted.
    """

    private_key: Ed25519PrivateKey = field(repr=False, compare=False)
    thumbprint: str
    next_thumbprint: str | None = None
    recovery_thumbprint: str | None = None


def keys_of(identity: Identity) -> SigningKeys:
    """Return the keys of an identity.

    Parameters
    ----------
    identity : Identity
        One of the user's.

    Returns
    -------
    keys : SigningKeys
        Without a next and a recovery key, since an identity's file holds one key only.
    """
    return SigningKeys(
        private_key=identity.private_key,
        thumbprint=thumbprint_of(public_jwk(identity.private_key)),
    )
