"""Reverberation by synthetic room responses.

A direct sound followed by noise that decays exponentially, the statistical model of a diffuse
field (Polack 1988), with the reverberation time and the direct-to-reverberant ratio as its only
two numbers.  The direct sound stays where it was, so nothing is delayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = ["reverberation", "room_response"]


def room_response(sr: int, rt60_s: float, drr_db: float, rng: np.random.Generator) -> Audio:
    """Draw a response: shape (n,), the direct sound first.

    Parameters
    ----------
    sr : int
        Rate in Hz.
    rt60_s : float
        Seconds in which the tail falls by 60 dB.
    drr_db : float
        Energy of the direct sound over that of the tail, in dB (10*log10).
    rng : np.random.Generator
        Draws the tail.
    """
    n = max(2, round(1.1 * rt60_s * sr))
    t = np.arange(n) / sr
    # 60 dB in rt60: amplitude exp(-6.908 t / rt60)
    tail = rng.standard_normal(n) * np.exp(-np.log(1000) * t / rt60_s)
    tail[: round(0.003 * sr)] = 0.0  # the first wall is a metre of extra path away
    tail *= 10 ** (-drr_db / 20) / np.sqrt(np.sum(np.square(tail)))
    tail[0] = 1.0
    return np.asarray(tail, dtype=np.float32)


def reverberation(rt60_s: float, drr_db: float) -> Effect:
    """Return a room; every channel through a response of its own."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        wet = np.stack(
            [
                signal.oaconvolve(channel, room_response(sr, rt60_s, drr_db, rng))
                for channel in np.atleast_2d(y)
            ]
        )[:, : y.shape[-1]].astype(np.float32, copy=False)
        return (wet[0] if y.ndim == 1 else wet), sr

    return effect
