"""Walk through Ogg (RFC 3533): its links, the streams in them, and their granules.

Joined files are *chained*: one link begins where the other ends.  A stream that was
recorded from the middle of a broadcast has granules that start late; if its recorder crashed, it
lacks its last page.
"""

from __future__ import annotations

import itertools
import tempfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sottovoce.files.decoding.extent import is_foreign

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["Link", "LogicalStream", "Page", "rewrite_link", "sum_up", "walk_ogg"]

_MARK = b"OggS"
_CHUNK_BYTES = 1 << 16
_LONGEST_PAGE = 27 + 255 + 255 * 255
_WINDOW_BYTES = 1 << 20
_FEW_PAGES = 3
_NO_GRANULE = (1 << 64) - 1
_LAST = 4
_FIRST = 2
_IN_MEMORY_BYTES = 1 << 24
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes
    ----------
    offset, n_bytes : int
        Its position and length, including the header.
    n_head : int
        Bytes of its header.
    flags : int
        1 continued, 2 first, 4 last of its stream.
    granule : int or None
        Position at its end; None if no packet ends on it.
    serial, sequence : int
        Serial number of its stream; its number in the stream.
    """

    offset: int
    n_bytes: int
    n_head: int
    flags: int
    granule: int | None
    serial: int
    sequence: int


@dataclass(slots=True)
class LogicalStream:
    """One stream of a link.

    Attributes
    ----------
    serial : int
        Its number.
    head : bytes
        First bytes of its first packet, which identify the codec.
    pages : list of Page
        In order.
    """

    serial: int
    head: bytes
    pages: list[Page] = field(default_factory=list)

    @property
    def codec(self) -> str:
        """``"OPUS"``, ``"VORBIS"``, ``"FLAC"``, ``"SPEEX"``, or empty if not audio."""
        marks = {b"OpusHead": "OPUS", b"\x01vorbis": "VORBIS", b"\x7fFLAC": "FLAC"}
        marks[b"Speex   "] = "SPEEX"
        return next((name for mark, name in marks.items() if self.head.startswith(mark)), "")

    @property
    def sr(self) -> int:
        """Rate of its granules, in Hz."""
        head = self.head
        places = {"VORBIS": head[12:16], "SPEEX": head[36:40]}
        if self.codec == "FLAC":
            return int.from_bytes(head[27:30], "big") >> 4
        return int.from_bytes(places.get(self.codec, b"\x80\xbb\x00\x00"), "little")

    @property
    def n_channels(self) -> int:
        """Channels."""
        head = self.head
        if self.codec == "FLAC":
            return (head[29] >> 1 & 7) + 1 if len(head) > 29 else 0
        place = {"OPUS": 9, "VORBIS": 11, "SPEEX": 48}.get(self.codec, 0)
        return head[place] if len(head) > place else 0

    @property
    def n_pages_missing(self) -> int:
        """Number of missing pages, by the numbers of those that are present.

        A recording of a broadcast has its first pages, which are needed for decoding, and then
        those from the start of the recording: a large step there is not counted.
        """
        missing = 0
        is_begun = False
        for before, page in itertools.pairwise(self.pages):
            step = page.sequence - before.sequence - 1
            if step > 0 and (is_begun or step <= _FEW_PAGES):
                missing += step
            is_begun = is_begun or bool(page.granule)
        return missing


@dataclass(slots=True)
class Link:
    """Streams that start together.

    Attributes
    ----------
    streams : dict of int to LogicalStream
        The streams, by number.
    n_damaged : int
        Pages whose checksum is wrong.
    n_strange : int
        Pages of streams that do not begin in the link.
    n_cut : int
        Bytes missing from its last page.
    n_junk : int
        Bytes between pages that belong to no page.
    """

    streams: dict[int, LogicalStream] = field(default_factory=dict)
    n_damaged: int = 0
    n_strange: int = 0
    n_cut: int = 0
    n_junk: int = 0

    @property
    def notes(self) -> list[str]:
        """Irregularities, one per line."""
        if not self.n_junk:
            return []
        return [f"has {self.n_junk:,} invalid bytes between its pages"]

    @property
    def missing(self) -> str:
        """What is provably missing, as in `Traits.missing`."""
        n_lost = sum(stream.n_pages_missing for stream in self.sounds)
        if self.n_strange:
            pages = "page belongs" if self.n_strange == 1 else "pages belong"
            return f"is damaged: {self.n_strange} {pages} to a stream whose beginning is missing"
        if n_lost or self.n_damaged:
            n = max(n_lost, self.n_damaged)
            return f"is damaged: {n} {'page is' if n == 1 else 'pages are'} missing or incomplete"
        return "is cut short: its last page is incomplete" if self.n_cut else ""

    @property
    def sounds(self) -> list[LogicalStream]:
        """The streams of sound."""
        return [stream for stream in self.streams.values() if stream.codec]


def walk_ogg(file: BinaryIO, *, end: int) -> list[Link]:
    """Return the links of a file; damaged pages belong to none of their streams."""
    links: list[Link] = []
    at, starting, n_junk = 0, False, 0
    window, window_at = b"", 0
    while at < end:
        inside = at - window_at
        if inside + _LONGEST_PAGE > len(window) and window_at + len(window) < end:
            file.seek(at)
            window, window_at, inside = file.read(_WINDOW_BYTES), at, 0
        page = _read_page(window[inside : inside + 282], at)
        if page is None:
            following = _find_mark(file, at + 1, end)
            file.seek(at)
            if not is_foreign(file.read(4096)):
                n_junk += following - at
            at = following
            continue
        is_cut = page.offset + page.n_bytes > end
        data = window[inside : inside + page.n_bytes]
        if is_cut or sum_up(data) != data:
            following = _find_mark(file, at + 1, end)
            if links and is_cut and following == end:
                links[-1].n_cut = page.offset + page.n_bytes - end
            elif links:
                links[-1].n_damaged += 1
            at = following
            continue
        at = page.offset + page.n_bytes
        if page.flags & _FIRST:
            if not starting:
                links.append(Link())
            starting = True
            body = data[page.n_head : page.n_head + 256]
            links[-1].streams[page.serial] = LogicalStream(page.serial, body, [page])
            continue
        starting = False
        if links and page.serial in links[-1].streams:
            links[-1].streams[page.serial].pages.append(page)
        elif links:
            links[-1].n_strange += 1
        else:
            links.append(Link(n_strange=1))
    if links:
        links[-1].n_junk = n_junk
    return links


def _read_page(head: bytes, at: int) -> Page | None:
    if head[:4] != _MARK or len(head) < 27 or head[4] != 0:
        return None
    n_head = 27 + head[26]
    if len(head) < n_head:
        n_bytes = n_head + 1 + at  # its header is cut: longer than the rest of the file
        return Page(at, n_bytes, n_head, 0, None, 0, 0)
    granule = int.from_bytes(head[6:14], "little")
    return Page(
        offset=at,
        n_bytes=n_head + sum(head[27:n_head]),
        n_head=n_head,
        flags=head[5],
        granule=None if granule == _NO_GRANULE else granule,
        serial=int.from_bytes(head[14:18], "little"),
        sequence=int.from_bytes(head[18:22], "little"),
    )


def _find_mark(file: BinaryIO, at: int, end: int) -> int:
    while at < end:
        file.seek(at)
        chunk = file.read(_CHUNK_BYTES)
        found = chunk.find(_MARK)
        if found >= 0:
            return at + found
        if len(chunk) < _CHUNK_BYTES:
            break
        at += len(chunk) - 3
    return end


def rewrite_link(file: BinaryIO, stream: LogicalStream, *, last: int | None) -> BinaryIO:
    """Return one stream alone, with its pages renumbered and its end flagged.

    Parameters
    ----------
    file : binary file
        The whole file.
    stream : LogicalStream
        A stream of a link.
    last : int or None
        Granule of the last page; None keeps it.

    Returns
    -------
    rewritten : binary file
        In memory, or on disk if large; at its beginning.
    """
    out = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    final = stream.pages[-1]
    for number, page in enumerate(stream.pages):
        file.seek(page.offset)
        data = bytearray(file.read(page.n_bytes))
        granule = page.granule
        if page is final and last is not None:
            granule = last
        data[5] = page.flags | _LAST if page is final else page.flags & ~_LAST
        data[6:14] = (_NO_GRANULE if granule is None else granule).to_bytes(8, "little")
        data[18:22] = number.to_bytes(4, "little")
        out.write(sum_up(bytes(data)))
    out.seek(0)
    return out  # type: ignore[return-value]


def sum_up(page: bytes) -> bytes:
    """Return a page with its checksum.

    Ogg's CRC runs from the high bit down and starts at 0, zlib's the other way round and
    inverted.  Reversing bits before and after, and undoing the inversion, makes them equal.
    """
    blank = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    # Little-endian bytes of the number with all 32 bits reversed.
    checksum = crc.to_bytes(4, "big").translate(_REVERSED)
    return page[:22] + checksum + page[26:]
