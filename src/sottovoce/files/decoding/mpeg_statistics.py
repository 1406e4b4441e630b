"""The frame of statistics that an encoder may put before MPEG audio, layer III.

Xing's, with LAME's addition, and Fraunhofer's (VBRI) say how many frames follow and how many
samples at both ends are not sound.  Encoders that write into a pipe leave the counts at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STATISTICS_PLACES", "Statistics", "may_be_statistics", "read_statistics"]

_DECODER_DELAY = 529
"""Delay of every decoder of layer III, in samples; LAME's delay does not include it."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Content of the frame.

    Attributes
    ----------
    n_frames, n_bytes : int or None
        Frames of sound, and bytes of them and of this frame.
    n_delay, n_padding : int
        Samples at both ends that are not sound, including those of the decoder.
    """

    n_frames: int | None
    n_bytes: int | None
    n_delay: int = 0
    n_padding: int = 0


# The statistics replace the sound, after the side information, by MPEG version and channels.
STATISTICS_PLACES = {
    (version, n_channels): 4 + n_bytes
    for version, sides in ((3, (17, 32)), (2, (9, 17)), (0, (9, 17)))
    for n_channels, n_bytes in enumerate(sides, start=1)
}
_CHECKSUM_BYTES = 2
_VBRI_PLACE = 36


def may_be_statistics(data: bytes, at: int, *, version: int, n_channels: int) -> bool:
    """Return whether the frame that begins at a position may hold statistics: a quick look.

    Parameters
    ----------
    data : bytes
        A stretch of the file.
    at : int
        Position of the frame in it.
    version, n_channels : int
        As in `read_statistics`.
    """
    return _find_tag(data, at, STATISTICS_PLACES[version, n_channels]) >= 0 or data.startswith(
        b"VBRI", at + _VBRI_PLACE
    )


def _find_tag(data: bytes, at: int, place: int) -> int:
    """Return the position of the tag of Xing's statistics in a frame, or -1."""
    for n_checksum in (0, _CHECKSUM_BYTES):
        if data.startswith((b"Xing", b"Info"), at + place + n_checksum):
            return at + place + n_checksum
    return -1


def read_statistics(frame: bytes, *, version: int, n_channels: int) -> Statistics | None:
    """Return the content of a frame of statistics; None for any other frame.

    Parameters
    ----------
    frame : bytes
        Its first 300 bytes, or all.
    version : int
        As coded in its header: 3 for MPEG-1.
    n_channels : int
        1 or 2.
    """
    if frame.startswith(b"VBRI", _VBRI_PLACE):
        said_bytes, said_frames = (int.from_bytes(frame[at : at + 4], "big") for at in (46, 50))
        return Statistics(said_frames or None, said_bytes or None)
    at = _find_tag(frame, 0, STATISTICS_PLACES[version, n_channels])
    if at < 0:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    place = at + 8
    n_frames: int | None = None
    n_bytes: int | None = None
    if flags & 1:
        n_frames = int.from_bytes(frame[place : place + 4], "big") or None
        place += 4
    if flags & 2:
        n_bytes = int.from_bytes(frame[place : place + 4], "big") or None
        place += 4
    place += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = frame[place : place + 36]
    if lame[:4] not in (b"LAME", b"Lavf", b"Lavc", b"L3.9") or len(lame) < 24:
        return Statistics(n_frames, n_bytes)
    both = int.from_bytes(lame[21:24], "big")
    return Statistics(
        n_frames,
        n_bytes,
        n_delay=(both >> 12) + _DECODER_DELAY,
        n_padding=max((both & 0xFFF) - _DECODER_DELAY, 0),
    )
