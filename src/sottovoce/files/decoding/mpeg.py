"""Walk through MPEG audio, layers I to III, frame by frame (ISO 11172-3, 13818-3).

The file has no header: each frame of some 26 ms has its own.  A frame of statistics at the start
may say how many follow; counting them shows whether that is true.

Twelve bits of sync occur in any noise; a frame is accepted if two more follow it.
"""

from __future__ import annotations

import functools
import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.extent import is_foreign, is_zero
from sottovoce.files.decoding.mpeg_statistics import (
    Statistics,
    may_be_statistics,
    read_statistics,
)
from sottovoce.files.decoding.synchsafe import synchsafe

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["MpegRun", "find_frame", "walk_mpeg"]

_CHUNK_BYTES = 1 << 20
_SEARCH_BYTES = 1 << 16
_OVERLAP_BYTES = 1 << 14
"""More than three of the longest frames, of 2881 bytes."""
_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")
_FREE_SYNC = re.compile(rb"\xff[\xe2-\xff][\x00-\x0f]")
_FREE = "contains free-format MP3 (a non-standard bit rate), which cannot be decoded"
_FREE_REMEDY = "Decode it to WAV or FLAC first; LAME and mpg123 can."
_FREE_FRAMES = 4
_MOST_FREE_BYTES = 5000
_MOST_TRIALS = 64
_MOST_FRAME_BYTES = 1441  # of layer III
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBITS = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBITS[(2, 1)] = _KBITS[(2, 2)]


@dataclass(slots=True)
class MpegRun:
    """Frames of one encoding, one after the other.

    Attributes
    ----------
    layer, sr, n_channels : int
        Layer, 1 to 3; sampling rate, in Hz; number of channels.
    n_samples_a_frame : int
        Number of samples in each channel of a frame.
    places, lengths : array of int
        First byte and length of each frame, except that of the statistics.
    n_said, n_said_bytes : int or None
        Frames, and bytes of them, that the statistics promise.
    n_statistics_bytes : int
        Length of the frame of statistics, which the promised bytes include; 0 without one.
    n_delay, n_padding : int
        Samples at both ends that are not sound, including those of the decoder.
    kbits : set of int
        Bit rates that occur.
    n_skipped : int
        Unknown bytes before and between its frames, after any earlier frame.
    n_behind : int
        The same after the last frame of all.
    n_cut : int
        Bytes missing from an incomplete last frame.
    """

    layer: int
    sr: int
    n_channels: int
    n_samples_a_frame: int
    places: array[int] = field(default_factory=lambda: array("q"))
    lengths: array[int] = field(default_factory=lambda: array("H"))
    n_said: int | None = None
    n_said_bytes: int | None = None
    n_statistics_bytes: int = 0
    n_delay: int = 0
    n_padding: int = 0
    kbits: set[int] = field(default_factory=set)
    n_skipped: int = 0
    n_behind: int = 0
    n_cut: int = 0

    @property
    def n_frames(self) -> int:
        """Frames of sound."""
        return len(self.places)

    @property
    def n_samples(self) -> int:
        """Samples of sound."""
        whole = self.n_frames * self.n_samples_a_frame
        # If frames are missing or were added, the padding belongs to an end that is not present.
        # (Some encoders also count the frame of statistics.)
        is_right = self.n_said in (self.n_frames, self.n_frames + 1)
        return max(whole - self.n_delay - (self.n_padding if is_right else 0), 0)

    @property
    def n_frames_missing(self) -> int:
        """Frames that are missing: both counts of the statistics must agree that some are."""
        n = (self.n_said or 0) - self.n_frames
        if n <= 0:
            return 0
        if self.n_said_bytes is None:
            return n if n > 1 else 0
        n_bytes = self.n_said_bytes - self.n_statistics_bytes - sum(self.lengths)
        # The missing frames may be shorter than any that is present, but hardly by more than half.
        if n_bytes < n * min(self.lengths, default=2) // 2:
            return 0
        # Some count the frame of statistics among the frames, and a tag among the bytes.
        return n if n > 1 or n_bytes <= _MOST_FRAME_BYTES else 0

    @property
    def n_frames_extra(self) -> int:
        """Frames in addition to those that the statistics promise."""
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


@functools.lru_cache(maxsize=1024)  # a file has few different ones, and thousands of frames
def _read_header(head: bytes) -> _Header | None:
    """Return the content of the four bytes at the start of a frame, or None."""
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


def find_frame(data: bytes, *, is_end: bool = True) -> int:
    """Return where the first of three frames in a row begins, or -1.

    Fewer are enough at the end of the file, if they extend exactly to it.
    """
    match = _SYNC.search(data)
    while match is not None:
        at = match.start()
        first = _read_header(data[at : at + 4])
        if first is not None and _is_followed(data, at, first, is_end=is_end):
            return at
        match = _SYNC.search(data, at + 1)
    return -1


def _is_followed(data: bytes, at: int, first: _Header, *, is_end: bool) -> bool:
    place = at + first.n_bytes
    for _ in range(2):
        if place >= len(data):
            return is_end and place == len(data)
        header = _read_header(data[place : place + 4])
        if header is None or (header.layer, header.sr) != (first.layer, first.sr):
            return False
        place += header.n_bytes
    return True


def _has_free_format(data: bytes) -> bool:
    """Return whether data contain free-format frames: equal headers at equal distances."""
    match, n_tried = _FREE_SYNC.search(data), 0
    while match is not None and n_tried < _MOST_TRIALS:
        at = match.start()
        head = data[at : at + 4]
        # They have bit rate 0; any other rate in its place makes the rest of the header readable.
        if len(head) == 4 and _read_header(bytes([*head[:2], head[2] | 0x10, head[3]])) is not None:
            n_tried += 1
            place = data.find(head[:2], at + 24, at + _MOST_FREE_BYTES)
            while place >= 0:
                if _repeats(data, at, place - at):
                    return True
                place = data.find(head[:2], place + 1, at + _MOST_FREE_BYTES)
        match = _FREE_SYNC.search(data, at + 1)
    return False


def _repeats(data: bytes, at: int, distance: int) -> bool:
    head = data[at : at + 3]
    for _ in range(_FREE_FRAMES - 1):
        # A frame may be longer or shorter by a slot of padding.
        for slot in (0, 1, -1, 4, -4):
            found = data[at + distance + slot : at + distance + slot + 3]
            if len(found) == 3 and found[:2] == head[:2] and not (found[2] ^ head[2]) & 0xFC:
                at += distance + slot
                break
        else:
            return False
    return True


def walk_mpeg(file: BinaryIO, *, start: int, end: int, path: str = "") -> list[MpegRun]:
    """Return the runs of frames in a stretch of a file.

    Tags, pictures and other data between frames are skipped and, unless they are tags, counted.

    Raises
    ------
    UnsupportedFormatError
        If there are free-format frames: their length is not in their header, and FFmpeg does not
        decode them.
    """
    walker = _Walker(file, start, end, path)
    runs: list[MpegRun] = []
    last: _Header | None = None
    n_skipped = 0
    while True:
        header = _read_header(walker.peek(4))
        if header is None or last is None or _differs(header, last):
            alone = header if last is None else None
            place, n_unknown = walker.next_frame()
            n_skipped = n_unknown if runs else 0
            header = _read_header(walker.peek(4)) if place >= 0 else None
            if header is None and alone is not None:
                # One or two frames, and a tag after them.
                header = alone
                walker.skip_to(start)
            if header is None:
                if runs:
                    runs[-1].n_behind = n_skipped
                return runs
        if walker.at + header.n_bytes > end:
            if runs:
                runs[-1].n_cut = header.n_bytes - (end - walker.at)
            return runs
        said = _statistics(walker, header)
        if said is not None and runs and runs[-1].n_said == runs[-1].n_frames:
            n_skipped = 0  # nothing is missing between two that are complete
        if said is not None or not runs or last is None or _differs(header, last):
            runs.append(MpegRun(header.layer, header.sr, header.n_channels, header.n_samples))
        run = runs[-1]
        run.n_skipped, n_skipped = run.n_skipped + n_skipped, 0
        if said is not None:
            run.n_statistics_bytes = header.n_bytes
            run.n_said, run.n_said_bytes = said.n_frames, said.n_bytes
            run.n_delay, run.n_padding = said.n_delay, said.n_padding
        else:
            run.places.append(walker.at)
            run.lengths.append(header.n_bytes)
            run.kbits.add(header.kbits)
        last = header
        walker.skip_to(walker.at + header.n_bytes)
        walker.take_plain(run, last)


def _differs(header: _Header, last: _Header) -> bool:
    return (header.layer, header.sr, header.n_channels) != (last.layer, last.sr, last.n_channels)


def _statistics(walker: _Walker, header: _Header) -> Statistics | None:
    """Return the statistics in the frame that begins here, if it holds them instead of sound."""
    if header.layer != 3:
        return None
    body = walker.peek(min(header.n_bytes, 300))
    return read_statistics(body, version=header.version, n_channels=header.n_channels)


class _Walker:
    """A stretch of a file, read through a moving window."""

    def __init__(self, file: BinaryIO, start: int, end: int, path: str) -> None:
        self._file = file
        self._end = end
        self._path = path
        self._window = b""
        self._window_at = start
        self.at = start

    def peek(self, n: int) -> bytes:
        """Return at most the next `n` bytes."""
        inside = self.at - self._window_at
        if inside < 0 or inside + n > len(self._window):
            self._file.seek(self.at)
            self._window = self._file.read(max(min(_CHUNK_BYTES, self._end - self.at), 0))
            self._window_at, inside = self.at, 0
        return self._window[inside : inside + n]

    def skip_to(self, place: int) -> None:
        """Move to a position."""
        self.at = place

    def take_plain(self, run: MpegRun, last: _Header) -> None:
        """Take the frames in the window that are of the kind of the last, without statistics.

        `walk_mpeg` would take the same ones, and takes three times as long for each.
        """
        window, at = self._window, self.at - self._window_at
        has_statistics = last.layer == 3
        while (header := _read_header(window[at : at + 4])) is not None:
            stop = at + header.n_bytes
            if stop > len(window) or _differs(header, last):
                break
            if has_statistics and may_be_statistics(
                window, at, version=header.version, n_channels=header.n_channels
            ):
                break
            run.places.append(self._window_at + at)
            run.lengths.append(header.n_bytes)
            run.kbits.add(header.kbits)
            at = stop
        self.at = self._window_at + at

    def next_frame(self) -> tuple[int, int]:
        """Move to the next frames; return their position (-1 at the end) and the bytes before them.

        Tags that give their length are not counted.
        """
        self.at = first = at = self._skip_tags()
        header = _read_header(self.peek(4))
        if header is not None and _statistics(self, header) is not None:
            return first, 0  # although the frames that it counts may have been cut off
        while at < self._end:
            self.at = at
            data = self.peek(min(_SEARCH_BYTES, self._end - at))
            is_end = at + len(data) >= self._end
            found = find_frame(data, is_end=is_end)
            if _has_free_format(data if found < 0 else data[:found]):
                raise UnsupportedFormatError(_FREE, path=self._path, remedy=_FREE_REMEDY)
            if found >= 0:
                self.at = at + found
                return self.at, self._count_unknown(first)
            if is_end:
                break
            at += len(data) - _OVERLAP_BYTES
        self.at = self._end
        return -1, self._count_unknown(first)

    def _count_unknown(self, first: int) -> int:
        """Return the number of bytes since a position; 0 if they are text, tags or zeros."""
        self._file.seek(first)
        data = self._file.read(min(self.at - first, _SEARCH_BYTES))
        is_filling = is_foreign(data) or is_zero(self._file, first, self.at)
        return 0 if is_filling else self.at - first

    def _skip_tags(self) -> int:
        """Return the position after tags that begin here."""
        while len(head := self.peek(32)) >= 10:
            at = self.at
            if head[:3] == b"ID3":
                self.at += 10 + synchsafe(head[6:10])
            elif head[:3] == b"TAG":
                self.at += 128
            elif head[:8] == b"APETAGEX":
                # The length excludes the header, which is optional.
                has_header = len(head) == 32 and head[23] & 0x80
                self.at += 32 + (int.from_bytes(head[12:16], "little") if has_header else 0)
            else:
                break
            if self.at > self._end:
                return at
        return min(self.at, self._end)
