"""Tags around MPEG audio, AAC, AC-3 and WavPack, which have no container.

Tags are at the beginning (ID3v2) and at the end (`trailers`), so they are put around the new sound
as they were around the old, byte for byte.  The encoder's own header, with delay, padding, gain and
peak, is part of the sound and comes from the new encoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import clean_id3, count_chapters, id3_size
from sottovoce.files.keeping.splicing import MOST_BYTES, file_size, read_at, splice
from sottovoce.files.keeping.trailers import ape_size, clean_ape, find_trailers

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["Around", "carry_bare", "plan_bare", "read_around"]

_SCAN_BYTES = 4 << 20
_MOST_FRONTS = 16
# An ID3v2 header with its first frame, or an APE header; ID3v1 alone is too short to tell from
# sound, and follows one of these where files were joined.
_INNER = re.compile(rb"ID3[\x02-\x04]\x00.[\x00-\x7f]{4}[A-Z][A-Z0-9]{2}|APETAGEX", re.DOTALL)
_INNER_BYTES = 13


@dataclass(frozen=True, slots=True)
class Around:
    """Tags around the sound of a file.

    Attributes
    ----------
    fronts, trailers : list of bytes
        Whole tags, in order.
    start, end : int
        First byte of the sound, and the one after its last.
    """

    fronts: list[bytes]
    trailers: list[bytes]
    start: int
    end: int


def read_around(file: BinaryIO) -> Around:
    """Read the tags at the beginning and at the end of a file.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    around : Around
        Its tags.

    Raises
    ------
    UnsupportedFormatError
        If a tag at the beginning extends beyond the end of the file.
    """
    fronts = []
    start = 0
    for _ in range(_MOST_FRONTS):
        file.seek(start)
        head = file.read(32)
        n_bytes = id3_size(head) or ape_size(head, at_end=False)
        if not n_bytes:
            break
        fronts.append(read_at(file, start, n_bytes))
        start += n_bytes
        if start > MOST_BYTES:
            break
    trailers = find_trailers(file, start)
    return Around(fronts, trailers, start, file_size(file) - sum(map(len, trailers)))


def plan_bare(file: BinaryIO) -> Found:
    """List what a copy of a bare stream will not have.

    Parameters
    ----------
    file : binary file
        The original.

    Returns
    -------
    found : Found
        All tags are kept except those between joined files.
    """
    around = read_around(file)
    found = Found()
    _clean(around, found)
    n_inner = _count_inner(file, around)
    if n_inner:
        found.lost.append(f"{n_inner} tag{'s' * (n_inner > 1)} in the middle of the audio")
    return found


def carry_bare(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Put the tags of one bare stream around another.

    Parameters
    ----------
    source : binary file
        The original.
    target : binary file
        The copy, open for reading and writing; its encoder's tags are replaced.

    Returns
    -------
    lines : list of str
        Messages for the user.
    """
    fronts, trailers = _clean(read_around(source), Found())
    there = read_around(target)
    splice(target, there.end, file_size(target) - there.end, b"".join(trailers))
    splice(target, 0, there.start, b"".join(fronts))
    return []


def _clean(around: Around, found: Found) -> tuple[list[bytes], list[bytes]]:
    cleaned: tuple[list[bytes], list[bytes]] = ([], [])
    for tags, kept in zip((around.fronts, around.trailers), cleaned, strict=True):
        for tag in tags:
            data, dropped = _clean_tag(tag)
            found.dropped |= dropped
            kept.append(data)
            if tag[:3] == b"ID3":
                found.n_chapters += count_chapters(tag)
    return cleaned


def _clean_tag(tag: bytes) -> tuple[bytes, set[str]]:
    if id3_size(tag[:10]):
        return clean_id3(tag, technical=True)
    if tag[-32:-24] == b"APETAGEX":
        return clean_ape(tag)
    return tag, set()


def _count_inner(file: BinaryIO, around: Around) -> int:
    n_inner = 0
    at = around.start
    while at < around.end:
        file.seek(at)
        block = file.read(min(_SCAN_BYTES, around.end - at))
        if not block:
            break
        n_inner += sum(1 for _ in _INNER.finditer(block))
        at += len(block)
        if at < around.end and len(block) > _INNER_BYTES:
            # A tag that spans two blocks is counted with the second only.
            overlap = _INNER_BYTES - 1
            n_inner -= sum(1 for _ in _INNER.finditer(block[-overlap:]))
            at -= overlap
    return n_inner
