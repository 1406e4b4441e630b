"""Keys made from secrets: HKDF-SHA256 and Ed25519."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["derive", "derive_key"]


def derive(secret: bytes, *, salt: bytes, info: bytes, n_bytes: int = 32) -> bytes:
    """Return bytes that only who has the secret can compute, by HKDF-SHA256 [1]_.

    Parameters
    ----------
    secret : bytes
        Random, at least 16 bytes: nothing here makes guessing slow.
    salt : bytes
        What kind of secret it is, with a version.
    info : bytes
        What the result is for; another `info` gives bytes that have nothing in common.
    n_bytes : int
        How many.

    Returns
    -------
    derived : bytes
        `n_bytes` of them.

    References
    ----------
    .. [1] RFC 5869, HMAC-based Extract-and-Expand Key Derivation Function.
    """
    # Late, so that what marks with an identity starts quickly.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=n_bytes, salt=salt, info=info).derive(secret)


def derive_key(secret: bytes, *, salt: bytes, info: bytes) -> Ed25519PrivateKey:
    """Return the Ed25519 key that `derive` gives.

    Parameters
    ----------
    secret, salt, info : bytes
        As for `derive`.

    Returns
    -------
    key : Ed25519PrivateKey
        Always the same for the same arguments.
    """
    return Ed25519PrivateKey.from_private_bytes(derive(secret, salt=salt, info=info))
