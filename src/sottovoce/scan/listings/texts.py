"""Lines of text files, each of bounded length, and files that are written whole or not at all."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sottovoce.errors import AudioFileError
from sottovoce.scan.finding import TOO_MUCH_MEMORY
from sottovoce.scan.source import atomic_out
from sottovoce.scan.stores.packing import check_growth
from sottovoce.scan.stores.store import open_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "EXCEEDING",
    "MAX_LINE_BYTES",
    "Line",
    "open_text",
    "parse_json",
    "parse_object",
    "read_lines",
    "reading_errors",
    "write_whole",
]

MAX_LINE_BYTES = 16 << 20
_SMALL_BYTES, _MOST_PARSED_BYTES = 1 << 20, 192 << 20
_MARK = b"\xef\xbb\xbf"
_TOO_LONG = f"is longer than {MAX_LINE_BYTES >> 20} MiB"
_TOO_MANY = "holds too many values"
EXCEEDING = frozenset({_TOO_LONG, _TOO_MANY, TOO_MUCH_MEMORY})
"""Problems of text that is too large to be read, and will be the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a text file.

    Attributes
    ----------
    number : int
        Counted from 1.
    raw : bytes
        With its line ending; empty if there is a problem.
    problem : str
        Why it cannot be used; empty if it can.
    """

    number: int
    raw: bytes = b""
    problem: str = ""

    @property
    def text(self) -> str:
        """The line without its ending; bytes that are not UTF-8 become lone surrogates."""
        return self.raw.rstrip(b"\r\n").decode("utf-8", errors="surrogateescape")


def read_lines(url: str) -> Iterator[Line]:
    """Yield the lines of a text file, packed by gzip if its suffix says so.

    Parameters
    ----------
    url : str
        Path or address.

    Returns
    -------
    lines : iterator of Line
        A line that is too long, and any error that stops the reading, has a problem.
    """
    number = 0
    try:
        with open_text(url) as file:
            while raw := file.readline(MAX_LINE_BYTES):
                number += 1
                if len(raw) < MAX_LINE_BYTES or raw.endswith(b"\n"):
                    yield Line(number=number, raw=raw)
                    continue
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(MAX_LINE_BYTES)
                yield Line(number=number, problem=_TOO_LONG)
    except reading_errors() as err:
        reason = err.without_path(url) if isinstance(err, AudioFileError) else str(err)
        yield Line(number=number + 1, problem=f"cannot be read from here on: {reason}")


def reading_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions raised if a text cannot be read or unpacked."""
    return OSError, EOFError, zlib.error


@contextmanager
def open_text(url: str) -> Iterator[BinaryIO]:
    """Open a text, packed by gzip if its suffix says so; raise if it unpacks to far too much."""
    with open_binary(url) as file:
        if not url.lower().endswith(".gz"):
            yield file
            return
        with _Unpacked(url, file) as unpacked:
            yield cast("BinaryIO", unpacked)


class _Unpacked(gzip.GzipFile):
    """A packed text that is read in sequence, within a limit on its growth."""

    def __init__(self, url: str, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed)
        self._url = url
        self._packed = packed
        self._n_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        return self._count(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._count(super().readline(-1 if size is None else size))

    def _count(self, data: bytes) -> bytes:
        self._n_bytes += len(data)
        check_growth(self._url, n_packed=self._packed.tell(), n_bytes=self._n_bytes)
        return data


def parse_object(line: Line) -> dict[str, Any] | str:
    """Return the JSON object in a line, or the problem with it."""
    if line.problem:
        return line.problem
    value, problem = parse_json(line.raw.removeprefix(_MARK) if line.number == 1 else line.raw)
    if isinstance(value, dict):
        return value
    return problem or "is not a JSON object"


def parse_json(raw: bytes) -> tuple[Any, str]:
    """Return the value of a JSON text, and the problem with it; empty if there is none."""
    if len(raw) > _SMALL_BYTES and _n_parsed_bytes(raw) > _MOST_PARSED_BYTES:
        return None, _TOO_MANY
    try:
        return json.loads(raw.decode("utf-8")), ""
    except UnicodeDecodeError:
        return None, "is not UTF-8"
    except MemoryError:
        return None, TOO_MUCH_MEMORY
    except (ValueError, RecursionError) as err:
        return None, f"is not JSON: {str(err)[:100]}"


def _n_parsed_bytes(raw: bytes) -> int:
    """Return the minimum memory that JSON values use, in addition to their text."""
    # An empty object uses 64 bytes, one with one field 232, a list 56, and each value 8 more.
    return (
        64 * raw.count(b"{") + 56 * raw.count(b"[") + 40 * raw.count(b",") + 100 * raw.count(b":")
    )


@contextmanager
def write_whole(out: Path, *, packed: bool) -> Iterator[BinaryIO]:
    """Open a new file that exists only once it is completely written."""
    with atomic_out(out) as part, part.open("wb") as raw, _pack(raw, packed=packed) as file:
        yield file


@contextmanager
def _pack(raw: BinaryIO, *, packed: bool) -> Iterator[BinaryIO]:
    if not packed:
        yield raw
        return
    # A time in the header would make two copies of the same lines differ.
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as file:
        yield cast("BinaryIO", file)
