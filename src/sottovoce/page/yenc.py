"""WebAssembly out of a script that holds it as text: yEnc over raw deflate, by `simple-yenc`."""

from __future__ import annotations

import re
import zlib

__all__ = ["decode_wasm"]

# The version of the format, the offset in hexadecimal, a checksum that the archive's hash replaces.
_TEXT = re.compile(r"`dynEncode01([0-9a-f]{2})[0-9a-f]{8}([^`]+)`")
_ESCAPE = ord("=")
_SHIFT = 64


def decode_wasm(script: str) -> bytes:
    """Return the module that stands in a script.

    Parameters
    ----------
    script : str
        Its text, with the ends of lines as they are in the file.

    Returns
    -------
    wasm : bytes
        The module.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = _TEXT.search(script)
    if found is None:
        raise ValueError("no module in the script")
    offset, packed = int(found[1], 16), bytearray()
    shift = 0
    for code in map(ord, found[2]):
        if code == _ESCAPE and not shift:
            shift = _SHIFT
            continue
        packed.append((code - shift - offset) % 256)
        shift = 0
    return zlib.decompress(bytes(packed), wbits=-zlib.MAX_WBITS)
