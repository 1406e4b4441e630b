"""Tags of Ogg Vorbis, Opus and Speex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.keeping.comments import Comments, clean_comments
from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import C2PA
from sottovoce.files.keeping.ogg_pages import Head, find_links, read_head, replace_head

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["carry_ogg", "plan_ogg"]

_MAGIC = {"vorbis": b"\x03vorbis", "opus": b"OpusTags", "speex": b""}
_R128 = (b"R128_TRACK_GAIN=", b"R128_ALBUM_GAIN=")
_MOST_LINKS = 1000
_C2PA_STREAM = b"\0c2pa"


def plan_ogg(file: BinaryIO) -> Found:
    """List what a copy of an Ogg file will not have.

    Parameters
    ----------
    file : binary file
        The original.

    Returns
    -------
    found : Found
        The name of its encoder, a C2PA manifest, and the tags of all links except the first.
    """
    found = Found()
    links = find_links(file, 0)
    if _is_c2pa(file, links):
        found.dropped.add(C2PA)
    head = read_head(file)
    comments = _comments(head)
    found.dropped |= clean_comments(comments, Comments(b"", ()))[1]
    others = 0
    for offset in links[1:_MOST_LINKS]:
        try:
            others += _comments(read_head(file, offset)).items != comments.items
        except UnsupportedFormatError:
            continue  # another stream of the same link, or damaged: its sound is not read either
    if others:
        found.lost.append(f"the tags of {others} of {len(links)} parts (chained stream)")
    return found


def carry_ogg(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Put the comments of one Ogg file into another of the same codec.

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

    Raises
    ------
    UnsupportedFormatError
        If the codecs differ.
    """
    old, new = read_head(source), read_head(target)
    if old.codec != new.codec:
        raise UnsupportedFormatError(f"they are those of {old.codec}, not of {new.codec}")
    own = _comments(new)
    comments, _ = clean_comments(_comments(old), own)
    lines = []
    if old.codec == "opus" and new.packets[0][16:18] != b"\0\0":
        # Relative to the gain in the header (RFC 7845, section 5.2.1), which decoding applied.
        kept = [item for item in comments.items if not item.upper().startswith(_R128)]
        if len(kept) < len(comments.items):
            lines.append("R128 gains were not kept: the new file has its own gain")
        comments = Comments(comments.vendor, tuple(kept), comments.rest)
    if old.codec == "vorbis":
        comments = Comments(comments.vendor, comments.items, b"\x01")  # the framing bit
    packet = _MAGIC[old.codec] + comments.to_bytes()
    replace_head(target, new, [packet, *new.packets[2:]])
    return lines


def _comments(head: Head) -> Comments:
    """Read the second packet."""
    packet = head.packets[1]
    magic = _MAGIC[head.codec]
    if not packet.startswith(magic):
        raise UnsupportedFormatError("its second packet holds no comments")
    return Comments.parse(packet[len(magic) :])


def _is_c2pa(file: BinaryIO, links: list[int]) -> bool:
    for offset in links[:_MOST_LINKS]:
        file.seek(offset)
        if _C2PA_STREAM in file.read(64):
            return True
    return False
