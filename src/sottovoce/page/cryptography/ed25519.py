"""Stands in for `cryptography.hazmat.primitives.asymmetric.ed25519`."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.page.cryptography.serialization import PrivateFormat

__all__ = ["Ed25519PrivateKey", "Ed25519PublicKey"]

_SEED_BYTES = 32


class Ed25519PublicKey:
    """A public key, 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def public_bytes(self, encoding: object, format: object) -> bytes:  # noqa: A002 - the library's own names; there is one of each
        """Return the key itself."""
        return self._raw


class Ed25519PrivateKey:
    """A private key: a seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise ValueError(f"an Ed25519 private key has {_SEED_BYTES} bytes, not {len(seed)}")
        self._seed = seed

    @classmethod
    def generate(cls) -> Ed25519PrivateKey:
        """Return a new key."""
        return cls(os.urandom(_SEED_BYTES))  # the browser's generator for keys

    @classmethod
    def from_private_bytes(cls, data: bytes) -> Ed25519PrivateKey:
        """Return the key of a seed."""
        return cls(data)

    def public_key(self) -> Ed25519PublicKey:
        """Return the public key that belongs to it."""
        import noble  # type: ignore[import-not-found]  # registered by the worker
        from pyodide.ffi import to_js  # type: ignore[import-not-found]  # of Python in a browser

        return Ed25519PublicKey(noble.publicKey(to_js(self._seed)).to_bytes())

    def private_bytes(
        self,
        encoding: object,
        format: PrivateFormat,  # noqa: A002 - the library's own name
        encryption: object,
    ) -> bytes:
        """Return the seed itself, or the key in PEM, without encryption."""
        if not format.value:
            return self._seed
        line = base64.b64encode(format.value + self._seed)
        return b"-----BEGIN PRIVATE KEY-----\n" + line + b"\n-----END PRIVATE KEY-----\n"
