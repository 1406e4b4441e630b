"""Walk through the elements of Matroska and WebM (RFC 9559): where segments begin and end.

Each element says its number and its length, down to the blocks of sound, so a stretch that was cut
out, overwritten or not written shows as a place where no element is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.files.decoding.raw import find_all

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["find_damage", "find_segments"]

_EBML = 0x1A45DFA3
_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_GLOBAL = {0xEC, 0xBF}  # Void, CRC-32
_IN_SEGMENT = {
    *(0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER),
    *(0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),
    *_GLOBAL,
}
_IN_CLUSTER = {0xE7, 0x5854, 0xA7, 0xAB, 0xA0, 0xA3, 0xAF, *_GLOBAL}
_MOST_ELEMENTS = 20_000_000
_OPEN = -1
_LEAST_BYTES = 16
_EBML_MARK = b"\x1a\x45\xdf\xa3"


def find_segments(file: BinaryIO, *, start: int, end: int) -> list[int]:
    """Return where each of the files begins that were joined into one; mostly only `start`."""
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
    """Return what is wrong with the structure of a file.

    Returns
    -------
    missing : str
        As `Traits.missing`; empty where the structure is sound.
    note : str
        What is odd and proves nothing: a program that streams leaves the size of its segment open,
        and where it crashed, half a block at the end.
    """
    walker = _Elements(file)
    first = walker.head(0)
    segment = walker.head(first[1] + first[2]) if first and first[0] == _EBML else None
    if segment is None or segment[0] != _SEGMENT:
        return "", ""
    at = segment[1]
    is_open = segment[2] == _OPEN
    stop = end if is_open else segment[1] + segment[2]
    if stop > end:
        return f"is cut short: {stop - end:,} bytes of it are not there", ""
    known = _IN_SEGMENT
    for _ in range(_MOST_ELEMENTS):
        if at >= stop:
            break
        element = walker.head(at)
        # Numbers that nobody knows may be skipped, where the next one is known.
        following = element and walker.head(element[1] + element[2])
        if element is None or (
            element[0] not in known and not (following and following[0] in known)
        ):
            if stop - at < _LEAST_BYTES:
                break
            return f"is damaged: after {at:,} of {end:,} bytes its structure is broken", ""
        name, body, n_bytes = element
        if name == _CLUSTER:
            known, at = _IN_SEGMENT | _IN_CLUSTER, body
        elif n_bytes != _OPEN and body + n_bytes <= stop:
            at = body + n_bytes
        elif is_open:
            return "", "ends within a block, which was left out"
        else:
            return "is damaged: its last block reaches over the end", ""
    return "", ""


class _Elements:
    """Heads of elements, seen through a window."""

    _WINDOW_BYTES = 1 << 12

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._window, self._window_at = b"", 0

    def head(self, at: int) -> tuple[int, int, int] | None:
        """Return number, first byte of the body and length of an element; None if none begins."""
        inside = at - self._window_at
        if inside < 0 or inside + 16 > len(self._window):
            self._file.seek(at)
            self._window, self._window_at, inside = self._file.read(self._WINDOW_BYTES), at, 0
        head = self._window[inside : inside + 16]
        n_name, name = _number(head, keep_mark=True)
        n_size, size = _number(head[n_name:], keep_mark=False)
        if not 1 <= n_name <= 4 or not n_size:
            return None
        is_open = size == (1 << 7 * n_size) - 1
        return name, at + n_name + n_size, _OPEN if is_open else size


def _number(head: bytes, *, keep_mark: bool) -> tuple[int, int]:
    """Return (bytes, value) of a number of variable length; (0, 0) if there is none."""
    if not head or head[0] == 0:
        return 0, 0
    n = 9 - head[0].bit_length()
    if len(head) < n:
        return 0, 0
    value = int.from_bytes(head[:n], "big")
    return n, value if keep_mark else value & ((1 << 7 * n) - 1)


def _past_segment(file: BinaryIO, at: int, end: int) -> int:
    """Return where the file ends that begins here, or -1 where it does not say."""
    walker = _Elements(file)
    first = walker.head(at)
    segment = walker.head(first[1] + first[2]) if first and first[2] != _OPEN else None
    if segment is None or segment[0] != _SEGMENT or segment[2] == _OPEN:
        return -1
    stop = segment[1] + segment[2]
    return stop if stop <= end else -1


def _begins(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    head = file.read(64)
    return head.startswith(_EBML_MARK) and (b"matroska" in head or b"webm" in head)


def _find_next(file: BinaryIO, at: int, end: int) -> int:
    return next((one for one in find_all(file, _EBML_MARK, at, end) if _begins(file, one)), -1)
