"""The outermost boxes of an MP4 or QuickTime film: references to bytes, and trailing data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import OUTERMOST
from sottovoce.files.decoding.raw import find_all
from sottovoce.files.keeping.boxes import find
from sottovoce.files.keeping.splicing import file_size, read_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

__all__ = ["check_items", "find_rest", "make_mdat_head"]

_NO_REST = (b"ftyp", b"moov", b"moof")


def find_rest(file: BinaryIO, boxes: Sequence[tuple[bytes, int, int, int]]) -> tuple[int, int]:
    """Return the data after the last box of a film, which are copied unchanged.

    Parameters
    ----------
    file : binary file
        Open for reading.
    boxes : sequence of tuple
        As from `top_boxes`.

    Returns
    -------
    at, n_bytes : int
        Its position and length; the length is usually 0.

    Raises
    ------
    UnsupportedFormatError
        If it is a truncated box, or holds part of a film.
    """
    at, end = boxes[-1][1] + boxes[-1][3], file_size(file)
    if read_at(file, at, min(8, end - at))[4:] in OUTERMOST:
        raise UnsupportedFormatError("its last box is incomplete")
    if any(find_all(file, name, at, end) for name in _NO_REST):
        raise UnsupportedFormatError("part of a film follows its last box")
    return at, end - at


def check_items(file: BinaryIO, boxes: Sequence[tuple[bytes, int, int, int]]) -> None:
    """Refuse items anywhere in the file (``iloc`` in an outermost ``meta``).

    Parameters
    ----------
    file, boxes
        As in `find_rest`.

    Raises
    ------
    UnsupportedFormatError
        If there are any.
    """
    for name, at, n_head, size in boxes:
        if name != b"meta":
            continue
        body = read_at(file, at + n_head, size - n_head)
        # In QuickTime the box has no version.
        inner = body if body[4:8] == b"hdlr" else body[4:]
        if find(inner, b"iloc") is not None:
            raise UnsupportedFormatError("it contains items that no sample table lists")


def make_mdat_head(n_bytes: int, *, wide: bool = False) -> bytes:
    """Return the header of a data box.

    Parameters
    ----------
    n_bytes : int
        Length of the data.
    wide : bool
        Whether its size has 64 bits even if 32 are enough.

    Returns
    -------
    head : bytes
        8 or 16 bytes.
    """
    if wide or n_bytes + 8 >= 1 << 32:
        return (1).to_bytes(4, "big") + b"mdat" + (16 + n_bytes).to_bytes(8, "big")
    return (8 + n_bytes).to_bytes(4, "big") + b"mdat"
