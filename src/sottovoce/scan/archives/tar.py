"""`TarReader`: the members of a tar archive, one after the other, in bounded memory.

The standard library's reader is not used on untrusted archives: it relies on a header for how much
to hold, keeps every member it has seen, can be made to loop, and ends silently at a damaged
header.  This one reads the three formats in use (POSIX.1-1988, POSIX.1-2001 and GNU), forwards
only, and raises if an archive is not complete.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sottovoce.errors import MissingExtraError, UnreadableAudioError, UnsupportedFormatError
from sottovoce.scan.stores.packing import check_growth
from sottovoce.scan.stores.store import open_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TarHeader", "TarReader", "copy_members", "open_tar", "pack_like"]

_BLOCK = 512
_RECORD = 20 * _BLOCK
_CHUNK = 1 << 20
_MOST_EXTRA = 1 << 20
"""Limit for the headers of one member, in bytes: a name has at most 4096, attributes few more."""
_MAGICS = (
    *((b"\x1f\x8b", "gzip"), (b"BZh", "bz2")),
    *((b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")),
)
_MOST_BYTES = 1 << 60
_FILES = b"0\x007"
_WITHOUT_DATA = b"123456"
_LONG_NAME, _LONG_LINK, _PAX, _GLOBAL = b"L", b"K", b"xX", b"g"
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)
_REMEDY = "Get a complete copy of the archive."


@dataclass(frozen=True, slots=True, kw_only=True)
class TarHeader:
    """A member of an archive.

    Attributes
    ----------
    name : str
        As stored; bytes that are not UTF-8 are lone surrogates.
    is_file : bool
        Whether it is a regular file, and not a link, folder or device.
    start, length : int
        Position and size of its data, in bytes.
    modified_s : float
        Time of its last modification as stated, in seconds since 1970.
    raw : bytes
        Its headers as stored.
    """

    name: str
    is_file: bool
    start: int
    length: int
    modified_s: float
    raw: bytes

    @property
    def n_padding(self) -> int:
        """Number of bytes that fill the last block of its data."""
        return -self.length % _BLOCK

    @property
    def end(self) -> int:
        """Position at which the next member begins, in bytes."""
        return self.start + self.length + self.n_padding


class TarReader:
    """An archive being read; iterating yields its headers.

    Parameters
    ----------
    file : binary file
        Read from its current position.
    url : str
        For messages.
    packing : str
        Packing of the archive; empty if members can be accessed by position.
    tell : callable
        Returns how much of a packed archive was read.

    Attributes
    ----------
    n_whole : int
        Number of bytes up to the end of the last complete member.

    Raises
    ------
    UnreadableAudioError
        While iterating, if the archive is cut short or damaged.
    UnsupportedFormatError
        If it holds anything that is not supported.
    """

    def __init__(
        self, file: BinaryIO, url: str, packing: str, tell: Callable[[], int] = lambda: 0
    ) -> None:
        self.url = url
        self.packing = packing
        self.n_whole = 0
        self._file = file
        self._tell = tell
        self._position = 0
        self._head = b""

    def __iter__(self) -> Iterator[TarHeader]:
        while (header := self._next()) is not None:
            self._head = b""
            yield header
            self._skip_to(header.end)
            self.n_whole = header.end

    def peek(self, header: TarHeader, n: int) -> bytes:
        """Return the first bytes of the current member; `chunks` yields them again."""
        if not self._head and self._position == header.start:
            self._head = self._read(min(n, header.length))
        return self._head

    def chunks(self, header: TarHeader) -> Iterator[bytes]:
        """Yield the data of the current member, in pieces."""
        if self._head:
            yield self._head
        left = header.length - len(self._head)
        while left:
            piece = self._read(min(left, _CHUNK))
            left -= len(piece)
            yield piece

    def _next(self) -> TarHeader | None:
        raw = bytearray()
        extra: dict[str, str] = {}
        while True:
            block = self._read(_BLOCK)
            if not any(block):
                return None
            kind, length = _check(block, self.url)
            raw += block
            if kind == _GLOBAL or kind in _PAX or kind in (_LONG_NAME, _LONG_LINK):
                if length > _MOST_EXTRA or len(raw) > _MOST_EXTRA:
                    raise self._damaged(f"has a header of {length:,} bytes")
                data = self._read(length + -length % _BLOCK)
                raw += data
                if kind == _LONG_NAME:
                    extra["path"] = _text(data)
                elif kind == _GLOBAL:
                    _parse_pax(data[:length], self.url, everywhere=True)
                    return self._global(bytes(raw), after=extra)
                elif kind != _LONG_LINK:
                    extra |= _parse_pax(data[:length], self.url)
                continue
            if kind == b"S" or any(key.startswith("GNU.sparse") for key in extra):
                raise UnsupportedFormatError("holds sparse files", path=self.url)
            return self._header(block, kind, length, extra, bytes(raw))

    def _header(
        self, block: bytes, kind: bytes, length: int, extra: dict[str, str], raw: bytes
    ) -> TarHeader:
        name = extra.get("path") or _name(block)
        length = _decimal(extra.get("size", ""), self.url, default=length)
        is_folder = kind == b"\0" and _name(block).endswith("/")
        if kind in _WITHOUT_DATA or is_folder:
            length = 0
        if length > _MOST_BYTES:
            raise self._damaged(f"has a member of {length:,} bytes")
        return TarHeader(
            name=name,
            is_file=kind in _FILES and not is_folder,
            start=self._position,
            length=length,
            modified_s=float(max(0, _number(block[136:148]))),
            raw=raw,
        )

    def _global(self, raw: bytes, *, after: dict[str, str]) -> TarHeader:
        """Return global attributes as a separate member, which copies keep."""
        if after:
            raise self._damaged("holds a damaged header")
        return TarHeader(
            name="", is_file=False, start=self._position, length=0, modified_s=0.0, raw=raw
        )

    def _read(self, n: int) -> bytes:
        parts = []
        while n:
            try:
                part = self._file.read(n)
            except _DAMAGED as err:
                raise self._damaged(f"cannot be unpacked further: {err}") from err
            if not part:
                raise self._damaged("is cut short")
            parts.append(part)
            n -= len(part)
            self._position += len(part)
            if self.packing:
                check_growth(self.url, n_packed=self._tell(), n_bytes=self._position)
        return b"".join(parts)

    def _skip_to(self, position: int) -> None:
        if not self.packing and position > self._position:
            try:
                self._file.seek(position - 1)
            except _DAMAGED as err:
                raise self._damaged(f"cannot be read further: {err}") from err
            # Only reading shows whether there is any data.
            self._position = position - 1
        while self._position < position:
            self._read(min(_CHUNK, position - self._position))

    def _damaged(self, message: str) -> UnreadableAudioError:
        return UnreadableAudioError(
            f"{message} (after {self._position:,} bytes)", path=self.url, remedy=_REMEDY
        )


@contextmanager
def open_tar(url: str) -> Iterator[TarReader]:
    """Open an archive, packed or not; the packing is recognised from its first bytes.

    Parameters
    ----------
    url : str
        Path or address.

    Raises
    ------
    AudioFileError
        If it cannot be opened.
    MissingExtraError
        If only pyarrow can unpack it and is not installed.
    """
    with open_binary(url) as file:
        head = file.read(6)
        file.seek(0)
        packing = next((name for magic, name in _MAGICS if head.startswith(magic)), "")
        with _unpack(file, packing) as unpacked:
            yield TarReader(unpacked, url, packing, file.tell)


@contextmanager
def _unpack(file: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    match packing:
        case "gzip":
            with gzip.GzipFile(fileobj=file) as stream:
                yield cast("BinaryIO", stream)
        case "bz2":
            with bz2.BZ2File(file) as stream:
                yield cast("BinaryIO", stream)
        case "xz":
            with lzma.LZMAFile(file) as stream:
                yield cast("BinaryIO", stream)
        case "zstd":
            with _arrow().CompressedInputStream(_arrow().PythonFile(file, "r"), "zstd") as stream:
                yield stream
        case _:
            yield file


@contextmanager
def pack_like(file: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    """Pack output in the same way as an archive that `open_tar` opened."""
    match packing:
        case "gzip":
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                yield cast("BinaryIO", packed)
        case "bz2":
            with bz2.BZ2File(file, "w") as packed:
                yield cast("BinaryIO", packed)
        case "xz":
            with lzma.LZMAFile(file, "w") as packed:
                yield cast("BinaryIO", packed)
        case "zstd":
            with _arrow().CompressedOutputStream(_arrow().PythonFile(file, "w"), "zstd") as packed:
                yield packed
        case _:
            yield file


def _arrow() -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        import pyarrow as pa
    except ImportError as err:
        raise MissingExtraError("pyarrow", extra="scan", purpose="unpack zstd") from err
    return pa


def copy_members(
    reader: TarReader,
    file: BinaryIO,
    *,
    is_kept: Callable[[TarHeader], bool],
    n_whole: int | None = None,
) -> None:
    """Copy members block by block, unchanged, with their headers, and end the archive.

    Parameters
    ----------
    reader : TarReader
        The archive.
    file : binary file
        The new archive.
    is_kept : callable
        Takes the header of each member; returns whether it is kept.
    n_whole : int or None
        Number of intact bytes of the archive; the bytes after them may be damaged.
    """
    n_bytes = 0
    for header in reader if n_whole != 0 else ():
        if is_kept(header):
            file.write(header.raw)
            for chunk in reader.chunks(header):
                file.write(chunk)
            file.write(b"\0" * header.n_padding)
            n_bytes += len(header.raw) + header.length + header.n_padding
        if n_whole is not None and header.end >= n_whole:
            break
    # Two empty blocks, and whole records.
    file.write(b"\0" * (2 * _BLOCK + -(n_bytes + 2 * _BLOCK) % _RECORD))


def _check(block: bytes, url: str) -> tuple[bytes, int]:
    """Return kind and length of a header block, or raise if its checksum is wrong."""
    rest = block[:148] + b" " * 8 + block[156:]
    signed = sum(rest) - 256 * sum(byte > 127 for byte in rest)
    length = _number(block[124:136])
    if _number(block[148:156]) not in (sum(rest), signed) or length < 0:
        raise UnreadableAudioError("holds a damaged header", path=url, remedy=_REMEDY)
    return block[156:157], length


def _number(stored: bytes) -> int:
    """Return a number of a header: octal digits, or binary if it is large; -1 if neither."""
    if stored[0] == 0x80:
        return int.from_bytes(stored[1:])
    digits = stored.split(b"\0")[0].strip() or b"0"
    return int(digits, 8) if digits.isdigit() and not set(digits) & set(b"89") else -1


def _name(block: bytes) -> str:
    name, prefix = _text(block[:100]), _text(block[345:500])
    # GNU's older format has times in place of the beginning of a long name.
    return f"{prefix}/{name}" if prefix and block[257:263] == b"ustar\0" else name


def _text(stored: bytes) -> str:
    return stored.split(b"\0")[0].decode("utf-8", errors="surrogateescape")


def _decimal(digits: str, url: str, *, default: int) -> int:
    if not digits:
        return default
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise UnreadableAudioError("holds a damaged header", path=url, remedy=_REMEDY)
    return int(digits)


def _parse_pax(data: bytes, url: str, *, everywhere: bool = False) -> dict[str, str]:
    """Return the records of an extended header: each is "length key=value" and a line end."""
    records: dict[str, str] = {}
    start = 0
    while start < len(data) and data[start]:
        length, space, _ = data[start : start + 20].partition(b" ")
        n_bytes = _decimal(length.decode("ascii", "replace") or "-", url, default=0)
        record = data[start + len(length) + 1 : start + n_bytes]
        key, equals, value = record.partition(b"=")
        if not space or not equals or not record.endswith(b"\n"):
            raise UnreadableAudioError("holds a damaged header", path=url, remedy=_REMEDY)
        name = key.decode("utf-8", errors="replace")
        records[name] = value[:-1].decode("utf-8", errors="surrogateescape")
        start += n_bytes
    if everywhere and records.keys() & {"path", "size"}:
        raise UnsupportedFormatError("gives all its members the same name", path=url)
    return records
