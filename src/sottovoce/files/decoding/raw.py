"""Bytes of a recording, from a file on disk, memory, or several pieces."""

from __future__ import annotations

import io
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from _typeshed import WriteableBuffer

__all__ = ["Raw", "Spliced", "find_all"]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Raw:
    """The content of a file, or a stretch of it.

    Attributes
    ----------
    path : str
        The file; only a name if `data` is given.
    data : bytes or None
        Its bytes, if it is not on this computer's disk.
    stretch : (int, int) or None
        First byte, and the one after the last; None for the whole file.
    """

    path: str
    data: bytes | None = None
    stretch: tuple[int, int] | None = None

    @property
    def n_bytes(self) -> int:
        """Size, in bytes."""
        if self.stretch is not None:
            return self.stretch[1] - self.stretch[0]
        return len(self.data) if self.data is not None else Path(self.path).stat().st_size

    def open(self) -> BinaryIO:
        """Return the bytes as an open file, at its beginning."""
        if self.data is not None:
            file: BinaryIO = io.BytesIO(self.data)
        else:
            file = Path(self.path).open("rb")  # noqa: SIM115 - the caller closes it
        if self.stretch is None:
            return file
        return io.BufferedReader(Spliced(file, [self.stretch]))

    def cut(self, start: int, stop: int) -> Raw:
        """Return a stretch of this, as if it were a file of its own."""
        first = self.stretch[0] if self.stretch is not None else 0
        return Raw(self.path, self.data, (first + start, first + stop))

    def for_libsndfile(self) -> str | BinaryIO:
        """Return what libsndfile opens fastest: a name on disk, or the bytes as a file."""
        return self.path if self.data is None and self.stretch is None else self.open()

    def head(self, n: int) -> bytes:
        """Return at most the first `n` bytes."""
        with self.open() as file:
            return file.read(n)


class Spliced(io.RawIOBase):
    """A readable file made of bytes in memory and stretches of another file.

    It presents a decoder with a corrected header before the samples of a file whose own header is
    wrong.

    Parameters
    ----------
    raw : binary file
        Closed together with this.
    pieces : sequence of bytes or (int, int)
        The pieces in order: bytes, or the first byte of a stretch of `raw` and the one after its
        last.
    """

    def __init__(self, raw: BinaryIO, pieces: Sequence[bytes | tuple[int, int]]) -> None:
        self._raw = raw
        self._pieces = [piece for piece in pieces if _length(piece)]
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + _length(piece))
        self._position = 0
        self._piece = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer from one piece, and return the number of bytes read."""
        view = memoryview(buffer).cast("B")
        at = self._position
        if at >= self._starts[-1] or not len(view):
            return 0
        if not self._starts[self._piece] <= at < self._starts[self._piece + 1]:
            self._piece = bisect_right(self._starts, at) - 1
        piece, inside = self._pieces[self._piece], at - self._starts[self._piece]
        n = min(len(view), _length(piece) - inside)
        if isinstance(piece, bytes):
            view[:n] = piece[inside : inside + n]
        else:
            self._raw.seek(piece[0] + inside)
            data = self._raw.read(n)
            n = len(data)
            view[:n] = data
        self._position += n
        return n

    def close(self) -> None:
        """Close this and the underlying file."""
        if not self.closed:
            self._raw.close()
        super().close()


def _length(piece: bytes | tuple[int, int]) -> int:
    return len(piece) if isinstance(piece, bytes) else max(piece[1] - piece[0], 0)


def find_all(file: BinaryIO, pattern: bytes, start: int, stop: int) -> list[int]:
    """Return every position of a pattern in a stretch of a file.

    Parameters
    ----------
    file : binary file
        Its position is moved.
    pattern : bytes
        The bytes to find.
    start, stop : int
        First byte of the stretch, and the one after its last.

    Returns
    -------
    places : list of int
        In ascending order.
    """
    places = []
    overlap = len(pattern) - 1
    at = start
    while at < stop:
        file.seek(at)
        chunk = file.read(min(_CHUNK_BYTES, stop - at))
        if len(chunk) <= overlap:
            break
        found = chunk.find(pattern)
        while found >= 0:
            places.append(at + found)
            found = chunk.find(pattern, found + 1)
        at += len(chunk) - overlap
    return places
