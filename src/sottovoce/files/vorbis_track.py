"""Encode Vorbis with libsndfile: FFmpeg's own encoder knows two channels, and sounds worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from sottovoce.errors import AudioFileError

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.encoding import Track

__all__ = ["VorbisTrackWriter", "vorbis_level"]

_RATES = (32, 48, 64, 96, 128, 160, 250)
_QUALITIES = (0.0, 0.2, 0.4, 0.7, 0.8, 0.9, 1.0)
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


def vorbis_level(bit_rate: float, *, n_channels: int, boost: float) -> float:
    """Return libsndfile's level of compression, 1 minus the quality, for a rate in bit/s."""
    wanted = float(np.interp(bit_rate / n_channels / 1000.0, _RATES, _QUALITIES))
    return float(np.clip(1.0 - wanted - boost, 0.0, 1.0))


class VorbisTrackWriter:
    """Encodes one track to an Ogg file, from which its packets can be copied elsewhere.

    Parameters
    ----------
    path : Path
        File to be made.
    track : Track
        How the original is stored.
    boost : float
        By how much of the scale the quality is raised.
    """

    def __init__(self, path: Path, track: Track, *, boost: float = 0.0) -> None:
        level = vorbis_level(track.bit_rate, n_channels=track.n_channels, boost=boost)
        try:
            self._file = sf.SoundFile(
                str(path),
                "w",
                track.sr,
                track.n_channels,
                "VORBIS",
                format="OGG",
                compression_level=level,
            )
        except sf.LibsndfileError as err:
            raise AudioFileError(
                f"cannot be written as Vorbis with {track.n_channels} channels at {track.sr} Hz",
                path=str(path),
                remedy="Write it to another format: FLAC or WAV.",
            ) from err
        self._order = _ORDERS.get(track.n_channels, list(range(track.n_channels)))

    def write(self, marked: Audio, original: object) -> None:
        """Take a block of shape (channels, n)."""
        # libvorbis keeps a whole block on the stack: long ones end the process.
        for start in range(0, marked.shape[1], _PIECE):
            self._file.write(marked[self._order, start : start + _PIECE].T)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
