"""Common parts of the chunk walkers: from an extent of bytes to a layout of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError
from sottovoce.files.pcm import PcmLayout, SampleFormat, Span

if TYPE_CHECKING:
    from sottovoce.files.decoding.extent import Extent

__all__ = ["MOST_JOINED", "damaged", "lay_out", "say_more", "too_many", "unreadable"]

MOST_JOINED = 1000
"""Maximum number of joined files that are examined; more are an attack."""


def damaged(path: str, what: str) -> UnreadableAudioError:
    """Return the error for a file with an invalid structure."""
    return UnreadableAudioError(
        f"is damaged: {what}",
        path=path,
        remedy="Get a complete copy, or repair it with an audio editor.",
    )


def unreadable(path: str) -> UnreadableAudioError:
    """Return the error for a file of an unknown kind."""
    return UnreadableAudioError(
        "not a readable audio file (unsupported or damaged)",
        path=path,
        remedy="Check that it plays; if it does, convert it to WAV or FLAC.",
    )


def say_more(seconds: float) -> str:
    """Return the note for a file that holds more than its header says."""
    return f"holds {seconds:.1f} s more than its header says; all of it was read"


def too_many(path: str) -> UnsupportedFormatError:
    """Return the error for a file joined from more parts than any recording has."""
    return UnsupportedFormatError(
        f"is more than {MOST_JOINED:,} files joined into one",
        path=path,
        remedy="Split it, and process each part separately.",
    )


def lay_out(
    extent: Extent,
    *,
    path: str,
    file_format: str,
    subtype: str,
    samples: SampleFormat,
    sr: int,
    n_channels: int,
) -> PcmLayout:
    """Return the layout of samples in one extent of bytes.

    Parameters
    ----------
    extent : Extent
        Their position.
    path : str
        Name of the file in errors.
    file_format, subtype, sr, n_channels
        As in `PcmLayout`.
    samples : SampleFormat
        Format of a sample.

    Returns
    -------
    layout : PcmLayout
        Without an incomplete frame at the end.

    Raises
    ------
    UnreadableAudioError
        If the sampling rate is not positive.
    """
    if sr < 1:
        raise damaged(path, f"its sampling rate is {sr} Hz")
    frame_bytes = samples.n_bytes * n_channels
    n_extra, n_missing = extent.n_extra // frame_bytes, -(-extent.n_missing // frame_bytes)
    return PcmLayout(
        format=file_format,
        subtype=subtype,
        sr=sr,
        n_channels=n_channels,
        spans=(Span(extent.offset, extent.n_bytes // frame_bytes, samples),),
        notes=(say_more(n_extra / sr),) if n_extra else (),
        n_missing=n_missing,
    )
