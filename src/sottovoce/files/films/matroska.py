"""Replace the sound of a Matroska or WebM film, and leave every other byte unchanged.

Elements are copied unchanged, including blocks of pictures and subtitles; blocks of a replaced
track are left out, and those of the new one are inserted by time.  References into the file (the
seek head, the cues) are updated.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import Element, make_element, make_head, split_elements
from sottovoce.files.films.matroska_heads import (
    clean_tags,
    merge_tracks,
    read_entries,
    remake_seek_head,
)
from sottovoce.files.films.matroska_layout import (
    Layout,
    read_block_head,
    read_layout,
    walk_cluster,
)
from sottovoce.files.films.new_blocks import NewBlocks
from sottovoce.files.keeping.splicing import copy_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["declares_no_delay", "graft_matroska", "is_plain_matroska"]

_MOST_RELATIVE = 32_767
_SET_ANEW = {names.TIMESTAMP, names.POSITION, names.PREV_SIZE, names.CRC, names.VOID}
"""Elements of a cluster, other than blocks, that would be wrong in another, or are empty."""


def is_plain_matroska(file: BinaryIO) -> bool:
    """Return whether a file is Matroska or WebM whose sound can be replaced this way.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    is_plain : bool
        False if its structure is broken, or times are stored in an unusual way.
    """
    return _read_plain(file) is not None


def declares_no_delay(file: BinaryIO, place: int) -> bool:
    """Return whether a track of Matroska does not declare its encoder's delay.

    Parameters
    ----------
    file : binary file
        Open for reading; any kind of file.
    place : int
        Position of the track among all.

    Returns
    -------
    is_silent : bool
        True if its first packets are played, priming or not.
    """
    layout = _read_plain(file)
    entries = read_entries(layout.tracks) if layout is not None else []
    return place < len(entries) and not entries[place].delay_ns


def _read_plain(file: BinaryIO) -> Layout | None:
    """Return the layout of a file whose sound can be replaced; None for any other."""
    file.seek(0)
    if file.read(4) != names.EBML_MARK:
        return None
    try:
        return read_layout(file)
    except (UnsupportedFormatError, ValueError, IndexError):
        return None


def graft_matroska(
    original: Path,
    tracks: dict[int, tuple[Path, Fraction]],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Copy a film with new sound.

    Parameters
    ----------
    original : Path
        Matroska or WebM for which `is_plain_matroska` is true.
    tracks : dict of int to (Path, Fraction)
        By the position of a track among all: a Matroska file with that track alone, and the start
        time of its first sample, in seconds.
    target : Path
        File to create.
    progress : callable or None
        Called with the copied share, 0 to 1.

    Raises
    ------
    UnsupportedFormatError
        If an element is invalid.
    OSError
        If writing to the disk fails.
    """
    with original.open("rb") as old:
        layout = read_layout(old)
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
        layout: Layout,
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
        # When each cluster ends, that is when the next begins; the last one gets all the rest.
        self._last_times = {
            at: later - 1 for (at, _), (_, later) in itertools.pairwise(layout.timestamps.items())
        }

    def run(self) -> None:
        """Write all elements in their order."""
        old, new, layout = self._old, self._new, self._layout
        copy_bytes(old, new, 0, layout.head_end)
        new.write(make_head(names.SEGMENT, 0, width=8))
        self._segment_body = new.tell()
        old_body = layout.segment.body
        seek_heads: list[tuple[int, bytes]] = []
        cues: list[int] = []
        uids = [one.uid for one in read_entries(layout.tracks) if one.number in self._lanes]
        for element in layout.elements:
            self._moved[element.at - old_body] = new.tell() - self._segment_body
            if element.name == names.CLUSTER:
                self._write_cluster(element)
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
            elif element.name != names.CRC:  # the segment has changed
                copy_bytes(old, new, element.at, element.end - element.at)
        end = new.tell()
        for at, data in seek_heads:
            new.seek(at)
            new.write(remake_seek_head(data, self._moved))
        for at in cues:
            new.seek(at)
            new.write(layout.cues.remake(self._moved, layout.cues.places, set(self._lanes)))
        new.seek(layout.head_end)
        new.write(make_head(names.SEGMENT, end - self._segment_body, width=8))
        new.seek(end)
        copy_bytes(old, new, layout.segment.end, layout.file_end - layout.segment.end)

    def _write_cluster(self, cluster: Element) -> None:
        layout = self._layout
        self._open_cluster(layout.timestamps[cluster.at])
        wanted = layout.cues.wanted.get(cluster.at - layout.segment.body, set())
        for element in walk_cluster(self._old, cluster, layout.segment.end):
            if element.name in (names.SIMPLE_BLOCK, names.BLOCK_GROUP):
                self._take_block(element, cluster, wanted)
            elif element.name == names.SILENT_TRACKS:
                self._new.write(self._make_silent_tracks(element.read(self._old)))
            elif element.name == names.ENCRYPTED:
                raise UnsupportedFormatError("a cluster contains encrypted blocks")
            elif element.name not in _SET_ANEW:
                copy_bytes(self._old, self._new, element.at, element.end - element.at)
        self._emit(self._last_times.get(cluster.at), is_behind=True)
        self._close_cluster()
        if self._progress:
            self._progress(min(cluster.end / layout.segment.end, 1.0))

    def _take_block(self, element: Element, cluster: Element, wanted: set[int]) -> None:
        number, relative = read_block_head(self._old, element)
        self._emit(self._time + relative)
        if number in self._lanes:
            return
        place = element.at - cluster.body
        if place in wanted:
            key = (cluster.at - self._layout.segment.body, place)
            self._layout.cues.places[key] = self._new.tell() - self._cluster_body
        copy_bytes(self._old, self._new, element.at, element.end - element.at)

    def _make_silent_tracks(self, data: bytes) -> bytes:
        """Return which tracks are silent in a cluster, except those with blocks of ours."""
        kept = [
            make_element(name, number)
            for name, number in split_elements(data)
            if name != names.SILENT_NUMBER or int.from_bytes(number, "big") not in self._lanes
        ]
        return make_element(names.SILENT_TRACKS, b"".join(kept)) if kept else b""

    def _emit(self, time: int | None, *, is_behind: bool = False) -> None:
        """Write new blocks that begin no later than `time`, or all blocks.

        After the last block of an old cluster they may start new clusters.
        """
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
                if not is_behind:
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
