"""How an audio track is stored: its codec, sample format, layout, rate and container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CONTAINERS", "MATROSKA", "MOVIES", "Track", "is_lossless", "muxer_of"]

MATROSKA = frozenset({"matroska", "webm"})
MOVIES = frozenset({"mov", "mp4", "3gp", "3g2"})
CONTAINERS = MATROSKA | MOVIES | {"mpegts", "asf", "avi", "flv"}
"""Muxers of files that hold other streams, chapters or tags in addition to the sound."""

_SAME_NAME = frozenset(
    {"mpegts", "asf", "avi", "flv", "ac3", "eac3", "wv", "tta", "amr", "caf", "au", "wav"}
    | {"flac", "ogg"}
)
"""Formats whose demuxer and muxer have the same name in FFmpeg."""
_LOSSLESS = {"alac", "flac", "wavpack", "tta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """How an audio track is stored.

    Attributes
    ----------
    muxer : str
        Muxer of such a file, as FFmpeg names it; empty if there is none.
    codec : str
        As FFmpeg names it: ``"aac"``, ``"mp3"``, ``"pcm_s24le"``.
    index : int
        Index among all streams of the file.
    sr, n_channels : int
        Sampling rate in Hz, channels.
    layout : str
        As FFmpeg names it: ``"stereo"``, ``"5.1(side)"``.
    n_bits : int
        Bits of a sample, for lossless codecs; 0 for lossy ones and for floats.
    is_float : bool
        Whether a lossless codec stores floats.
    bit_rate : float
        Mean rate in bit/s; 0 if not known.
    is_vbr : bool
        Whether the rate varies.
    is_late : bool
        Whether the track starts after the others, in a file that FFmpeg has to write.
    is_undelayed : bool
        Whether its container could declare the encoder's delay, but does not.
    """

    muxer: str
    codec: str
    index: int
    sr: int
    n_channels: int
    layout: str
    n_bits: int = 0
    is_float: bool = False
    bit_rate: float = 0.0
    is_vbr: bool = False
    is_late: bool = False
    is_undelayed: bool = False

    @property
    def is_lossless(self) -> bool:
        """Whether the codec preserves every sample."""
        return is_lossless(self.codec)


def is_lossless(codec: str) -> bool:
    """Return whether a codec, as FFmpeg names it, preserves every sample."""
    return codec in _LOSSLESS or codec.startswith("pcm_")


def muxer_of(container: Any, codec: str, head: bytes) -> str:  # noqa: ANN401
    """Choose the muxer that writes such a container again.

    Parameters
    ----------
    container : av.container.InputContainer
        Open.
    codec : str
        Codec of the track.
    head : bytes
        First bytes of the file.

    Returns
    -------
    muxer : str
        As FFmpeg names it; empty if there is none.
    """
    name = str(container.format.name).split(",")[0]
    if name == "mov":
        brand = str(container.metadata.get("major_brand", "qt  ")).strip()
        return {"qt": "mov", "3g2a": "3g2"}.get(brand, "3gp" if brand[:3] == "3gp" else "mp4")
    if name == "matroska":
        return "webm" if b"webm" in head[:64] else "matroska"
    if name == "mp3":
        return codec if codec in {"mp2", "mp3"} else ""
    if name == "aac":
        return "adts"
    return name if name in _SAME_NAME else ""
