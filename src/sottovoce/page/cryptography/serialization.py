"""Stands in for `cryptography.hazmat.primitives.serialization`."""

from __future__ import annotations

import base64
import re
from enum import Enum

from sottovoce.page.cryptography.ed25519 import Ed25519PrivateKey

__all__ = ["Encoding", "NoEncryption", "PrivateFormat", "PublicFormat", "load_pem_private_key"]

_SEED_BYTES = 32
_PEM = re.compile(
    rb"\s*-----BEGIN PRIVATE KEY-----\s(.+?)\s-----END PRIVATE KEY-----\s*", re.DOTALL
)


Encoding = Enum("Encoding", ["PEM", "Raw"])
"""How bytes are written."""


class PrivateFormat(Enum):
    """What stands before the seed of a private key."""

    Raw = b""

    # RFC 8410: version 0, the object identifier 1.3.101.112, two octet strings.
    PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


class PublicFormat(Enum):
    """What a public key is wrapped in."""

    Raw = "Raw"


class NoEncryption:
    """A key that no password protects."""


def load_pem_private_key(data: bytes, password: bytes | None) -> Ed25519PrivateKey:
    """Return a private key.

    Raises
    ------
    ValueError
        If it is not an Ed25519 key without a password, in PEM.
    """
    found = _PEM.fullmatch(data)
    if found is None or password is not None:
        raise ValueError("not a private key in PEM")
    der = base64.b64decode(b"".join(found[1].split()), validate=True)
    head = PrivateFormat.PKCS8.value
    if not der.startswith(head) or len(der) != len(head) + _SEED_BYTES:
        raise ValueError("not an Ed25519 key")
    return Ed25519PrivateKey.from_private_bytes(der[len(head) :])
