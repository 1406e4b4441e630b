"""Write a marked file next to its destination and move it there when it is complete.

Uncompressed files are copied and their samples replaced (`pcm`).  FLAC is re-encoded,
without loss; lossy formats are decoded and re-encoded, at no lower rate.
"""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.atomic import atomic_path
from sottovoce.files.decoding.dispatch import find_layouts, is_copied
from sottovoce.files.decoding.raw import Raw
from sottovoce.files.decoding.sndfile import import_soundfile
from sottovoce.files.encoding import choose_encoding
from sottovoce.files.keeping.peaks import PeakChunks
from sottovoce.files.muxing import ContainerWriter
from sottovoce.files.pcm import BITS, is_uncompressed
from sottovoce.files.rounding import quantise
from sottovoce.files.track import CONTAINERS, Track
from sottovoce.files.track_description import describe_track
from sottovoce.files.track_writer import TrackWriter
from sottovoce.files.vorbis_track import vorbis_level

if TYPE_CHECKING:
    import os

    from sottovoce.files.audio_info import AudioInfo
    from sottovoce.files.pcm import Span

__all__ = [
    "SampleWriter",
    "atomic_path",
    "convertible_suffixes",
    "is_lossy",
    "open_writer",
    "writable",
    "write",
]

_LOSSLESS = {"ALAC", "FLAC", "WAVPACK", "TTA", "APE", "FLOAT", "DOUBLE"}
_SOUNDFILE_FORMATS = {"FLAC", "OGG", "CAF", "AU", "NIST", "VOC", "WAV", "WAVEX", "AIFF", "SVX"}
_ALAC_BITS = {"ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32}

Audio = npt.NDArray[np.floating[Any]]


class SampleWriter(Protocol):
    """A writer of marked blocks to a file."""

    def write(self, marked: Audio, original: Audio) -> None:
        """Write a block of shape (channels, n), with the unmarked samples it was made from."""

    def close(self) -> None:
        """Finish the file."""


def is_lossy(info: AudioInfo) -> bool:
    """Return whether writing this format loses anything other than rounding."""
    return not info.subtype.startswith(("PCM_", "ALAC", "DPCM")) and info.subtype not in _LOSSLESS


def writable(info: AudioInfo) -> bool:
    """Return whether a file can be written again in its own format.

    Parameters
    ----------
    info : AudioInfo
        Properties of the original.

    Returns
    -------
    writable : bool
        False if the encoder is missing; see `convertible_suffixes`.
    """
    if is_uncompressed(info) or _is_for_soundfile(info):
        return True
    return choose_encoding(describe_track(info)) is not None


def convertible_suffixes(info: AudioInfo) -> tuple[str, ...]:
    """Return the suffixes of formats to which this file's sound can be written instead.

    Parameters
    ----------
    info : AudioInfo
        Properties of the original.

    Returns
    -------
    suffixes : tuple of str
        Best first.
    """
    fits_flac = info.n_channels <= 8 and info.subtype not in {"FLOAT", "DOUBLE"}
    return (".flac", ".wav") if fits_flac else (".wav",)


def open_writer(path: Path, info: AudioInfo, *, boost: float = 0.0) -> SampleWriter:
    """Open a writer for a file like the original.

    Parameters
    ----------
    path : Path
        File to create.  If the original's format cannot be written, a suffix among
        `convertible_suffixes` selects one of those.
    info : AudioInfo
        Properties of the original.
    boost : float
        Share of the scale by which a lossy encoder's quality is raised over the first choice.

    Returns
    -------
    writer : SampleWriter
        The writer; close it after use.

    Raises
    ------
    UnsupportedFormatError
        If this format can be read but not written.
    """
    if is_copied(info):
        return _PcmWriter(path, info)
    if is_uncompressed(info) or _is_for_soundfile(info):
        return _SoundFileWriter(path, info, boost=boost)
    track = describe_track(info)
    if choose_encoding(track, boost=boost) is None:
        suffixes = convertible_suffixes(info)
        if path.suffix.lower() in suffixes:
            return _SoundFileWriter(path, _converted(info, track, path.suffix.lower()), boost=0.0)
        names = tuple(f"{Path(info.path).stem}{suffix}" for suffix in suffixes)
        raise UnsupportedFormatError(
            f"cannot be written as {info.format} with {track.codec}",
            path=info.path,
            remedy=f"Write it to another format: {' or '.join(names)}.",
            others=names,
        )
    if track.muxer in CONTAINERS:
        return ContainerWriter(path, info, track, boost=boost)
    return TrackWriter(path, info, track, boost=boost)


def _is_for_soundfile(info: AudioInfo) -> bool:
    """Return whether libsndfile writes this format; at low rates its MP3 is wrong."""
    if info.format not in _SOUNDFILE_FORMATS or info.subtype.startswith("MPEG"):
        return False
    return bool(import_soundfile().check_format(info.format, info.subtype))


def _converted(info: AudioInfo, track: Track, suffix: str) -> AudioInfo:
    """Return the properties of the original as FLAC or WAV: its own depth, or 24 bits."""
    bits = track.n_bits or 24
    subtype = "FLOAT" if track.is_float else f"PCM_{16 if bits <= 16 else 24 if bits <= 24 else 32}"
    if suffix == ".flac":
        subtype = "PCM_16" if bits <= 16 and not track.is_float else "PCM_24"
    return replace(info, format=suffix[1:].upper(), subtype=subtype)


class _PcmWriter:
    """Copies the original and replaces its samples."""

    def __init__(self, path: Path, info: AudioInfo) -> None:
        layout = find_layouts(Raw(info.path))
        assert layout is not None  # noqa: S101 - the caller saw it
        self._spans = deque(layout.spans)
        self._n_done = 0
        self._n_channels = info.n_channels
        shutil.copyfile(info.path, path)
        self._file = path.open("r+b")
        self._rng = np.random.default_rng()
        self._peaks = PeakChunks(self._file, layout.spans, info.n_channels)

    def write(self, marked: Audio, original: Audio) -> None:
        while marked.shape[1]:
            span = self._spans[0]
            n = min(marked.shape[1], span.n_samples - self._n_done)
            self._write_in(span, marked[:, :n], original[:, :n])
            self._n_done += n
            if self._n_done == span.n_samples:
                self._spans.popleft()
                self._n_done = 0
            marked, original = marked[:, n:], original[:, n:]

    def _write_in(self, span: Span, marked: Audio, original: Audio) -> None:
        if not marked.shape[1]:
            return
        n_bits = span.samples.n_bits
        samples = (
            marked if n_bits is None else quantise(marked, original, n_bits=n_bits, rng=self._rng)
        )
        frame_bytes = span.samples.n_bytes * self._n_channels
        stored = span.samples.pack(samples)
        self._file.seek(span.offset + self._n_done * frame_bytes)
        self._file.write(stored)
        self._peaks.take(span, stored)

    def close(self) -> None:
        try:
            self._peaks.write()
        finally:
            self._file.close()


class _SoundFileWriter:
    """Encodes with libsndfile."""

    def __init__(self, path: Path, info: AudioInfo, *, boost: float) -> None:
        self._n_bits = BITS.get(info.subtype) or _ALAC_BITS.get(info.subtype)
        options: dict[str, Any] = {}
        if info.subtype in {"VORBIS", "OPUS"}:
            options = {"compression_level": _ogg_level(info, boost)}
        self._file = import_soundfile().SoundFile(
            path, "w", info.sr, info.n_channels, info.subtype, format=info.format, **options
        )
        self._rng = np.random.default_rng()

    def write(self, marked: Audio, original: Audio) -> None:
        if self._n_bits is None:
            self._file.write(marked.T)
            return
        samples = quantise(marked, original, n_bits=self._n_bits, rng=self._rng)
        # libsndfile expects integers in the top of 32 bits and shifts them down without rounding.
        self._file.write(np.ascontiguousarray((samples << (32 - self._n_bits)).T))

    def close(self) -> None:
        self._file.close()


def _bit_rate(info: AudioInfo) -> float:
    """Return the mean bit rate of a file, in bit/s."""
    return info.bit_rate or 8.0 * info.n_bytes / max(info.duration_s, 0.1)


def _ogg_level(info: AudioInfo, boost: float) -> float:
    """Return libsndfile's level for Vorbis (1 - quality) or Opus (linear in the rate)."""
    per_channel = _bit_rate(info) / info.n_channels / 1000.0
    if info.subtype == "OPUS":
        wanted = (per_channel + 4.0 - 6.0) / (256.0 - 6.0)
    else:
        return vorbis_level(_bit_rate(info), sr=info.sr, n_channels=info.n_channels, boost=boost)
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
        Sample encoding, as soundfile names it; None uses its default for the format.

    Raises
    ------
    AudioFileError
        If the file cannot be written.
    UnsupportedFormatError
        If the suffix or the subtype is unknown.
    """
    target = Path(path)
    name = "OGG" if target.suffix.lower() in {".opus", ".oga"} else target.suffix[1:].upper()
    name = {"AIF": "AIFF", "AIFC": "AIFF"}.get(name, name)
    if target.suffix.lower() == ".opus":
        subtype = "OPUS"
    sf = import_soundfile()
    if name not in sf.available_formats() or not sf.check_format(name, subtype):
        raise UnsupportedFormatError(
            f"cannot be written as {target.suffix or 'a file without suffix'} with {subtype}",
            path=str(target),
            remedy="Use .wav or .flac.",
        )
    with atomic_path(target) as temporary:
        sf.write(temporary, y.T, sr, subtype, format=name)
