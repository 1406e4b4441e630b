"""The comment packet of an Ogg stream: Vorbis, Opus and Speex.

The header packets are put into new pages, and every audio page gets its new number and checksum;
the audio packets are not changed (RFC 3533).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.ogg import sum_up
from sottovoce.files.keeping.splicing import MOST_BYTES, file_size, read_at, splice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["Head", "OggPage", "find_links", "read_head", "read_pages", "replace_head"]

_HEAD_BYTES = 27
_CONTINUED, _FIRST = 1, 2
_MOST_SEGMENTS = 255
_SCAN_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class OggPage:
    """One page.

    Attributes
    ----------
    offset, n_bytes : int
        Its position and length.
    flags, serial, number : int
        As in its header.
    lacing : bytes
        Lengths of the segments.
    """

    offset: int
    n_bytes: int
    flags: int
    serial: int
    number: int
    lacing: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The packets before the sound.

    Attributes
    ----------
    packets : list of bytes
        Identification, comments, and any further header packets of the codec.
    codec : "vorbis", "opus" or "speex"
        The codec.
    start, end : int
        Start of the pages of the second packet, and start of the audio pages.
    serial : int
        Serial number of the stream.
    n_pages : int
        Number of pages between `start` and `end`.
    """

    packets: list[bytes]
    codec: str
    start: int
    end: int
    serial: int
    n_pages: int


def read_pages(file: BinaryIO, start: int) -> Iterator[OggPage]:
    """Yield the pages from `start` on, up to the last complete one.

    Parameters
    ----------
    file : binary file
        Open for reading.
    start : int
        First byte of a page.

    Yields
    ------
    page : OggPage
        The next one.
    """
    end = file_size(file)
    at = start
    while at + _HEAD_BYTES <= end:
        file.seek(at)
        head = file.read(_HEAD_BYTES)
        lacing = file.read(head[26])
        n_bytes = _HEAD_BYTES + len(lacing) + sum(lacing)
        if head[:4] != b"OggS" or at + n_bytes > end:
            return
        serial, number = (int.from_bytes(head[i : i + 4], "little") for i in (14, 18))
        yield OggPage(at, n_bytes, head[5], serial, number, lacing)
        at += n_bytes


def read_head(file: BinaryIO, start: int = 0) -> Head:
    """Read the packets before the sound of a link.

    Parameters
    ----------
    file : binary file
        Open for reading.
    start : int
        First byte of the link.

    Returns
    -------
    head : Head
        Its packets.

    Raises
    ------
    UnsupportedFormatError
        If several streams are interleaved, or the codec is unknown.
    """
    packets: list[bytes] = []
    parts: list[bytes] = []
    codec, n_needed = "", 1
    n_bytes = 0
    first: OggPage | None = None
    for n_pages, page in enumerate(read_pages(file, start), start=1):
        first = first or page
        if page.serial != first.serial or n_bytes > MOST_BYTES:
            break
        n_bytes += page.n_bytes
        _unpack(read_at(file, page.offset, page.n_bytes)[_HEAD_BYTES:], page.lacing, parts, packets)
        if n_pages == 1:
            codec, n_needed = _identify(packets)
        if len(packets) >= n_needed:
            if parts or len(packets) > n_needed:
                break  # audio on a header page, against the standard
            end = page.offset + page.n_bytes
            return Head(packets, codec, start + first.n_bytes, end, first.serial, n_pages - 1)
    raise UnsupportedFormatError("its header is not that of a single audio stream")


def find_links(file: BinaryIO, start: int) -> list[int]:
    """Return where further links of a chained stream begin.

    Parameters
    ----------
    file : binary file
        Open for reading.
    start : int
        Position at which to start.

    Returns
    -------
    offsets : list of int
        First bytes of pages that begin a stream.
    """
    offsets = []
    at, end = start, file_size(file)
    while at < end:
        file.seek(at)
        block = file.read(_SCAN_BYTES)
        found = block.find(b"OggS\0")
        while 0 <= found <= len(block) - 6:
            if block[found + 5] & _FIRST:
                offsets.append(at + found)
            found = block.find(b"OggS\0", found + 1)
        at += max(len(block) - 5, 1) if at + len(block) < end else len(block)
    return offsets


def replace_head(file: BinaryIO, head: Head, packets: list[bytes]) -> None:
    """Replace the packets after the identification of a stream.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    head : Head
        Header of the current file.
    packets : list of bytes
        From the comments on.
    """
    pages = _lay_out(packets, head.serial)
    shift = len(pages) - head.n_pages
    if shift:
        _renumber(file, head, shift)
    splice(file, head.start, head.end - head.start, b"".join(pages))


def _identify(packets: list[bytes]) -> tuple[str, int]:
    """Return the codec and the number of its header packets."""
    first = packets[0] if len(packets) == 1 else b""
    if first[:7] == b"\x01vorbis":
        return "vorbis", 3
    if first[:8] == b"OpusHead":
        return "opus", 2
    if first[:8] == b"Speex   " and len(first) >= 72:
        return "speex", 2 + min(int.from_bytes(first[68:72], "little"), 16)
    raise UnsupportedFormatError("its first stream is not a known audio codec")


def _unpack(body: bytes, lacing: bytes, parts: list[bytes], packets: list[bytes]) -> None:
    """Append the packets that end in a page; the rest of the last one stays in `parts`."""
    at = len(lacing)
    for size in lacing:
        parts.append(body[at : at + size])
        at += size
        if size < _MOST_SEGMENTS:
            packets.append(b"".join(parts))
            parts.clear()


def _lay_out(packets: list[bytes], serial: int) -> list[bytes]:
    """Return pages, numbered from 1, that hold the packets; the last one ends with the last."""
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    body = b"".join(packets)
    pages: list[bytes] = []
    at = 0
    for first in range(0, len(lacing), _MOST_SEGMENTS):
        part = lacing[first : first + _MOST_SEGMENTS]
        flags = _CONTINUED if first and lacing[first - 1] == _MOST_SEGMENTS else 0
        # A position of -1 if no packet ends; 0 otherwise, since there is no audio yet.
        position = 0 if min(part) < _MOST_SEGMENTS else (1 << 64) - 1
        page = b"OggS\0" + bytes([flags]) + position.to_bytes(8, "little")
        page += serial.to_bytes(4, "little") + (len(pages) + 1).to_bytes(4, "little")
        page += bytes(4) + bytes([len(part)]) + part + body[at : at + sum(part)]
        at += sum(part)
        pages.append(sum_up(page))
    return pages


def _renumber(file: BinaryIO, head: Head, shift: int) -> None:
    for page in read_pages(file, head.end):
        if page.serial != head.serial:
            continue
        data = read_at(file, page.offset, page.n_bytes)
        number = (page.number + shift) & 0xFFFFFFFF
        file.seek(page.offset)
        file.write(sum_up(data[:18] + number.to_bytes(4, "little") + data[22:]))
