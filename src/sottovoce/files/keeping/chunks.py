"""Chunks of WAV, AIFF and CAF.

An uncompressed file is copied with its samples replaced, so it already has every chunk, and only
those that would be wrong for the new samples have to be removed: a C2PA manifest, a checksum, the
peak envelope.  Such a chunk becomes ``JUNK`` of the same size, filled with zeros, which every
reader skips and which moves nothing.  If the sound was re-encoded (ALAC in CAF, A-law in WAV),
chunks are appended after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.files.keeping.found import Found
from sottovoce.files.keeping.id3 import C2PA, clean_id3, count_chapters, id3_size
from sottovoce.files.keeping.splicing import file_size, read_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["Chunk", "carry_chunks", "plan_chunks", "read_chunks"]

_MOST_CHUNKS = 10_000
_BLOCK_BYTES = 1 << 20
_UNKNOWN = {0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}
_SOUND = (b"data", b"SSND")
# The sample format, which the new encoder writes itself; and padding.
_OWN = {
    *(b"fmt ", b"fact", b"data", b"ds64", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR", b"C2PA"),
    *(b"COMM", b"SSND", b"FVER"),
    *(b"levl", b"MD5 "),
    *(b"desc", b"kuki", b"pakt", b"chan", b"free", b"peak", b"ovvw"),
}
_STALE = {
    b"levl": "the old peak envelope (chunk levl), which programs redraw",
    b"MD5 ": "the MD5 checksum of the old samples",
}
"""Chunks that are no longer true: EBU Tech 3285, supplement 3; BWF MetaEdit's checksum."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk.

    Attributes
    ----------
    name : bytes
        Four of them.
    head, body : int
        Positions of its name and of its content.
    n_bytes : int
        Length of its content.
    """

    name: bytes
    head: int
    body: int
    n_bytes: int


def read_chunks(file: BinaryIO, start: int) -> Iterator[Chunk]:
    """Yield the chunks of a file as far as their sizes are valid.

    Parameters
    ----------
    file : binary file
        Open for reading.
    start : int
        Position of ``RIFF``, ``FORM`` or ``caff``.

    Yields
    ------
    chunk : Chunk
        The next one.
    """
    end = file_size(file)
    magic = read_at(file, start, 4)
    is_caf = magic == b"caff"
    order = "little" if magic in (b"RIFF", b"RF64", b"BW64") else "big"
    n_head, at = (12, start + 8) if is_caf else (8, start + 12)
    long_size = None
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(n_head)
        if is_caf and at & 1 and head[:1] == b"\0":
            # libsndfile pads odd chunks, which the format does not require.
            at, head = at + 1, head[1:] + file.read(1)
        name, size = head[:4], int.from_bytes(head[4:], order)  # type: ignore[arg-type]
        if len(head) < n_head or not all(32 <= byte < 127 for byte in name):
            return
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        if name == b"data" and size in _UNKNOWN and long_size is not None:
            size = long_size
        if at + n_head + size > end:
            return
        yield Chunk(name, at, at + n_head, size)
        at += n_head + size + (0 if is_caf else size & 1)


def plan_chunks(file: BinaryIO, start: int, *, is_encoded: bool) -> Found:
    """List what a copy will not have.

    Parameters
    ----------
    file : binary file
        The original.
    start : int
        Position of ``RIFF``, ``FORM`` or ``caff``.
    is_encoded : bool
        Whether the sound is re-encoded.

    Returns
    -------
    found : Found
        A C2PA manifest and anything else that would be wrong for the new samples.
    """
    found = Found()
    for chunk in read_chunks(file, start):
        if chunk.name == b"C2PA":
            found.dropped.add(C2PA)
        elif chunk.name in _STALE and _STALE[chunk.name] not in found.stale:
            found.stale.append(_STALE[chunk.name])
        elif chunk.name in (b"id3 ", b"ID3 "):
            tag = _read_id3(file, chunk)
            if tag:
                found.dropped |= clean_id3(tag, technical=False)[1]
                found.n_chapters += count_chapters(tag)
    if is_encoded and read_at(file, start, 4) in (b"RF64", b"BW64"):
        names = {chunk.name for chunk in read_chunks(file, start)} - _OWN
        if names:
            found.lost.append("chunks " + ", ".join(sorted(n.decode().strip() for n in names)))
    return found


def carry_chunks(source: BinaryIO, target: BinaryIO, start: int, *, is_encoded: bool) -> list[str]:
    """Remove chunks that are wrong for a copy, and add the chunks that it lacks.

    Parameters
    ----------
    source : binary file
        The original.
    target : binary file
        The copy, open for reading and writing.
    start : int
        Position of ``RIFF``, ``FORM`` or ``caff`` in the original.
    is_encoded : bool
        Whether the sound was re-encoded; else only wrong chunks are changed.

    Returns
    -------
    lines : list of str
        Messages for the user.
    """
    if is_encoded:
        _append(source, target, start)
        start = 0
    for chunk in list(read_chunks(target, start)):
        if chunk.name == b"C2PA" or chunk.name in _STALE:
            _blank(target, chunk)
        elif chunk.name in (b"id3 ", b"ID3 "):
            tag = _read_id3(target, chunk)
            if tag:
                target.seek(chunk.body)
                target.write(clean_id3(tag, technical=False, same_size=True)[0])
    return []


def _read_id3(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk.body)
    n_bytes = id3_size(file.read(10))
    return read_at(file, chunk.body, n_bytes) if 0 < n_bytes <= chunk.n_bytes else b""


def _blank(file: BinaryIO, chunk: Chunk) -> None:
    file.seek(chunk.head)
    file.write(b"JUNK")
    file.seek(chunk.body)
    for at in range(0, chunk.n_bytes, _BLOCK_BYTES):
        file.write(bytes(min(_BLOCK_BYTES, chunk.n_bytes - at)))


def _append(source: BinaryIO, target: BinaryIO, start: int) -> None:
    """Append chunks of the original after everything that the encoder wrote."""
    magic = read_at(target, 0, 4)
    if magic not in (b"RIFF", b"FORM", b"caff") or read_at(source, start, 4) != magic:
        return
    chunks = list(read_chunks(target, 0))
    present = {chunk.name for chunk in chunks}
    if not present & set(_SOUND):
        return  # the size of the sound is open, and nothing can follow it
    wanted = [chunk for chunk in read_chunks(source, start) if chunk.name not in _OWN]
    names = {chunk.name for chunk in wanted}
    for chunk in chunks:
        if chunk.name in names and magic != b"caff":  # the encoder's own description
            _blank(target, chunk)
    if wanted and magic == b"caff":
        target.truncate(chunks[-1].body + chunks[-1].n_bytes)
    for chunk in wanted:
        n_head = chunk.body - chunk.head
        data = read_at(source, chunk.head, n_head + chunk.n_bytes)
        at = file_size(target)
        if magic != b"caff":
            target.write(bytes(at & 1) + data + bytes(len(data) & 1))
        else:
            target.write(data)
    if wanted and magic != b"caff":
        size = file_size(target) - 8
        target.seek(4)
        target.write(size.to_bytes(4, "little" if magic == b"RIFF" else "big"))
