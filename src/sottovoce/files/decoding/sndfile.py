"""libsndfile: FLAC, Ogg Vorbis and Opus, and the rarer codecs of WAV, AIFF and CAF."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import MissingExtraError
from sottovoce.files.decoding.decoder import Audio, Traits, decoding_failed
from sottovoce.files.decoding.layout import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, Literal

    from sottovoce.files.decoding.decoder import Decoder

__all__ = ["SoundFileDecoder", "import_soundfile"]

_RICH = {"PCM_32", "ALAC_32", "DOUBLE"}
_UNKNOWN = 2**62
_ERRORS = (RuntimeError, ValueError, MemoryError)
"""What reading raises; libsndfile's own errors are of the first kind."""


def import_soundfile() -> Any:  # noqa: ANN401 - soundfile has no types
    """Import soundfile, or raise an error that says how to install it.

    Raises
    ------
    MissingExtraError
        If it is not installed, as in a browser, or libsndfile is missing.
    """
    try:
        import soundfile
    except (ImportError, OSError) as err:
        raise MissingExtraError(
            "soundfile", extra="", purpose="read and write this kind of file"
        ) from err
    return soundfile


class SoundFileDecoder:
    """A file decoded by libsndfile.

    Parameters
    ----------
    file : str or binary file
        Closed by `close`.
    path : str
        Name of the file in errors.
    n_frames : int or None
        Samples counted by a walk through the file; None uses libsndfile's count.
    notes : list of str
        Irregularities that the walk found.
    missing : str
        As in `Traits`.
    resume : callable or None
        Takes the number of samples read and the traits; returns the decoder that continues where
        libsndfile gives up.

    Raises
    ------
    UnreadableAudioError
        If libsndfile cannot read it.
    """

    def __init__(
        self,
        file: str | BinaryIO,
        *,
        path: str,
        n_frames: int | None = None,
        notes: list[str] | None = None,
        missing: str = "",
        resume: Callable[[int, Traits], Decoder] | None = None,
    ) -> None:
        self._path = path
        self._resume = resume
        self._rest: Decoder | None = None
        self._raw = None if isinstance(file, str) else file
        sf = import_soundfile()
        try:
            # soundfile encodes names as UTF-8, which not every name on disk is.
            if isinstance(file, str) and os.name == "posix":
                self._file = sf.SoundFile(os.fsencode(file))
            else:
                self._file = sf.SoundFile(file)
        except (RuntimeError, TypeError, ValueError) as err:
            if self._raw is not None:
                self._raw.close()
            raise unreadable(path) from err
        self._n_read = 0
        self._has_failed = False
        there = self._file.frames if 0 < self._file.frames < _UNKNOWN else 0
        dtype: Literal["float32", "float64"] = (
            "float64" if self._file.subtype in _RICH else "float32"
        )
        self.traits = Traits(
            format=self._file.format,
            subtype=self._file.subtype,
            sr=self._file.samplerate,
            n_channels=self._file.channels,
            n_frames=there if n_frames is None else n_frames,
            dtype=dtype,
            notes=notes or [],
            missing=missing,
        )

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        if self._rest is not None:
            return self._rest.read(n)
        if self._has_failed:
            return np.empty((self.traits.n_channels, 0), dtype=self.traits.dtype)
        try:
            block = self._file.read(n, dtype=self.traits.dtype, always_2d=True)
        except _ERRORS as err:
            if self._resume is not None:
                return self._go_on(n, self._resume)
            block = self._read_up_to_damage(n, err)
        if self._resume is not None and len(block) < min(n, self.traits.n_frames - self._n_read):
            return self._go_on(n, self._resume)
        self._n_read += len(block)
        return np.ascontiguousarray(block.T)

    def _go_on(self, n: int, resume: Callable[[int, Traits], Decoder]) -> Audio:
        self._rest = resume(self._n_read, self.traits)
        return self._rest.read(n)

    def _read_up_to_damage(self, n: int, err: Exception) -> Audio:
        """Return what can be read before the point where libsndfile gives up."""
        self._has_failed = True
        blocks: list[Audio] = []
        while n > 1:
            n //= 2
            with contextlib.suppress(*_ERRORS):
                self._file.seek(self._n_read + sum(map(len, blocks)))
                blocks.append(self._file.read(n, dtype=self.traits.dtype, always_2d=True))
        if not blocks and self._n_read == 0:
            raise decoding_failed(self._path) from err
        seconds = (self._n_read + sum(map(len, blocks))) / self.traits.sr
        self.traits.missing = (
            self.traits.missing or f"is damaged: after {seconds:.1f} s it cannot be decoded"
        )
        return np.concatenate(blocks) if blocks else np.empty((0, self.traits.n_channels))

    def close(self) -> None:
        """Close the file."""
        if self._rest is not None:
            self._rest.close()
        self._file.close()
        if self._raw is not None:
            self._raw.close()
