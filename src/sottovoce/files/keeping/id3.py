"""ID3v2 tags, frame by frame, byte for byte.

A frame is kept unchanged, in its version and text encoding; only frames that describe the old
encoding are left out, and so is a C2PA manifest.  Nothing is decoded,
so nothing is lost in translation (https://id3.org/id3v2.4.0-structure).
"""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.files.decoding.synchsafe import synchsafe

__all__ = ["C2PA", "clean_id3", "count_chapters", "id3_size"]

C2PA = "C2PA"
"""Stands for a manifest, which has no other name, among the names of what was left out."""

# The type is the second one from C2PA 2.4 on (section A.3.4), the first one before.
_C2PA_TYPES = (b"application/x-c2pa-manifest-store\0", b"application/c2pa\0")
# Encoder and its settings, length and size of the old file, positions of bytes in it.
_TECHNICAL = {b"TSSE", b"TSS", b"TLEN", b"TLE", b"TSIZ", b"TSI", b"MLLT", b"MLL", b"ASPI", b"SEEK"}
# Gapless playback of an old AAC or MP3; mp3gain's changes to the frames, for undoing them.
_TECHNICAL_TEXTS = (b"itunsmpb", b"mp3gain_")
_HEAD_BYTES = 10
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True, slots=True)
class _Frame:
    name: bytes
    head: bytes
    body: bytes


def id3_size(head: bytes) -> int:
    """Return the total size of a tag from its first ten bytes; 0 if it is not a tag.

    Parameters
    ----------
    head : bytes
        At least ten bytes.

    Returns
    -------
    n_bytes : int
        Including header, padding and footer.
    """
    is_head = head[:3] == b"ID3" and len(head) >= _HEAD_BYTES and head[3] in (2, 3, 4)
    if not is_head or max(head[6:10]) > 0x7F:
        return 0
    footer = _HEAD_BYTES if head[3] == 4 and head[5] & _FOOTER else 0
    return _HEAD_BYTES + synchsafe(head[6:10]) + footer


def clean_id3(tag: bytes, *, technical: bool, same_size: bool = False) -> tuple[bytes, set[str]]:
    """Return a tag without the parts that are wrong for a marked copy.

    Parameters
    ----------
    tag : bytes
        A whole ID3v2 tag.
    technical : bool
        Also leave out descriptions of the encoding; False if that does not change.
    same_size : bool
        Pad to the old size.

    Returns
    -------
    cleaned : bytes
        Equal to `tag` if nothing was left out; empty if no frame is left.
    dropped : set of str
        Names of what was left out.
    """
    version, flags = tag[3], tag[5]
    body = tag[_HEAD_BYTES : len(tag) - (_HEAD_BYTES if version == 4 and flags & _FOOTER else 0)]
    if flags & _UNSYNCHRONISED and version < 4:
        # Frame sizes include the inserted zeros only since version 2.4.
        body = body.replace(b"\xff\x00", b"\xff")
    frames, rest = _split(_skip_extended(body, version, flags), version)
    dropped = set()
    kept = []
    for frame in frames:
        reason = _reason(frame, technical=technical)
        if reason:
            dropped.add(reason)
        else:
            kept.append(_forget_positions(frame, version, flags) if technical else frame)
    if kept == frames:
        return tag, dropped
    if not kept and not same_size:
        return b"", dropped
    content = b"".join(frame.head + frame.body for frame in kept) + rest
    if same_size:
        content = content.ljust(len(tag) - _HEAD_BYTES, b"\0")[: len(tag) - _HEAD_BYTES]
    kept_flags = flags & (0x3F & ~_FOOTER | (_UNSYNCHRONISED if version == 4 else 0)) & ~_EXTENDED
    head = tag[:5] + bytes([kept_flags]) + _to_synchsafe(len(content))
    return head + content, dropped


def count_chapters(tag: bytes) -> int:
    """Return how many chapters (frames CHAP) a tag holds.

    Parameters
    ----------
    tag : bytes
        A whole ID3v2 tag.

    Returns
    -------
    n_chapters : int
        Number of chapters.
    """
    body = _skip_extended(tag[_HEAD_BYTES:], tag[3], tag[5])
    return sum(frame.name == b"CHAP" for frame in _split(body, tag[3])[0])


def _skip_extended(body: bytes, version: int, flags: int) -> bytes:
    if not flags & _EXTENDED or version == 2:
        return body
    size = 4 + int.from_bytes(body[:4], "big") if version == 3 else synchsafe(body[:4])
    return body[size:]


def _split(body: bytes, version: int) -> tuple[list[_Frame], bytes]:
    """Split into frames; the bytes after the last valid one are returned unchanged."""
    n_name, n_head = (3, 6) if version == 2 else (4, 10)
    frames = []
    at = 0
    while at + n_head < len(body):
        name = body[at : at + n_name]
        size = _frame_size(body, at, version)
        if not _is_name(name) or not 0 < size <= len(body) - at - n_head:
            break
        start = at + n_head
        frames.append(_Frame(name, body[at:start], body[start : start + size]))
        at = start + size
    return frames, body[at:]


def _frame_size(body: bytes, at: int, version: int) -> int:
    if version == 2:
        return int.from_bytes(body[at + 3 : at + 6], "big")
    raw = body[at + 4 : at + 8]
    plain = int.from_bytes(raw, "big")
    if version == 3 or max(raw) > 0x7F:
        return plain
    size = synchsafe(raw)
    # Old iTunes wrote plain sizes into version 2.4: used if only they lead to a frame.
    for candidate in (size, plain):
        following = body[at + 10 + candidate : at + 14 + candidate]
        if not following.strip(b"\0") or _is_name(following):
            return candidate
    return size


def _is_name(name: bytes) -> bool:
    return name.isalnum() and name.upper() == name


def _reason(frame: _Frame, *, technical: bool) -> str:
    """Return why a frame is left out; empty if it is kept."""
    if frame.name in (b"GEOB", b"GEO"):
        return C2PA if any(kind in frame.body[:80] for kind in _C2PA_TYPES) else ""
    if not technical:
        return ""
    if frame.name in _TECHNICAL:
        return frame.name.decode()
    skipped = {b"COMM": 4, b"COM": 4, b"TXXX": 1, b"TXX": 1}.get(frame.name)
    if skipped is None:
        return ""
    # Also in UTF-16, once its zeros and byte order mark are removed.
    text = frame.body[skipped : skipped + 64].replace(b"\0", b"").lstrip(b"\xff\xfe").lower()
    if not text.startswith(_TECHNICAL_TEXTS):
        return ""
    return "iTunSMPB" if text.startswith(b"itunsmpb") else "MP3GAIN"


def _forget_positions(frame: _Frame, version: int, flags: int) -> _Frame:
    """Remove the byte positions from a chapter; its times say the same."""
    is_plain = frame.head[8:] == b"\0\0" and not (version == 4 and flags & _UNSYNCHRONISED)
    at = frame.body.find(b"\0") + 1 + 8  # after its name, and its start and end in ms
    if frame.name != b"CHAP" or not is_plain or len(frame.body) < at + 8:
        return frame
    body = frame.body[:at] + b"\xff" * 8 + frame.body[at + 8 :]
    return _Frame(frame.name, frame.head, body)


def _to_synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
