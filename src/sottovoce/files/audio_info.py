"""`AudioInfo`: what is known of an audio file before its sound is decoded."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AudioInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """Properties of an audio file.

    Attributes
    ----------
    path : str
        The file.
    format : str
        Container: ``"WAV"``, ``"FLAC"``, ``"OGG"``, ``"M4A"`` and so on.
    subtype : str
        Sample encoding: ``"PCM_24"``, ``"VORBIS"``, ``"AAC"`` and so on.
    sr : int
        Sampling rate, in Hz.
    n_channels : int
        Channels.
    n_frames : int
        Samples in each channel according to the structure of the file; 0 if it does not say.
    n_bytes : int
        Size of the file.
    bit_rate : float
        Mean rate of the encoded stream, in bit/s; 0 if not known.
    is_vbr : bool
        Whether an MP3 has a variable rate.
    n_tracks, track : int
        Number of tracks (or joined streams of different rates), and index of this one, from 0.
    is_whole : bool
        False if its structure proves that something is missing.
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
    is_whole: bool = True

    @property
    def duration_s(self) -> float:
        """Length, in seconds; 0 if the container does not say."""
        return self.n_frames / self.sr
