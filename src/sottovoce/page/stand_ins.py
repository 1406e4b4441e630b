"""Give the page's substitutes for libraries the names of those that they stand in for."""

from __future__ import annotations

import sys
from types import ModuleType

from sottovoce.page import av, soundfile
from sottovoce.page.av import error, stream
from sottovoce.page.cryptography import ed25519, exceptions, hkdf, serialization

__all__ = ["install"]

_PRIMITIVES = "cryptography.hazmat.primitives"
_ROOMS = (f"{_PRIMITIVES}.asymmetric", f"{_PRIMITIVES}.kdf")


def install() -> None:
    """Make imports of these libraries find the page's own, in the worker alone."""
    for name in ("cryptography", "cryptography.hazmat", _PRIMITIVES, *_ROOMS):
        sys.modules[name] = ModuleType(name)
    sys.modules.update(
        {
            "av": av,
            "av.error": error,
            "av.stream": stream,
            "cryptography.exceptions": exceptions,
            f"{_PRIMITIVES}.asymmetric.ed25519": ed25519,
            f"{_PRIMITIVES}.hashes": hkdf,
            f"{_PRIMITIVES}.kdf.hkdf": hkdf,
            f"{_PRIMITIVES}.serialization": serialization,
            "soundfile": soundfile,
        }
    )
