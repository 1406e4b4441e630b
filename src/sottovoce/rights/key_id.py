"""The owner id that a public key proves.

An id is the first 48 bits of scrypt over the public key.  So it proves itself offline: anyone who
signs with the key that hashes to the id is its owner, and no registry has to vouch for that.
scrypt makes it expensive to search for a second key with the same short id.
"""

from __future__ import annotations

import hashlib

from sottovoce.errors import ParameterError

__all__ = ["owner_id_from_public_key"]

_ID_BYTES = 6

# 2^16 costs 0.2 s and 64 MiB once per key; finding a second key for a given id costs 2^48
# times as much.  Part of the format: other numbers give other ids.
_SCRYPT_SALT = b"sottovoce-owner-id-v1"
_SCRYPT_N = 1 << 16
_SCRYPT_R = 8
_SCRYPT_MAXMEM_BYTES = 2 * 128 * _SCRYPT_R * _SCRYPT_N


def owner_id_from_public_key(public_key: bytes) -> int:
    """Return the owner id that a public key proves.

    Parameters
    ----------
    public_key : bytes, length 32
        Ed25519, raw.

    Returns
    -------
    owner_id : int
        48 bits.

    Raises
    ------
    ParameterError
        If the key does not have 32 bytes.

    Notes
    -----
    Takes 0.2 s and 64 MiB, on purpose.
    """
    if len(public_key) != 32:
        raise ParameterError(f"an Ed25519 public key has 32 bytes, not {len(public_key)}")
    digest = hashlib.scrypt(
        public_key,
        salt=_SCRYPT_SALT,
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=1,
        maxmem=_SCRYPT_MAXMEM_BYTES,
        dklen=_ID_BYTES,
    )
    return int.from_bytes(digest, "big")
