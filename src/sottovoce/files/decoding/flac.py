"""Walk through FLAC: where its streams begin, and how long the last frame says that they are.

The total in STREAMINFO is 0 where the encoder wrote into a pipe, and wrong where a tool cut or
joined files.  Each frame's header carries its own place (RFC 9639, section 9.1), so the last one
tells the true length.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.files.decoding.layout import say_more
from sottovoce.files.decoding.raw import Spliced, find_all
from sottovoce.files.decoding.sndfile import SoundFileDecoder

if TYPE_CHECKING:
    from typing import BinaryIO

    from sottovoce.files.decoding.raw import Raw

__all__ = ["FlacStream", "open_flac", "walk_flac"]

_MARK = b"fLaC"
_STREAMINFO = b"fLaC\x00\x00\x00\x22"
_STREAMINFO_LAST = b"fLaC\x80\x00\x00\x22"
_TAIL_BYTES = 1 << 17
_MOST_TAIL_BYTES = 1 << 22
_BLOCK_SIZES = {
    1: 192,
    **{2 + i: 576 << i for i in range(4)},
    **{8 + i: 256 << i for i in range(8)},
}
_MOST_SAMPLES = (1 << 36) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FlacStream:
    """One stream of a file.

    Attributes
    ----------
    start, stop : int
        First byte, and the one after the last.
    sr, n_channels, n_bits : int
        From STREAMINFO.
    total : int
        Samples that STREAMINFO promises; 0 where it does not know.
    n_frames : int
        Samples up to the end of the last frame; 0 where none was found.
    """

    start: int
    stop: int
    sr: int
    n_channels: int
    n_bits: int
    total: int
    n_frames: int

    @property
    def missing(self) -> str:
        """What STREAMINFO promises and the frames do not hold; else empty."""
        if self.n_frames >= self.total:
            return ""
        return (
            f"is cut short: {self.n_frames / self.sr:.1f} of {self.total / self.sr:.1f} s are there"
        )

    @property
    def notes(self) -> list[str]:
        """What is odd."""
        if self.total and self.n_frames > self.total:
            return [say_more((self.n_frames - self.total) / self.sr)]
        return []


def walk_flac(file: BinaryIO, *, end: int) -> list[FlacStream]:
    """Return the streams of a file; several where files were joined."""
    starts = sorted(find_all(file, _STREAMINFO, 0, end) + find_all(file, _STREAMINFO_LAST, 0, end))
    streams = []
    for start, stop in itertools.pairwise([*starts, end]):
        file.seek(start + 8)
        info = file.read(34)
        if len(info) < 34:
            continue
        numbers = int.from_bytes(info[10:18], "big")
        sr, n_channels = numbers >> 44, (numbers >> 41 & 7) + 1
        n_bits, total = (numbers >> 36 & 31) + 1, numbers & _MOST_SAMPLES
        if sr == 0:
            continue
        least = int.from_bytes(info[0:2], "big")
        streams.append(
            FlacStream(
                start=start,
                stop=stop,
                sr=sr,
                n_channels=n_channels,
                n_bits=n_bits,
                total=total,
                n_frames=_last_sample(file, start + 42, stop, block_size=least),
            )
        )
    return streams


def open_flac(raw: Raw, stream: FlacStream, *, is_only: bool) -> SoundFileDecoder:
    """Return the decoder of one stream.

    Where the header tells the truth libsndfile reads the file itself; else it sees a header that
    does.
    """
    counted = {"n_frames": stream.n_frames, "notes": stream.notes, "missing": stream.missing}
    if is_only and stream.total == stream.n_frames:
        return SoundFileDecoder(raw.for_libsndfile(), path=raw.path, **counted)  # type: ignore[arg-type]
    file = raw.open()
    file.seek(stream.start + 18)
    numbers = int.from_bytes(file.read(8), "big")
    numbers = numbers >> 36 << 36 | min(stream.n_frames, _MOST_SAMPLES)
    patched = numbers.to_bytes(8, "big")
    pieces = [
        (stream.start, stream.start + 18),
        patched,
        (stream.start + 26, stream.stop),
    ]
    return SoundFileDecoder(Spliced(file, pieces), path=raw.path, **counted)  # type: ignore[arg-type]


def _last_sample(file: BinaryIO, start: int, stop: int, *, block_size: int) -> int:
    """Return the number of samples up to the end of the last frame; 0 where there is none."""
    n_tail = _TAIL_BYTES
    while True:
        first = max(start, stop - n_tail)
        file.seek(first)
        data = file.read(stop - first)
        at = data.rfind(b"\xff")
        while at >= 0:
            n = _read_header(data[at : at + 16], block_size)
            if n:
                return n
            at = data.rfind(b"\xff", 0, at)
        if first == start or n_tail >= _MOST_TAIL_BYTES:
            return 0
        n_tail *= 8


def _read_header(head: bytes, block_size: int) -> int:
    """Return how many samples there are up to the end of a frame; 0 if it is no frame's header."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return 0
    size_code, rate_code = head[2] >> 4, head[2] & 15
    if size_code == 0 or rate_code == 15 or head[3] >> 4 > 10 or (head[3] >> 1 & 7) == 3:
        return 0
    number, at = _coded_number(head, 4)
    if at == 0:
        return 0
    n_block = _BLOCK_SIZES.get(size_code, 0)
    if size_code in (6, 7):
        n = size_code - 5
        n_block = int.from_bytes(head[at : at + n], "big") + 1
        at += n
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or _crc8(head[:at]) != head[at]:
        return 0
    return number + n_block if head[1] & 1 else number * block_size + n_block


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
