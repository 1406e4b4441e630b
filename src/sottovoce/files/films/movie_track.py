"""One track of an MP4 or QuickTime film, and what replaces it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import NORMAL_RATE, int_at, read_edits
from sottovoce.files.films.sample_tables import Chunks, Sizes, Times, read_chunks, read_sizes
from sottovoce.files.keeping.boxes import Box, children, find, join, read_box, split

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["MovieTrack", "Replacement", "read_tracks", "set_length"]

_PLACES = {
    b"mvhd": ((12, 16), (20, 24)),
    b"mdhd": ((12, 16), (20, 24)),
    b"tkhd": ((0, 20), (0, 28)),
}
"""Positions of time scale and length in a header, for version 0 and 1."""
_STBL = (b"mdia", b"minf", b"stbl")
"""Path to the sample tables of a track."""
_AUXILIARY = {b"saio", b"stz2"}


@dataclass(slots=True)
class MovieTrack:
    """A track of the original.

    Attributes
    ----------
    data : bytes
        Content of its ``trak``.
    number : int
        Number of the track, from ``tkhd``.
    scale : int
        Units of the movie's time per second.
    sizes : Sizes
        Sizes of its samples.
    chunks : Chunks
        Their positions.
    """

    data: bytes
    number: int
    scale: int
    sizes: Sizes
    chunks: Chunks

    @property
    def n_chunks(self) -> int:
        """Number of chunks."""
        return len(self.chunks.offsets)

    @property
    def is_wide(self) -> bool:
        """Whether its offsets have 64 bits."""
        return find(self.stbl, b"co64") is not None

    @property
    def stbl(self) -> bytes:
        """Its sample tables."""
        return find(self.data, *_STBL) or b""

    @property
    def media_scale(self) -> int:
        """Units of its own time per second."""
        return max(_media_times(self.data)[0], 1)

    @property
    def first_unit(self) -> int:
        """Start of its sound in its own time, after the priming that is not played."""
        edits = _edits_of(self.data)
        return next((begin for _, begin in edits if begin >= 0), 0)

    def chunk_bytes(self) -> npt.NDArray[np.int64]:
        """Return the bytes of each chunk."""
        return np.diff(self.sizes.bytes_before(self.chunks.firsts))

    def chunk_ends_s(self) -> npt.NDArray[np.float64]:
        """Return when each chunk ends, in seconds of its own time."""
        ends = Times.read(self.stbl).time_of(self.chunks.firsts[1:])
        return ends / self.media_scale

    def with_tables(self, new: list[Box], *, drop: set[bytes]) -> bytes:
        """Return the content of ``trak`` with some of its sample tables replaced."""
        return _with_tables(self.data, _swap(split(self.stbl), new, drop))


@dataclass(slots=True)
class Replacement:
    """The new sound of a track.

    Attributes
    ----------
    path : Path
        File that contains it.
    old : MovieTrack
        The track that it replaces.
    data : bytes
        Content of the new ``trak``.
    stops : np.ndarray, shape=(n_chunks + 1,)
        Number of the first sample in each of the old chunks; the last is the total.
    begin : int
        First byte of its samples in its file.
    sizes : Sizes
        Sizes of its samples, which are contiguous.
    edits : list of (int, int)
        Duration in the movie's units, and first unit of the track or -1 for a pause.
    """

    path: Path
    old: MovieTrack
    data: bytes
    stops: npt.NDArray[np.int64]
    begin: int
    sizes: Sizes
    edits: list[tuple[int, int]]

    @classmethod
    def read(cls, path: Path, old: MovieTrack) -> Replacement:
        """Read the file of a track; parameters as the attributes.

        Raises
        ------
        UnsupportedFormatError
            If its sound is not in one piece.
        """
        with path.open("rb") as file:
            moov = read_box(file, b"moov")[2]
        (track,) = read_tracks(moov)
        sizes, chunks = track.sizes, track.chunks
        offsets, ends = chunks.offsets, np.cumsum(track.chunk_bytes())
        if len(offsets) and (offsets[1:] != offsets[0] + ends[:-1]).any():
            raise UnsupportedFormatError("the new sound is not contiguous")
        times = Times.read(track.stbl)
        scale = _media_times(track.data)[0]
        stops = times.n_before(old.chunk_ends_s() * scale)
        if len(stops):
            stops[-1] = sizes.n
        return cls(
            path,
            old,
            track.data,
            np.concatenate([[0], np.maximum.accumulate(stops)]),
            int(offsets[0]) if len(offsets) else 0,
            sizes,
            _join_edits(old, track),
        )

    @property
    def stbl(self) -> bytes:
        """Its sample tables."""
        return find(self.data, *_STBL) or b""

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.sizes.n

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Samples in each of the old chunks."""
        return np.diff(self.stops)

    @property
    def n_chunks(self) -> int:
        """Number of chunks, including empty ones."""
        return len(self.stops) - 1

    @property
    def length(self) -> int:
        """Playing time including the pause before it, in the movie's units."""
        return sum(duration for duration, _ in self.edits)

    @property
    def old_length(self) -> int:
        """Playing time of the track that it replaces."""
        return _get(b"tkhd", find(self.old.data, b"tkhd") or b"")[1]

    def chunk(self, number: int) -> tuple[int, int]:
        """Return first byte and length of a chunk in its file."""
        first, stop = int(self.stops[number]), int(self.stops[number + 1])
        begin, end = self.sizes.bytes_before(np.array([first, stop]))
        return self.begin + int(begin), int(end - begin)

    def make_track(self, tables: list[Box]) -> bytes:
        """Return the content of ``trak`` with these tables of chunks."""
        tables = _swap(split(self.stbl), tables, {b"stsc", b"stco", b"co64"})
        new = _with_tables(self.old.data, tables)
        length = _media_times(self.data)[1]
        return self._with_times(new, self.edits, self.length, length)

    def make_empty_track(self) -> bytes:
        """Return the content of ``trak`` for a fragmented film, whose samples are elsewhere."""
        stsd = find(self.stbl, b"stsd") or b""
        new = self.old.with_tables([Box(b"stsd", stsd)], drop={b"stsd"})
        old_edits = _edits_of(self.old.data)
        # Values not known at the start of a file are 0, and stay 0.
        duration = next((one for one, begin in old_edits if begin >= 0), 0)
        edits = [*self.edits[:-1], (duration, self.edits[-1][1])]
        media = _media_times(self.old.data)[1]
        length = round(media * self.scale / self.old.media_scale)
        return self._with_times(new, edits, self.old_length, length)

    @property
    def scale(self) -> int:
        """Units of its own time per second."""
        return max(_media_times(self.data)[0], 1)

    def _with_times(
        self, trak: bytes, edits: list[tuple[int, int]], length: int, media_length: int
    ) -> bytes:
        """Return a track with these edits, and lengths in the movie's units and its own."""
        is_plain = len(edits) == 1 and edits[0][1] == 0
        edts = None
        if not is_plain or find(self.old.data, b"edts") is not None:
            edts = Box(b"edts", join([_make_edits(edits)]))
        boxes: list[Box] = []
        for box in split(trak):
            if box.name == b"edts":
                continue
            if box.name == b"tkhd":
                boxes.append(Box(b"tkhd", _set(b"tkhd", box.data, None, length)))
                boxes += [edts] if edts else []
            elif box.name == b"mdia":
                media = [
                    Box(b"mdhd", _set(b"mdhd", one.data, self.scale, media_length))
                    if one.name == b"mdhd"
                    else one
                    for one in split(box.data)
                ]
                boxes.append(Box(b"mdia", join(media)))
            else:
                boxes.append(box)
        return join(boxes)


def read_tracks(moov: bytes) -> list[MovieTrack]:
    """Read all tracks of a film.

    Parameters
    ----------
    moov : bytes
        Content of the box.

    Returns
    -------
    tracks : list of MovieTrack
        In the order of the file.

    Raises
    ------
    UnsupportedFormatError
        If one has packed tables, or samples in other files.
    """
    scale = _get(b"mvhd", find(moov, b"mvhd") or b"")[0]
    tracks = []
    for data in children(moov, b"trak"):
        head = find(data, b"tkhd") or b""
        stbl = find(data, *_STBL)
        if stbl is None or not head:
            raise UnsupportedFormatError("a track has no sample tables")
        if _AUXILIARY & {box.name for box in split(stbl)}:
            raise UnsupportedFormatError("a track has offsets that no chunk table holds")
        _check_references(find(data, b"mdia", b"minf", b"dinf", b"dref"))
        sizes = read_sizes(stbl)
        number = int_at(head, 20 if head[:1] == b"\x01" else 12)
        tracks.append(MovieTrack(data, number, scale, sizes, read_chunks(stbl, sizes.n)))
    return tracks


def set_length(boxes: list[Box], lengths: list[tuple[int, int]]) -> list[Box]:
    """Set the length of the movie if one of the replaced tracks determined it.

    Parameters
    ----------
    boxes : list of Box
        Boxes of ``moov``.
    lengths : list of (int, int)
        Lengths of replaced tracks, before and after.

    Returns
    -------
    boxes : list of Box
        The same, with a new ``mvhd`` if needed.
    """
    head = next((box.data for box in boxes if box.name == b"mvhd"), b"")
    if not head or all(_get(b"mvhd", head)[1] != old or old == new for old, new in lengths):
        return boxes
    longest = max(
        _get(b"tkhd", find(box.data, b"tkhd") or b"")[1] for box in boxes if box.name == b"trak"
    )
    new = Box(b"mvhd", _set(b"mvhd", head, None, longest))
    return [new if box.name == b"mvhd" else box for box in boxes]


def _swap(boxes: list[Box], new: list[Box], drop: set[bytes]) -> list[Box]:
    """Return boxes with new ones in place of the first dropped one."""
    kept, done = [], False
    for box in boxes:
        if box.name not in drop:
            kept.append(box)
        elif not done:
            done = True
            kept += new
    return kept


def _with_tables(trak: bytes, tables: list[Box]) -> bytes:
    def rebuild(data: bytes, path: tuple[bytes, ...]) -> bytes:
        return join(
            [
                Box(box.name, rebuild(box.data, path[1:]) if len(path) > 1 else join(tables))
                if box.name == path[0]
                else box
                for box in split(data)
            ]
        )

    return rebuild(trak, _STBL)


def _check_references(dref: bytes | None) -> None:
    for box in split((dref or bytes(8))[8:]):
        if not int_at(box.data, 1, 3) & 1:
            raise UnsupportedFormatError("a track is stored in another file")


def _join_edits(old: MovieTrack, new: MovieTrack) -> list[tuple[int, int]]:
    """Return the pauses before the old track, then the new sound without its priming."""
    edits = []
    for duration, begin in _edits_of(old.data):
        if begin >= 0:
            break
        edits.append((duration, begin))
    scale, length = _media_times(new.data)
    own = [edit for edit in _edits_of(new.data) if edit[1] >= 0]
    first = own[0][1] if own else 0
    seconds = own[0][0] / new.scale if own else length / max(scale, 1)
    return [*edits, (round(seconds * old.scale), first)]


def _edits_of(trak: bytes) -> list[tuple[int, int]]:
    """Return duration and first unit of each edit of a track; none if it has no list."""
    edits = read_edits(find(trak, b"edts", b"elst") or b"")
    return [(duration, first) for duration, first, _ in edits]


def _make_edits(edits: list[tuple[int, int]]) -> Box:
    is_long = any(max(edit) >= 1 << 31 for edit in edits)
    half = 8 if is_long else 4
    body = bytes([is_long, 0, 0, 0]) + len(edits).to_bytes(4, "big")
    for duration, begin in edits:
        body += duration.to_bytes(half, "big") + begin.to_bytes(half, "big", signed=True)
        body += NORMAL_RATE.to_bytes(4, "big")
    return Box(b"elst", body)


def _get(name: bytes, head: bytes) -> tuple[int, int]:
    """Return time scale and length from a header."""
    is_long = head[:1] == b"\x01"
    scale, length = _PLACES[name][is_long]
    return int_at(head, scale), int_at(head, length, 8 if is_long else 4)


def _media_times(trak: bytes) -> tuple[int, int]:
    """Return time scale and length of a track in its own time."""
    return _get(b"mdhd", find(trak, b"mdia", b"mdhd") or b"")


def _set(name: bytes, head: bytes, scale: int | None, length: int) -> bytes:
    """Return a header with another length; with 64 bits if it does not fit in 32."""
    if head[:1] != b"\x01" and length >= (1 << 32) - 1:
        # Two dates of four bytes get eight each; a track has a number in between.
        middle = head[12:20] if name == b"tkhd" else head[12:16]
        after = head[24:] if name == b"tkhd" else head[20:]
        dates = bytes(4) + head[4:8] + bytes(4) + head[8:12]
        head = b"\x01" + head[1:4] + dates + middle + bytes(8) + after
    is_long = head[:1] == b"\x01"
    at, place = _PLACES[name][is_long]
    width = 8 if is_long else 4
    head = head[:place] + length.to_bytes(width, "big") + head[place + width :]
    if scale is not None:
        head = head[:at] + scale.to_bytes(4, "big") + head[at + 4 :]
    return head
