"""`RemoteFile`: a file in a store, read in parts on demand.

The drivers' own files read five megabytes or fifty for every byte requested, discard them at once
when two places are read alternately, as in a Parquet file, and give up at the first refusal.
"""

from __future__ import annotations

import io
from typing import Any

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError
from sottovoce.scan.stores.retry import explain, persist

__all__ = ["RemoteFile"]

_FIRST_BYTES, _MOST_BYTES = 64 << 10, 4 << 20
"""Sizes of the first and the largest part; doubled for each part that follows the one before."""
_MOST_PARTS = 4


class RemoteFile(io.RawIOBase):
    """A file in a store that is read in place.

    Parameters
    ----------
    system : fsspec.AbstractFileSystem
        File system of the store.
    path : str
        Path of the file in it.
    url : str
        For messages.
    size : int
        Size, in bytes.
    """

    def __init__(self, system: Any, path: str, *, url: str, size: int) -> None:  # noqa: ANN401 - fsspec has no types
        self._system = system
        self._path = path
        self._url = url
        self._size = size
        self._position = 0
        self._parts: list[tuple[int, bytes]] = []
        self._window = _FIRST_BYTES
        self._expected = 0

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read at any position."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; see `io.IOBase.seek`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no type before 3.12
        """Fill a buffer; see `io.RawIOBase.readinto`."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all remaining bytes."""
        return self.read()

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end of the file.

        Raises
        ------
        AudioFileError
            If the store does not return them.
        """
        left = max(0, self._size - self._position)
        n = left if size is None or size < 0 else min(size, left)
        pieces = []
        while n > 0:
            piece = self._piece(self._position, n)
            pieces.append(piece)
            self._position += len(piece)
            n -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, start: int, n: int) -> bytes:
        """Return up to `n` bytes from a position on, at least one."""
        for i, (first, data) in enumerate(self._parts):
            if first <= start < first + len(data):
                self._parts.append(self._parts.pop(i))  # last: the most recently used
                return data[start - first : start - first + n]
        goes_on = 0 <= start - self._expected <= self._window
        self._window = min(2 * self._window, _MOST_BYTES) if goes_on else _FIRST_BYTES
        end = min(start + max(n, self._window), self._size)
        data = self._fetch(start, end)
        self._expected = end
        if len(data) <= _MOST_BYTES:
            self._parts = [*self._parts[1 - _MOST_PARTS :], (start, data)]
        return data[:n]

    def _fetch(self, start: int, end: int) -> bytes:
        try:
            data: bytes = persist(self._system.cat_file, self._path, start=start, end=end)
        except Exception as err:  # drivers raise whatever their libraries do
            raise explain(err, self._url) from err
        if len(data) > end - start:
            raise UnsupportedFormatError(
                "is on a server that only sends whole files",
                path=self._url,
                remedy="Download the file, and scan the copy.",
            )
        if len(data) < end - start:
            raise UnreadableAudioError("was changed while being read", path=self._url)
        return data
