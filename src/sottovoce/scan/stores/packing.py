"""`unpack`: unpack bytes within a limit.

A megabyte of zeros packs into a kilobyte: the output is counted as it is produced, and never held
beyond the size that was declared or is allowed.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Any, Literal

from sottovoce.errors import AudioFileError, UnreadableAudioError
from sottovoce.scan.faults import TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DAMAGED",
    "MOST_UNPACKED_BYTES",
    "PACKINGS",
    "check_growth",
    "packing_of",
    "unpack",
    "unpack_head",
]

MOST_UNPACKED_BYTES = 512 << 20
"""Limit for a recording held in memory unpacked: 4 hours of 16-bit speech at 16 kHz."""
_MOST_FREE_BYTES, _MOST_GROWTH = 1 << 30, 100
_STEP = 1 << 20
_HEAD_MEMORY_BYTES = 80 << 20
"""Memory for unpacking first bytes, in the listing process: as much as `xz -9` needs."""
PACKINGS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
"""Packings by the suffix of a packed file."""
Packing = Literal["gzip", "bz2", "xz"]
_MAGICS: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
)
DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
"""Exceptions that damaged packed data raises."""


def packing_of(head: bytes) -> Packing | None:
    """Return the packing of a file that begins with `head`; None if it has no known one."""
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def unpack(
    packed: bytes, packing: str, url: str, *, n_bytes: int, crc: int | None, most_bytes: int
) -> bytes:
    """Return the unpacked bytes.

    Parameters
    ----------
    packed : bytes
        All of it.
    packing : str
        See `sottovoce.scan.recording.Packed`.
    url : str
        For messages.
    n_bytes : int
        Declared size once unpacked; 0 if none is declared.
    crc : int or None
        Checksum of the unpacked bytes.
    most_bytes : int
        Maximum size once unpacked; more is refused before it is in memory.

    Raises
    ------
    AudioFileError
        If it is too large, or not as declared.
    """
    most_bytes = min(most_bytes, MOST_UNPACKED_BYTES)
    limit = min(most_bytes, n_bytes or most_bytes)
    if n_bytes > most_bytes:
        raise _too_large(url, n_bytes, most_bytes)
    parts, n = [], 0
    try:
        for part in _pieces(packed, packing):
            n += len(part)
            if n > limit:
                if n_bytes:
                    raise UnreadableAudioError("unpacks to more than it declares", path=url)
                raise _too_large(url, n, most_bytes)
            parts.append(part)
    except DAMAGED as err:
        raise UnreadableAudioError(f"cannot be unpacked: {err}"[:300], path=url) from err
    data = b"".join(parts)
    if n < n_bytes or (crc is not None and zlib.crc32(data) != crc):
        raise UnreadableAudioError("is damaged: size or checksum is wrong", path=url)
    return data


def check_growth(url: str, *, n_packed: int, n_bytes: int) -> None:
    """Raise if something unpacks to far more than any honest data would.

    Parameters
    ----------
    url : str
        For messages.
    n_packed, n_bytes : int
        Bytes read so far, and the size that they unpacked to, or are declared to.

    Raises
    ------
    TooMuchError
        Beyond a gigabyte, if each byte has become more than a hundred.
    """
    if n_bytes > _MOST_FREE_BYTES and n_bytes > _MOST_GROWTH * n_packed:
        raise TooMuchError(
            f"unpacks to more than {_MOST_GROWTH} times its size; stopped after {n_bytes:,} bytes",
            path=url,
            remedy="If you trust it, unpack its contents, and scan those.",
        )


def unpack_head(packed: bytes, packing: str, *, most: int) -> bytes:
    """Return the first bytes that the beginning of a packed file unpacks to."""
    try:
        one = _decompressor(packing, memory_bytes=_HEAD_MEMORY_BYTES)
        return one.decompress(packed, most)[:most]  # type: ignore[no-any-return]
    except DAMAGED:
        return b""


def _decompressor(packing: str, *, memory_bytes: int = MOST_UNPACKED_BYTES) -> Any:  # noqa: ANN401 - three classes without a name in common
    match packing:
        case "deflate":
            return zlib.decompressobj(-zlib.MAX_WBITS)
        case "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "bz2":
            return bz2.BZ2Decompressor()
        case _:
            return lzma.LZMADecompressor(memlimit=memory_bytes)


def _pieces(packed: bytes, packing: str) -> Iterator[bytes]:
    """Yield the unpacked bytes, at most a step at a time; there may be several streams in a row."""
    rest = packed
    while rest:
        one = _decompressor(packing)
        while not one.eof:
            piece = one.decompress(rest, _STEP)
            # zlib hands back the input that it has not consumed; the others keep it.
            rest = getattr(one, "unconsumed_tail", b"")
            if not piece and not one.eof and not rest:
                raise EOFError("it is cut short")
            yield piece
        rest = one.unused_data
        if packing == "deflate" or not any(rest):  # nothing, or padding
            return


def _too_large(url: str, n: int, most_bytes: int) -> AudioFileError:
    return AudioFileError(
        f"unpacks to {n:,} bytes or more, and at most {most_bytes:,} may be unpacked in memory",
        path=url,
        remedy="Unpack it to a file, and scan the file.",
    )
