"""Replace the sound of a fragmented MP4, fragment by fragment, and leave the rest unchanged.

Each fragment is a ``moof`` with its sample tables, and the ``mdat`` after it.  In every fragment
the samples of a replaced track are replaced by those of the new one that begin before it ends, so a
file that is cut at a fragment still has its sound; all other tables and samples are copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.films.movie_track import Replacement, read_tracks
from sottovoce.files.films.outermost import check_items, find_rest, make_mdat_head
from sottovoce.files.films.sample_tables import Times
from sottovoce.files.films.segment_index import Pieces, SegmentIndex
from sottovoce.files.keeping.boxes import Box, children, find, join, read_box, split, top_boxes
from sottovoce.files.keeping.splicing import copy_bytes, read_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["graft_fragments", "is_plain_fragmented"]

_BASE_GIVEN, _BASE_IS_MOOF = 0x1, 0x20000
_OFFSET_GIVEN = 0x1
_KEY_FLAGS = (0x02000000).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class _SampleRun:
    """Samples of one ``trun``: their positions and durations, and where the box stores them."""

    track: int
    at: int
    n_bytes: int
    n_units: int


def is_plain_fragmented(file: BinaryIO) -> bool:
    """Return whether a file is a fragmented MP4 whose sound can be replaced this way.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    is_plain : bool
        False if ``moov`` has samples too, or levels of segments are declared (``ssix``).
    """
    try:
        _Fragmented(file)
    except (UnsupportedFormatError, ValueError, IndexError):
        return False
    return True


def graft_fragments(
    original: Path,
    tracks: dict[int, Path],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a fragmented film with new sound; parameters and errors as for `graft_movie`."""
    with original.open("rb") as old:
        film = _Fragmented(old)
        for number, path in tracks.items():
            film.replace(number, path)
        try:
            with target.open("wb") as new:
                film.write(new, progress)
        finally:
            film.close()


class _FragmentLane:
    """The new sound of one track, and how much of it is written."""

    def __init__(self, new: Replacement) -> None:
        self.file = new.path.open("rb")
        self.new, self.times, self.scale = new, Times.read(new.stbl), new.scale
        self.n_done = 0
        self.delay_units = 0
        self.is_begun = False
        self._pieces = Pieces()

    def note(self, place: int, begin: int) -> None:
        """Record where and when a fragment of the old film begins, for its index."""
        old, new = self.new.old, self.new.edits[-1][1]
        self._pieces.places.append(place)
        self._pieces.before.append(Fraction(begin - old.first_unit, old.media_scale))
        self._pieces.after.append(Fraction(self._begin(self.n_done) - new, self.scale))

    def finish(self) -> Pieces:
        """Return when each fragment begins, once all are written."""
        self._pieces.end = Fraction(self._begin(self.n_done) - self.new.edits[-1][1], self.scale)
        return self._pieces

    def _begin(self, sample: int) -> int:
        return int(self.times.time_of(np.array([sample]))[0]) + self.delay_units

    def take(self, end_s: float | None) -> tuple[bytes, bytes, bytes]:
        """Return ``tfdt``, ``trun`` and the samples that begin before a time, or all samples."""
        first, stop = self.n_done, self.new.n_samples
        if end_s is not None:
            end = np.array([end_s * self.scale - self.delay_units])
            stop = max(int(self.times.n_before(end)[0]), first)
        self.n_done = stop
        numbers = np.arange(first, stop + 1)
        at, sizes = self.times.time_of(numbers), self.new.sizes.bytes_before(numbers)
        table = np.stack([np.diff(at), np.diff(sizes)], axis=1).astype(">u4").tobytes()
        begin = int(at[0]) + self.delay_units
        self.file.seek(self.new.begin + int(sizes[0]))
        data = self.file.read(int(sizes[-1] - sizes[0]))
        run = (0x000301).to_bytes(4, "big") + (stop - first).to_bytes(4, "big") + bytes(4) + table
        return b"\x01" + bytes(3) + begin.to_bytes(8, "big"), run, data


class _Fragmented:
    """A fragmented film."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._boxes = list(top_boxes(file))
        names = [box[0] for box in self._boxes]
        if b"moof" not in names or names.count(b"moov") != 1 or b"ssix" in names:
            raise UnsupportedFormatError("its fragmentation is not supported")
        check_items(file, self._boxes)
        self._rest = find_rest(file, self._boxes)
        if names.index(b"moov") > names.index(b"moof"):
            raise UnsupportedFormatError("its header comes after its fragments")
        pairs = zip(names, [*names[1:], b""], strict=True)
        if any((one == b"moof") != (other == b"mdat") for one, other in pairs):
            raise UnsupportedFormatError("a fragment is not followed by exactly one data box")
        self._moov = read_box(file, b"moov")[2]
        self._tracks = read_tracks(self._moov)
        if any(track.sizes.n for track in self._tracks):
            raise UnsupportedFormatError("its header contains samples too")
        self._defaults = {
            int_at(data, 4): (int_at(data, 12), int_at(data, 16))
            for data in children(find(self._moov, b"mvex") or b"", b"trex")
        }
        self._lanes: dict[int, _FragmentLane] = {}
        # Sound may end before the picture: the last fragment of the film may lack it.
        self._last_pieces: dict[int, int] = {}
        self._indices: dict[int, SegmentIndex] = {}
        edges = {self._rest[0], *(box[1] for box in self._boxes)}
        for name, at, n_head, size in self._boxes:
            if name == b"sidx":
                body = read_at(file, at + n_head, size - n_head)
                self._indices[at] = SegmentIndex(body, at + size)
                if not edges.issuperset(self._indices[at].edges):
                    raise UnsupportedFormatError("its segment index refers to other positions")
            if name == b"moof":
                for traf in children(read_at(file, at + n_head, size - n_head), b"traf"):
                    self._last_pieces |= {run.track: at for run in self._runs(traf, at)}

    def replace(self, number: int, path: Path) -> None:
        """Set the new sound of a track."""
        old = next((track for track in self._tracks if track.number == number), None)
        if old is None:
            raise UnsupportedFormatError(f"it has no track {number}")
        self._lanes[number] = _FragmentLane(Replacement.read(path, old))

    def close(self) -> None:
        """Close the files of the new tracks."""
        for lane in self._lanes.values():
            lane.file.close()

    def write(self, new: BinaryIO, progress: Callable[[float], None] | None) -> None:
        """Write the film."""
        file, end = self._file, self._file.seek(0, 2)
        moved: dict[int, int] = {}
        for name, at, n_head, size in self._boxes:
            moved[at] = new.tell()
            if name == b"moof":
                moof = read_at(file, at + n_head, size - n_head)
                self._write_piece(new, moof, at)
                if progress:
                    progress(min((at + size) / end, 1.0))
            elif name == b"moov":
                new.write(join([Box(b"moov", self._make_moov())]))
            elif name == b"mfra":
                body = read_at(file, at + n_head, size - n_head)
                new.write(join([Box(b"mfra", _move_index(body, moved))]))
            elif name != b"mdat":
                new.write(read_at(file, at, size))
        at, n_bytes = self._rest
        moved[at] = new.tell()
        new.write(read_at(file, at, n_bytes))
        pieces = {number: lane.finish() for number, lane in self._lanes.items()}
        for at, index in self._indices.items():
            new.seek(moved[at])
            new.write(join([Box(b"sidx", index.remake(moved, pieces))]))

    def _write_piece(self, new: BinaryIO, moof: bytes, at: int) -> None:
        runs = [run for traf in children(moof, b"traf") for run in self._runs(traf, at)]
        order = sorted((run.at, index) for index, run in enumerate(runs))
        fresh = self._take_sound(moof, at)
        # A track's new samples go where its first old ones were.
        places: dict[int, int] = {}
        own: dict[int, int] = {}
        length, parts = 0, []
        for _, index in order:
            run = runs[index]
            if run.track not in fresh:
                places[index] = length
                parts.append((run.at, run.n_bytes, b""))
                length += run.n_bytes
            elif run.track not in own:
                own[run.track] = length
                parts.append((0, 0, fresh[run.track][2]))
                length += len(fresh[run.track][2])
        head = make_mdat_head(length)
        begin = new.tell()
        n_moof = 8 + len(self._make_moof(moof, fresh, places, own, 0, begin))
        made = self._make_moof(moof, fresh, places, own, n_moof + len(head), begin)
        new.write(join([Box(b"moof", made)]))
        new.write(head)
        for place, n_bytes, data in parts:
            new.write(data)
            copy_bytes(self._file, new, place, n_bytes)

    def _take_sound(self, moof: bytes, at: int) -> dict[int, tuple[bytes, bytes, bytes]]:
        """Return tables and samples of every replaced track in a fragment."""
        fresh = {}
        for traf in children(moof, b"traf"):
            number = int_at(find(traf, b"tfhd") or b"", 4)
            lane = self._lanes.get(number)
            runs = self._runs(traf, at)
            if lane is None or number in fresh or not runs:
                continue
            old = lane.new.old
            decode = find(traf, b"tfdt") or b""
            begin = int_at(decode, 4, 8 if decode[:1] == b"\x01" else 4)
            if not lane.is_begun:
                lane.is_begun = True
                late = max(begin - old.first_unit, 0) / old.media_scale
                lane.delay_units = round(late * lane.scale)
            lane.note(at, begin)
            units = sum(run.n_units for run in runs)
            end_s = (begin + units) / old.media_scale
            fresh[number] = lane.take(None if self._last_pieces[number] == at else end_s)
        return fresh

    def _make_moof(
        self,
        moof: bytes,
        fresh: dict[int, tuple[bytes, bytes, bytes]],
        places: dict[int, int],
        own: dict[int, int],
        shift: int,
        begin: int,
    ) -> bytes:
        boxes, index, done = [], 0, set()
        for box in split(moof):
            if box.name != b"traf":
                boxes.append(box)
                continue
            number = int_at(find(box.data, b"tfhd") or b"", 4)
            inner = []
            for one in split(box.data):
                data = one.data
                if one.name == b"trun":
                    offset = places.get(index, 0) + shift
                    data = data[:8] + offset.to_bytes(4, "big") + data[12:]
                    index += 1
                elif one.name == b"tfhd" and int_at(data, 1, 3) & _BASE_GIVEN:
                    data = data[:8] + begin.to_bytes(8, "big") + data[16:]
                inner.append(Box(one.name, data))
            if number in fresh:
                if number in done:
                    continue
                done.add(number)
                decode, run, _ = fresh[number]
                flags = (_BASE_IS_MOOF | 0x20).to_bytes(4, "big")
                head = flags + number.to_bytes(4, "big") + _KEY_FLAGS
                offset = own.get(number, 0) + shift
                run = run[:8] + offset.to_bytes(4, "big") + run[12:]
                inner = [Box(b"tfhd", head), Box(b"tfdt", decode), Box(b"trun", run)]
            boxes.append(Box(b"traf", join(inner)))
        return join(boxes)

    def _make_moov(self) -> bytes:
        boxes, tracks = [], iter(self._tracks)
        for box in split(self._moov):
            data = box.data
            if box.name == b"trak":
                lane = self._lanes.get(next(tracks).number)
                data = lane.new.make_empty_track() if lane else data
            boxes.append(Box(box.name, data))
        return join(boxes)

    def _runs(self, traf: bytes, moof_at: int) -> list[_SampleRun]:
        """Return the runs of a track in a fragment; refuse those with unclear positions."""
        head = find(traf, b"tfhd") or b""
        flags, number, at = int_at(head, 1, 3), int_at(head, 4), 8
        base = moof_at
        if flags & _BASE_GIVEN:
            if moof_at and int_at(head, at, 8) != moof_at:
                raise UnsupportedFormatError("a fragment lies elsewhere")
            at += 8
        elif not flags & _BASE_IS_MOOF:
            raise UnsupportedFormatError("a fragment does not say where its samples lie")
        at += 4 if flags & 2 else 0
        duration, size = self._defaults.get(number, (0, 0))
        if flags & 8:
            duration, at = int_at(head, at), at + 4
        if flags & 16:
            size = int_at(head, at)
        if find(traf, b"saio") is not None:
            raise UnsupportedFormatError("a fragment has offsets that no sample table holds")
        return [_read_run(data, number, base, duration, size) for data in children(traf, b"trun")]


def _read_run(data: bytes, number: int, base: int, duration: int, size: int) -> _SampleRun:
    flags, n = int_at(data, 1, 3), int_at(data, 4)
    if not flags & _OFFSET_GIVEN:
        raise UnsupportedFormatError("a run does not say where its samples lie")
    offset = int.from_bytes(data[8:12], "big", signed=True)
    at = 12 + (4 if flags & 4 else 0)
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if len(data) < at + 4 * n * len(columns):
        raise UnsupportedFormatError("a run is cut short")
    table = (
        np.frombuffer(data, ">u4", n * len(columns), at).reshape(n, len(columns)).astype(np.int64)
    )
    sums = dict(zip(columns, table.sum(axis=0).tolist(), strict=True))
    return _SampleRun(
        number, base + offset, sums.get(0x200, n * size), sums.get(0x100, n * duration)
    )


def _move_index(body: bytes, moved: dict[int, int]) -> bytes:
    """Return an ``mfra`` with the new positions of the fragments."""
    boxes = []
    for box in split(body):
        data = box.data
        if box.name == b"tfra":
            width = 8 if data[:1] == b"\x01" else 4
            extra = sum((data[11] >> shift & 3) + 1 for shift in (4, 2, 0))
            step = 2 * width + extra
            for at in range(16 + width, 16 + step * int_at(data, 12), step):
                place = moved.get(int_at(data, at, width), 0)
                data = data[:at] + place.to_bytes(width, "big") + data[at + width :]
        boxes.append(Box(box.name, data))
    return join(boxes)
