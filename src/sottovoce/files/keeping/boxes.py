"""The boxes of M4A and MP4: tags, Nero chapters, dates and language.

The whole list of tags (``ilst``) is copied byte for byte, except items of the old encoding; other
boxes without sound are copied if the new file lacks them.  The sound moves only if ``moov`` comes
before it, and then its offsets are adjusted (ISO/IEC 14496-12).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.keeping.splicing import file_size, read_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = [
    "Box",
    "children",
    "find",
    "is_manifest",
    "join",
    "read_box",
    "shift_offsets",
    "split",
    "top_boxes",
]

_MOST_BOXES = 100_000
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True, slots=True)
class Box:
    """A box in memory.

    Attributes
    ----------
    name : bytes
        Its type, four bytes.
    data : bytes
        What it holds.
    """

    name: bytes
    data: bytes


def top_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield (name, offset, size of the header, size) of the outermost boxes of a file.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Yields
    ------
    box : tuple
        The next one; an invalid size ends the iteration.
    """
    at, end = 0, file_size(file)
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        n_head, size = 8, int_at(head, 0)
        if size == 1:
            n_head, size = 16, int_at(head, 8, 8)
        size = end - at if size == 0 else size
        if size < n_head or at + size > end:
            return
        yield head[4:8], at, n_head, size
        at += size


def is_manifest(file: BinaryIO, box: tuple[bytes, int, int, int]) -> bool:
    """Return whether a box is a C2PA manifest.

    Parameters
    ----------
    file : binary file
        Open for reading.
    box : tuple
        As from `top_boxes`.

    Returns
    -------
    is_manifest : bool
        Whether its UUID is that of C2PA.
    """
    name, at, n_head, size = box
    if name != b"uuid" or size < n_head + 16:
        return False
    file.seek(at + n_head)
    return file.read(16) == _C2PA_UUID


def split(data: bytes) -> list[Box]:
    """Split the content of a box into the boxes in it.

    Parameters
    ----------
    data : bytes
        Content.

    Returns
    -------
    boxes : list of Box
        In order; four zeros that QuickTime appends are left out.

    Raises
    ------
    UnsupportedFormatError
        If a size does not fit.
    """
    boxes = []
    at = 0
    while at + 8 <= len(data):
        size, n_head = int_at(data, at), 8
        if size == 1:
            size, n_head = int_at(data, at + 8, 8), 16
        size = size or len(data) - at
        if size < n_head or at + size > len(data):
            raise UnsupportedFormatError("a box has a wrong size")
        boxes.append(Box(data[at + 4 : at + 8], data[at + n_head : at + size]))
        at += size
    return boxes


def join(boxes: list[Box]) -> bytes:
    """Return the bytes of boxes.

    Parameters
    ----------
    boxes : list of Box
        In order.

    Returns
    -------
    data : bytes
        With their headers.
    """
    return b"".join((8 + len(b.data)).to_bytes(4, "big") + b.name + b.data for b in boxes)


def children(data: bytes, name: bytes) -> list[bytes]:
    """Return the contents of all boxes with a name.

    Parameters
    ----------
    data : bytes
        Content of their parent box.
    name : bytes
        Their type.

    Returns
    -------
    contents : list of bytes
        In order.
    """
    return [box.data for box in split(data) if box.name == name]


def find(data: bytes, *path: bytes) -> bytes | None:
    """Return the content of the first box on a path; None if there is none.

    Parameters
    ----------
    data : bytes
        Content of the outermost box.
    *path : bytes
        Types, from the outside in.

    Returns
    -------
    content : bytes or None
        What it holds.
    """
    for name in path:
        found = children(data, name)
        if not found:
            return None
        data = found[0]
    return data


def shift_offsets(moov: bytes, shift: int) -> bytes:
    """Return a ``moov`` with shifted chunk offsets.

    Parameters
    ----------
    moov : bytes
        Content.
    shift : int
        Shift in bytes.

    Returns
    -------
    moved : bytes
        The box with its positions changed; the same length.
    """
    inner = {b"trak", b"mdia", b"minf", b"stbl"}
    widths = {b"stco": 4, b"co64": 8}
    boxes = []
    for box in split(moov):
        data = box.data
        if box.name in inner:
            data = shift_offsets(data, shift)
        elif box.name in widths:
            width = widths[box.name]
            entries = range(8, len(data) - width + 1, width)
            moved = (int_at(data, i, width) + shift for i in entries)
            data = data[:8] + b"".join(value.to_bytes(width, "big") for value in moved)
        boxes.append(Box(box.name, data))
    return join(boxes)


def read_box(file: BinaryIO, name: bytes) -> tuple[int, int, bytes]:
    """Return offset, total size and content of the first outermost box with a name.

    Parameters
    ----------
    file : binary file
        Open for reading.
    name : bytes
        Its type.

    Returns
    -------
    offset, n_bytes : int
        Its position and size, including the header.
    data : bytes
        Content.

    Raises
    ------
    UnsupportedFormatError
        If there is none.
    """
    for found, at, n_head, size in top_boxes(file):
        if found == name:
            return at, size, read_at(file, at + n_head, size - n_head)
    raise UnsupportedFormatError(f"it has no box {name.decode()}")
