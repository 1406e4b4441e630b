"""Decode audio files block by block, and refuse other files with a helpful message.

Files are identified by their content, not by their names.  Audio is returned as ``(channels, n)``,
time last, and its samples are counted: what can be decoded is the recording, and a length in a
header is only a hint.  If the structure of a file proves that something is missing, the file is
refused, unless its readable part is enough.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.framing import MAX_SR_HZ, MIN_SR_HZ
from sottovoce.errors import (
    IncompleteAudioError,
    ParameterError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.files.audio_info import AudioInfo
from sottovoce.files.decoding.dispatch import find_parts
from sottovoce.files.decoding.raw import Raw
from sottovoce.files.decoding.shortfall import measure_stream_s, say_readable, say_shortfall
from sottovoce.files.regular import EMPTY, TRUNCATED, check_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sottovoce.files.decoding.decoder import Traits

__all__ = [
    "AUDIO_SUFFIXES",
    "MAX_CHANNELS",
    "OpenAudio",
    "open_audio",
    "open_parts",
    "read",
    "read_blocks",
    "read_info",
]

MAX_CHANNELS = 64
AUDIO_SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".caf"),
        *(".ogg", ".oga", ".opus", ".mp3", ".aac", ".m4a", ".m4b"),
        *(".mp4", ".mov", ".webm", ".mkv", ".mka", ".m4v", ".avi", ".flv", ".3gp", ".wmv"),
        *(".mts", ".m2ts"),
    }
)
"""Suffixes by which a walk through a folder recognises audio, in lower case."""

_BLOCK_S = 10.0
_INCOMPLETE = "Get a complete copy."

Audio = npt.NDArray[np.floating[Any]]


def read_info(path: str | os.PathLike[str]) -> AudioInfo:
    """Read the properties of a file, and refuse one that cannot be handled.

    Parameters
    ----------
    path : path-like
        Audio file.

    Returns
    -------
    info : AudioInfo
        Validated: 1 to 64 channels, 8 to 192 kHz, not empty.

    Raises
    ------
    UnreadableAudioError
        If it is not a regular file, cannot be opened, or contains no audio.
    UnsupportedFormatError
        If its rate or number of channels is out of range.
    MissingExtraError
        If only PyAV could read it, which is not installed.
    """
    with open_audio(path) as file:
        return file.info


def read(path: str | os.PathLike[str]) -> tuple[npt.NDArray[np.float32], int]:
    """Read a whole file.

    Parameters
    ----------
    path : path-like
        Audio file.

    Returns
    -------
    y : np.ndarray, shape=(n,) or (channels, n), dtype=float32
        Audio, nominally in [-1, 1].
    sr : int
        Sampling rate, in Hz.

    Raises
    ------
    AudioFileError
        As `read_blocks`.

    Notes
    -----
    For a container with several audio tracks this is the first; `detect_parts` checks all.
    """
    with open_audio(path) as file:
        file.check_uniform()
        parts = [block.astype(np.float32, copy=False) for block in file.blocks(_BLOCK_S)]
        y = np.concatenate(parts, axis=1)
        return (y[0] if len(y) == 1 else y), file.info.sr


def read_blocks(
    path: str | os.PathLike[str], *, block_s: float = _BLOCK_S
) -> Iterator[npt.NDArray[np.float32]]:
    """Read a file block by block, in bounded memory.

    Parameters
    ----------
    path : path-like
        Audio file.
    block_s : float > 0
        Length of a block, in seconds.

    Yields
    ------
    block : np.ndarray, shape=(channels, n), dtype=float32
        Audio; the last block may be shorter.

    Raises
    ------
    ParameterError
        If `block_s` is not positive.
    UnreadableAudioError
        If the file is damaged, shorter than it declares, or holds NaN or infinity.
    UnsupportedFormatError, MissingExtraError
        As `read_info`.
    """
    if not block_s > 0:
        raise ParameterError(f"block_s={block_s!r} is not positive")
    with open_audio(path) as file:
        file.check_uniform()
        for block in file.blocks(block_s):
            yield block.astype(np.float32, copy=False)


class OpenAudio:
    """A run of audio being decoded; a context manager.

    Parameters
    ----------
    path : str
        The file; only a name if `data` is given.
    data : bytes or None
        Content of the file, if it is not on this computer's disk.
    part : int
        Index of the track, or of the joined stream of another rate.
    partial : bool
        Whether to accept the readable part of a file that is cut short or damaged.

    Attributes
    ----------
    info : AudioInfo
        Its properties.
    dtype : "float32" or "float64"
        Type that holds its samples without loss.
    parts : tuple of Part
        All parts of the file; one if it has one track.
    """

    def __init__(
        self, path: str, data: bytes | None = None, *, part: int = 0, partial: bool = False
    ) -> None:
        self._path = path
        self._partial = partial
        if data is None:
            check_regular(path)
        elif not data:
            raise UnreadableAudioError(EMPTY, path=path, remedy=TRUNCATED)
        raw = Raw(path, data)
        self.parts = tuple(find_parts(raw))
        if not 0 <= part < len(self.parts):
            raise ParameterError(
                f"{path} has no track {part + 1}",
                remedy=f"It has {len(self.parts)}: " + ", ".join(one.name for one in self.parts),
            )
        self._raw, self._stream = raw, self.parts[part].stream
        self._decoder = self.parts[part].open()
        self._was_damaged = ""
        self._held_s: float | None = None  # known when all is read
        try:
            self.info = _describe(raw, self._decoder.traits, part=part, n_parts=len(self.parts))
            self.dtype = self._decoder.traits.dtype
        except BaseException:
            self._decoder.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def describe(self, part: int) -> AudioInfo:
        """Return the properties of another track, opening only its decoder.

        Parameters
        ----------
        part : int
            Index in `parts`.

        Returns
        -------
        info : AudioInfo
            As if that track had been opened.

        Raises
        ------
        AudioFileError
            If it cannot be decoded, or its rate or number of channels is out of range.
        """
        if part == self.info.track:
            return self.info
        with contextlib.closing(self.parts[part].open()) as decoder:
            return _describe(self._raw, decoder.traits, part=part, n_parts=len(self.parts))

    @property
    def notes(self) -> tuple[str, ...]:
        """Irregularities of the file, one per line; complete when all is read."""
        missing = [self._say_missing(), self._was_damaged] if self._partial else []
        return (*self._decoder.traits.notes, *filter(None, missing))

    def check_whole(self) -> None:
        """Raise if the file proves that something is missing, before anything is read.

        Raises
        ------
        IncompleteAudioError
            Unless `partial` is set.
        """
        if self._decoder.traits.missing and not self._partial:
            if self._held_s is None and self._stream >= 0:
                self._held_s = measure_stream_s(self._raw, self._stream)
            raise IncompleteAudioError(self._say_missing(), path=self._path, remedy=_INCOMPLETE)

    def _say_missing(self) -> str:
        return say_shortfall(self._decoder.traits, self._held_s)

    def check_uniform(self) -> None:
        """Raise if recordings of different rates or channels were joined into the file.

        Raises
        ------
        UnsupportedFormatError
            With their names.
        """
        if len(self.parts) > 1 and self.parts[0].stream < 0:
            names = ", ".join(part.name for part in self.parts)
            raise UnsupportedFormatError(
                f"is {len(self.parts)} recordings joined into one that differ in rate or kind, or"
                f" have a picture ({names})",
                path=self._path,
                remedy="Split it, and process each part separately.",
            )

    def blocks(self, block_s: float) -> Iterator[Audio]:
        """Yield blocks of (channels, n) and check them.

        Raises
        ------
        UnreadableAudioError
            If the file is damaged, holds no audio, or samples that are no numbers.
        IncompleteAudioError
            If it is cut short, and was not opened for partial reading.
        """
        info = self.info
        n_block = max(1, round(block_s * info.sr))
        n_read = 0
        while True:
            try:
                block = self._decoder.read(n_block)
            except UnreadableAudioError as err:
                if not (self._partial and n_read):
                    raise
                self._was_damaged = err.message
                return
            if block.shape[1] == 0:
                break
            if not np.isfinite(block).all():
                raise UnreadableAudioError(
                    f"holds NaN or infinite samples after {n_read / info.sr:.1f} s",
                    path=self._path,
                    remedy="Export it again from the program that made it.",
                )
            n_read += block.shape[1]
            yield block
        if n_read == 0:
            raise UnreadableAudioError("holds no audio", path=self._path, remedy=TRUNCATED)
        self._held_s = n_read / info.sr
        self.check_whole()
        # For a file that is cut short this is known, and reported once.
        if n_read < info.n_frames and not self._decoder.traits.missing:
            self._was_damaged = say_readable(n_read / info.sr, info.duration_s)
            if not self._partial:
                raise IncompleteAudioError(self._was_damaged, path=self._path, remedy=_INCOMPLETE)


def _describe(raw: Raw, traits: Traits, *, part: int, n_parts: int) -> AudioInfo:
    info = AudioInfo(
        path=raw.path,
        format=traits.format,
        subtype=traits.subtype,
        sr=traits.sr,
        n_channels=traits.n_channels,
        n_frames=traits.n_frames,
        n_bytes=raw.n_bytes,
        bit_rate=traits.bit_rate,
        is_vbr=traits.is_vbr,
        n_tracks=n_parts,
        track=part,
        is_whole=not traits.missing,
    )
    if not MIN_SR_HZ <= info.sr <= MAX_SR_HZ:
        raise UnsupportedFormatError(
            f"has a sampling rate of {info.sr} Hz, outside {MIN_SR_HZ} to {MAX_SR_HZ}",
            path=raw.path,
            remedy="Convert it to 16, 44.1 or 48 kHz.",
        )
    if not 1 <= info.n_channels <= MAX_CHANNELS:
        raise UnsupportedFormatError(
            f"has {info.n_channels} channels, more than {MAX_CHANNELS}",
            path=raw.path,
            remedy="Split it into files of fewer channels.",
        )
    return info


def open_audio(
    path: str | os.PathLike[str],
    *,
    data: bytes | None = None,
    part: int = 0,
    partial: bool = False,
) -> OpenAudio:
    """Open a file, or the bytes that one holds, for decoding; see `OpenAudio`."""
    return OpenAudio(os.fspath(path), data, part=part, partial=partial)


def open_parts(
    path: str | os.PathLike[str], *, data: bytes | None = None, partial: bool = False
) -> Iterator[OpenAudio]:
    """Yield a file opened at each of its tracks in turn; each is closed before the next one."""
    number, n_parts = 0, 1
    while number < n_parts:
        with open_audio(path, data=data, part=number, partial=partial) as file:
            n_parts = len(file.parts)
            yield file
        number += 1
