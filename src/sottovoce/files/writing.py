"""Write a marked file like its original.

Uncompressed files are copied and their samples replaced (`pcm`).  FLAC is encoded anew,
without loss; MP3, Ogg and M4A are decoded and encoded once more, at no lower rate.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import soundfile as sf

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.atomic import atomic_path
from sottovoce.files.m4a import M4aWriter
from sottovoce.files.pcm import BITS, find_samples, is_uncompressed

if TYPE_CHECKING:
    import os

    from sottovoce.files.reading import AudioInfo

__all__ = ["SampleWriter", "atomic_path", "is_lossy", "open_writer", "quantise", "write"]

_MOST_DITHERED_BITS = 16
"""TPDF dither is added down to 16 bits.  At 24 the rounding lies at -146 dB of full scale,
under the noise of any converter, and dither would only be noise."""
_LOSSY = {"VORBIS", "OPUS", "MPEG_LAYER_III", "MPEG_LAYER_II", "MPEG_LAYER_I", "AAC"}
_ALAC_BITS = {"ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32}

Audio = npt.NDArray[np.floating[Any]]


class SampleWriter(Protocol):
    """Something that takes marked blocks and ends as a file."""

    def write(self, marked: Audio, original: Audio) -> None:
        """Take a block of shape (channels, n), and the unmarked samples it was made from."""

    def close(self) -> None:
        """Finish the file."""


def is_lossy(info: AudioInfo) -> bool:
    """Say whether writing this format loses something besides rounding."""
    return info.subtype in _LOSSY


def open_writer(path: Path, info: AudioInfo, *, boost: float = 0.0) -> SampleWriter:
    """Open a writer that makes a file like the original.

    Parameters
    ----------
    path : Path
        File to be made.
    info : AudioInfo
        Of the original.
    boost : float
        By how much of the scale a lossy encoder's quality is raised over the first choice.

    Returns
    -------
    writer : SampleWriter
        To be closed.

    Raises
    ------
    UnsupportedFormatError
        If this format can be read but not written.
    """
    if is_uncompressed(info):
        return _PcmWriter(path, info)
    if info.format == "M4A" and info.subtype == "AAC":
        return M4aWriter(path, info)
    writable = info.format in {"FLAC", "OGG", "MP3", "CAF"}
    if not writable or not sf.check_format(info.format, info.subtype):
        raise UnsupportedFormatError(
            f"is {info.format} with {info.subtype}, which is read but not written",
            path=info.path,
            remedy="Extract its audio to WAV, FLAC or M4A and protect that.",
        )
    return _SoundFileWriter(path, info, boost=boost)


def quantise(
    marked: Audio, original: Audio, *, n_bits: int, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Round marked samples to integers, with dither where that is heard.

    Parameters
    ----------
    marked : np.ndarray, shape=(channels, n)
        Full scale 1.0.
    original : np.ndarray, shape of `marked`
        Where the mark changed nothing the original sample comes back to the bit.
    n_bits : int
        Width of the integers, 8 to 32.
    rng : np.random.Generator
        Of the dither.

    Returns
    -------
    samples : np.ndarray, shape of `marked`, dtype=int32
        In ``[-2**(n_bits - 1), 2**(n_bits - 1) - 1]``.
    """
    scale = 2.0 ** (n_bits - 1)
    steps = marked.astype(np.float64) * scale
    if n_bits <= _MOST_DITHERED_BITS:
        dither = rng.random(steps.shape) - rng.random(steps.shape)
        steps += np.where(marked == original, 0.0, dither)
    return np.clip(np.rint(steps), -scale, scale - 1).astype(np.int32)


class _PcmWriter:
    """Copies the original and replaces its samples."""

    def __init__(self, path: Path, info: AudioInfo) -> None:
        with Path(info.path).open("rb") as original:
            self._format = find_samples(original, info)
        shutil.copyfile(info.path, path)
        self._file = path.open("r+b")
        self._file.seek(self._format.offset)
        self._n_bits = BITS.get(info.subtype)
        self._rng = np.random.default_rng()

    def write(self, marked: Audio, original: Audio) -> None:
        if self._n_bits is None:
            self._file.write(self._format.pack(marked))
        else:
            samples = quantise(marked, original, n_bits=self._n_bits, rng=self._rng)
            self._file.write(self._format.pack(samples))

    def close(self) -> None:
        self._file.close()


class _SoundFileWriter:
    """Encodes with libsndfile."""

    def __init__(self, path: Path, info: AudioInfo, *, boost: float) -> None:
        self._n_bits = BITS.get(info.subtype) or _ALAC_BITS.get(info.subtype)
        options: dict[str, Any] = {}
        if info.subtype.startswith("MPEG"):
            options = {"compression_level": _mp3_level(info, boost), "bitrate_mode": "CONSTANT"}
        elif info.subtype in _LOSSY:
            options = {"compression_level": _ogg_level(info, boost)}
        subtype = "MPEG_LAYER_III" if info.subtype.startswith("MPEG") else info.subtype
        self._file = sf.SoundFile(
            path, "w", info.sr, info.n_channels, subtype, format=info.format, **options
        )
        self._rng = np.random.default_rng()

    def write(self, marked: Audio, original: Audio) -> None:
        if self._n_bits is None:
            self._file.write(marked.T)
            return
        samples = quantise(marked, original, n_bits=self._n_bits, rng=self._rng)
        # libsndfile takes integers at the top of 32 bits and shifts them down without rounding.
        self._file.write(np.ascontiguousarray((samples << (32 - self._n_bits)).T))

    def close(self) -> None:
        self._file.close()


def _bit_rate(info: AudioInfo) -> float:
    """Return the mean bit rate of a file, in bit/s."""
    return 8.0 * info.n_bytes / max(info.duration_s, 0.1)


def _mp3_level(info: AudioInfo, boost: float) -> float:
    """Return libsndfile's level for a constant rate not under the original's.

    Its scale runs from the highest rate of the standard, at 0, to the lowest, at 1.
    """
    high, low = (320.0, 32.0) if info.sr >= 32_000 else (160.0, 8.0)
    wanted = min(high, _bit_rate(info) / 1000.0 + 8.0)
    return float(np.clip((high - wanted) / (high - low) - boost, 0.0, 0.99))


def _ogg_level(info: AudioInfo, boost: float) -> float:
    """Return libsndfile's level for Vorbis (1 - quality) or Opus (linear in the rate)."""
    per_channel = _bit_rate(info) / info.n_channels / 1000.0
    if info.subtype == "OPUS":
        wanted = (per_channel + 4.0 - 6.0) / (256.0 - 6.0)
    else:
        rates = (32, 48, 64, 96, 128, 160, 250)
        wanted = np.interp(per_channel, rates, (0, 0.2, 0.4, 0.7, 0.8, 0.9, 1))
    return float(np.clip(1.0 - wanted - boost, 0.0, 1.0))


def write(
    path: str | os.PathLike[str],
    y: Audio,
    *,
    sr: int,
    subtype: str | None = None,
) -> None:
    """Write an array as an audio file, atomically.

    Parameters
    ----------
    path : path-like
        WAV, FLAC, AIFF, CAF, Ogg, Opus or MP3, by its suffix.
    y : np.ndarray, shape=(n,) or (channels, n)
        Audio, full scale 1.0.
    sr : int
        Sampling rate, in Hz.
    subtype : str or None
        How samples are stored, as soundfile names it; its default for the format.

    Raises
    ------
    AudioFileError
        If the file cannot be written.
    UnsupportedFormatError
        If the suffix or the subtype is not known.
    """
    target = Path(path)
    name = "OGG" if target.suffix.lower() in {".opus", ".oga"} else target.suffix[1:].upper()
    name = {"AIF": "AIFF", "AIFC": "AIFF"}.get(name, name)
    if target.suffix.lower() == ".opus":
        subtype = "OPUS"
    if name not in sf.available_formats() or not sf.check_format(name, subtype):
        raise UnsupportedFormatError(
            f"cannot be written as {target.suffix or 'a file without suffix'} with {subtype}",
            path=str(target),
            remedy="Use .wav or .flac.",
        )
    with atomic_path(target) as temporary:
        sf.write(temporary, y.T, sr, subtype, format=name)
