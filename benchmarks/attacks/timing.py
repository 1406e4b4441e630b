"""Effects on time: crops, rates, speed, tempo and the wandering clocks of real devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import librosa
import numpy as np
import soxr  # type: ignore[import-untyped]  # no types in its releases

if TYPE_CHECKING:
    from benchmarks.attacks._types import Audio, Effect

__all__ = [
    "cut_front",
    "random_crop",
    "resample",
    "speed",
    "tempo",
    "to_rate",
    "wow",
]


def resample(y: Audio, sr: float, new_sr: float) -> Audio:
    """Return `y` at another rate, in Hz; time stays last."""
    if sr == new_sr:
        return y
    # soxr wants (n, channels)
    out = soxr.resample(np.ascontiguousarray(y.T), sr, new_sr)
    return np.ascontiguousarray(out.T, dtype=np.float32)


def random_crop(
    y: Audio, sr: int, rng: np.random.Generator, *, longest_s: float = 0.04
) -> tuple[Audio, int]:
    """Take a random number of samples off the front, so that no grid is aligned by luck.

    Parameters
    ----------
    y : np.ndarray, shape=(..., n)
        Audio.
    sr : int
        Its rate in Hz.
    rng : np.random.Generator
        Draws the number of samples, uniform in [0, longest_s * sr].
    longest_s : float
        Longest crop, in seconds; 40 ms is more than any cell of the mark.

    Returns
    -------
    y, sr : np.ndarray and int
        The rest, and the rate.
    """
    return y[..., int(rng.integers(0, round(longest_s * sr) + 1)) :], sr


def cut_front(seconds: float) -> Effect:
    """Return the effect of losing the first `seconds`."""
    return lambda y, sr, rng: (y[..., round(seconds * sr) :], sr)


def to_rate(new_sr: int) -> Effect:
    """Return the effect of resampling to `new_sr` Hz and staying there."""
    return lambda y, sr, rng: (resample(y, sr, new_sr), new_sr)


def speed(factor: float) -> Effect:
    """Return the effect of playing `factor` times as fast, as a tape would: pitch goes along."""
    # Samples that were taken at sr are declared to be at sr * factor: played faster by the factor.
    return lambda y, sr, rng: (resample(y, sr * factor, sr), sr)


def wow(y: Audio, sr: int, rng: np.random.Generator, *, most: float = 0.003) -> tuple[Audio, int]:
    """Let the speed wander by a random depth of up to `most`, slowly, and come back.

    The displacement of a sample never exceeds about 4 ms, so that labels in training stay right:
    a *steady* change of 0.3 % would carry the end of 10 s by a whole cell.
    """
    rate_hz = rng.uniform(0.2, 1.0)
    depth = min(rng.uniform(0.0, most), 2 * np.pi * rate_hz * 0.004)
    n = y.shape[-1]
    t = np.arange(n) / sr
    # The derivative of the shift is depth times a cosine: that is the change of speed.
    shift_s = depth / (2 * np.pi * rate_hz) * np.sin(2 * np.pi * rate_hz * t + rng.uniform(0, 6.3))
    position = np.clip(np.arange(n) + shift_s * sr, 0, n - 1)
    # Linear interpolation dulls the top octave: read from four times the rate instead.
    dense = resample(y, sr, 4 * sr)
    at = np.minimum(position * 4, dense.shape[-1] - 1.001)
    whole = at.astype(np.int64)
    part = (at - whole).astype(np.float32)
    return dense[..., whole] * (1 - part) + dense[..., whole + 1] * part, sr


def tempo(factor: float, *, frame_s: float = 0.03, search_s: float = 0.008) -> Effect:
    """Return waveform-similarity overlap-add (WSOLA) at `factor` times the tempo, pitch kept.

    Verhelst, W., Roelands, M. "An overlap-add technique based on waveform similarity (WSOLA) for
    high quality time-scale modification of speech." ICASSP (1993).
    """

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        return _wsola(y, factor, round(frame_s * sr / 2), round(search_s * sr)), sr

    return effect


def _wsola(y: Audio, factor: float, hop: int, search: int) -> Audio:
    """Overlap frames of two hops, each taken where it continues the one before best."""
    mono = librosa.to_mono(y)
    n_frames = int((y.shape[-1] - 3 * hop - 2 * search) / (hop * factor))
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    out = np.zeros((*y.shape[:-1], (n_frames + 1) * hop), dtype=np.float32)
    start = 0
    for k in range(n_frames):
        if k:
            nominal = round(k * hop * factor)
            low = max(nominal - search, 0)
            region = mono[low : nominal + search + 2 * hop]
            wanted = mono[start + hop : start + 3 * hop]  # what would follow without a jump
            start = low + int(np.argmax(np.correlate(region, wanted, "valid")))
        out[..., k * hop : (k + 2) * hop] += window * y[..., start : start + 2 * hop]
    return out
