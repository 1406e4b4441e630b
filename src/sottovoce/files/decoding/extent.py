"""The real extent of the samples of a chunk: a size in a header is a hint.

Recorders that crash leave a size of 0, programs that write into a pipe the largest possible one, 32
bits wrap at 4 GiB, and some count their own header.  The data after the declared end shows which:
a chunk, a tag or nothing means that the size was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = [
    "MISCOUNTED_BYTES",
    "Extent",
    "begins_file",
    "is_foreign",
    "is_unknown",
    "is_zero",
    "settle_extent",
]

MISCOUNTED_BYTES = 128
"""A header that counts itself is off by no more than its own length; more is sound."""

_UNKNOWN_32 = ((0x7FFF_0000, 0x8000_1000), (0xFFFF_0000, 0x1_0000_0000))
"""Placeholder sizes: the largest signed or unsigned number, minus a header or a block."""
_CHUNK_BYTES = 1 << 20
_LONGEST_TAIL = 1 << 23
_TAIL_NAMES = (
    *(b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"axml", b"cue ", b"smpl", b"inst", b"_PMX"),
    *(b"fact", b"PEAK", b"cart", b"afsp", b"JUNK", b"junk", b"FLLR", b"PAD ", b"C2PA", b"umid"),
    *(b"chna", b"dbmd", b"minf", b"elm1", b"regn", b"plst", b"note", b"labl", b"acid", b"strc"),
    *(b"NAME", b"AUTH", b"ANNO", b"(c) ", b"COMT", b"APPL", b"MARK", b"INST", b"MIDI", b"CHAN"),
    *(b"info", b"strg", b"mark", b"peak", b"free", b"LGWV", b"SMED", b"olym", b"meta", b"ResU"),
)
_FILES = (b"fLaC\x00", b"OggS\x00", b"caff\x00", b"\x1a\x45\xdf\xa3", b"FORM\x00")
"""First bytes of other files that may be joined to one."""
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN", b"3DI", b"PK\x03\x04", b"\x89PNG", b"<?xml")
_TEXT = frozenset({9, 10, 13, *range(32, 127)})


@dataclass(frozen=True, slots=True)
class Extent:
    """Position of samples.

    Attributes
    ----------
    offset, n_bytes : int
        First byte and length.
    n_missing : int
        Bytes that the header promises and the file lacks; 0 if nothing is proved.
    n_extra : int
        Bytes of samples in addition to those declared.
    """

    offset: int
    n_bytes: int
    n_missing: int = 0
    n_extra: int = 0

    @property
    def stop(self) -> int:
        """The byte after the last."""
        return self.offset + self.n_bytes


def is_unknown(declared: int) -> bool:
    """Return whether a size of 32 bits is a placeholder."""
    return any(low <= declared < high for low, high in _UNKNOWN_32)


def settle_extent(
    file: BinaryIO,
    *,
    offset: int,
    declared: int | None,
    end: int,
    chain: Callable[[int], int | None],
) -> Extent:
    """Return where the samples of a chunk really end.

    Parameters
    ----------
    file : binary file
        Its position is moved.
    offset : int
        First byte of the samples.
    declared : int or None
        Their length according to the header, in bytes; None if it declares it unknown.
    end : int
        End of the file, or beginning of another one that was joined to it.
    chain : callable
        Takes a position; returns the end of the chunk that begins there, or None if none does.

    Returns
    -------
    extent : Extent
        The samples.
    """
    room = max(end - offset, 0)
    if declared is not None and declared > room:
        n_missing = declared - room
        if n_missing > MISCOUNTED_BYTES:
            # Chunks at the end of a file exist only if its samples are complete.
            tail = _find_tail(file, offset, end, chain)
            return Extent(offset, tail - offset, 0 if tail < end else n_missing)
        # A header that counted itself: chunks within the excess are still chunks.
        return Extent(offset, _find_tail(file, offset, end, chain) - offset)
    stop = offset + (declared or 0)
    if declared is not None and _ends_well(file, stop, end, chain):
        return Extent(offset, stop - offset)
    tail = _find_tail(file, max(offset, stop - MISCOUNTED_BYTES), end, chain)
    if declared and tail < end and tail - stop <= MISCOUNTED_BYTES:
        return Extent(offset, min(stop, tail) - offset)
    n_extra = tail - stop if declared is not None else 0
    return Extent(offset, tail - offset, n_extra=n_extra)


def is_foreign(data: bytes) -> bool:
    """Return whether bytes after samples are not samples but tags, text or another file."""
    if data.startswith(_TAGS) or begins_file(data):
        return True
    return bool(data) and _TEXT.issuperset(data[:4096])


def begins_file(data: bytes) -> bool:
    """Return whether bytes after samples are the beginning of a file of another kind."""
    return data.startswith(_FILES) or data[4:8] == b"ftyp"


def is_zero(file: BinaryIO, start: int, end: int) -> bool:
    """Return whether a stretch contains only zeros, which may be padding."""
    at = start
    while at < end:
        file.seek(at)
        data = file.read(min(_CHUNK_BYTES, end - at))
        if not data or data.count(0) < len(data):
            return False
        at += len(data)
    return True


def _ends_well(file: BinaryIO, stop: int, end: int, chain: Callable[[int], int | None]) -> bool:
    """Return whether what follows the declared end is a chunk, a tag or nothing."""
    if stop >= end:
        return True
    if any(chain(place) is not None for place in (stop, stop + 1)):
        return True
    file.seek(stop)
    rest = file.read(65_536)
    return is_foreign(rest) or is_foreign(rest[1:]) or is_zero(file, stop, end)


def _find_tail(file: BinaryIO, start: int, end: int, chain: Callable[[int], int | None]) -> int:
    """Return where chunks begin that reach to the end of the file without a gap; else the end."""
    first = max(start, end - _LONGEST_TAIL)
    file.seek(first)
    data = file.read(end - first)
    earliest = end
    for name in _TAIL_NAMES:
        place = data.find(name)
        while place >= 0 and first + place < earliest:
            if _reaches(first + place, end, chain):
                earliest = first + place
            place = data.find(name, place + 1)
    tags = (b"APETAGEX", b"ID3\x03\x00", b"ID3\x04\x00", b"ID3\x02\x00", b"TAG")
    for tag in tags:
        place = data.rfind(tag)
        is_v1 = tag == b"TAG" and len(data) - place == 128
        if place >= 0 and (is_v1 or tag != b"TAG") and first + place < earliest:
            earliest = first + place
    return earliest


def _reaches(place: int, end: int, chain: Callable[[int], int | None]) -> bool:
    for _ in range(1000):
        following = chain(place)
        if following is None:
            return False
        if end - following <= 1:
            return True
        place = following
    return False
