"""How much of a track an owner's mark covers, and the longest stretch without it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection
    from sottovoce.files.listening import Loudness

__all__ = ["covered_s", "is_covered", "longest_gap_s"]

_COVERED = 0.9
"""Share of the sound that a mark must cover for a file to count as already marked."""
_LONGEST_S = 2.6
"""Seconds of sound in one stretch without the mark: one period of the pattern, the resolution of
presence.  docs/decisions.md explains what that finds and what it misses."""
_LOUD_DBFS = -50.0
_SPEECH_DB = 35.0
"""What counts as sound there: peaks above -50 dBFS or, in a soft file, less than 35 dB below its
loud ones.  Room noise between words does not count as unmarked speech."""
_LOUD_SHARE = 0.95

Spans = list[tuple[float, float]]


def covered_s(detection: Detection, notice: Notice, *, strictly: bool = True) -> float:
    """Return for how many seconds an owner's refusal is present.

    Parameters
    ----------
    detection : Detection
        What was detected in one track.
    notice : Notice
        Whose owner and policy count; the year does not.
    strictly : bool
        Whether to leave out voices whose owner could not be decoded.
    """
    total = sum(end - begin for begin, end in _find_spans(detection, notice, strictly=strictly))
    return min(total, detection.duration_s)


def is_covered(
    detection: Detection, notice: Notice, loudness: Loudness, *, sounding_s: float
) -> bool:
    """Return whether a track carries an owner's refusal from its beginning to its end.

    Parameters
    ----------
    detection, notice, loudness
        As in `longest_gap_s`.
    sounding_s : float
        Seconds of the track that are not silent.
    """
    if covered_s(detection, notice) < _COVERED * sounding_s:
        return False
    return longest_gap_s(detection, notice, loudness) <= _LONGEST_S


def longest_gap_s(detection: Detection, notice: Notice, loudness: Loudness) -> float:
    """Return the duration of sound in the longest stretch without an owner's refusal.

    Parameters
    ----------
    detection, notice
        As in `covered_s`.
    loudness : Loudness
        Loudness of the same track.

    Returns
    -------
    longest_s : float
        Seconds of it that are not pauses.
    """
    spans = _find_spans(detection, notice, strictly=True)
    edges = [0.0, *itertools.chain.from_iterable(spans), detection.duration_s + loudness.step_s]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    floor_dbfs = min(_LOUD_DBFS, loudness.loudest_dbfs(_LOUD_SHARE) - _SPEECH_DB)
    return max(
        loudness.sounding_s(begin, end, floor_dbfs=max(floor_dbfs, -80.0)) for begin, end in gaps
    )


def _find_spans(detection: Detection, notice: Notice, *, strictly: bool) -> Spans:
    """Return the intervals in which a refusal is present, in order and disjoint."""
    found: Spans = []
    for voice in detection.voices:
        own = voice.notice
        if own is None and strictly:
            continue
        if own is None or (own.owner_id, own.policy) == (notice.owner_id, notice.policy):
            found += voice.segments_s
    united: Spans = []
    for begin, end in sorted(found):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((begin, end))
    return united
