"""Encode Vorbis with libsndfile: FFmpeg's own encoder is limited to stereo and sounds worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import AudioFileError
from sottovoce.files.decoding.sndfile import import_soundfile

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.track import Track

__all__ = ["VorbisTrackWriter", "vorbis_level"]

_QUALITIES = (0.0, 0.2, 0.4, 0.7, 0.8, 0.9, 1.0)
# Their rates, in kbit/s per channel; at low sampling rates measured on speech.
_RATES = (32, 48, 64, 96, 128, 160, 250)
_LOW_RATES = (26, 32, 41, 56, 62, 68, 75)
_LOWEST_RATES = (16, 21, 26, 32, 34, 36, 38)
# FFmpeg's order of channels in that of Vorbis I, section 4.3.9.
_ORDERS = {
    3: [0, 2, 1],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 4, 5, 3],
    7: [0, 2, 1, 5, 6, 4, 3],
    8: [0, 2, 1, 6, 7, 4, 5, 3],
}
_PIECE = 1 << 16

Audio = npt.NDArray[np.floating[Any]]


def vorbis_level(bit_rate: float, *, sr: int, n_channels: int, boost: float) -> float:
    """Return libsndfile's level of compression, 1 minus the quality, for a rate in bit/s."""
    rates = _RATES if sr >= 32_000 else _LOW_RATES if sr > 12_000 else _LOWEST_RATES
    wanted = float(np.interp(bit_rate / n_channels / 1000.0, rates, _QUALITIES))
    return float(np.clip(1.0 - wanted - boost, 0.0, 1.0))


class VorbisTrackWriter:
    """Encodes one track to an Ogg file, from which its packets can be copied elsewhere.

    Parameters
    ----------
    path : Path
        File to create.
    track : Track
        How the original is stored.
    boost : float
        Share of the scale by which the quality is raised.
    """

    def __init__(self, path: Path, track: Track, *, boost: float = 0.0) -> None:
        level = vorbis_level(track.bit_rate, sr=track.sr, n_channels=track.n_channels, boost=boost)
        try:
            self._file = import_soundfile().SoundFile(
                str(path),
                "w",
                track.sr,
                track.n_channels,
                "VORBIS",
                format="OGG",
                compression_level=level,
            )
        except RuntimeError as err:
            raise AudioFileError(
                f"cannot be written as Vorbis with {track.n_channels} channels at {track.sr} Hz",
                path=str(path),
                remedy="Write it to another format: FLAC or WAV.",
            ) from err
        self._order = _ORDERS.get(track.n_channels, list(range(track.n_channels)))

    def write(self, marked: Audio, original: object) -> None:
        """Write a block of shape (channels, n)."""
        # libvorbis keeps a whole block on the stack: long ones crash the process.
        for start in range(0, marked.shape[1], _PIECE):
            self._file.write(marked[self._order, start : start + _PIECE].T)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
