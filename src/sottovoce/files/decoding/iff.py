"""Walk through the other uncompressed formats: AIFF and AIFF-C, CAF, W64, AU and NIST Sphere."""

from __future__ import annotations

import dataclasses
import math
import struct
from typing import TYPE_CHECKING

from sottovoce.files.decoding.extent import is_unknown, settle_extent
from sottovoce.files.decoding.layout import damaged, lay_out, say_more
from sottovoce.files.pcm import PcmLayout, format_of_subtype

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["walk_aiff", "walk_au", "walk_caf", "walk_sphere", "walk_w64"]

_MOST_CHUNKS = 20_000
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_PCM = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}
_FLOAT = {32: "FLOAT", 64: "DOUBLE"}


def walk_aiff(file: BinaryIO, *, start: int, end: int, path: str) -> PcmLayout | None:
    """Find the samples of AIFF or AIFF-C.

    Parameters
    ----------
    file : binary file
        Its position is moved.
    start, end : int
        First byte of the structure, and the one after the last of the file.
    path : str
        Name of the file in errors.

    Returns
    -------
    layout : PcmLayout or None
        None if a decoder is needed.

    Raises
    ------
    UnreadableAudioError
        If it has no samples, or does not say how they are stored.
    """
    file.seek(start + 8)
    form = file.read(4)
    common, sound = b"", None
    at = start + 12
    for _ in range(_MOST_CHUNKS):
        if at >= end:
            break
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "big")
        if name == b"COMM":
            common = file.read(min(size, 64))
        elif name == b"SSND":
            shift = int.from_bytes(file.read(8)[:4], "big")
            sound = at + 16 + shift, size
            if common:
                break
        at += 8 + size + (size & 1)
    if len(common) < 18 or sound is None:
        raise damaged(path, f"it has no {'samples' if common else 'description of its samples'}")
    n_channels, n_frames, n_bits = struct.unpack(">hIh", common[:8])
    subtype, little = _aiff_subtype(common[18:22] if form == b"AIFC" else b"NONE", n_bits)
    samples = format_of_subtype(subtype, big_endian=not little)
    if samples is None or n_channels < 1:
        return None
    offset, size = sound
    shift = offset - 8 - (at + 8)
    declared: int | None = size - 8 - shift if size >= 8 + shift else 0
    if is_unknown(size):
        declared = n_frames * n_channels * samples.n_bytes or None
    extent = settle_extent(
        file, offset=offset, declared=declared, end=end, chain=_chain(file, end, ">4sI", even=True)
    )
    sr = _extended(common[8:18])
    layout = lay_out(
        extent,
        path=path,
        file_format="AIFF",
        subtype=subtype,
        samples=samples,
        sr=sr,
        n_channels=n_channels,
    )
    if layout.n_samples > n_frames and not layout.notes:
        more = say_more((layout.n_samples - n_frames) / sr)
        return dataclasses.replace(layout, notes=(more,))
    return layout


def _aiff_subtype(compression: bytes, n_bits: int) -> tuple[str, bool]:
    width = -(-n_bits // 8) * 8
    known = {
        b"NONE": (_PCM.get(width, ""), False),
        b"twos": (_PCM.get(width, ""), False),
        b"in24": ("PCM_24", False),
        b"in32": ("PCM_32", False),
        b"sowt": (_PCM.get(width, ""), True),
        b"raw ": ("PCM_U8", False),
        b"fl32": ("FLOAT", False),
        b"FL32": ("FLOAT", False),
        b"fl64": ("DOUBLE", False),
        b"FL64": ("DOUBLE", False),
        b"ulaw": ("ULAW", False),
        b"ULAW": ("ULAW", False),
        b"alaw": ("ALAW", False),
        b"ALAW": ("ALAW", False),
    }
    return known.get(compression, ("", False))


def _extended(data: bytes) -> int:
    """Return a number of 80 bits, as IEEE 754 once had them, rounded."""
    exponent = int.from_bytes(data[:2], "big") & 0x7FFF
    mantissa = int.from_bytes(data[2:10], "big")
    if exponent > 16_383 + 40:
        return 0
    return round(math.ldexp(mantissa, exponent - 16_383 - 63))


def _chain(file: BinaryIO, end: int, form: str, *, even: bool) -> Callable[[int], int | None]:
    """Return the function that `settle_extent` needs to find the chunk after another."""
    n_head = struct.calcsize(form)

    def follow(at: int) -> int | None:
        file.seek(min(at, end))
        head = file.read(n_head)
        if len(head) < n_head:
            return None
        name, size = struct.unpack(form, head)
        stop = at + n_head + size
        is_name = all(0x20 <= byte < 0x7F for byte in name) and name.strip()
        if not is_name or size < 0 or stop > end:
            return None
        return int(stop + (size & 1 if even else 0))

    return follow


def walk_caf(file: BinaryIO, *, start: int, end: int, path: str) -> PcmLayout | None:
    """Find the samples of Apple's Core Audio Format; as `walk_aiff`."""
    description, sound = b"", None
    at = start + 8
    for _ in range(_MOST_CHUNKS):
        if at >= end:
            break
        file.seek(at)
        head = file.read(12)
        if len(head) < 12:
            break
        name, size = head[:4], int.from_bytes(head[4:], "big", signed=True)
        if name == b"desc":
            description = file.read(32)
        elif name == b"data":
            sound = at + 16, size
            if description:
                break
        if size < 0:
            break
        at += 12 + size
    if len(description) < 32 or sound is None:
        raise damaged(path, "it has no samples")
    rate, codec, flags, _, _, n_channels, n_bits = struct.unpack(">d4sIIIII", description)
    table = _FLOAT if flags & 1 else _PCM
    subtype = {b"lpcm": table.get(n_bits, ""), b"ulaw": "ULAW", b"alaw": "ALAW"}.get(codec, "")
    samples = format_of_subtype(subtype, big_endian=not flags & 2)
    if samples is None or not 1 <= n_channels <= 4096 or not math.isfinite(rate):
        return None
    offset, size = sound
    declared = None if size < 0 or size >= 1 << 62 else max(size - 4, 0)
    extent = settle_extent(
        file, offset=offset, declared=declared, end=end, chain=_chain(file, end, ">4sq", even=False)
    )
    return lay_out(
        extent,
        path=path,
        file_format="CAF",
        subtype=subtype,
        samples=samples,
        sr=round(rate),
        n_channels=n_channels,
    )


def walk_w64(file: BinaryIO, *, start: int, end: int, path: str) -> PcmLayout | None:
    """Find the samples of Sony's Wave64; as `walk_aiff`."""
    fmt, sound = b"", None
    at = start + 40
    for _ in range(_MOST_CHUNKS):
        if at >= end:
            break
        file.seek(at)
        head = file.read(24)
        if len(head) < 24:
            break
        size = int.from_bytes(head[16:], "little")  # including the header of 24 bytes
        if head[:4] == b"fmt ":
            fmt = file.read(min(size, 256))
        elif head[:4] == b"data" and head[4:16] == _W64_TAIL:
            sound = at + 24, size - 24
            if fmt:
                break
        if size < 24:
            break
        at += (size + 7) // 8 * 8
    if len(fmt) < 16 or sound is None:
        raise damaged(path, "it has no samples")
    tag, n_channels, sr, _, _, n_bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == 0xFFFE and len(fmt) >= 40:
        tag = int.from_bytes(fmt[24:26], "little")
    table = {1: {**_PCM, 8: "PCM_U8"}, 3: _FLOAT, 6: {8: "ALAW"}, 7: {8: "ULAW"}}.get(tag, {})
    samples = format_of_subtype(table.get(n_bits, ""))
    if samples is None or n_channels < 1:
        return None
    offset, size = sound
    declared = None if size >= 1 << 62 else max(size, 0)

    def follow(at: int) -> int | None:
        file.seek(min(at, end))
        head = file.read(24)
        size = int.from_bytes(head[16:], "little")
        is_chunk = len(head) == 24 and head[4:16] == _W64_TAIL and 24 <= size <= end - at
        return at + (size + 7) // 8 * 8 if is_chunk else None

    extent = settle_extent(file, offset=offset, declared=declared, end=end, chain=follow)
    return lay_out(
        extent,
        path=path,
        file_format="W64",
        subtype=table[n_bits],
        samples=samples,
        sr=sr,
        n_channels=n_channels,
    )


_AU = {
    1: "ULAW",
    2: "PCM_S8",
    3: "PCM_16",
    4: "PCM_24",
    5: "PCM_32",
    6: "FLOAT",
    7: "DOUBLE",
    27: "ALAW",
}


def walk_au(file: BinaryIO, *, start: int, end: int, path: str) -> PcmLayout | None:
    """Find the samples of Sun's AU, in both byte orders; as `walk_aiff`."""
    file.seek(start)
    head = file.read(24)
    order = "<" if head[:4] == b"dns." else ">"
    if len(head) < 24:
        raise damaged(path, "it has no samples")
    offset, size, encoding, sr, n_channels = struct.unpack(f"{order}5I", head[4:])
    samples = format_of_subtype(_AU.get(encoding, ""), big_endian=order == ">")
    if samples is None or not 1 <= n_channels <= 4096:
        return None
    extent = settle_extent(
        file,
        offset=start + offset,
        declared=None if is_unknown(size) else size,
        end=end,
        chain=lambda _at: None,
    )
    return lay_out(
        extent,
        path=path,
        file_format="AU",
        subtype=_AU[encoding],
        samples=samples,
        sr=sr,
        n_channels=n_channels,
    )


def walk_sphere(file: BinaryIO, *, start: int, end: int, path: str) -> PcmLayout | None:
    """Find the samples of NIST Sphere; as `walk_aiff`."""
    file.seek(start)
    lines = file.read(16).split(b"\n")
    if len(lines) < 2 or not lines[1].strip().isdigit():
        raise damaged(path, "its header cannot be read")
    offset = int(lines[1])
    if not 16 < offset <= 1 << 20:
        raise damaged(path, "its header cannot be read")
    fields = {}
    for line in file.read(offset - 16).split(b"\n"):
        words = line.split(maxsplit=2)
        if len(words) == 3:
            fields[words[0]] = words[2].strip()
    try:
        sr, n_channels = (int(fields[key]) for key in (b"sample_rate", b"channel_count"))
        width = int(fields.get(b"sample_n_bytes", b"2"))
        n_declared = int(fields.get(b"sample_count", b"0"))
    except (KeyError, ValueError):
        return None
    coding = fields.get(b"sample_coding", b"pcm")
    subtype = {b"pcm": _PCM.get(8 * width, ""), b"ulaw": "ULAW", b"mu-law": "ULAW"}.get(coding, "")
    subtype = "ALAW" if coding == b"alaw" else subtype
    big_endian = fields.get(b"sample_byte_format", b"10") == b"10"
    samples = format_of_subtype(subtype, big_endian=big_endian)
    if samples is None or not 1 <= n_channels <= 4096:
        return None
    frame_bytes = samples.n_bytes * n_channels
    extent = settle_extent(
        file,
        offset=start + offset,
        declared=n_declared * frame_bytes,
        end=end,
        chain=lambda _at: None,
    )
    return lay_out(
        extent,
        path=path,
        file_format="NIST",
        subtype=subtype,
        samples=samples,
        sr=sr,
        n_channels=n_channels,
    )
