"""Periods for which a container has no sound, because a recorder dropped packets.

A player skips the time if there is only sound, and waits if there is a picture.  So with other
streams a gap becomes silence: the sound after it stays in sync with its picture.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Gaps"]

_TOLD_S = 0.08
_LEAST_S = 0.005
"""Containers round times to a millisecond, and clocks jitter."""
_ROUNDED_S = 0.002
_LEAST_SHARE = 0.75
"""Share of the last frame: a lost packet leaves a gap of a whole one."""
_MOST_S = 3600.0
"""Longer ones are not gaps but another clock, as after the joint of two streams."""


class Gaps:
    """Finds gaps by the timestamps of decoded frames.

    Parameters
    ----------
    sr : int
        Sampling rate, in Hz.
    fills : bool
        Whether to fill gaps with silence.
    """

    def __init__(self, sr: int, *, fills: bool) -> None:
        self._sr = sr
        self._fills = fills
        self._begin: float | None = None
        self._end = 0.0  # where the last frame ended by its own timestamp, in samples
        self._n_last = 0
        self._n_given = 0
        self._n_gaps, self._n_filled = 0, 0
        self._total_s = 0.0

    def before(self, frame: Any) -> int:  # noqa: ANN401 - PyAV is imported late
        """Return how many samples of silence to insert before a frame."""
        n = int(frame.samples)
        if frame.pts is None or frame.time_base is None:
            self._begin = None
            self._n_given += n
            return 0
        at = float(frame.pts * frame.time_base * self._sr)
        if self._begin is None:
            self._begin, self._n_given, self._end = at, 0, at
        n_fill = self._measure(at)
        self._n_given += n_fill + n
        self._end, self._n_last = at + n, n
        return n_fill

    def add_silence(self, n: int) -> None:
        """Count samples of silence that replace a packet that could not be decoded."""
        self._n_given += n
        self._end += n

    def _measure(self, at: float) -> int:
        jump = at - self._end
        least = max(_LEAST_S * self._sr, _LEAST_SHARE * self._n_last)
        if not least <= jump <= _MOST_S * self._sr:
            return 0
        if not self._fills:
            if jump > _TOLD_S * self._sr:
                self._count(jump)
            return 0
        # Times are measured from the beginning, so that rounding does not accumulate; but a slow
        # clock is not a gap, and jitter must not be filled twice.
        lag = at - (self._begin or 0.0) - self._n_given
        n = round(lag if lag <= jump + _ROUNDED_S * self._sr else jump)
        if n < least:
            return 0
        self._count(n)
        self._n_filled += 1
        return n

    def _count(self, n: float) -> None:
        self._n_gaps += 1
        self._total_s += n / self._sr

    @property
    def notes(self) -> list[str]:
        """Notes on the gaps."""
        notes = []
        if self._n_gaps:
            gaps = "a gap" if self._n_gaps == 1 else f"{self._n_gaps} gaps"
            done = ", which became silence" if self._n_filled else "; the rest was read"
            notes.append(f"has {gaps} of {self._total_s:.1f} s without sound{done}")
        return notes
