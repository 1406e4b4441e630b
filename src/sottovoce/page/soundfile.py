"""Stands in for `soundfile` in the page: what the package uses of it, for FLAC alone.

libFLAC itself decodes and encodes, in JavaScript (``web/libflac.js``); the worker registers it as
the module `libflac`.  `sottovoce.page.stand_ins` gives this module its name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import MissingExtraError
from sottovoce.files.decoding.flac import subtype_of
from sottovoce.files.decoding.sniffing import HEAD_BYTES, skip_id3
from sottovoce.page.av.flac import MOST_BITS

if TYPE_CHECKING:
    from typing import BinaryIO, Literal

__all__ = ["SoundFile", "available_formats", "check_format"]

_BITS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
_MARK = b"fLaC"
_STREAMINFO_AT = 8
_WORD_BITS = 32


def available_formats() -> dict[str, str]:
    """Return the formats that can be written, with their names."""
    return {"FLAC": "FLAC (Free Lossless Audio Codec)"}


def check_format(name: str, subtype: str | None = None) -> bool:
    """Return whether a format can be written."""
    return name == "FLAC" and (subtype is None or subtype in _BITS)


def _missing() -> MissingExtraError:
    return MissingExtraError("soundfile", extra="", purpose="read this kind of file")


class SoundFile:
    """A FLAC file, as `soundfile.SoundFile` would open it.

    Parameters
    ----------
    file : str, bytes, path-like or binary file
        Closed by `close` if it is a name.
    mode : "r" or "w"
        Read an existing file, or write a new one.
    samplerate, channels : int
        Sampling rate, in Hz, and number of channels of a new file.
    subtype, format : str
        Subtype and format of a new file.

    Raises
    ------
    MissingExtraError
        If the file is of another format, or of more bits than libFLAC takes here.
    RuntimeError
        If it is damaged.
    """

    def __init__(
        self,
        file: str | bytes | os.PathLike[str] | BinaryIO,
        mode: Literal["r", "w"] = "r",
        samplerate: int = 0,
        channels: int = 0,
        subtype: str = "PCM_16",
        format: str = "FLAC",  # noqa: A002 - soundfile's own name
    ) -> None:
        import libflac  # type: ignore[import-not-found]  # registered by the worker

        self._own = isinstance(file, str | bytes | os.PathLike)
        self._file: Any = file
        if isinstance(file, str | bytes | os.PathLike):
            self._file = Path(os.fsdecode(file)).open(f"{mode}b")  # noqa: SIM115 - closed by `close`
        self._is_new = mode == "w"
        self._left: npt.NDArray[np.int32] | None = None
        self._has_begun = False
        self.format = format
        if self._is_new:
            self.samplerate, self.channels, self.subtype = samplerate, channels, subtype
            self._coder = libflac.encoder(samplerate, channels, _BITS[subtype])
            return
        start = self._file.tell()
        # libFLAC skips such tags as well.
        self._file.seek(start + skip_id3(self._file.read(HEAD_BYTES)))
        mark = self._file.read(len(_MARK))
        self._file.seek(start)
        if mark != _MARK:
            raise _missing()
        from pyodide.ffi import create_proxy  # type: ignore[import-not-found]  # of Python in a browser

        self._source = create_proxy(self._read_bytes)
        self._coder = libflac.decoder(self._source)
        info = self._coder.info
        if info is None:
            self.close()
            raise RuntimeError("no FLAC stream")
        self.samplerate, self.channels = int(info.sr), int(info.n_channels)
        self.frames = int(info.n_samples)
        self._n_bits = int(info.n_bits)
        if self._n_bits > MOST_BITS:
            self.close()
            raise _missing()
        self.subtype = subtype_of(self._n_bits)

    def _read_bytes(self, n: int) -> Any:  # noqa: ANN401 - an array of JavaScript
        from pyodide.ffi import to_js

        return to_js(self._file.read(n))

    def read(
        self, frames: int, dtype: str = "float64", *, always_2d: bool = False
    ) -> npt.NDArray[np.floating[Any]]:
        """Return at most the next samples, full scale 1.0, shape (n, channels)."""
        if not always_2d:
            raise ValueError("two dimensions only")
        blocks, n = [], 0
        if self._left is not None:
            blocks, n = [self._left], self._left.shape[1]
        while n < frames and (block := self._next()) is not None:
            blocks.append(block)
            n += block.shape[1]
        if not blocks and (self._coder.has_failed or not self._has_begun):
            raise RuntimeError("lost sync, a wrong checksum, or an early end")
        self._has_begun = True
        whole = np.concatenate(blocks, axis=1) if blocks else np.empty((self.channels, 0), np.int32)
        self._left = whole[:, frames:] if n > frames else None
        scaled = whole[:, :frames].T.astype(dtype)
        scaled /= 2.0 ** (self._n_bits - 1)
        return scaled

    def _next(self) -> npt.NDArray[np.int32] | None:
        frame = self._coder.next()
        if frame is None:
            return None
        if (int(frame.n_channels), int(frame.n_bits)) != (self.channels, self._n_bits):
            raise RuntimeError("the number of channels or the depth changes")
        samples = np.asarray(frame.samples.to_py(), dtype=np.int32)
        return samples.reshape(self.channels, -1)

    def seek(self, frames: int) -> None:
        """Refuse: only what follows a damaged place would be sought."""
        raise RuntimeError(f"cannot go to {frames}")

    def write(self, data: npt.NDArray[np.int32]) -> None:
        """Encode samples in the top bits of 32, shape (n, channels)."""
        from pyodide.ffi import to_js

        samples = data >> (_WORD_BITS - _BITS[self.subtype])
        flat = np.ascontiguousarray(samples, dtype=np.int32).ravel()
        self._file.write(self._coder.write(to_js(flat), self.channels).to_bytes())

    def close(self) -> None:
        """Close the file, complete."""
        try:
            if self._is_new:
                self._file.write(self._coder.finish().to_bytes())
                self._file.seek(_STREAMINFO_AT)
                self._file.write(self._coder.info.to_bytes())
            else:
                self._coder.close()
                self._source.destroy()
        finally:
            if self._own:
                self._file.close()
