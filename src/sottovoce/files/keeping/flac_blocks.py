"""The metadata blocks of FLAC, and the tags that some programs put around it.

Every block is copied unchanged (pictures, cue sheets, padding, application data), except those that
describe the stream: STREAMINFO is the encoder's, with the new MD5, and
SEEKTABLE points into the old stream (RFC 9639, section 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.keeping.bare_streams import Around, read_around
from sottovoce.files.keeping.comments import Comments, clean_comments
from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import C2PA, clean_id3, id3_size
from sottovoce.files.keeping.splicing import MOST_BYTES, file_size, read_at, splice

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["carry_flac", "plan_flac"]

_STREAMINFO, _APPLICATION, _SEEKTABLE, _COMMENTS = 0, 2, 3, 4
_LAST = 0x80

Blocks = list[tuple[int, bytes]]


def plan_flac(file: BinaryIO) -> Found:
    """List what a copy of a FLAC will not have.

    Parameters
    ----------
    file : binary file
        The original.

    Returns
    -------
    found : Found
        Only its seek table, the name of its encoder, and a C2PA manifest.
    """
    around = read_around(file)
    blocks, _ = _read_blocks(file, around.start)
    found = Found()
    _clean_around(around, found)
    _clean_blocks(blocks, [], found)
    return found


def carry_flac(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Put the metadata of one FLAC into another.

    Parameters
    ----------
    source : binary file
        The original.
    target : binary file
        The copy, open for reading and writing.

    Returns
    -------
    lines : list of str
        Messages for the user.
    """
    around, there = read_around(source), read_around(target)
    old, _ = _read_blocks(source, around.start)
    new, first_frame = _read_blocks(target, there.start)
    found = Found()
    fronts, trailers = _clean_around(around, found)
    blocks = _clean_blocks(old, new, found)
    head = b"".join(fronts) + b"fLaC" + _to_bytes(blocks)
    splice(target, there.end, file_size(target) - there.end, b"".join(trailers))
    splice(target, 0, first_frame, head)
    return []


def _clean_around(around: Around, found: Found) -> tuple[list[bytes], list[bytes]]:
    fronts = []
    for tag in around.fronts:
        cleaned, dropped = clean_id3(tag, technical=True) if id3_size(tag[:10]) else (tag, set())
        fronts.append(cleaned)
        found.dropped |= dropped
    return fronts, around.trailers


def _read_blocks(file: BinaryIO, start: int) -> tuple[Blocks, int]:
    """Return the blocks as (type, content), and the position of the first frame."""
    if read_at(file, start, 4) != b"fLaC":
        raise UnsupportedFormatError("the tag in front of it has a wrong size")
    blocks: Blocks = []
    at, is_last = start + 4, False
    while not is_last:
        head = read_at(file, at, 4)
        is_last = bool(head[0] & _LAST)
        size = int.from_bytes(head[1:], "big")
        blocks.append((head[0] & 0x7F, read_at(file, at + 4, size)))
        at += 4 + size
        if at > MOST_BYTES:
            raise UnsupportedFormatError(f"they are more than {MOST_BYTES} bytes")
    return blocks, at


def _clean_blocks(old: Blocks, new: Blocks, found: Found) -> Blocks:
    own = [data for kind, data in new if kind == _COMMENTS]
    kept = [block for block in new if block[0] == _STREAMINFO]
    has_comments = False
    for kind, data in old:
        if kind == _SEEKTABLE:
            found.dropped.add("SEEKTABLE")
        elif kind == _APPLICATION and data[:4].lower() == b"c2pa":
            found.dropped.add(C2PA)
        elif kind == _COMMENTS and not has_comments:
            has_comments = True
            comments = Comments.parse(data)
            encoder = Comments.parse(own[0]) if own else Comments(comments.vendor, ())
            cleaned, dropped = clean_comments(comments, encoder)
            found.dropped |= dropped
            kept.append((kind, cleaned.to_bytes()))
        elif kind != _STREAMINFO:
            kept.append((kind, data))
    if not has_comments:
        kept += [(_COMMENTS, data) for data in own[:1]]
    return kept


def _to_bytes(blocks: Blocks) -> bytes:
    parts = []
    for number, (kind, data) in enumerate(blocks, start=1):
        flag = _LAST if number == len(blocks) else 0
        parts.append(bytes([kind | flag]) + len(data).to_bytes(3, "big") + data)
    return b"".join(parts)
