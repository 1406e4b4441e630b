"""Walk through MPEG audio, layers I to III, frame by frame (ISO 11172-3, 13818-3).

There is no header of the file: each frame of some 26 ms has its own.  An encoder may put a frame
of statistics in front (Xing's, with LAME's addition) that says how many frames follow and how many
samples at both ends are not sound.  Counting the frames shows whether that is true.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["MpegRun", "find_frame", "walk_mpeg"]

_CHUNK_BYTES = 1 << 20
_SEARCH_BYTES = 1 << 16
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBITS[(2, 1)] = _KBITS[(2, 2)]
_DECODER_DELAY = 529
"""Samples by which every decoder of layer III is late; LAME's delay does not count them."""


@dataclass(slots=True)
class MpegRun:
    """Frames of one encoding, one after the other.

    Attributes
    ----------
    layer, sr, n_channels : int
        1 to 3; Hz; channels.
    n_samples_a_frame : int
        Of each channel.
    places, lengths : array of int
        First byte and length of each frame; that of the statistics left out.
    n_said, n_said_bytes : int or None
        Frames, and bytes of them, that the statistics promise.
    n_delay, n_padding : int
        Samples at both ends that are not sound, those of the decoder included.
    kbits : set of int
        Bit rates that occur.
    """

    layer: int
    sr: int
    n_channels: int
    n_samples_a_frame: int
    places: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("H"))
    n_said: int | None = None
    n_said_bytes: int | None = None
    n_delay: int = 0
    n_padding: int = 0
    kbits: set[int] = field(default_factory=set)

    @property
    def n_frames(self) -> int:
        """Frames of sound."""
        return len(self.places)

    @property
    def n_samples(self) -> int:
        """Samples of sound."""
        whole = self.n_frames * self.n_samples_a_frame
        # Where frames are missing or were added, the padding belongs to an end that is not here.
        # (Some encoders count the frame of statistics as well.)
        is_right = self.n_said in (self.n_frames, self.n_frames + 1)
        return max(whole - self.n_delay - (self.n_padding if is_right else 0), 0)

    @property
    def n_frames_missing(self) -> int:
        """Frames that are missing: both counts of the statistics must agree that some are."""
        n_bytes = sum(self.lengths)
        if self.n_said is None or self.n_said <= self.n_frames + 1:
            return 0
        if self.n_said_bytes is not None and self.n_said_bytes <= n_bytes + 4096:
            return 0
        return self.n_said - self.n_frames

    @property
    def n_frames_extra(self) -> int:
        """Frames beyond those that the statistics promise."""
        return max(self.n_frames - self.n_said, 0) if self.n_said else 0

    @property
    def bit_rate(self) -> float:
        """Mean rate, in bit/s."""
        seconds = self.n_frames * self.n_samples_a_frame / self.sr
        return 8.0 * sum(self.lengths) / seconds if seconds else 0.0

    @property
    def is_vbr(self) -> bool:
        """Whether its rate varies."""
        return len(self.kbits) > 1


@dataclass(frozen=True, slots=True)
class _Header:
    layer: int
    version: int
    sr: int
    n_channels: int
    n_samples: int
    n_bytes: int
    kbits: int


def _read_header(head: bytes) -> _Header | None:
    """Return what the four bytes at the beginning of a frame say, or None."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer_code = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate_code, kbit_code = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer_code == 0 or rate_code == 3 or kbit_code in (0, 15):
        return None
    sr = _RATES[version][rate_code]
    kbits = _KBITS[(3 if version == 3 else 2, layer_code)][kbit_code]
    layer, padding = 4 - layer_code, head[2] >> 1 & 1
    if layer == 1:
        n_samples, n_bytes = 384, (12_000 * kbits // sr + padding) * 4
    else:
        n_samples = 576 if layer == 3 and version != 3 else 1152
        n_bytes = n_samples * 125 * kbits // sr + padding
    n_channels = 1 if head[3] >> 6 == 3 else 2
    return _Header(layer, version, sr, n_channels, n_samples, n_bytes, kbits)


def find_frame(data: bytes) -> int:
    """Return where the first of three frames in a row begins, or -1.

    Fewer are enough where the data end before: two that reach exactly to the end.
    """
    at = data.find(b"\xff")
    while at >= 0:
        first = _read_header(data[at : at + 4])
        if first is not None and _is_followed(data, at, first):
            return at
        at = data.find(b"\xff", at + 1)
    return -1


def _is_followed(data: bytes, at: int, first: _Header) -> bool:
    place = at + first.n_bytes
    for _ in range(2):
        if place >= len(data):
            return place == len(data) and at != place
        header = _read_header(data[place : place + 4])
        if header is None or (header.layer, header.sr) != (first.layer, first.sr):
            return False
        place += header.n_bytes
    return True


def walk_mpeg(file: BinaryIO, *, start: int, end: int) -> tuple[list[MpegRun], int]:
    """Return the runs of frames in a stretch of a file, and the bytes of a last frame that is cut.

    Tags, pictures and other things between frames are passed over.
    """
    walker = _Walker(file, start, end)
    runs: list[MpegRun] = []
    last: _Header | None = None
    while True:
        head = walker.peek(4)
        header = _read_header(head)
        if header is None or (last is not None and _differs(header, last)):
            place = walker.next_frame()
            if place < 0:
                return runs, 0
            walker.skip_to(place)
            header = _read_header(walker.peek(4))
            if header is None:
                return runs, 0
        if walker.at + header.n_bytes > end:
            return runs, header.n_bytes - (end - walker.at)
        body = walker.peek(min(header.n_bytes, 300))
        said = _read_statistics(body, header) if header.layer == 3 else None
        if said is not None or not runs or last is None or _differs(header, last):
            runs.append(MpegRun(header.layer, header.sr, header.n_channels, header.n_samples))
        if said is not None:
            said.apply(runs[-1])
        else:
            runs[-1].places.append(walker.at)
            runs[-1].lengths.append(header.n_bytes)
            runs[-1].kbits.add(header.kbits)
        last = header
        walker.skip_to(walker.at + header.n_bytes)


def _differs(header: _Header, last: _Header) -> bool:
    return (header.layer, header.sr, header.n_channels) != (last.layer, last.sr, last.n_channels)


@dataclass(frozen=True, slots=True)
class _Statistics:
    n_said: int | None
    n_said_bytes: int | None = None
    n_delay: int = 0
    n_padding: int = 0

    def apply(self, run: MpegRun) -> None:
        run.n_said, run.n_said_bytes = self.n_said, self.n_said_bytes
        run.n_delay, run.n_padding = self.n_delay, self.n_padding


def _read_statistics(frame: bytes, header: _Header) -> _Statistics | None:
    """Return what a frame says that holds statistics and no sound, or None."""
    side = (
        (17 if header.n_channels == 1 else 32)
        if header.version == 3
        else (9 if header.n_channels == 1 else 17)
    )
    if frame[36:40] == b"VBRI":
        return _Statistics(int.from_bytes(frame[50:54], "big") or None)
    # With a checksum, two bytes more.
    for at in (4 + side, 6 + side):
        if frame[at : at + 4] in (b"Xing", b"Info"):
            break
    else:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    place = at + 8
    n_said = n_said_bytes = None
    if flags & 1:
        n_said = int.from_bytes(frame[place : place + 4], "big") or None
        place += 4
    if flags & 2:
        n_said_bytes = int.from_bytes(frame[place : place + 4], "big") or None
        place += 4
    place += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = frame[place : place + 36]
    if lame[:4] not in (b"LAME", b"Lavf", b"Lavc", b"L3.9") or len(lame) < 24:
        return _Statistics(n_said, n_said_bytes)
    both = int.from_bytes(lame[21:24], "big")
    return _Statistics(
        n_said,
        n_said_bytes,
        (both >> 12) + _DECODER_DELAY,
        max((both & 0xFFF) - _DECODER_DELAY, 0),
    )


class _Walker:
    """A stretch of a file, seen through a window that moves on."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file = file
        self._end = end
        self._window = b""
        self._window_at = start
        self.at = start

    def peek(self, n: int) -> bytes:
        """Return the next at most `n` bytes."""
        inside = self.at - self._window_at
        if inside < 0 or inside + n > len(self._window):
            self._file.seek(self.at)
            self._window = self._file.read(max(min(_CHUNK_BYTES, self._end - self.at), 0))
            self._window_at, inside = self.at, 0
        return self._window[inside : inside + n]

    def skip_to(self, place: int) -> None:
        """Move on."""
        self.at = place

    def next_frame(self) -> int:
        """Return where the next frames begin, or -1; tags that say their length are jumped over."""
        at = self._jump_tags(self.at)
        while at < self._end:
            self.at = at
            data = self.peek(min(_SEARCH_BYTES, self._end - at))
            found = find_frame(data)
            if found >= 0:
                return at + found
            if len(data) < _SEARCH_BYTES:
                return -1
            # Three frames of up to 3 kB may reach over the edge.
            at += len(data) - 8192
        return -1

    def _jump_tags(self, at: int) -> int:
        self.at = at
        while (head := self.peek(10))[:3] == b"ID3" and len(head) == 10:
            size = 0
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
            at = self.at + 10 + size
            if at > self._end:
                break
            self.at = at
        return min(self.at, self._end)
