"""What the outermost elements of Matroska and WebM (RFC 9559) say of the length of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["count_missing"]

_SEGMENT = 0x18538067
_MOST_ELEMENTS = 100


def count_missing(file: BinaryIO, *, end: int) -> int:
    """Return how many bytes of a file's segment are not there; 0 where its size is not known.

    Programs that stream leave the size open, and then nothing proves that anything is missing.
    """
    at = 0
    for _ in range(_MOST_ELEMENTS):
        file.seek(at)
        head = file.read(12)
        n_name, name, _ = _number(head)
        n_size, size, is_open = _number(head[n_name:])
        if not n_name or not n_size:
            return 0
        # A name keeps the bit that says how long it is.
        if name | 1 << (7 * n_name) == _SEGMENT:
            return 0 if is_open else max(at + n_name + n_size + size - end, 0)
        at += n_name + n_size + size
        if at >= end:
            return 0
    return 0


def _number(head: bytes) -> tuple[int, int, bool]:
    """Return (bytes, value, whether all its bits are set) of a number of variable length."""
    if not head or head[0] == 0:
        return 0, 0, False
    n = 9 - head[0].bit_length()
    if len(head) < n:
        return 0, 0, False
    mask = (1 << (7 * n)) - 1
    value = int.from_bytes(head[:n], "big") & mask
    return n, value, value == mask
