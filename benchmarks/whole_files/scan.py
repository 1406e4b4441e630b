"""Walks over the packets of a file: counts that owe nothing to a decoder."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "ac3_frames",
    "adts_frames",
    "amr_frames",
    "ebml_blocks",
    "flac_frames",
    "mp4_samples",
    "mpeg_frames",
    "ogg_pages",
    "rewrite_ogg",
    "ts_payload",
    "wavpack_blocks",
]

_BIT_RATES = {  # kbit/s by version and layer
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_BIT_RATES[2, 2] = _BIT_RATES[2, 3]
_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AMR_BYTES = (12, 13, 15, 17, 19, 20, 26, 31, 5)


def _mpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return the bytes and samples of the MPEG frame that begins so, or None."""
    word = int.from_bytes(head, "big")
    version, layer = {3: 1, 2: 2, 0: 2.5}.get(word >> 19 & 3), 4 - (word >> 17 & 3)
    index, sr_index = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or version is None or layer not in (2, 3):
        return None
    if index in (0, 15) or sr_index == 3:
        return None
    kbps = _BIT_RATES[1 if version == 1 else 2, layer][index]
    sr = int((44_100, 48_000, 32_000)[sr_index] / {1: 1, 2: 2, 2.5: 4}[version])
    n = 576 if layer == 3 and version != 1 else 1152
    return n // 8 * kbps * 1000 // sr + (word >> 9 & 1), n


def mpeg_frames(data: bytes, start: int = 0) -> list[tuple[int, int, int]]:
    """Return place, bytes and samples of each MPEG audio frame; of a Xing frame too."""
    return list(_walk(data, start, 4, lambda at: _mpeg_size(data[at : at + 4])))


def _walk(
    data: bytes, at: int, head: int, size_of: Callable[[int], tuple[int, int] | None]
) -> Iterator[tuple[int, int, int]]:
    """Yield frames that lie whole in the data; skip byte by byte over what is none."""
    while at + head <= len(data):
        size = size_of(at)
        after = at + size[0] if size else 0
        # What looks like a frame by chance has none behind it.
        if size is None or not (
            after >= len(data) - head or size_of(after) or _is_tag(data, after)
        ):
            at += 1
            continue
        if after <= len(data):
            yield at, size[0], size[1]
        at = after


def _is_tag(data: bytes, at: int) -> bool:
    return data[at : at + 3] in (b"TAG", b"ID3", b"APE", b"LYR", b"#!A")


def adts_frames(data: bytes) -> list[tuple[int, int, int]]:
    """Return place, bytes and samples of each frame of AAC in ADTS."""

    def size_of(at: int) -> tuple[int, int] | None:
        head = data[at : at + 7]
        if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            return None
        size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return (size, 1024 * ((head[6] & 3) + 1)) if size > 7 else None

    return list(_walk(data, 0, 7, size_of))


def ac3_frames(data: bytes) -> list[tuple[int, int, int]]:
    """Return place, bytes and samples of each frame of AC-3."""

    def size_of(at: int) -> tuple[int, int] | None:
        if data[at : at + 2] != b"\x0b\x77" or len(data) < at + 5:
            return None
        code, size = data[at + 4] >> 6, data[at + 4] & 63
        if code == 3 or size > 37:
            return None
        kbps = _AC3_KBPS[size >> 1]
        words = {0: kbps * 2, 1: kbps * 1000 * 96 // 44_100 + (size & 1), 2: kbps * 3}[code]
        return 2 * words, 1536

    return list(_walk(data, 0, 5, size_of))


def amr_frames(data: bytes) -> list[tuple[int, int, int]]:
    """Return place, bytes and samples of each frame of AMR in a file of its own."""
    frames, at = [], 6
    while at < len(data):
        mode = data[at] >> 3 & 15
        size = 1 + (_AMR_BYTES[mode] if mode < len(_AMR_BYTES) else 0)
        if at + size > len(data):
            break
        frames.append((at, size, 160))
        at += size
    return frames


_CRC8 = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte << 1 ^ 0x07 if _byte & 0x80 else _byte << 1) & 0xFF
    _CRC8.append(_byte)


def flac_frames(data: bytes) -> list[tuple[int, int]]:
    """Return place and samples of each frame of FLAC that begins in the data.

    Frames have no length: a header is one where its checksum is right and its number the next.
    """
    blocks = {
        1: 192,
        **{k: 576 << k - 2 for k in range(2, 6)},
        **{k: 256 << k - 8 for k in range(8, 16)},
    }
    frames: list[tuple[int, int]] = []
    at = data.find(b"\xff\xf8")
    while at >= 0:
        code, head = data[at + 2 : at + 3], 5
        n_more = {0: 0, 6: 1, 14: 2}.get(_leading(data, at + 4), 0)
        head += n_more
        number = int.from_bytes(data[at + 4 : at + 5], "big")
        if n_more:
            number &= 0x1F if n_more == 1 else 0x0F
            for byte in data[at + 5 : at + 5 + n_more]:
                number = number << 6 | byte & 0x3F
        n = blocks.get(code[0] >> 4, 0) if code else 0
        if code and code[0] >> 4 in (6, 7):
            width = (code[0] >> 4) - 5
            n = int.from_bytes(data[at + head : at + head + width], "big") + 1
            head += width
        head += {12: 1, 13: 2, 14: 2}.get(code[0] & 15 if code else 0, 0)
        crc = 0
        for byte in data[at : at + head]:
            crc = _CRC8[crc ^ byte]
        if n and at + head < len(data) and crc == data[at + head] and number == len(frames):
            frames.append((at, n))
        at = data.find(b"\xff\xf8", at + 1)
    return frames


def _leading(data: bytes, at: int) -> int:
    """Return which form of coded number begins here: 0, 6 or 14."""
    byte = data[at] if at < len(data) else 0
    return 0 if byte < 0x80 else 6 if byte < 0xE0 else 14


_CRC32 = []
for _byte in range(256):
    _word = _byte << 24
    for _ in range(8):
        _word = (_word << 1 ^ 0x04C11DB7 if _word & 0x80000000 else _word << 1) & 0xFFFFFFFF
    _CRC32.append(_word)


def ogg_pages(data: bytes) -> list[tuple[int, int, int]]:
    """Return place, bytes and granule of each page that lies whole in the data."""
    pages, at = [], 0
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data):
        n = data[at + 26]
        size = 27 + n + sum(data[at + 27 : at + 27 + n])
        if at + size > len(data):
            break
        pages.append((at, size, struct.unpack_from("<q", data, at + 6)[0]))
        at += size
    return pages


def rewrite_ogg(
    data: bytes, change: Callable[[int, int, int], tuple[int, int]], *, serial: int | None = None
) -> bytes:
    """Return pages with granule and flags from `change(number, granule, flags)`, and new sums."""
    out = bytearray()
    for number, (at, size, granule) in enumerate(ogg_pages(data)):
        page = bytearray(data[at : at + size])
        granule, page[5] = change(number, granule, page[5])
        struct.pack_into("<q", page, 6, granule)
        if serial is not None:
            struct.pack_into("<I", page, 14, serial)
        page[22:26] = bytes(4)
        crc = 0
        for byte in page:
            crc = (crc << 8 ^ _CRC32[crc >> 24 ^ byte]) & 0xFFFFFFFF
        struct.pack_into("<I", page, 22, crc)
        out += page
    return bytes(out)


def wavpack_blocks(data: bytes) -> list[tuple[int, int, int]]:
    """Return place, bytes and samples of each block of WavPack that lies whole in the data."""
    blocks, at = [], 0
    while data[at : at + 4] == b"wvpk":
        size = 8 + struct.unpack_from("<I", data, at + 4)[0]
        if at + size > len(data):
            break
        blocks.append((at, size, struct.unpack_from("<I", data, at + 20)[0]))
        at += size
    return blocks


def mp4_samples(data: bytes) -> tuple[int, list[int]]:
    """Return where the sound of an MP4 of one track begins, and the bytes of its packets."""
    at = data.find(b"stsz")
    fixed, n = struct.unpack_from(">II", data, at + 8)
    sizes = [fixed] * n if fixed else list(struct.unpack_from(f">{n}I", data, at + 16))
    return struct.unpack_from(">I", data, data.find(b"stco") + 12)[0], sizes


def ebml_blocks(data: bytes) -> int:
    """Return how many blocks of Matroska lie whole in the data, of one track without lacing."""
    holders = {0x18538067, 0x1F43B675, 0xA0}
    n = at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        ident = int.from_bytes(data[at : at + width], "big")
        at += width
        if at >= len(data):
            break
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1
        at += width
        if ident in holders:
            continue
        n += ident in (0xA3, 0xA1) and at + size <= len(data)
        at += size
    return n


def ts_payload(data: bytes, pid: int) -> bytes:
    """Return what packets of 188 bytes carry for one stream, without the heads of its pieces."""
    out = bytearray()
    for at in range(0, len(data) - 187, 188):
        packet = data[at : at + 188]
        if packet[0] != 0x47 or (packet[1] & 0x1F) << 8 | packet[2] != pid:
            continue
        begin = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        if packet[1] & 0x40 and packet[begin : begin + 3] == b"\0\0\1":
            begin += 9 + packet[begin + 8]
        out += packet[begin:]
    return bytes(out)
