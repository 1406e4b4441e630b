"""Put other sound into a Matroska or WebM film, and leave every other byte of it as it is.

Elements are copied as they are, blocks of pictures and subtitles too; blocks of a replaced track
are left out, and those of the new one stand where they belong in time.  What points into the file
(the seek head, the cues) is set anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import (
    OPEN,
    Element,
    make_element,
    make_head,
    read_element,
    read_number,
    split_elements,
    walk,
)
from sottovoce.files.films.matroska_heads import (
    Cues,
    clean_tags,
    merge_tracks,
    read_entries,
    remake_seek_head,
)
from sottovoce.files.films.new_blocks import NewBlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["declares_no_delay", "graft_matroska", "is_plain_matroska"]

_BLOCK_BYTES = 4 << 20
_MOST_RELATIVE = 32_767
_MS = 1_000_000


@dataclass(slots=True)
class _Layout:
    """Where the parts of a file lie."""

    head_end: int
    segment: Element
    elements: list[Element]
    scale: int
    tracks: bytes
    cues: Cues
    timestamps: dict[int, int] = field(default_factory=dict)


def is_plain_matroska(file: BinaryIO) -> bool:
    """Return whether a file is Matroska or WebM whose sound can be replaced so.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    is_plain : bool
        False where its structure is broken, or times are kept in a way of their own.
    """
    file.seek(0)
    if file.read(4) != names.EBML.to_bytes(4, "big"):
        return False
    try:
        _read_layout(file)
    except (UnsupportedFormatError, ValueError, IndexError):
        return False
    return True


def declares_no_delay(file: BinaryIO, place: int) -> bool:
    """Return whether a track of Matroska does not say how long its encoder's delay is.

    Parameters
    ----------
    file : binary file
        Open for reading; any kind of file.
    place : int
        Of the track among all.

    Returns
    -------
    is_silent : bool
        True where its first packets sound, priming or not.
    """
    if not is_plain_matroska(file):
        return False
    entries = read_entries(_read_layout(file).tracks)
    return place < len(entries) and not entries[place].delay_ns


def graft_matroska(
    original: Path,
    tracks: dict[int, tuple[Path, Fraction]],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a film with other sound.

    Parameters
    ----------
    original : Path
        Matroska or WebM for which `is_plain_matroska` is true.
    tracks : dict of int to (Path, Fraction)
        By the place of a track among all: a Matroska file with that track alone, and when its
        first sample shall sound, in seconds.
    target : Path
        File to be made.
    progress : callable or None
        Called with the share that is copied, 0 to 1.

    Raises
    ------
    UnsupportedFormatError
        If an element makes no sense.
    OSError
        If the disk refuses.
    """
    with original.open("rb") as old:
        layout = _read_layout(old)
        numbers = read_entries(layout.tracks)
        lanes = {
            numbers[place].number: NewBlocks(path, begin, numbers[place], layout.scale)
            for place, (path, begin) in tracks.items()
        }
        try:
            with target.open("w+b") as new:
                _Grafter(old, new, layout, lanes, progress).run()
        finally:
            for lane in lanes.values():
                lane.close()


class _Grafter:
    """Writes the new file."""

    def __init__(
        self,
        old: BinaryIO,
        new: BinaryIO,
        layout: _Layout,
        lanes: dict[int, NewBlocks],
        progress: Callable[[float], None] | None,
    ) -> None:
        self._old, self._new = old, new
        self._layout = layout
        self._lanes = lanes
        self._progress = progress
        self._moved: dict[int, int] = {}  # of outermost elements, within the segment
        self._cluster_at, self._cluster_body, self._time = 0, 0, 0
        self._segment_body = 0

    def run(self) -> None:
        """Write all elements in their order."""
        old, new, layout = self._old, self._new, self._layout
        _copy(old, new, 0, layout.head_end)
        new.write(make_head(names.SEGMENT, 0, width=8))
        self._segment_body = new.tell()
        old_body = layout.segment.body
        seek_heads: list[tuple[int, bytes]] = []
        cues: list[int] = []
        uids = [one.uid for one in read_entries(layout.tracks) if one.number in self._lanes]
        last = max(
            (i for i, one in enumerate(layout.elements) if one.name == names.CLUSTER), default=-1
        )
        for index, element in enumerate(layout.elements):
            self._moved[element.at - old_body] = new.tell() - self._segment_body
            if element.name == names.CLUSTER:
                self._write_cluster(element, index, is_last=index == last)
            elif element.name == names.SEEK_HEAD:
                data = element.read(old)
                seek_heads.append((new.tell(), data))
                new.write(remake_seek_head(data, {}))
            elif element.name == names.CUES:
                cues.append(new.tell())
                new.write(layout.cues.remake({}, {}, set(self._lanes)))
            elif element.name == names.TRACKS:
                entries = {number: lane.entry for number, lane in self._lanes.items()}
                new.write(merge_tracks(layout.tracks, entries))
            elif element.name == names.TAGS:
                new.write(clean_tags(element.read(old), uids))
            else:
                _copy(old, new, element.at, element.end - element.at)
        end = new.tell()
        for at, data in seek_heads:
            new.seek(at)
            new.write(remake_seek_head(data, self._moved))
        for at in cues:
            new.seek(at)
            new.write(layout.cues.remake(self._moved, layout.cues.places, set(self._lanes)))
        new.seek(layout.head_end)
        new.write(make_head(names.SEGMENT, end - self._segment_body, width=8))

    def _write_cluster(self, cluster: Element, index: int, *, is_last: bool) -> None:
        layout = self._layout
        self._open_cluster(layout.timestamps[cluster.at])
        wanted = layout.cues.wanted.get(cluster.at - layout.segment.body, set())
        for element in _walk_cluster(self._old, cluster, layout.segment.end):
            if element.name in (names.SIMPLE_BLOCK, names.BLOCK_GROUP):
                self._take_block(element, cluster, wanted)
            elif element.name not in (
                *(names.TIMESTAMP, names.POSITION, names.PREV_SIZE),
                *(names.CRC, names.VOID),
            ):
                raise UnsupportedFormatError("a cluster holds what is not known")
        if is_last:
            self._emit(None)
        else:
            later = (one for one in layout.elements[index + 1 :] if one.name == names.CLUSTER)
            self._emit(layout.timestamps[next(later).at] - 1)
        self._close_cluster()
        if self._progress:
            self._progress(min(cluster.end / layout.segment.end, 1.0))

    def _take_block(self, element: Element, cluster: Element, wanted: set[int]) -> None:
        number, relative = _read_block_head(self._old, element)
        self._emit(self._time + relative)
        if number in self._lanes:
            return
        place = element.at - cluster.body
        if place in wanted:
            key = (cluster.at - self._layout.segment.body, place)
            self._layout.cues.places[key] = self._new.tell() - self._cluster_body
        _copy(self._old, self._new, element.at, element.end - element.at)

    def _emit(self, time: int | None) -> None:
        """Write new blocks that begin no later than `time`, or all."""
        while True:
            ready = [
                (lane.waiting.time, number)
                for number, lane in self._lanes.items()
                if lane.waiting is not None and (time is None or lane.waiting.time <= time)
            ]
            if not ready:
                return
            _, number = min(ready)
            block = self._lanes[number].take()
            if not -_MOST_RELATIVE <= block.time - self._time <= _MOST_RELATIVE:
                if time is not None:
                    raise UnsupportedFormatError("its clusters are too long")
                self._close_cluster()
                self._open_cluster(max(block.time, 0))
            self._new.write(block.make(block.time - self._time))

    def _open_cluster(self, time: int) -> None:
        self._cluster_at = self._new.tell()
        self._new.write(make_head(names.CLUSTER, 0, width=8))
        self._cluster_body = self._new.tell()
        width = max((time.bit_length() + 7) // 8, 1)
        self._new.write(make_element(names.TIMESTAMP, time.to_bytes(width, "big")))
        self._time = time

    def _close_cluster(self) -> None:
        end = self._new.tell()
        self._new.seek(self._cluster_at)
        self._new.write(make_head(names.CLUSTER, end - self._cluster_body, width=8))
        self._new.seek(end)


def _read_layout(file: BinaryIO) -> _Layout:
    end = file.seek(0, 2)
    first = read_element(file, 0, end)
    segment = read_element(file, first.end, end)
    if first.name != names.EBML or segment.name != names.SEGMENT:
        raise UnsupportedFormatError("it has no segment")
    if segment.size == OPEN:
        segment = Element(segment.name, segment.at, segment.body, end - segment.body)
    if segment.end != end:
        raise UnsupportedFormatError("something stands behind its segment")
    elements = list(_walk_segment(file, segment))
    found = {element.name: element for element in reversed(elements)}
    if not {names.INFO, names.TRACKS, names.CLUSTER} <= found.keys():
        raise UnsupportedFormatError("it lacks what every film has")
    info = dict(split_elements(found[names.INFO].read(file)))
    scale = int.from_bytes(info.get(names.SCALE, _MS.to_bytes(4, "big")), "big")
    tracks = found[names.TRACKS].read(file)
    for name, entry in split_elements(tracks):
        if name == names.TRACK and names.TRACK_SCALE in dict(split_elements(entry)):
            raise UnsupportedFormatError("a track has a time of its own")
    cues = Cues(found[names.CUES].read(file) if names.CUES in found else b"")
    layout = _Layout(first.end, segment, elements, scale, tracks, cues)
    for element in elements:
        if element.name == names.CLUSTER:
            layout.timestamps[element.at] = _read_time(file, element, segment.end)
    return layout


def _walk_segment(file: BinaryIO, segment: Element) -> Iterator[Element]:
    at = segment.body
    while at < segment.end:
        element = read_element(file, at, segment.end)
        if element.name not in names.TOP and element.size == OPEN:
            raise UnsupportedFormatError("an element does not say how long it is")
        if element.size == OPEN:
            if element.name != names.CLUSTER:
                raise UnsupportedFormatError("an element does not say how long it is")
            stop = element.body
            for inner in _walk_cluster(file, element, segment.end):
                stop = inner.end
            element = Element(element.name, element.at, element.body, stop - element.body)
        yield element
        at = element.end


def _walk_cluster(file: BinaryIO, cluster: Element, end: int) -> Iterator[Element]:
    """Yield what is in a cluster; one that is open ends where something else begins."""
    if cluster.size != OPEN:
        yield from walk(file, cluster.body, cluster.end)
        return
    at = cluster.body
    while at < end:
        element = read_element(file, at, end)
        if element.name not in names.IN_CLUSTER or element.size == OPEN:
            return
        yield element
        at = element.end


def _read_time(file: BinaryIO, cluster: Element, end: int) -> int:
    for element in _walk_cluster(file, cluster, end):
        if element.name == names.TIMESTAMP:
            return int.from_bytes(element.read(file), "big")
        if element.name in (names.SIMPLE_BLOCK, names.BLOCK_GROUP):
            break
    raise UnsupportedFormatError("a cluster does not say when it begins")


def _read_block_head(file: BinaryIO, element: Element) -> tuple[int, int]:
    """Return the number of a block's track, and its time within the cluster."""
    at = element.body
    if element.name == names.BLOCK_GROUP:
        inner = next(
            (one for one in walk(file, element.body, element.end) if one.name == names.BLOCK), None
        )
        if inner is None:
            raise UnsupportedFormatError("a group has no block")
        at = inner.body
    file.seek(at)
    head = file.read(16)
    n, number = read_number(head)
    return number, int.from_bytes(head[n : n + 2], "big", signed=True)


def _copy(old: BinaryIO, new: BinaryIO, at: int, n_bytes: int) -> None:
    old.seek(at)
    while n_bytes:
        block = old.read(min(n_bytes, _BLOCK_BYTES))
        if not block:
            raise UnsupportedFormatError("it is cut short")
        new.write(block)
        n_bytes -= len(block)
