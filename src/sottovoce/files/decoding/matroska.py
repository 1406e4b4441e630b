"""Walk through the elements of Matroska and WebM (RFC 9559): where segments begin and end.

Each element has its number and its length, down to the blocks of sound, so a stretch that was cut
out, overwritten or not written shows up as a position without an element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import OPEN, Element, read_element
from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["find_damage", "find_segments"]

_MOST_ELEMENTS = 20_000_000
_LEAST_BYTES = 16
_ANYWHERE = 1 << 62


def find_segments(file: BinaryIO, *, start: int, end: int) -> list[int]:
    """Return where each of the joined files begins; usually only `start`."""
    starts = [start]
    at = start
    while at < end:
        stop = _past_segment(file, at, end)
        if stop == end:
            break
        place = stop if stop > 0 and _begins(file, stop) else _find_next(file, at + 4, end)
        if place < 0:
            break
        starts.append(place)
        at = place
    return starts


def find_damage(file: BinaryIO, *, end: int) -> tuple[str, str]:
    """Return the damage to the structure of a file.

    Returns
    -------
    missing : str
        As `Traits.missing`; empty if the structure is intact.
    note : str
        An irregularity that proves nothing: a streaming program leaves the size of its segment
        open and, if it crashes, half a block at the end.
    """
    segment = _segment(file, 0)
    if segment is None:
        return "", ""
    at = segment.body
    is_open = segment.size == OPEN
    stop = end if is_open else segment.end
    if stop > end:
        return f"is cut short: {stop - end:,} bytes of it are missing", ""
    known = names.TOP
    for _ in range(_MOST_ELEMENTS):
        if at >= stop:
            break
        element = _element(file, at)
        if element is None or not (element.name in known or _is_followed(file, element, known)):
            if stop - at < _LEAST_BYTES:
                break
            return f"is damaged: after {at:,} of {end:,} bytes its structure is broken", ""
        if element.name == names.CLUSTER:
            known, at = names.TOP | names.IN_CLUSTER, element.body
        elif element.size != OPEN and element.end <= stop:
            at = element.end
        elif is_open:
            return "", "ends within a block, which was skipped"
        else:
            return "is damaged: its last block extends past the end", ""
    return "", ""


def _is_followed(file: BinaryIO, element: Element, known: frozenset[int]) -> bool:
    """Return whether an element of an unknown number may be skipped: the next one is known."""
    following = None if element.size == OPEN else _element(file, element.end)
    return following is not None and following.name in known


def _element(file: BinaryIO, at: int) -> Element | None:
    """Return the element that begins at a position, whatever its length; None if none does."""
    try:
        return read_element(file, at, _ANYWHERE)
    except UnsupportedFormatError:
        return None


def _segment(file: BinaryIO, at: int) -> Element | None:
    """Return the segment of the file that begins at a position, or None."""
    first = _element(file, at)
    if first is None or first.name != names.EBML or first.size == OPEN:
        return None
    segment = _element(file, first.end)
    return segment if segment is not None and segment.name == names.SEGMENT else None


def _past_segment(file: BinaryIO, at: int, end: int) -> int:
    """Return the end of the file that begins here, or -1 if it does not say."""
    segment = _segment(file, at)
    if segment is None or segment.size == OPEN or segment.end > end:
        return -1
    return segment.end


def _begins(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    head = file.read(64)
    return head.startswith(names.EBML_MARK) and (b"matroska" in head or b"webm" in head)


def _find_next(file: BinaryIO, at: int, end: int) -> int:
    return next((one for one in find_all(file, names.EBML_MARK, at, end) if _begins(file, one)), -1)
