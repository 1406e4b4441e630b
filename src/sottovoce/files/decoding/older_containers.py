"""The length that AVI, FLV and ASF (Windows Media) declare, and where they are damaged.

FFmpeg skips an invalid stretch, and does not report what it lost there.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["ASF_MARK", "find_damage"]

ASF_MARK = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
"""First bytes of every Windows Media file."""
_MOST_PIECES = 20_000_000
_SCRIPT_DATA = 18
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def find_damage(file: BinaryIO, *, end: int) -> str:
    """Return what a file provably lacks, as in `Traits.missing`; empty for other kinds."""
    file.seek(0)
    head = file.read(16)
    if head.startswith(ASF_MARK):
        return _asf_damage(file, end)
    if head[:4] == b"RIFF":
        return _avi_damage(file, end)
    if head[:4] == b"FLV\x01":
        return _flv_damage(file, end)
    return ""


def _broken(at: int, end: int) -> str:
    return f"is damaged: after {at:,} of {end:,} bytes its structure is broken"


def _cut(n_bytes: int) -> str:
    return f"is cut short: {n_bytes:,} bytes of it are missing"


def _avi_damage(file: BinaryIO, end: int) -> str:
    """Follow the chunks; a file may consist of several RIFFs (OpenDML)."""
    at = 0
    while at + 12 <= end:
        file.seek(at)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:11] != b"AVI":
            return ""  # something else follows it
        size = int.from_bytes(head[4:8], "little")
        if size in (0, 0xFFFFFFFF):
            return ""  # a recorder that crashed, or a pipe
        stop = at + 8 + size
        if stop > end + 1:
            return _cut(stop - end)
        for name, place, n_bytes in _chunks(file, at + 12, stop):
            if not all(32 <= byte < 127 for byte in name) or place + n_bytes > stop + 1:
                return _broken(place, end)
        at = stop + (size & 1)
    return ""


def _chunks(file: BinaryIO, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, first byte of the body and length of chunks; lists are entered."""
    for _ in range(_MOST_PIECES):
        if at + 8 > stop:
            return
        file.seek(at)
        head = file.read(12)
        name, n_bytes = head[:4], int.from_bytes(head[4:8], "little")
        if name == b"LIST" and head[8:] in (b"movi", b"rec "):
            at += 12
            continue
        yield name, at + 8, n_bytes
        at += 8 + n_bytes + (n_bytes & 1)


def _flv_damage(file: BinaryIO, end: int) -> str:
    """Follow the tags: each is followed by its own length."""
    file.seek(0)
    at = int.from_bytes(file.read(9)[5:9], "big") + 4
    for _ in range(_MOST_PIECES):
        if at + 11 > end:
            break
        file.seek(at)
        head = file.read(11)
        n_bytes = 11 + int.from_bytes(head[1:4], "big")
        if at + n_bytes > end:
            return "is cut short: its last tag is incomplete"
        file.seek(at + n_bytes)
        own = file.read(4)
        if len(own) == 4 and int.from_bytes(own, "big") not in (n_bytes, 0):
            return _broken(at, end)
        if head[0] == _SCRIPT_DATA and at < 1 << 16:
            file.seek(at)
            missing = _flv_promise(file.read(n_bytes), end)
            if missing:
                return missing
        at += n_bytes + 4
    return ""


def _flv_promise(tag: bytes, end: int) -> str:
    """Return what is missing according to the file size in its metadata."""
    place = tag.find(b"\x00\x08filesize\x00")
    if place < 0 or len(tag) < place + 19:
        return ""
    (size,) = struct.unpack(">d", tag[place + 11 : place + 19])
    return _cut(int(size) - end) if end < size < 1 << 50 else ""


def _asf_damage(file: BinaryIO, end: int) -> str:
    """Compare with the size in the header; check the start of each data packet."""
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(_ASF_PROPERTIES)
    if place < 0 or len(head) < place + 104:
        return ""
    size, _, n_packets = struct.unpack("<QQQ", head[place + 40 : place + 64])
    flags, least, most = struct.unpack("<III", head[place + 88 : place + 100])
    is_live = bool(flags & 1)
    if not is_live and size > end:
        return _cut(size - end)
    file.seek(int.from_bytes(head[16:24], "little"))
    data = file.read(50)
    if is_live or least != most or least < 16 or data[:16] != _ASF_DATA:
        return ""
    at = file.tell()
    file.seek(at)
    mark = file.read(1)
    for number in range(min(n_packets, _MOST_PIECES)):
        file.seek(at + number * least)
        first = file.read(3)
        if first[:1] != mark or (mark == b"\x82" and first[1:] not in (b"\x00\x00", b"")):
            return _broken(at + number * least, end)
    return ""
