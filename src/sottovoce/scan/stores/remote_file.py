"""`RemoteFile`: a file in a store, read in parts as they are needed.

The drivers' own files read five megabytes or fifty wherever one byte is asked for, forget them at
once when somebody reads in two places in turn, as one does in a Parquet file, and give up at the
first refusal.
"""

from __future__ import annotations

import io
from typing import Any

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError
from sottovoce.scan.stores.retry import explain, persist

__all__ = ["RemoteFile"]

_FIRST_BYTES, _MOST_BYTES = 64 << 10, 4 << 20
"""Of a part: twice as many with each that follows the one before."""
_MOST_PARTS = 4


class RemoteFile(io.RawIOBase):
    """A file that is read where it lies.

    Parameters
    ----------
    system : fsspec.AbstractFileSystem
        Where it is.
    path : str
        Its name there.
    url : str
        For messages.
    size : int
        In bytes.
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
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any place in it can be read."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; see `io.IOBase.seek`."""
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
        """Return all that follows."""
        return self.read()

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes, or all that are left where there are fewer.

        Raises
        ------
        AudioFileError
            If the store does not give them.
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
        """Return up to `n` bytes from a place on, at least one."""
        for i, (first, data) in enumerate(self._parts):
            if first <= start < first + len(data):
                self._parts.append(self._parts.pop(i))  # last, as the one used last
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
                "lies on a server that sends only whole files",
                path=self._url,
                remedy="Fetch the file, and name the copy.",
            )
        if len(data) < end - start:
            raise UnreadableAudioError("was changed while it was read", path=self._url)
        return data
