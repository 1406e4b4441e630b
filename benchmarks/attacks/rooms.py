"""Reverberation by synthetic room responses.

A direct sound followed by noise that decays exponentially, the statistical model of a diffuse
field (Polack 1988), with the reverberation time and the direct-to-reverberant ratio as its only
two numbers.  The direct sound stays where it was, so nothing is delayed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import librosa
import numpy as np
from scipy import signal

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = ["reverberation", "room_response", "shoebox"]


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


def shoebox(rt60_s: float, distance_m: float) -> Effect:
    """Return a room of 6 by 4.5 by 2.8 m by the image method (needs pyroomacoustics).

    Parameters
    ----------
    rt60_s : float
        Reverberation time, in seconds, from which the walls' absorption follows (Sabine).
    distance_m : float
        From the mouth to the microphone.
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        pra = importlib.import_module("pyroomacoustics")
        size = np.array([6.0, 4.5, 2.8])
        absorption, order = pra.inverse_sabine(rt60_s, size)
        room = pra.ShoeBox(
            size, fs=sr, materials=pra.Material(absorption), max_order=min(order, 30)
        )
        angle = rng.uniform(0, 2 * np.pi)
        mouth = np.array([3.0, 2.2, 1.4]) + rng.uniform(-0.2, 0.2, 3)
        step = distance_m * np.array([np.cos(angle), np.sin(angle), 0.0])
        room.add_source(mouth)
        room.add_microphone(np.clip(mouth + step, 0.3, size - 0.3))
        room.compute_rir()
        response = np.asarray(room.rir[0][0])
        mono = librosa.to_mono(y)
        direct = int(np.abs(response).argmax())
        wet = signal.oaconvolve(mono, response)[direct:][: len(mono)]
        level = np.sqrt(np.mean(mono**2) / max(float(np.mean(wet**2)), 1e-12))
        return (wet * level).astype(np.float32), sr

    return effect
