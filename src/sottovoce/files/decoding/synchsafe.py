"""Numbers of ID3v2, seven bits per byte: no byte of a size looks like the start of a frame."""

from __future__ import annotations

__all__ = ["synchsafe"]


def synchsafe(raw: bytes) -> int:
    """Return the number in some bytes, ignoring their highest bits.

    Examples
    --------
    >>> synchsafe(bytes([0, 0, 2, 1]))
    257
    """
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value
