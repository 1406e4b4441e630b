"""Walk through the boxes of MP4 and QuickTime (ISO 14496-12) for their timing.

The sample table gives the exact length of a track; the edit list, which part of it is sound:
encoders put one or two frames of priming in front.  Fragmented files say so for each fragment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = [
    "NORMAL_RATE",
    "OUTERMOST",
    "Movie",
    "Sounding",
    "TrackTiming",
    "find_movies",
    "has_index",
    "int_at",
    "read_edits",
    "walk_boxes",
]

OUTERMOST = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"free", b"skip", b"wide", b"uuid", b"meta"}
    | {b"sidx", b"ssix", b"styp", b"emsg", b"prft", b"pdin", b"udta", b"pnot", b"PICT"}
)
"""Outermost boxes.  Data with another name that extends past the end is not a box."""
_INNER = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}
NORMAL_RATE = 1 << 16
"""Rate of an edit that plays samples at normal speed, as a fixed-point number."""
_MOST_BOXES = 5_000_000
_MOST_BYTES = 1 << 29
"""Limits on tables; both exceed a day of fragments by far, and bound the cost of a hostile file."""


@dataclass(slots=True)
class TrackTiming:
    """Timing of a track.

    Attributes
    ----------
    track_id : int
        Its number in the file.
    timescale : int
        Units of its own time per second.
    edits : list of (int, int)
        (duration in the movie's units, first unit of the track or -1 for a pause).
    n_units : int
        Length of its samples, in its own units.
    default_duration : int
        Duration of a sample in a fragment that does not give it.
    changes_speed : bool
        Whether an edit plays faster or slower than normal, or stands still.
    """

    track_id: int = 0
    timescale: int = 0
    edits: list[tuple[int, int]] | None = None
    n_units: int = 0
    default_duration: int = 0
    changes_speed: bool = False


@dataclass(frozen=True, slots=True)
class Sounding:
    """Which part of a track is sound.

    Attributes
    ----------
    first, stop : int
        First unit of the track's time, and the one after the last.
    timescale : int
        Units per second.
    is_edited : bool
        Whether an edit ends it before its last sample.
    """

    first: int
    stop: int
    timescale: int
    is_edited: bool


@dataclass(slots=True)
class Movie:
    """Content of the boxes of a file.

    Attributes
    ----------
    timescale : int
        Units of the movie's time per second.
    tracks : dict of int to TrackTiming
        The tracks, by number.
    n_missing : int
        Bytes by which a box extends past the end of the file.
    is_fragmented : bool
        Whether samples are in fragments.
    is_walked : bool
        Whether the walk reached the end; else the timing is unknown.
    """

    timescale: int
    tracks: dict[int, TrackTiming]
    n_missing: int = 0
    is_fragmented: bool = False
    is_walked: bool = True

    def sounding(self, track_id: int) -> Sounding | None:
        """Return which part of a track is sound; None if that is not clear."""
        track = self.tracks.get(track_id)
        if not self.is_walked or track is None or not track.timescale or not track.n_units:
            return None
        first, stop = 0, track.n_units
        edits = [edit for edit in track.edits or [] if edit[1] >= 0]
        if len(edits) > 1 or any(edit[1] < 0 for edit in (track.edits or [])[1:]):
            return None
        is_edited = False
        if edits:
            duration, first = edits[0]
            end = first + duration * track.timescale / max(self.timescale, 1)
            # The movie's units are coarse: only an end earlier by more than one unit cuts.
            if duration and end < stop - 1.5 * track.timescale / max(self.timescale, 1):
                stop, is_edited = round(end), True
        if first >= stop:
            return None
        return Sounding(first, stop, track.timescale, is_edited=is_edited)


def walk_boxes(file: BinaryIO, *, end: int) -> Movie:
    """Return the content of the boxes of a file; an invalid box ends the walk."""
    movie = Movie(timescale=0, tracks={})
    track = TrackTiming()
    budget = [_MOST_BYTES]

    def read(at: int, n: int) -> bytes:
        movie.is_walked = movie.is_walked and n <= budget[0]
        n = min(n, budget[0])
        budget[0] -= n
        file.seek(at)
        return file.read(n)

    for name, at, n in _boxes(file, 0, end, movie):
        if name == b"mvhd":
            body = read(at, 32)
            place = 20 if body[:1] == b"\x01" else 12
            movie.timescale = int_at(body, place)
        elif name == b"trak":
            track = TrackTiming()
        elif name == b"tkhd":
            body = read(at, 28)
            track.track_id = int_at(body, 20 if body[:1] == b"\x01" else 12)
            movie.tracks[track.track_id] = track
        elif name == b"mdhd":
            body = read(at, 32)
            track.timescale = int_at(body, 20 if body[:1] == b"\x01" else 12)
        elif name == b"elst":
            edits = read_edits(read(at, n))
            track.edits = [(duration, first) for duration, first, _ in edits]
            track.changes_speed = any(rate != NORMAL_RATE for *_, rate in edits)
        elif name == b"stts":
            body = read(at, n)
            track.n_units += sum(
                int_at(body, place) * int_at(body, place + 4)
                for place in range(8, len(body) - 7, 8)
            )
        elif name == b"trex":
            body = read(at, 24)
            if int_at(body, 4) in movie.tracks:
                movie.tracks[int_at(body, 4)].default_duration = int_at(body, 12)
        elif name == b"tfhd":
            movie.is_fragmented = True
            track = _fragment(read(at, min(n, 64)), movie)
        elif name == b"trun":
            track.n_units += _run_units(read(at, n), track.default_duration)
    return movie


def _boxes(file: BinaryIO, start: int, end: int, movie: Movie) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, first byte of the body, its length) of every box, including nested ones."""
    stack = [(start, end)]
    for _ in range(_MOST_BOXES):
        while stack and stack[-1][0] + 8 > stack[-1][1]:
            stack.pop()
        if not stack:
            return
        at, stop = stack.pop()
        file.seek(at)
        head = file.read(16)
        size, name, n_head = int_at(head, 0), head[4:8], 8
        if size == 1:
            size, n_head = int_at(head, 8, 8), 16
        elif size == 0:
            size = stop - at
        if size < n_head or not all(32 <= byte < 127 or byte == 0xA9 for byte in name):
            # Junk after the last box hides nothing, unless fragments may follow.
            is_behind = not stack and not movie.is_fragmented
            movie.is_walked = movie.is_walked and is_behind
            return
        if at + size > stop:
            if not stack and name not in OUTERMOST and movie.tracks:
                return  # junk whose first bytes look like a box
            movie.n_missing = max(movie.n_missing, at + size - stop)
            size = stop - at
        stack.append((at + size, stop))
        yield name, at + n_head, size - n_head
        if name in _INNER:
            stack.append((at + n_head, at + size))
    movie.is_walked = False


def find_movies(file: BinaryIO, *, start: int, end: int) -> list[int]:
    """Return where each of the joined files begins; usually only `start`."""
    starts = [start]
    seen: list[bytes] = []
    at, last, after_movie = start, start, start
    for _ in range(_MOST_BOXES):
        if at == end:
            return starts
        box = _outer_box(file, at, end)
        if box is None:  # junk, or the previous box was cut off by the file joined to it
            at = _find_type(file, last + 8, end)
            box = _outer_box(file, at, end) if at >= 0 else None
            if box is None:
                return starts
        name, n_bytes = box
        if name == b"ftyp" and (b"moov" in seen or b"mdat" in seen):
            starts.append(at)
            seen = []
        elif name == b"moov" and b"moov" in seen and b"mdat" in seen:
            # Old QuickTime has no other beginning: the movie, or the samples before it.
            starts.append(at if seen.index(b"moov") < seen.index(b"mdat") else after_movie)
            seen = seen[seen.index(b"moov") + 1 :] if starts[-1] == after_movie else []
        if name in (b"moov", b"mdat"):
            seen.append(name)
        last, at = at, at + n_bytes
        if name == b"moov":
            after_movie = at
    return starts


def int_at(data: bytes, at: int, n: int = 4) -> int:
    """Return a number in a box.

    Parameters
    ----------
    data : bytes
        Content of the box.
    at : int
        First byte of the number.
    n : int
        Its length in bytes.

    Returns
    -------
    number : int
        Unsigned; bytes after the end of the box are ignored.
    """
    return int.from_bytes(data[at : at + n], "big")


def has_index(file: BinaryIO, *, end: int) -> bool:
    """Return whether a file has the box that is needed to find its samples."""
    at = 0
    while at < end:
        file.seek(at)
        head = file.read(16)
        n_bytes = int_at(head, 0)
        n_bytes = int_at(head, 8, 8) if n_bytes == 1 else n_bytes
        if head[4:8] == b"moov" or n_bytes < 8:
            return True  # or it is not known
        at += n_bytes
    return False


def _outer_box(file: BinaryIO, at: int, end: int) -> tuple[bytes, int] | None:
    """Return name and length of a box that is followed by another one, or None."""
    file.seek(at)
    head = file.read(16)
    n_bytes, name = int_at(head, 0), head[4:8]
    if n_bytes == 1:
        n_bytes = int_at(head, 8, 8)
    elif n_bytes == 0:
        n_bytes = end - at
    is_box = len(head) >= 8 and n_bytes >= 8 and at + n_bytes <= end
    return (name, n_bytes) if is_box and all(32 <= byte < 127 for byte in name) else None


def _find_type(file: BinaryIO, at: int, end: int) -> int:
    """Return where the next file that declares its type begins, or -1."""
    for place in find_all(file, b"ftyp", at, end):
        file.seek(place - 4)
        head = file.read(12)
        if 16 <= int_at(head, 0) <= 1024 and all(32 <= byte < 127 for byte in head[8:12]):
            return place - 4
    return -1


def read_edits(body: bytes) -> list[tuple[int, int, int]]:
    """Return the edits of a track.

    Parameters
    ----------
    body : bytes
        Content of its ``elst``.

    Returns
    -------
    edits : list of (int, int, int)
        Duration in the movie's units, first unit of the track or -1 for a pause, and rate, which
        is `NORMAL_RATE` except in slow and fast motion.
    """
    half = 8 if body[:1] == b"\x01" else 4
    step = 2 * half + 4
    stop = min(len(body), 8 + step * int_at(body, 4))
    return [
        (
            int_at(body, at, half),
            int.from_bytes(body[at + half : at + 2 * half], "big", signed=True),
            int_at(body, at + 2 * half),
        )
        for at in range(8, stop - step + 1, step)
    ]


def _fragment(body: bytes, movie: Movie) -> TrackTiming:
    flags = int_at(body, 1, 3)
    track = movie.tracks.get(int_at(body, 4), TrackTiming())
    at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    if flags & 8:
        track.default_duration = int_at(body, at)
    return track


def _run_units(body: bytes, default: int) -> int:
    flags, n = int_at(body, 1, 3), int_at(body, 4)
    at = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    step = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if not flags & 0x100:
        return n * default
    n = min(n, (len(body) - at) // step if step else 0)
    return sum(int_at(body, at + step * i) for i in range(n))
