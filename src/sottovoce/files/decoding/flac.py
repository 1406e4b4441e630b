"""Walk through FLAC: where its streams and their frames begin, and what is missing between them.

The total in STREAMINFO is 0 if the encoder wrote into a pipe, and wrong if a tool cut or joined
files.  Each frame's header has its position (RFC 9639, section 9.1): frames that follow each other
without a gap are the recording, and a gap proves that something was lost.
"""

from __future__ import annotations

import itertools
import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sottovoce.files.decoding.extent import is_foreign, is_zero
from sottovoce.files.decoding.flac_header import HEADER_BYTES, FlacHeader, read_header
from sottovoce.files.decoding.layout import say_more
from sottovoce.files.decoding.pyav import import_av
from sottovoce.files.decoding.raw import find_all
from sottovoce.files.decoding.shortfall import say_present

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["FlacStream", "open_codec", "subtype_of", "walk_flac"]

_MARK = b"fLaC"
_STREAMINFO_HEADS = (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22")
_INFO_BYTES = 34
_CHUNK_BYTES = 1 << 20
_MOST_SAMPLES = (1 << 36) - 1
_MOST_SILENCE_S = 3600
"""Limit on silence for lost frames: a number in a hostile file could demand years of it."""
_MOST_TRIALS = 1000
"""Frames of one stream that may be decoded to confirm that they are frames; a few in good files."""
_TAIL_BYTES = 1 << 16


@dataclass(slots=True, kw_only=True)
class FlacStream:
    """One stream of a file.

    Attributes
    ----------
    start, stop : int
        First byte, and the one after the last.
    first_byte : int
        Expected position of the first frame.
    info : bytes
        Body of STREAMINFO.
    sr, n_channels, n_bits : int
        From STREAMINFO.
    total : int
        Samples that STREAMINFO promises; 0 if it does not say.
    places, lengths, silences : array of int
        First byte of each frame, its samples, and the lost samples before it that silence
        replaces.
    n_lost : int
        Samples whose loss the frame numbers prove.
    n_behind : int
        Bytes after the last frame that are neither tags nor zeros; counted only if no total says
        that nothing is missing.
    is_indexed : bool
        Whether the frames were located one by one; skipped for a stream that seems complete.
    has_jumps : bool
        Whether the frame numbers do anything but count up from 0.  If so, libsndfile, which seeks
        after each block, would read the wrong samples.
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
    is_indexed: bool = False

    @property
    def n_present(self) -> int:
        """Samples of the frames that are present."""
        return sum(self.lengths) if self.is_indexed else self.total

    @property
    def n_frames(self) -> int:
        """Samples of the frames and of the silence between them; 0 where no frame was found."""
        return self.n_present + sum(self.silences)

    @property
    def n_whole(self) -> int:
        """Samples that should be present."""
        return max(self.total, self.n_present + self.n_lost)

    @property
    def missing(self) -> str:
        """What STREAMINFO or the frame numbers promise and the file lacks; else empty.

        Nothing is claimed if no frame was found: the decoder will report it.
        """
        if (self.is_indexed and not self.places) or self.n_present >= self.n_whole:
            return ""
        verb = "damaged" if self.has_jumps else "cut short"
        return f"is {verb}: {say_present(self.n_present, self.n_whole, self.sr)}"

    @property
    def notes(self) -> list[str]:
        """Irregularities, one per line."""
        n_extra = self.n_present + self.n_lost - self.total
        notes = [say_more(n_extra / self.sr)] if self.total and n_extra > 0 else []
        if self.n_behind:
            notes.append(f"has {self.n_behind:,} bytes after its last frame that are not FLAC")
        return notes

    def index(self, file: BinaryIO) -> None:
        """Find the frames, unless already done."""
        if not self.is_indexed:
            self.is_indexed = True
            _Indexer(file, self).run()

    def seems_whole(self, file: BinaryIO) -> bool:
        """Return whether there are as many frames as the total requires, the last one complete.

        Counting the first bytes of headers takes a fraction of the time of parsing them.  The
        decoder, which verifies the checksum of each frame, finds anything that this overlooks.
        """
        least, most = (int.from_bytes(self.info[at : at + 2], "big") for at in (0, 2))
        file.seek(self.first_byte)
        head = file.read(HEADER_BYTES)
        first = read_header(head)
        if not self.total or least != most or not least or first is None:
            return False
        if first.number or first.is_variable or not self._has_end(file, least):
            return False
        # Two channels may be coded in four ways, from frame to frame.
        codings = (1, 8, 9, 10) if self.n_channels == 2 else (head[3] >> 4,)
        fourth = bytes(code << 4 | head[3] & 15 for code in codings)
        pattern = re.compile(re.escape(head[:3]) + b"[" + re.escape(fourth) + b"]")
        return _count(file, pattern, self.first_byte, self.stop) == self.total // least

    def _has_end(self, file: BinaryIO, n_block: int) -> bool:
        """Return whether the last two frames are where they should be."""
        number = (self.total - 1) // n_block
        n_tail = 2 * self.most_bytes(n_block) + _TAIL_BYTES
        found = {}
        for _, header in _Indexer(file, self).candidates(max(self.first_byte, self.stop - n_tail)):
            found[header.number] = header.n_samples
        is_last = found.get(number) == self.total - number * n_block
        return is_last and (number == 0 or found.get(number - 1) == n_block)

    def most_bytes(self, n_samples: int) -> int:
        """Return a bound on a frame's length: uncompressed, one more bit in the side channel."""
        return n_samples * self.n_channels * (self.n_bits + 1) // 8 + 1024


def open_codec(info: bytes) -> Any:  # noqa: ANN401 - PyAV is imported late
    """Return FFmpeg's decoder for the frames of a stream; it raises if a checksum is wrong."""
    context = import_av().CodecContext.create("flac", "r")
    context.extradata = info
    context.options = {"err_detect": "crccheck+explode"}
    return context


def subtype_of(n_bits: int) -> str:
    """Return the subtype of samples of so many bits, as soundfile names it: the next larger one."""
    depth = next((bits for bits in (8, 16, 24) if n_bits <= bits), 32)
    return "PCM_S8" if depth == 8 else f"PCM_{depth}"


def walk_flac(file: BinaryIO, *, end: int) -> list[FlacStream]:
    """Return the streams of a file; several if files were joined."""
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
            if len(starts) > 1 or not stream.seems_whole(file):
                stream.index(file)
            streams.append(stream)
    return streams


def _count(file: BinaryIO, pattern: re.Pattern[bytes], start: int, stop: int) -> int:
    """Return how often four bytes that match a pattern occur in a stretch of a file."""
    n, before = 0, b""
    file.seek(start)
    for at in range(start, stop, _CHUNK_BYTES):
        data = before + file.read(min(_CHUNK_BYTES, stop - at))
        n += len(pattern.findall(data))
        before = data[-3:]
    return n


class _Indexer:
    """Finds the frames of a stream.

    The checksum of a header has eight bits, so noise inside a frame sometimes looks like a header.
    A header is accepted if its number continues the count; if not, the next one must continue its
    number, or the frame must decode with its checksum of 16 bits.
    """

    def __init__(self, file: BinaryIO, stream: FlacStream) -> None:
        self._file = file
        self._stream = stream
        self._last: FlacHeader | None = None
        self._trials = 0
        self._codec: Any = None

    def run(self) -> None:
        """Fill the lists of the stream."""
        stream = self._stream
        found = self.candidates(stream.first_byte)
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
                # A stream may begin with any number; the bytes before it were a frame.
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

    def _add(self, place: int, header: FlacHeader, *, n_gap: int) -> None:
        stream = self._stream
        stream.n_lost += n_gap
        fits = stream.n_lost <= _MOST_SILENCE_S * stream.sr
        stream.places.append(place)
        stream.lengths.append(header.n_samples)
        stream.silences.append(n_gap if fits else 0)
        self._last = header

    def _is_frame(self, place: int, header: FlacHeader) -> bool:
        self._trials += 1
        return self._trials <= _MOST_TRIALS and self._decodes(self._read(place, header))

    def _read(self, place: int, header: FlacHeader) -> bytes:
        self._file.seek(place)
        n_most = self._stream.most_bytes(header.n_samples)
        return self._file.read(min(self._stream.stop - place, n_most))

    def _decodes(self, data: bytes) -> bool:
        """Return whether bytes begin with a complete frame whose checksum is right."""
        if self._codec is None:
            self._codec = open_codec(self._stream.info)
        av = import_av()
        try:
            return bool(data) and bool(self._codec.decode(av.Packet(data)))
        except (av.error.FFmpegError, ValueError):
            return False

    def _count_behind(self, last: FlacHeader) -> int:
        """Return the number of unknown bytes after the last frame."""
        place, stop = self._stream.places[-1], self._stream.stop
        data = self._read(place, last)
        if not self._decodes(data):
            return 0  # the decoder will report it
        low, high = 0, len(data)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._decodes(data[:middle]) else (middle, high)
        self._file.seek(place + high)
        rest = self._file.read(min(stop - place - high, _CHUNK_BYTES))
        is_filling = is_foreign(rest) or is_zero(self._file, place + high, stop)
        return 0 if not rest or is_filling else stop - place - high

    def candidates(self, start: int) -> Iterator[tuple[int, FlacHeader]]:
        """Yield the positions of possible frame headers of this stream, in order."""
        stream = self._stream
        at = start
        while at < stream.stop:
            self._file.seek(at)
            data = self._file.read(min(_CHUNK_BYTES + HEADER_BYTES, stream.stop - at))
            if not data:
                return
            places = []
            for sync in (b"\xff\xf8", b"\xff\xf9"):
                found = data.find(sync, 0, _CHUNK_BYTES + 1)
                while found >= 0:
                    places.append(found)
                    found = data.find(sync, found + 1, _CHUNK_BYTES + 1)
            for place in sorted(places):
                header = read_header(data[place : place + HEADER_BYTES])
                if header is not None and self._fits(header):
                    yield at + place, header
            at += _CHUNK_BYTES

    def _fits(self, header: FlacHeader) -> bool:
        stream = self._stream
        return header.n_channels == stream.n_channels and header.n_bits in (0, stream.n_bits)


def _gap(header: FlacHeader, expected: int, unit: int) -> int:
    """Return the samples between a frame and the expected one."""
    return max(header.number - expected, 0) * (1 if header.is_variable else unit)


def _skip_metadata(file: BinaryIO, at: int, stop: int) -> int:
    """Return the expected position of the first frame."""
    first = at
    while at + 4 <= stop:
        file.seek(at)
        head = file.read(4)
        at += 4 + int.from_bytes(head[1:4], "big")
        if head[0] & 0x7F == 0x7F or at > stop:
            break
        if head[0] & 0x80:
            return at
    # An invalid length: the frames may begin anywhere.
    return first + 4 + _INFO_BYTES
