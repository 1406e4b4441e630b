"""Positions of the parts of a Matroska or WebM file."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import (
    OPEN,
    Element,
    number_of,
    read_element,
    read_number,
    split_elements,
    walk,
)
from sottovoce.files.decoding.raw import find_all
from sottovoce.files.films.matroska_heads import Cues
from sottovoce.files.keeping.splicing import file_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = [
    "Layout",
    "read_block_head",
    "read_layout",
    "read_scale",
    "read_segment",
    "walk_cluster",
    "walk_segment",
]

_MS = 1_000_000


@dataclass(slots=True)
class Layout:
    """Positions of the parts of a file.

    Attributes
    ----------
    head_end : int
        End of its first element.
    segment : Element
        The segment, which is everything up to any trailing data.
    elements : list of Element
        Outermost elements of the segment.
    scale : int
        Nanoseconds per unit of time.
    tracks : bytes
        Content of ``Tracks``.
    cues : Cues
        Its index.
    file_end : int
        Bytes of the file; more than the segment's end if data follow it.
    timestamps : dict of int to int
        When each cluster begins, by its position.
    """

    head_end: int
    segment: Element
    elements: list[Element]
    scale: int
    tracks: bytes
    cues: Cues
    file_end: int
    timestamps: dict[int, int] = field(default_factory=dict)


def read_layout(file: BinaryIO) -> Layout:
    """Read the positions of the parts of a file.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    layout : Layout
        Layout of a file whose sound can be replaced.

    Raises
    ------
    UnsupportedFormatError
        If its structure is broken, or times are stored in an unusual way.
    """
    end = file_size(file)
    first, segment = read_segment(file)
    if first.name != names.EBML or segment.name != names.SEGMENT:
        raise UnsupportedFormatError("it has no segment")
    if find_all(file, names.EBML_MARK, segment.end, end):
        raise UnsupportedFormatError("another film is joined to it")
    elements = list(walk_segment(file, segment))
    found = {element.name: element for element in reversed(elements)}
    if not {names.INFO, names.TRACKS, names.CLUSTER} <= found.keys():
        raise UnsupportedFormatError("it lacks a required element")
    scale = read_scale(found[names.INFO].read(file))
    tracks = found[names.TRACKS].read(file)
    for name, entry in split_elements(tracks):
        if name == names.TRACK and not _is_one(dict(split_elements(entry)).get(names.TRACK_SCALE)):
            raise UnsupportedFormatError("a track has its own time scale")
    cues = Cues(found[names.CUES].read(file) if names.CUES in found else b"")
    layout = Layout(first.end, segment, elements, scale, tracks, cues, end)
    for element in elements:
        if element.name == names.CLUSTER:
            layout.timestamps[element.at] = _read_time(file, element, segment.end)
    if not cues.wanted.keys() <= {at - segment.body for at in layout.timestamps}:
        raise UnsupportedFormatError("its index does not point to a cluster")
    return layout


def read_segment(file: BinaryIO) -> tuple[Element, Element]:
    """Return the first element of a file, and its segment; an open one ends with the file.

    Raises
    ------
    UnsupportedFormatError
        If they are invalid.
    """
    end = file_size(file)
    first = read_element(file, 0, end)
    segment = read_element(file, first.end, end)
    if segment.size == OPEN:
        segment = Element(segment.name, segment.at, segment.body, end - segment.body)
    return first, segment


def read_scale(info: bytes) -> int:
    """Return the nanoseconds per unit of time, from ``Info``; usually a million."""
    return number_of(split_elements(info), names.SCALE, _MS)


def _is_one(scale: bytes | None) -> bool:
    """Return whether a track runs at the speed of its film, which is the default."""
    if not scale:
        return True
    kind = {4: ">f", 8: ">d"}.get(len(scale))
    return kind is not None and struct.unpack(kind, scale)[0] == 1.0


def walk_segment(file: BinaryIO, segment: Element) -> Iterator[Element]:
    """Yield the outermost elements of a segment; an open cluster with its true size.

    Raises
    ------
    UnsupportedFormatError
        If one is invalid.
    """
    at = segment.body
    while at < segment.end:
        element = read_element(file, at, segment.end)
        if element.size == OPEN:
            if element.name != names.CLUSTER:
                raise UnsupportedFormatError("an element has no length")
            stop = element.body
            for inner in walk_cluster(file, element, segment.end):
                stop = inner.end
            element = Element(element.name, element.at, element.body, stop - element.body)
        yield element
        at = element.end


def walk_cluster(file: BinaryIO, cluster: Element, end: int) -> Iterator[Element]:
    """Yield the elements of a cluster; an open one ends where something else begins."""
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
    for element in walk_cluster(file, cluster, end):
        if element.name == names.TIMESTAMP:
            return int.from_bytes(element.read(file), "big")
        if element.name in (names.SIMPLE_BLOCK, names.BLOCK_GROUP):
            break
    raise UnsupportedFormatError("a cluster has no start time")


def read_block_head(file: BinaryIO, element: Element) -> tuple[int, int]:
    """Return the number of a block's track, and its time within the cluster.

    Raises
    ------
    UnsupportedFormatError
        If its group has no block.
    """
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
