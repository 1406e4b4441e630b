"""Tags after the sound of an MPEG, AAC, FLAC or WavPack file, identified from its end.

ID3v1 and its two extensions, APEv1 and APEv2, Lyrics3 v1 and v2, and ID3v2.4 with a footer.
Each is found from the end of the file, in whatever order a tagger left them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.files.decoding.synchsafe import synchsafe
from sottovoce.files.keeping.splicing import MOST_BYTES, file_size, read_at

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["ape_size", "clean_ape", "find_trailers"]

_MOST_TRAILERS = 16
_ID3V1_BYTES, _ENHANCED_BYTES = 128, 227
_LYRICS1_BYTES = 5100 + 20
_APE_HEAD_BYTES = 32
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_TECHNICAL = b"mp3gain_"


def find_trailers(file: BinaryIO, start: int) -> list[bytes]:
    """Return the blocks at the end of a file.

    Parameters
    ----------
    file : binary file
        Open for reading.
    start : int
        Where the sound begins; nothing before it is examined.

    Returns
    -------
    blocks : list of bytes
        In the order of the file; together they form its end.
    """
    end = file_size(file)
    blocks: list[bytes] = []
    for _ in range(_MOST_TRAILERS):
        n_bytes = _last_block(file, start, end)
        if not n_bytes:
            break
        end -= n_bytes
        blocks.insert(0, read_at(file, end, n_bytes))
    return blocks


def ape_size(head: bytes, *, at_end: bool) -> int:
    """Return the size of an APE tag from its footer, or its header; 0 if it is not a tag.

    Parameters
    ----------
    head : bytes
        32 bytes.
    at_end : bool
        Whether they are its footer.

    Returns
    -------
    n_bytes : int
        Including both.
    """
    if head[:8] != b"APETAGEX" or len(head) < _APE_HEAD_BYTES:
        return 0
    flags = int.from_bytes(head[20:24], "little")
    if bool(flags & _IS_HEADER) == at_end:
        return 0
    size = int.from_bytes(head[12:16], "little")  # of the items and the footer
    return size + (_APE_HEAD_BYTES if flags & _HAS_HEADER else 0)


def clean_ape(tag: bytes) -> tuple[bytes, set[str]]:
    """Return an APE tag without mp3gain's notes about the old frames.

    Parameters
    ----------
    tag : bytes
        A whole tag.

    Returns
    -------
    cleaned : bytes
        Equal to `tag` if nothing was left out; empty if no item is left.
    dropped : set of str
        Names of what was left out.
    """
    has_header = tag[:8] == b"APETAGEX"
    at = _APE_HEAD_BYTES if has_header else 0
    kept: list[bytes] = []
    n_items = 0
    end = len(tag) - _APE_HEAD_BYTES
    while at + 9 < end:
        n_value = int.from_bytes(tag[at : at + 4], "little")
        stop = tag.find(b"\0", at + 8, at + 8 + 256) + 1 + n_value
        if not at + 8 < stop <= end:
            return tag, set()  # damaged: kept as it is
        n_items += 1
        if not tag[at + 8 : at + 8 + len(_TECHNICAL)].lower().startswith(_TECHNICAL):
            kept.append(tag[at:stop])
        at = stop
    if len(kept) == n_items:
        return tag, set()
    items = b"".join(kept)
    sizes = (len(items) + _APE_HEAD_BYTES).to_bytes(4, "little") + len(kept).to_bytes(4, "little")
    footer = tag[-32:-20] + sizes + tag[-12:]
    header = tag[:12] + sizes + tag[20:32] if has_header else b""
    return (header + items + footer if kept else b""), {"MP3GAIN"}


def _last_block(file: BinaryIO, start: int, end: int) -> int:
    """Return the size of the block that ends at `end`; 0 if none does."""
    n_tail = min(_LYRICS1_BYTES, end - start)
    tail = read_at(file, end - n_tail, n_tail)
    n_bytes = 0
    if tail[-_ID3V1_BYTES:][:3] == b"TAG" and n_tail >= _ID3V1_BYTES:
        before = tail[-_ID3V1_BYTES - _ENHANCED_BYTES :]
        is_enhanced = before[:4] == b"TAG+" and len(before) == _ID3V1_BYTES + _ENHANCED_BYTES
        n_bytes = _ID3V1_BYTES + (_ENHANCED_BYTES if is_enhanced else 0)
    elif tail[-32:-24] == b"APETAGEX":
        n_bytes = ape_size(tail[-32:], at_end=True)
    elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        n_bytes = _if_begins(file, end, int(tail[-15:-9]) + 15, b"LYRICSBEGIN")
    elif tail[-9:] == b"LYRICSEND":
        at = tail.rfind(b"LYRICSBEGIN")
        n_bytes = n_tail - at if at >= 0 else 0
    elif tail[-10:-7] == b"3DI" and max(tail[-4:]) <= 0x7F:
        n_bytes = _if_begins(file, end, synchsafe(tail[-4:]) + 20, b"ID3")
    return n_bytes if n_bytes <= min(end - start, MOST_BYTES) else 0


def _if_begins(file: BinaryIO, end: int, n_bytes: int, magic: bytes) -> int:
    if n_bytes > end:
        return 0
    file.seek(end - n_bytes)
    return n_bytes if file.read(len(magic)) == magic else 0
