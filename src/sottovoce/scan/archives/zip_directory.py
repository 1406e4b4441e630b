"""`zip_members`: the members of a zip archive, one after the other, in bounded memory.

The standard library's reader holds the whole list of members, about a kilobyte for each; the list
of an untrusted archive may have any length.  This one reads the list incrementally.
"""

from __future__ import annotations

import datetime
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from sottovoce.errors import UnreadableAudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ZipMember", "zip_members"]

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_FORM = struct.Struct("<4s4H2LH")
_ENTRY_FORM = struct.Struct("<4s6H3L5H2L")
_LOCAL_FORM = struct.Struct("<4s5H3L2H")
_MOST_COMMENT = 1 << 16
_FULL = 0xFFFFFFFF
_UTF8, _ENCRYPTED = 0x800, 0x1
_REMEDY = "Get a complete copy of the archive."


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """A member of a zip archive.

    Attributes
    ----------
    name : str
        As stored; never used as a path to write to.
    is_file : bool
        Whether it is a file, and not a folder.
    is_encrypted : bool
        Whether reading it needs a password.
    method : int
        How it is packed: 0 is not at all, 8 is deflate, 12 is bzip2.
    start, length : int
        Position and size of its data as stored, in bytes.
    n_bytes : int
        Size of its data once unpacked, in bytes.
    crc : int
        Checksum of the unpacked data.
    modified_s : float or None
        Time of its last modification, taken as UTC, in seconds since 1970.
    """

    name: str
    is_file: bool
    is_encrypted: bool
    method: int
    start: int
    length: int
    n_bytes: int
    crc: int
    modified_s: float | None


def zip_members(file: BinaryIO, url: str) -> Iterator[ZipMember]:
    """Yield the members of an archive, in the order of its list.

    Parameters
    ----------
    file : binary file
        The archive; its position may change between two members.
    url : str
        For messages.

    Raises
    ------
    UnreadableAudioError
        If it is not a zip archive, is damaged, or its members overlap.
    """
    size = file.seek(0, os.SEEK_END)
    n_members, place, end, shift = _find_list(file, size, url)
    n_used = 0
    for _ in range(n_members):
        if place + _ENTRY_FORM.size > end:
            raise _damaged("its list of members is cut short", url)
        file.seek(place)
        raw = file.read(_ENTRY_FORM.size)
        fields = _ENTRY_FORM.unpack(raw) if len(raw) == _ENTRY_FORM.size else (b"",)
        if fields[0] != b"PK\x01\x02":
            raise _damaged("its list of members is damaged", url)
        n_name, n_extra, n_comment = fields[10:13]
        texts = file.read(n_name + n_extra)
        place += _ENTRY_FORM.size + n_name + n_extra + n_comment
        member = _member(file, fields, texts[:n_name], texts[n_name:], (shift, size), url)
        # A few kilobytes that a thousand members share unpack to gigabytes.
        n_used += member.length
        if n_used > size:
            raise _damaged("its members overlap", url)
        yield member


def _find_list(file: BinaryIO, size: int, url: str) -> tuple[int, int, int, int]:
    """Return the number of members, the start and end of their list, and that of the archive."""
    n_tail = min(size, _MOST_COMMENT + _END_FORM.size)
    file.seek(size - n_tail)
    tail = file.read(n_tail)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_FORM.size:
        raise _damaged("it is not a zip archive, or its end is missing", url)
    _, disk, _, _, n_members, n_list, place, _ = _END_FORM.unpack_from(tail, at)
    end = size - n_tail + at
    if disk not in (0, 0xFFFF):
        raise _damaged("it is part of an archive in several files", url)
    if 0xFFFF in (n_members, disk) or _FULL in (n_list, place):
        n_members, n_list, place, end = _find_list64(file, end, (n_members, n_list, place), url)
    # There may be data before the archive, which positions do not include.
    begin = end - n_list
    if place > begin or begin < 0:
        raise _damaged("its list of members is not at the stated position", url)
    return n_members, begin, end, begin - place


def _find_list64(
    file: BinaryIO, end: int, plain: tuple[int, int, int], url: str
) -> tuple[int, int, int, int]:
    file.seek(max(0, end - 20))
    locator = file.read(20)
    if locator[:4] != _LOCATOR:
        return (*plain, end)
    place = struct.unpack_from("<Q", locator, 8)[0]
    place = end - 20 - 56 if place + 76 > end else place
    file.seek(max(0, place))
    raw = file.read(56)
    if raw[:4] != _END64:
        # There is data before the archive.
        place = max(0, end - 20 - 56)
        file.seek(place)
        raw = file.read(56)
    if len(raw) < 56 or raw[:4] != _END64:
        raise _damaged("its end is damaged", url)
    n_members, n_list, first = struct.unpack_from("<3Q", raw, 32)
    return n_members, n_list, first, place


def _member(
    file: BinaryIO,
    fields: tuple[int, ...],
    name: bytes,
    extra: bytes,
    span: tuple[int, int],
    url: str,
) -> ZipMember:
    flags, method, clock, date, crc, length, n_bytes = fields[3:10]
    place = fields[16]
    n_bytes, length, place = _widen(extra, (n_bytes, length, place))
    shift, size = span
    place += shift
    file.seek(min(place, size))
    raw = file.read(_LOCAL_FORM.size)
    local = _LOCAL_FORM.unpack(raw) if len(raw) == _LOCAL_FORM.size else (b"",)
    text = name.decode("utf-8" if flags & _UTF8 else "cp437", errors="surrogateescape")
    if local[0] != b"PK\x03\x04":
        raise _damaged("a member is not at the position given in the list", url)
    start = place + _LOCAL_FORM.size + local[9] + local[10]
    if start + length > size:
        raise _damaged("it is cut short", url)
    return ZipMember(
        name=text,
        is_file=not text.endswith("/"),
        is_encrypted=bool(flags & _ENCRYPTED),
        method=method,
        start=start,
        length=length,
        n_bytes=n_bytes,
        crc=crc,
        modified_s=_seconds(date, clock),
    )


def _widen(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return sizes and position of a member, from the field for large archives if necessary."""
    wide: list[int] = []
    at = 0
    while at + 4 <= len(extra):
        kind, n = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = [
                int.from_bytes(extra[i : i + 8], "little")
                for i in range(at + 4, min(at + 4 + n, len(extra)) - 7, 8)
            ]
            break
        at += 4 + n
    return tuple(wide.pop(0) if one == _FULL and wide else one for one in values)  # type: ignore[return-value]


def _seconds(date: int, clock: int) -> float | None:
    try:
        return datetime.datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            clock >> 11,
            clock >> 5 & 63,
            clock % 32 * 2,
            tzinfo=datetime.UTC,
        ).timestamp()
    except ValueError:
        return None


def _damaged(message: str, url: str) -> UnreadableAudioError:
    return UnreadableAudioError(f"cannot be read: {message}", path=url, remedy=_REMEDY)
