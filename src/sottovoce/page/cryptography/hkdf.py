"""Stands in for `cryptography.hazmat.primitives.kdf.hkdf`, and for the one hash that it takes."""

from __future__ import annotations

import hmac

__all__ = ["HKDF", "SHA256"]

_BLOCK_BYTES = 32


class SHA256:
    """The hash function, by name."""


class HKDF:
    """HMAC-based extract-and-expand with SHA-256, as in RFC 5869."""

    def __init__(self, *, algorithm: SHA256, length: int, salt: bytes, info: bytes) -> None:
        self._length = length
        self._salt = salt
        self._info = info

    def derive(self, key_material: bytes) -> bytes:
        """Return the derived bytes."""
        extracted = hmac.digest(self._salt, key_material, "sha256")
        block, derived = b"", b""
        for number in range(1, -(-self._length // _BLOCK_BYTES) + 1):
            block = hmac.digest(extracted, block + self._info + bytes([number]), "sha256")
            derived += block
        return derived[: self._length]
