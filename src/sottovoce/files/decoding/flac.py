"""Walk through FLAC: where its streams and their frames begin, and what the frames leave out.

The total in STREAMINFO is 0 where the encoder wrote into a pipe, and wrong where a tool cut or
joined files.  Each frame's header carries its own place (RFC 9639, section 9.1): frames that follow
each other without a gap are the recording, and a gap proves that something was lost.
"""

from __future__ import annotations

import functools
import itertools
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce.files.decoding.extent import is_foreign, is_zero
from sottovoce.files.decoding.layout import say_more
from sottovoce.files.decoding.pyav import import_av
from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["FlacStream", "open_codec", "say_present", "walk_flac"]

_MARK = b"fLaC"
_STREAMINFO_HEADS = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
_INFO_BYTES = 34
_CHUNK_BYTES = 1 << 20
_HEADER_BYTES = 16
"""The longest header of a frame: 4 bytes, a number of 7, sizes of 4, a checksum."""
_MOST_SAMPLES = (1 << 36) - 1
_MOST_SILENCE_S = 3600
"""What may stand for lost frames: a number in a hostile file asks for years of it."""
_MOST_TRIALS = 1000
"""Frames of one stream that may be decoded to see whether they are any; in good files a few."""
_BLOCK_SIZES = {
    1: 192,
    **{2 + i: 576 << i for i in range(4)},
    **{8 + i: 256 << i for i in range(8)},
}
_BIT_DEPTHS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


class _Header(NamedTuple):
    """What a frame's header says: its number (frames or samples before it) and its length."""

    number: int
    n_samples: int
    is_variable: bool
    n_channels: int
    n_bits: int

    @property
    def next_number(self) -> int:
        """Number of the frame that follows it."""
        return self.number + (self.n_samples if self.is_variable else 1)


@dataclass(slots=True, kw_only=True)
class FlacStream:
    """One stream of a file.

    Attributes
    ----------
    start, stop : int
        First byte, and the one after the last.
    first_byte : int
        Where the first frame should begin.
    info : bytes
        Body of STREAMINFO.
    sr, n_channels, n_bits : int
        From STREAMINFO.
    total : int
        Samples that STREAMINFO promises; 0 where it does not know.
    places, lengths, silences : array of int
        First byte of each frame, its samples, and those that were lost in front of it and that
        silence stands for.
    n_lost : int
        Samples that the numbers of the frames prove to be lost.
    n_behind : int
        Bytes behind the last frame that are no tag and no zeros; counted only where no total says
        that nothing is missing.
    has_jumps : bool
        Whether the numbers of the frames do anything but count from 0.  libsndfile, which seeks
        after each block, would read the wrong samples then.
    """

    start: int
    stop: int
    first_byte: int
    info: bytes
    sr: int
    n_channels: int
    n_bits: int
    total: int
    places: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("q"))
    silences: array[int] = field(default_factory=lambda: array("q"))
    n_lost: int = 0
    n_behind: int = 0
    has_jumps: bool = False

    @property
    def n_present(self) -> int:
        """Samples of the frames that are there."""
        return sum(self.lengths)

    @property
    def n_frames(self) -> int:
        """Samples of the frames and of the silence between them; 0 where no frame was found."""
        return self.n_present + sum(self.silences)

    @property
    def n_whole(self) -> int:
        """Samples that there should be."""
        return max(self.total, self.n_present + self.n_lost)

    @property
    def missing(self) -> str:
        """What STREAMINFO or the numbers of the frames promise and the file lacks; else empty.

        Nothing is claimed where no frame was found: whoever decodes will see.
        """
        if not self.places or self.n_present >= self.n_whole:
            return ""
        verb = "damaged" if self.has_jumps else "cut short"
        return f"is {verb}: {say_present(self.n_present, self.n_whole, self.sr)}"

    @property
    def notes(self) -> list[str]:
        """What is odd."""
        n_extra = self.n_present + self.n_lost - self.total
        notes = [say_more(n_extra / self.sr)] if self.total and n_extra > 0 else []
        if self.n_behind:
            notes.append(f"has {self.n_behind:,} bytes behind its last frame that are not FLAC")
        return notes

    def most_bytes(self, n_samples: int) -> int:
        """Return more than a frame takes: uncompressed, with a bit more for the side channel."""
        return n_samples * self.n_channels * (self.n_bits + 1) // 8 + 1024


def say_present(n_present: int, n_whole: int, sr: int) -> str:
    """Return how much of a recording is there, so finely that both numbers differ."""
    for digits in (1, 3):
        present, whole = f"{n_present / sr:.{digits}f}", f"{n_whole / sr:.{digits}f}"
        if present != whole:
            return f"{present} of {whole} s are there"
    return f"{n_present:,} of {n_whole:,} samples are there"


def open_codec(info: bytes) -> Any:  # noqa: ANN401 - PyAV is imported late
    """Return FFmpeg's decoder for the frames of a stream; it raises where a checksum is wrong."""
    context = import_av().CodecContext.create("flac", "r")
    context.extradata = info
    context.options = {"err_detect": "crccheck+explode"}
    return context


def walk_flac(file: BinaryIO, *, end: int) -> list[FlacStream]:
    """Return the streams of a file; several where files were joined."""
    starts = []
    for place in find_all(file, _MARK, 0, end):
        file.seek(place + 4)
        if file.read(4) in _STREAMINFO_HEADS and place + 8 + _INFO_BYTES <= end:
            starts.append(place)
    streams = []
    for start, stop in itertools.pairwise([*starts, end]):
        file.seek(start + 8)
        info = file.read(_INFO_BYTES)
        numbers = int.from_bytes(info[10:18], "big")
        stream = FlacStream(
            start=start,
            stop=stop,
            first_byte=_skip_metadata(file, start + 4, stop),
            info=info,
            sr=numbers >> 44,
            n_channels=(numbers >> 41 & 7) + 1,
            n_bits=(numbers >> 36 & 31) + 1,
            total=numbers & _MOST_SAMPLES,
        )
        if stream.sr:
            _Indexer(file, stream).run()
            streams.append(stream)
    return streams


class _Indexer:
    """Finds the frames of a stream.

    The checksum of a header has eight bits, so the noise inside a frame looks like a header now
    and then.  One is believed where its number continues the count; where it does not, the next one
    must continue its own, or the frame must decode with its checksum of 16 bits.
    """

    def __init__(self, file: BinaryIO, stream: FlacStream) -> None:
        self._file = file
        self._stream = stream
        self._last: _Header | None = None
        self._trials = 0
        self._codec: Any = None

    def run(self) -> None:
        """Fill the lists of the stream."""
        stream = self._stream
        found = self._candidates(stream.first_byte)
        ahead = next(found, None)
        while ahead is not None:
            place, header = ahead
            ahead = next(found, None)
            last = self._last
            if last is not None and header.number == last.next_number:
                self._add(place, header, n_gap=0)
                continue
            follows = ahead is not None and ahead[1].number == header.next_number
            if not follows and not self._is_frame(place, header):
                continue
            if last is None:
                # A stream may begin with any number; what stands in front of it was a frame.
                is_first = place <= stream.first_byte or header.number == 0
                stream.has_jumps = header.number > 0
                self._add(place, header, n_gap=0 if is_first else _gap(header, 0, header.n_samples))
            elif header.number == last.number and header.n_samples == last.n_samples:
                # One of the two was noise: this one has been confirmed.
                stream.places[-1] = place
            else:
                unit = max(last.n_samples, header.n_samples)
                self._add(place, header, n_gap=_gap(header, last.next_number, unit))
                stream.has_jumps = True
        if self._last is not None and not 0 < stream.n_present <= stream.total:
            stream.n_behind = self._count_behind(self._last)

    def _add(self, place: int, header: _Header, *, n_gap: int) -> None:
        stream = self._stream
        stream.n_lost += n_gap
        fits = stream.n_lost <= _MOST_SILENCE_S * stream.sr
        stream.places.append(place)
        stream.lengths.append(header.n_samples)
        stream.silences.append(n_gap if fits else 0)
        self._last = header

    def _is_frame(self, place: int, header: _Header) -> bool:
        self._trials += 1
        return self._trials <= _MOST_TRIALS and self._decodes(self._read(place, header))

    def _read(self, place: int, header: _Header) -> bytes:
        self._file.seek(place)
        n_most = self._stream.most_bytes(header.n_samples)
        return self._file.read(min(self._stream.stop - place, n_most))

    def _decodes(self, data: bytes) -> bool:
        """Return whether bytes begin with a whole frame whose checksum is right."""
        if self._codec is None:
            self._codec = open_codec(self._stream.info)
        av = import_av()
        try:
            return bool(data) and bool(self._codec.decode(av.Packet(data)))
        except (av.error.FFmpegError, ValueError):
            return False

    def _count_behind(self, last: _Header) -> int:
        """Return the bytes of unknown things behind the last frame."""
        place, stop = self._stream.places[-1], self._stream.stop
        data = self._read(place, last)
        if not self._decodes(data):
            return 0  # whoever decodes it will say so
        low, high = 0, len(data)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._decodes(data[:middle]) else (middle, high)
        self._file.seek(place + high)
        rest = self._file.read(min(stop - place - high, _CHUNK_BYTES))
        is_filling = is_foreign(rest) or is_zero(self._file, place + high, stop)
        return 0 if not rest or is_filling else stop - place - high

    def _candidates(self, start: int) -> Iterator[tuple[int, _Header]]:
        """Yield the places of what looks like the header of a frame of this stream, in order."""
        stream = self._stream
        at = start
        while at < stream.stop:
            self._file.seek(at)
            data = self._file.read(min(_CHUNK_BYTES + _HEADER_BYTES, stream.stop - at))
            if not data:
                return
            places = []
            for sync in (b"\xff\xf8", b"\xff\xf9"):
                found = data.find(sync, 0, _CHUNK_BYTES + 1)
                while found >= 0:
                    places.append(found)
                    found = data.find(sync, found + 1, _CHUNK_BYTES + 1)
            for place in sorted(places):
                header = _read_header(data[place : place + _HEADER_BYTES])
                if header is not None and self._fits(header):
                    yield at + place, header
            at += _CHUNK_BYTES

    def _fits(self, header: _Header) -> bool:
        stream = self._stream
        return header.n_channels == stream.n_channels and header.n_bits in (0, stream.n_bits)


def _gap(header: _Header, expected: int, unit: int) -> int:
    """Return the samples between a frame and the one that was expected."""
    return max(header.number - expected, 0) * (1 if header.is_variable else unit)


def _skip_metadata(file: BinaryIO, at: int, stop: int) -> int:
    """Return where the first frame should begin."""
    first = at
    while at + 4 <= stop:
        file.seek(at)
        head = file.read(4)
        at += 4 + int.from_bytes(head[1:4], "big")
        if head[0] & 0x7F == 0x7F or at > stop:
            break
        if head[0] & 0x80:
            return at
    # A length that makes no sense: the frames may begin anywhere.
    return first + 4 + _INFO_BYTES


def _read_header(head: bytes) -> _Header | None:
    """Return what a frame's header says; None if it is none."""
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
    return _Header(number, n_samples, bool(head[1] & 1), n_channels, _BIT_DEPTHS.get(depth_code, 0))


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
