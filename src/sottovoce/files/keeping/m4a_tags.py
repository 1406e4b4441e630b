"""Tags, chapters, dates and language of M4A and MP4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.decoding.boxes import int_at
from sottovoce.files.keeping.boxes import (
    Box,
    children,
    find,
    is_manifest,
    join,
    read_box,
    shift_offsets,
    split,
    top_boxes,
)
from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import C2PA
from sottovoce.files.keeping.splicing import file_size, read_at, splice

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["carry_m4a", "plan_m4a"]

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_TOOL = b"\xa9too"
_TECHNICAL = {b"iTunSMPB", b"Encoding Params"}
# Streaming hints and rebuilt boxes; everything else in udta is the user's.
_OWN_UDTA = {b"meta", b"hinf", b"hnti"}


def plan_m4a(file: BinaryIO) -> Found:
    """List what a copy of an M4A will not have.

    Parameters
    ----------
    file : binary file
        The original.

    Returns
    -------
    found : Found
        Technical tags and a C2PA manifest.
    """
    found = Found()
    if any(is_manifest(file, box) for box in top_boxes(file)):
        found.dropped.add(C2PA)
    moov = read_box(file, b"moov")[2]
    _clean_ilst(find(moov, b"udta", b"meta") or b"", [], found)
    return found


def carry_m4a(source: BinaryIO, target: BinaryIO) -> list[str]:
    """Put the tags of one M4A into another.

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
        If the copy is fragmented, or boxes of either have invalid sizes.
    """
    old = read_box(source, b"moov")[2]
    at, n_bytes, new = read_box(target, b"moov")
    names = [name for name, *_ in top_boxes(target)]
    moov = _merge(old, new)
    shift = 8 + len(moov) - n_bytes
    if names.index(b"moov") < len(names) - 1 - names[::-1].index(b"mdat"):
        if b"moof" in names and shift:
            raise UnsupportedFormatError("the new file is fragmented")
        moov = shift_offsets(moov, shift)
    extra = _read_xmp(source) if not _read_xmp(target) else b""
    splice(target, at, n_bytes, join([Box(b"moov", moov)]))
    if extra:
        splice(target, file_size(target), 0, extra)
    return []


def _merge(old: bytes, new: bytes) -> bytes:
    """Return the content of the new ``moov`` with the metadata of the old one."""
    old_tracks, n_track = _sound_tracks(old), 0
    boxes = []
    for box in split(new):
        data = box.data
        if box.name == b"mvhd":
            data = _copy_times(find(old, b"mvhd"), data)
        elif box.name == b"trak" and _is_sound(data):
            if n_track < len(old_tracks):
                data = _merge_track(old_tracks[n_track], data)
            n_track += 1
        if box.name != b"udta":
            boxes.append(Box(box.name, data))
    udta = _merge_udta(find(old, b"udta") or b"", find(new, b"udta") or b"")
    if udta:
        boxes.append(Box(b"udta", udta))
    present = {box.name for box in boxes}
    if b"meta" not in present:  # tags as stored by QuickTime
        boxes += [Box(b"meta", data) for data in children(old, b"meta")]
    return join(boxes)


def _merge_track(old: bytes, new: bytes) -> bytes:
    """Give a track the dates and the language of the old one, and its names."""
    boxes = []
    for box in split(new):
        data = box.data
        if box.name == b"tkhd":
            data = _copy_times(find(old, b"tkhd"), data)
        elif box.name == b"mdia":
            media = find(old, b"mdia", b"mdhd")
            data = join(
                [
                    Box(b.name, _copy_media(media, b.data)) if b.name == b"mdhd" else b
                    for b in split(data)
                ]
            )
        boxes.append(Box(box.name, data))
    if b"udta" not in {box.name for box in boxes}:
        boxes += [Box(b"udta", data) for data in children(old, b"udta")]
    return join(boxes)


def _merge_udta(old: bytes, new: bytes) -> bytes:
    names = {box.name for box in split(new)}
    boxes = [box for box in split(new) if box.name != b"meta"]
    boxes += [box for box in split(old) if box.name not in _OWN_UDTA | names]
    meta, own = find(old, b"meta"), find(new, b"meta")
    if meta is None:
        boxes += [Box(b"meta", own)] if own is not None else []
    else:
        tools = [b for b in _ilst(own or b"") if b.name == _TOOL]
        boxes.append(Box(b"meta", _clean_ilst(meta, tools, Found())))
    return join(boxes)


def _clean_ilst(meta: bytes, tools: list[Box], found: Found) -> bytes:
    """Return a ``meta`` box without the items of the old encoding, with the new encoder's."""
    boxes = []
    head, content = meta[: _meta_head(meta)], meta[_meta_head(meta) :]
    for box in split(content):
        data = box.data
        if box.name == b"ilst":
            kept = []
            for item in split(data):
                name = _technical_name(item)
                if name:
                    found.dropped.add(name)
                else:
                    kept.append(item)
            data = join([*kept, *tools])
        boxes.append(Box(box.name, data))
    return head + join(boxes)


def _ilst(meta: bytes) -> list[Box]:
    content = find(meta[_meta_head(meta) :], b"ilst")
    return split(content) if content is not None else []


def _meta_head(meta: bytes) -> int:
    """Return 4 for the box with version and flags of ISO, 0 for QuickTime's without."""
    return 0 if meta[4:8] == b"hdlr" or not meta else 4


def _technical_name(item: Box) -> str:
    if item.name == _TOOL:
        return "encoder"
    if item.name != b"----":
        return ""
    name = (find(item.data, b"name") or b"")[4:]
    return name.decode("ascii", "replace") if name in _TECHNICAL else ""


def _sound_tracks(moov: bytes) -> list[bytes]:
    return [track for track in children(moov, b"trak") if _is_sound(track)]


def _is_sound(track: bytes) -> bool:
    handler = find(track, b"mdia", b"hdlr") or b""
    return handler[8:12] == b"soun"


def _copy_times(old: bytes | None, new: bytes) -> bytes:
    """Copy the dates of the old header, if both store them alike and it has any."""
    if not old or not new or len(old) < 20 or len(new) < 20:
        return new
    widths = {0: 4, 1: 8}
    n_old, n_new = widths.get(old[0], 0), widths.get(new[0], 0)
    created = int_at(old, 4, n_old)
    if not n_new or not created or created >= 1 << 8 * n_new:
        return new
    return new[:4] + created.to_bytes(n_new, "big") + new[4 + n_new :]


def _copy_media(old: bytes | None, new: bytes) -> bytes:
    if not old or len(old) < 4 or len(new) < 4:
        return new
    new = _copy_times(old, new)
    places = {0: 20, 1: 32}  # after two dates, the time scale and the length
    at, to = places.get(old[0], 0), places.get(new[0], 0)
    if not at or not to or len(old) < at + 2 or len(new) < to + 2:
        return new
    return new[:to] + old[at : at + 2] + new[to + 2 :]


def _read_xmp(file: BinaryIO) -> bytes:
    for name, at, n_head, size in top_boxes(file):
        if name == b"uuid" and size >= n_head + 16:
            file.seek(at + n_head)
            if file.read(16) == _XMP_UUID:
                return read_at(file, at, size)
    return b""
