"""Replace the sound of an MP4 or QuickTime film, and leave every other byte unchanged.

All boxes are copied, with everything about the picture: its edit lists, matrix, colours, time
codes, the data tracks of cameras.  A replaced track has the new encoder's sample tables; its
samples replace the old ones, chunk by chunk, so that picture and sound stay interleaved as they
were, and ``moov`` stays where it was.  Then all chunk offsets are set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.films.movie_track import (
    MovieTrack,
    Replacement,
    read_tracks,
    set_length,
)
from sottovoce.files.films.outermost import check_items, find_rest, make_mdat_head
from sottovoce.files.films.sample_tables import make_chunk_tables, make_offsets
from sottovoce.files.keeping.boxes import Box, is_manifest, join, read_box, split, top_boxes
from sottovoce.files.keeping.splicing import copy_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

__all__ = ["graft_movie", "is_plain_movie"]

_ELSEWHERE = {b"moof", b"sidx", b"mfra", b"cmov"}
"""Outermost boxes with offsets or samples that are not in the tables of ``moov``."""
_TOLD_BYTES = 4 << 20
_MOST_NARROW = (1 << 32) - (1 << 24)


def is_plain_movie(file: BinaryIO) -> bool:
    """Return whether a file is an MP4 or QuickTime film whose sound can be replaced this way.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    is_plain : bool
        False for fragments, and for tables that are packed or contradict each other.
    """
    file.seek(0)
    if file.read(8)[4:] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return False
    try:
        _read_movie(file)
    except (UnsupportedFormatError, ValueError, IndexError):
        return False
    return True


def graft_movie(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a film with new sound.

    Parameters
    ----------
    original : Path
        MP4 or QuickTime for which `is_plain_movie` is true.
    tracks : dict of int to Path
        By the number of a track (``tkhd``): an MP4 or QuickTime file with that track alone.
    target : Path
        File to create.
    progress : callable or None
        Called with the copied share, 0 to 1.

    Raises
    ------
    UnsupportedFormatError
        If a table is invalid.
    OSError
        If writing to the disk fails.
    """
    with original.open("rb") as old:
        movie = _read_movie(old)
        for number, path in tracks.items():
            movie.replace(number, path)
        movie.lay_out()
        with target.open("wb") as new:
            movie.write(old, new, progress)


@dataclass(slots=True)
class _Place:
    """A chunk to be written."""

    path: Path | None
    offset: int
    n_bytes: int
    track: int
    number: int


class _Movie:
    """A film in memory, except for its samples."""

    def __init__(
        self,
        boxes: list[tuple[bytes, int, int, int]],
        moov: bytes,
        tracks: list[MovieTrack],
        rest: tuple[int, int],
    ) -> None:
        self._boxes, self._rest = boxes, rest
        self._moov = moov
        self._tracks = tracks
        self._new: dict[int, Replacement] = {}
        self._places: list[list[_Place]] = []
        self._wide = False
        self._chunks = _list_chunks(tracks)

    def replace(self, number: int, path: Path) -> None:
        """Set the new sound of a track."""
        at = next((i for i, track in enumerate(self._tracks) if track.number == number), -1)
        if at < 0:
            raise UnsupportedFormatError(f"it has no track {number}")
        self._new[at] = Replacement.read(path, self._tracks[at])

    def lay_out(self) -> None:
        """Determine the order in which to write chunks: the old one, by offset."""
        for piece, _ in self._pieces():
            rows = zip(*(column[piece] for column in self._chunks), strict=True)
            self._places.append([self._place(*map(int, row)) for row in rows])
        n_data = sum(place.n_bytes for places in self._places for place in places)
        kept = sum(size for name, _, _, size in self._boxes if name != b"mdat")
        total = n_data + kept + self._rest[1]
        grown = sum(8 * new.n_samples for new in self._new.values())
        self._wide = total + grown + len(self._moov) > _MOST_NARROW

    def check_places(self) -> None:
        """Refuse chunks that are not entirely within the film's own data."""
        start, size, _, _ = self._chunks
        n_placed = 0
        for piece, end in self._pieces():
            n_placed += len(start[piece])
            if (start[piece] + size[piece]).max(initial=0) > end:
                raise UnsupportedFormatError("a chunk extends past the end of its box")
        if n_placed != len(start):
            raise UnsupportedFormatError("samples lie outside the film's own data")

    def _pieces(self) -> Iterator[tuple[slice, int]]:
        """Yield which chunks begin in each data box, and the end of the box."""
        start = self._chunks[0]
        for name, at, n_head, n_bytes in self._boxes:
            if name == b"mdat":
                yield slice(*np.searchsorted(start, [at + n_head, at + n_bytes])), at + n_bytes

    def write(self, old: BinaryIO, new: BinaryIO, progress: Callable[[float], None] | None) -> None:
        """Write the film."""
        offsets = [np.zeros(track.n_chunks, np.int64) for track in self._shapes()]
        n_moov = 8 + len(self._make_moov(offsets))
        # Offsets first: the index may come before the data that it points to.
        at, places = 0, iter(self._places)
        for name, _, n_head, size in self._boxes:
            if name == b"mdat":
                own = next(places)
                n_data = sum(place.n_bytes for place in own)
                at += len(make_mdat_head(n_data, wide=n_head == 16))
                for place in own:
                    offsets[place.track][place.number] = at
                    at += place.n_bytes
            else:
                at += n_moov if name == b"moov" else size
        moov = self._make_moov(offsets)
        places = iter(self._places)
        told = _Teller(progress, at)
        for name, begin, n_head, size in self._boxes:
            if name == b"moov":
                new.write(join([Box(b"moov", moov)]))
            elif name == b"mdat":
                self._write_data(old, new, next(places), n_head, told)
            else:
                copy_bytes(old, new, begin, size, tell=told.add)
        copy_bytes(old, new, *self._rest, tell=told.add)

    def _shapes(self) -> list[MovieTrack | Replacement]:
        return [self._new.get(index, track) for index, track in enumerate(self._tracks)]

    def _place(self, start: int, size: int, owner: int, number: int) -> _Place:
        new = self._new.get(owner)
        if new is None:
            return _Place(None, start, size, owner, number)
        offset, n_bytes = new.chunk(number)
        return _Place(new.path, offset, n_bytes, owner, number)

    def _make_moov(self, offsets: list[npt.NDArray[np.int64]]) -> bytes:
        boxes, index, lengths = [], 0, []
        for box in split(self._moov):
            data = box.data
            if box.name == b"trak":
                track, new = self._tracks[index], self._new.get(index)
                own = offsets[index]
                if new is None:
                    wide = self._wide or track.is_wide
                    table = make_offsets(own, wide=wide)
                    data = track.with_tables([table], drop={b"stco", b"co64"})
                else:
                    # A chunk may be empty if the new sound's samples are longer.
                    used = new.counts > 0
                    tables = make_chunk_tables(new.counts[used], own[used], wide=self._wide)
                    data = new.make_track(tables)
                    lengths.append((new.old_length, new.length))
                index += 1
            boxes.append(Box(box.name, data))
        return join(set_length(boxes, lengths))

    def _write_data(
        self, old: BinaryIO, new: BinaryIO, places: list[_Place], n_head: int, told: _Teller
    ) -> None:
        n_data = sum(place.n_bytes for place in places)
        new.write(make_mdat_head(n_data, wide=n_head == 16))
        files = {new.path: new.path.open("rb") for new in self._new.values()}
        try:
            for place in places:
                source = files[place.path] if place.path is not None else old
                copy_bytes(source, new, place.offset, place.n_bytes, tell=told.add)
        finally:
            for file in files.values():
                file.close()


def _list_chunks(tracks: list[MovieTrack]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return first byte, length, track and number of all chunks, by their first bytes."""
    rows = [np.zeros((4, 0), np.int64)]
    for index, track in enumerate(tracks):
        n = track.n_chunks
        row = (track.chunks.offsets, track.chunk_bytes(), np.full(n, index), np.arange(n))
        rows.append(np.stack(row))
    table = np.concatenate(rows, axis=1)
    return tuple(table[:, np.argsort(table[0], kind="stable")])


def _read_movie(file: BinaryIO) -> _Movie:
    boxes = list(top_boxes(file))
    names = [box[0] for box in boxes]
    if names.count(b"moov") != 1 or _ELSEWHERE & set(names) or b"mdat" not in names:
        raise UnsupportedFormatError("its samples are not in one simple table")
    check_items(file, boxes)
    moov = read_box(file, b"moov")[2]
    if any(box.name == b"mvex" for box in split(moov)) and b"moof" in names:
        raise UnsupportedFormatError("it is fragmented")
    # A C2PA manifest would be wrong for the copy.
    kept = [box for box in boxes if not is_manifest(file, box)]
    movie = _Movie(kept, moov, read_tracks(moov), find_rest(file, boxes))
    movie.check_places()
    return movie


class _Teller:
    """Reports how much is written."""

    def __init__(self, progress: Callable[[float], None] | None, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._n, self._n_told = 0, 0

    def add(self, n_bytes: int) -> None:
        """Count bytes; report every few megabytes."""
        self._n += n_bytes
        if self._progress and self._n - self._n_told >= _TOLD_BYTES:
            self._n_told = self._n
            self._progress(min(self._n / self._total, 1.0))
