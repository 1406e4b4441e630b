"""Headers of FLAC's frames (RFC 9639, section 9.1)."""

from __future__ import annotations

import functools
from typing import NamedTuple

__all__ = ["HEADER_BYTES", "FlacHeader", "read_header"]

HEADER_BYTES = 16
"""More than the length of the longest header."""
_BLOCK_SIZES = {
    1: 192,
    **{2 + i: 576 << i for i in range(4)},
    **{8 + i: 256 << i for i in range(8)},
}
_BIT_DEPTHS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


class FlacHeader(NamedTuple):
    """Content of a frame's header: its number (frames or samples before it) and its length."""

    number: int
    n_samples: int
    is_variable: bool
    n_channels: int
    n_bits: int

    @property
    def next_number(self) -> int:
        """Number of the frame that follows it."""
        return self.number + (self.n_samples if self.is_variable else 1)


def read_header(head: bytes) -> FlacHeader | None:
    """Return the content of a frame's header; None if it is not a header."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    channel_code, depth_code = head[3] >> 4, head[3] >> 1 & 7
    if size_code == 0 or rate_code == 15 or channel_code > 10 or depth_code == 3:
        return None
    number, at = _coded_number(head, 4)
    if at == 0:
        return None
    n_samples = _BLOCK_SIZES.get(size_code, 0)
    if size_code in (6, 7):
        n = size_code - 5
        n_samples = int.from_bytes(head[at : at + n], "big") + 1
        at += n
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    n_channels = 2 if channel_code > 7 else channel_code + 1
    return FlacHeader(
        number, n_samples, bool(head[1] & 1), n_channels, _BIT_DEPTHS.get(depth_code, 0)
    )


def _coded_number(head: bytes, at: int) -> tuple[int, int]:
    """Return a number coded as UTF-8 extended to 36 bits, and the place after it (0 if none)."""
    first = head[at]
    if first < 0x80:
        return first, at + 1
    ones = 0
    while ones < 8 and first & (0x80 >> ones):
        ones += 1
    if not 2 <= ones <= 7 or at + ones > len(head):
        return 0, 0
    number = first & (0x7F >> ones)
    for byte in head[at + 1 : at + ones]:
        if byte & 0xC0 != 0x80:
            return 0, 0
        number = number << 6 | byte & 0x3F
    return number, at + ones


@functools.cache
def _crc8_table() -> bytes:
    table = bytearray()
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        table.append(crc)
    return bytes(table)


def _crc8(data: bytes) -> int:
    table, crc = _crc8_table(), 0
    for byte in data:
        crc = table[crc ^ byte]
    return crc
