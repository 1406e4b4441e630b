"""Decode audio files block by block, and refuse what is no audio with a word that helps.

Files are told apart by what is in them, not by their names.  soundfile decodes where it can;
M4A and the containers of call recordings go through PyAV.  Everything comes out as
``(channels, n)``, time last, and is counted on the way: a file that holds less than it
declares is damaged, whatever its decoder says.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile as sf

from sottovoce.core.framing import MAX_SR_HZ, MIN_SR_HZ
from sottovoce.errors import ParameterError, UnreadableAudioError, UnsupportedFormatError
from sottovoce.files.containers import ContainerFile, is_container

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Self

__all__ = [
    "AUDIO_SUFFIXES",
    "MAX_CHANNELS",
    "AudioInfo",
    "OpenAudio",
    "check_regular",
    "open_audio",
    "read",
    "read_blocks",
    "read_info",
]

MAX_CHANNELS = 64
AUDIO_SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".caf"),
        *(".ogg", ".oga", ".opus", ".mp3", ".aac", ".m4a", ".m4b"),
        *(".mp4", ".mov", ".webm", ".mkv", ".mka"),
    }
)
"""Suffixes by which a walk through a folder tells audio from the rest, in lower case."""

_BLOCK_S = 10.0
_EMPTY = "is empty (0 bytes)"
_TRUNCATED = "Get a complete copy, or repair it with an audio editor."
_UNKNOWN_BYTES = 0x7FFF_0000
_RICH_BITS = {"PCM_32": 32, "ALAC_32": 32, "DOUBLE": 64}

Audio = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What a file says about itself.

    Attributes
    ----------
    path : str
        The file.
    format : str
        Container: ``"WAV"``, ``"FLAC"``, ``"OGG"``, ``"M4A"`` and so on.
    subtype : str
        How samples are stored: ``"PCM_24"``, ``"VORBIS"``, ``"AAC"`` and so on.
    sr : int
        Sampling rate, in Hz.
    n_channels : int
        Channels.
    n_frames : int
        Samples in each channel; 0 where the container does not say.
    n_bytes : int
        Size of the file.
    bit_rate : float
        Mean rate of the audio stream, measured, in bit/s; 0 where it is not known.
    is_vbr : bool
        Whether the bit rate varies from frame to frame.
    n_tracks : int
        Audio tracks of the file.
    track : int
        Which of them this is, counted among audio tracks from 0.
    """

    path: str
    format: str
    subtype: str
    sr: int
    n_channels: int
    n_frames: int
    n_bytes: int
    bit_rate: float = 0.0
    is_vbr: bool = False
    n_tracks: int = 1
    track: int = 0

    @property
    def duration_s(self) -> float:
        """Length, in seconds; 0 where the container does not say."""
        return self.n_frames / self.sr


def read_info(path: str | os.PathLike[str]) -> AudioInfo:
    """Read what a file says about itself, and refuse what cannot be handled.

    Parameters
    ----------
    path : path-like
        Audio file.

    Returns
    -------
    info : AudioInfo
        Checked: 1 to 64 channels, 8 to 192 kHz, not empty.

    Raises
    ------
    UnreadableAudioError
        If it is no regular file, cannot be opened, or holds no audio.
    UnsupportedFormatError
        If its rate or number of channels is out of range.
    MissingExtraError
        If only PyAV could read it and that is not installed.
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
    """
    with open_audio(path) as file:
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
        for block in file.blocks(block_s):
            yield block.astype(np.float32, copy=False)


class OpenAudio:
    """A file being decoded; a context manager.

    Parameters
    ----------
    path : str
        The file; only a name where `data` is given.
    data : bytes or None
        What the file holds, where it does not lie on this computer's disk.

    Attributes
    ----------
    info : AudioInfo
        What it says about itself.
    dtype : "float32" or "float64"
        What holds its samples without loss.
    """

    def __init__(self, path: str, data: bytes | None = None) -> None:
        self._path = path
        self._data = data
        self._file = self._open()
        try:
            self.info = self._describe()
        except BaseException:
            self._file.close()
            raise
        rich = _RICH_BITS.get(self.info.subtype)
        self.dtype: Literal["float32", "float64"] = "float64" if rich else "float32"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self, block_s: float) -> Iterator[Audio]:
        """Yield blocks of (channels, n) and check them; raise where the file is damaged."""
        info = self.info
        n_block = max(1, round(block_s * info.sr))
        n_read = 0
        while True:
            block = self._read(n_block)
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
            raise UnreadableAudioError("holds no audio", path=self._path, remedy=_TRUNCATED)
        if info.n_frames and n_read < info.n_frames:
            raise UnreadableAudioError(
                f"is cut short: {n_read / info.sr:.1f} of {info.duration_s:.1f} s can be read",
                path=self._path,
                remedy=_TRUNCATED,
            )
        if info.n_frames:
            with self._raw() as raw:
                if _is_cut_short(raw, info):
                    raise UnreadableAudioError(
                        f"is cut short after {n_read / info.sr:.1f} s",
                        path=self._path,
                        remedy=_TRUNCATED,
                    )

    def _open(self) -> sf.SoundFile | ContainerFile:
        if self._data is None:
            check_regular(self._path)
        elif not self._data:
            raise UnreadableAudioError(_EMPTY, path=self._path, remedy=_TRUNCATED)
        with self._raw() as file:
            head = file.read(64)
        if is_container(head):
            return ContainerFile(self._raw(), path=self._path)
        try:
            with _quiet_stderr():
                return sf.SoundFile(self._path if self._data is None else self._raw())
        except (sf.LibsndfileError, RuntimeError, TypeError, ValueError) as err:
            raise UnreadableAudioError(
                "is not audio that can be read, or is damaged",
                path=self._path,
                remedy="Check that it plays; if it does, convert it to WAV or FLAC.",
            ) from err

    def _raw(self) -> BinaryIO:
        if self._data is not None:
            return io.BytesIO(self._data)
        return Path(self._path).open("rb")

    def _describe(self) -> AudioInfo:
        file = self._file
        n_frames = file.frames if 0 < file.frames < 2**62 else 0
        info = AudioInfo(
            path=self._path,
            format=file.format,
            subtype=file.subtype,
            sr=file.samplerate,
            n_channels=file.channels,
            n_frames=n_frames,
            n_bytes=len(self._data) if self._data is not None else Path(self._path).stat().st_size,
        )
        if not MIN_SR_HZ <= info.sr <= MAX_SR_HZ:
            raise UnsupportedFormatError(
                f"has a sampling rate of {info.sr} Hz, outside {MIN_SR_HZ} to {MAX_SR_HZ}",
                path=self._path,
                remedy="Convert it to 16, 44.1 or 48 kHz.",
            )
        if not 1 <= info.n_channels <= MAX_CHANNELS:
            raise UnsupportedFormatError(
                f"has {info.n_channels} channels, more than {MAX_CHANNELS}",
                path=self._path,
                remedy="Split it into files of fewer channels.",
            )
        if info.n_frames == 0 and isinstance(file, sf.SoundFile):
            raise UnreadableAudioError("holds no audio", path=self._path, remedy=_TRUNCATED)
        return info

    def _read(self, n: int) -> Audio:
        if isinstance(self._file, ContainerFile):
            return self._file.read(n)
        try:
            with _quiet_stderr():
                block = self._file.read(n, dtype=self.dtype, always_2d=True)
        except (sf.LibsndfileError, RuntimeError, ValueError, MemoryError) as err:
            raise UnreadableAudioError("is damaged", path=self._path, remedy=_TRUNCATED) from err
        return np.ascontiguousarray(block.T)


def open_audio(path: str | os.PathLike[str], *, data: bytes | None = None) -> OpenAudio:
    """Open a file, or the bytes that one holds, for decoding; see `OpenAudio`."""
    return OpenAudio(os.fspath(path), data)


def check_regular(path: str) -> None:
    """Refuse whatever is no readable regular file, before any library opens it.

    Opening a FIFO would wait for ever.

    Raises
    ------
    UnreadableAudioError
        With the reason.
    """
    try:
        status = Path(path).stat()
    except OSError as err:
        reason = "does not exist" if isinstance(err, FileNotFoundError) else err.strerror
        raise UnreadableAudioError(
            str(reason).lower(), path=path, remedy="Check the name and the permissions."
        ) from err
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableAudioError("is a folder", path=path, remedy="Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableAudioError(
            "is not a regular file", path=path, remedy="Save the audio to a file first."
        )
    if status.st_size == 0:
        raise UnreadableAudioError(_EMPTY, path=path, remedy=_TRUNCATED)
    if not os.access(path, os.R_OK):
        raise UnreadableAudioError("may not be read", path=path, remedy="Change its permissions.")


def _is_cut_short(file: BinaryIO, info: AudioInfo) -> bool:
    """Say whether a file ends before it should: decoders of these formats do not notice."""
    if info.format == "OGG":
        file.seek(max(0, info.n_bytes - 131_072))
        page = file.read()
        page = page[max(page.rfind(b"OggS"), 0) :]
        # A page's header: its flags, then how long its segments are (RFC 3533, section 6).
        table = page[27 : 27 + page[26]] if len(page) > 26 else b""
        is_whole = 0 < 27 + len(table) + sum(table) <= len(page)
        return page[:4] != b"OggS" or not is_whole or not page[5] & 4
    if info.format in {"WAV", "WAVEX", "AIFF"}:
        head = file.read(8)
        declared = int.from_bytes(head[4:], "little" if head[:4] == b"RIFF" else "big")
        # Who writes into a pipe does not know the size, and says the largest there is, or none.
        return head[:4] in (b"RIFF", b"FORM") and info.n_bytes < declared + 8 < _UNKNOWN_BYTES
    return False


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep the decoder of MP3 from writing to the terminal past Python."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
