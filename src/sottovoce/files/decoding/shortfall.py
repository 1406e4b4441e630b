"""How much sound a container that is cut short still contains, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import UnreadableAudioError
from sottovoce.files.decoding.pyav import import_av, open_container
from sottovoce.files.times import format_seconds

if TYPE_CHECKING:
    from sottovoce.files.decoding.decoder import Traits
    from sottovoce.files.decoding.raw import Raw

__all__ = ["measure_stream_s", "say_present", "say_readable", "say_shortfall"]

_ROUNDED_S = 0.1
"""Below the displayed precision, so that the whole is not reported as a part of itself."""


def measure_stream_s(raw: Raw, index: int) -> float | None:
    """Return how many seconds of a stream a container holds; None if unknown.

    Parameters
    ----------
    raw : Raw
        The file, which is read to its end but not decoded.
    index : int
        Number of the stream among all streams.
    """
    errors = (import_av().error.FFmpegError, ValueError, UnreadableAudioError)
    first = last = None
    try:
        with raw.open() as file, open_container(file, path=raw.path) as container:
            for packet in container.demux(container.streams[index]):
                if not packet.size or packet.pts is None or packet.is_corrupt:
                    continue
                begin_s = float(packet.pts * packet.time_base)
                first = begin_s if first is None else min(first, begin_s)
                end_s = begin_s + float((packet.duration or 0) * packet.time_base)
                last = end_s if last is None else max(last, end_s)
    except errors:
        pass  # up to here
    return None if first is None or last is None else last - max(first, 0.0)


def say_present(n_present: int, n_whole: int, sr: float) -> str:
    """Return how much of a recording is present, with enough digits to show the difference."""
    for form in (format_seconds, "{:.3f}".format):
        present, whole = form(n_present / sr), form(n_whole / sr)
        if present != whole:
            return f"{present} of {whole} s are present"
    return f"{n_present:,} of {n_whole:,} samples are present"


def say_readable(read_s: float, whole_s: float) -> str:
    """Return how much of a damaged file can be read."""
    return f"is damaged: {format_seconds(read_s)} of {format_seconds(whole_s)} s can be read"


def say_shortfall(traits: Traits, held_s: float | None) -> str:
    """Return what a file lacks, in seconds if these are known; empty if nothing is missing.

    Parameters
    ----------
    traits : Traits
        Traits of the file.
    held_s : float or None
        Seconds of sound that are present; None if not known.

    Examples
    --------
    >>> from sottovoce.files.decoding.decoder import Traits
    >>> film = Traits(format="MOV", subtype="AAC", sr=48_000, n_channels=2, notes=[])
    >>> film.missing = "is cut short: 9,000 bytes of it are missing"
    >>> film.promised_s = 60.0
    >>> say_shortfall(film, 41.5)
    'is cut short: 41.5 of 60.0 s are present'
    """
    missing = traits.missing
    if traits.promised_s is None or held_s is None or not missing.startswith("is cut short: "):
        return missing
    if traits.promised_s > held_s + _ROUNDED_S:
        least = "at least " if traits.is_open_ended else ""
        return (
            f"is cut short: {format_seconds(held_s)} of {least}"
            f"{format_seconds(traits.promised_s)} s are present"
        )
    return f"{missing}; {format_seconds(held_s)} s of sound are present"
