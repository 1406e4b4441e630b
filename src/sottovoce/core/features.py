"""The input of a detector: band energies, their floors, and a few maps derived from them.

Everything here is a function of the audio alone, never of the signs.  The bound on false
positives rests on that.

Grid: detection frame g starts at sample ``round(g * hop_s * sr)``, is 24 ms long and sits at
the middle of the cell that begins one hop earlier, at ``(g - 1) * hop_s``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sottovoce.core.framing import band_matrix, count_usable_bands, take_frames
from sottovoce.core.numerics import next_fast_len, rfft

__all__ = [
    "BATCH_FRAMES",
    "CONTEXT_FRAMES",
    "WINDOW_S",
    "CellFeatures",
    "Floors",
    "band_energies",
    "make_features",
    "measure_floors",
    "window_length",
]

WINDOW_S = 0.024
BATCH_FRAMES = 256
"""Frames transformed at once, so that they stay in a processor's cache."""
CONTEXT_FRAMES = 12
"""Frames on each side that contribute to the features and filters of a frame; even."""

_TINY = np.float32(1e-30)
_LOG10_OF_E = np.float32(0.4342944819)
_N_STATISTIC_FRAMES = 400
_LAGS = (1, 2, 4, 8)

Floats = npt.NDArray[np.float32]


def window_length(sr: float) -> int:
    """Return the length of a detection frame, in samples."""
    return round(WINDOW_S * sr)


@functools.lru_cache(maxsize=64)
def _analysis(sr: float, scale: float) -> tuple[Floats, int, int, int, Floats]:
    """Return window, transform length, first and last bin, and the doubled band matrix."""
    n_window = window_length(sr)
    n_fft = next_fast_len(n_window)
    # Periodic Hann, the same as scipy.signal.get_window("hann", n), without that import.
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_window) / n_window)).astype(np.float32)
    shares = band_matrix(sr, n_fft, scale)[:, : count_usable_bands(sr)]
    inside = np.flatnonzero(shares.any(axis=1))
    first, last = int(inside[0]), int(inside[-1]) + 1
    # Rows twice: one product takes squared real and imaginary parts to band energies.
    return window, n_fft, first, last, np.repeat(shares[first:last], 2, axis=0)


def band_energies(
    y: npt.NDArray[np.floating],
    starts: npt.NDArray[np.int64],
    *,
    sr: float,
    scale: float = 1.0,
) -> Floats:
    """Measure the energy of each band in each frame.

    Parameters
    ----------
    y : np.ndarray, shape=(n_clips, n)
        Audio.
    starts : np.ndarray, shape=(n_frames,), dtype=int64
        First samples of the frames; the last frame ends inside `y`.
    sr : float
        Sampling rate, in Hz.
    scale : float
        Factor on all band edges.

    Returns
    -------
    energies : np.ndarray, shape=(n_clips, n_frames, n_usable_bands), dtype=float32
        Sum of the power spectrum over the band, full scale 1.0, unnormalised.

    Notes
    -----
    The cost is that of one and a half real transforms per frame.
    """
    window, n_fft, first, last, shares = _analysis(sr, scale)
    energies = np.empty((len(y), len(starts), shares.shape[1]), dtype=np.float32)
    n_clips_at_once = max(1, BATCH_FRAMES // max(len(starts), 1))
    frames = power = np.empty((0, 0, 0), dtype=np.float32)
    for clip in range(0, len(y), n_clips_at_once):
        rows = slice(clip, clip + n_clips_at_once)
        for begin in range(0, len(starts), BATCH_FRAMES):
            part = starts[begin : begin + BATCH_FRAMES]
            cut = take_frames(y[rows], part, len(window))
            # Reuse the memory for every batch of one size: fresh pages cost as much as the work.
            frames = frames if frames.shape == cut.shape else np.empty(cut.shape, np.float32)
            np.multiply(cut, window, out=frames, casting="same_kind")
            parts = rfft(frames, n_fft, axis=-1).view(np.float32)[..., 2 * first : 2 * last]
            power = power if power.shape == parts.shape else np.empty(parts.shape, np.float32)
            np.square(parts, out=power)
            np.matmul(power, shares, out=energies[rows, begin : begin + BATCH_FRAMES])
    return energies


@dataclass(frozen=True, slots=True)
class Floors:
    """Levels of a stretch of audio, one row per clip.

    Attributes
    ----------
    noise, high : np.ndarray, shape=(n_clips, 1, n_bands)
        20th and 90th percentile of each band's energy.
    peak : np.ndarray, shape=(n_clips, 1, 1)
        99th percentile of the loudest band; everything is measured against it, so that gain
        changes nothing.
    """

    noise: Floats
    high: Floats
    peak: Floats


@dataclass(frozen=True, slots=True)
class CellFeatures:
    """Inputs of the cell score.

    Attributes
    ----------
    levels : np.ndarray, shape=(n_clips, n_frames, n_bands)
        Natural logarithm of energy over a floor.
    snrs, volatilities : np.ndarray, shape=(n_clips, n_frames // 2, n_bands)
        For pairs of frames: energy over the noise floor, and how much the neighbourhood moves.
    descriptors : np.ndarray, shape=(n_clips, n_bands, 5)
        For the whole stretch: how fast each band fluctuates, at four lags, and its range.
    """

    levels: Floats
    snrs: Floats
    volatilities: Floats
    descriptors: Floats


def measure_floors(energies: Floats) -> Floors:
    """Measure levels over a stretch of audio.

    Parameters
    ----------
    energies : np.ndarray, shape=(n_clips, n_frames, n_bands), dtype=float32
        From `band_energies`; at least one frame.

    Returns
    -------
    floors : Floors
        Measured on about 400 evenly spaced frames, which changes no result.
    """
    step = max(1, energies.shape[1] // _N_STATISTIC_FRAMES)
    ranked = np.sort(energies[:, ::step], axis=1)
    last = ranked.shape[1] - 1
    noise = ranked[:, round(0.2 * last), None]
    high = ranked[:, round(0.9 * last), None]
    peak = ranked[:, round(0.99 * last)].max(axis=-1)[:, None, None]
    return Floors(noise, high, peak)


def make_features(energies: Floats, floors: Floors) -> CellFeatures:
    """Turn energies into the inputs of the cell score.

    Parameters
    ----------
    energies : np.ndarray, shape=(n_clips, n_frames, n_bands), dtype=float32
        n_frames even, and more than eight.
    floors : Floors
        Noise floors of the same clips.

    Returns
    -------
    features : CellFeatures
        Unitless; the same for any gain of the audio.
    """
    peak, noise = floors.peak, floors.noise
    levels = np.add(energies, noise + np.float32(1e-5) * peak + _TINY)
    np.log(levels, out=levels)
    pairs = energies[:, 0::2] + energies[:, 1::2]
    pairs *= np.float32(0.5)
    pairs += np.float32(1e-7) * peak + _TINY
    snrs = np.log(pairs, out=pairs)
    snrs -= np.log(noise + np.float32(1e-6) * peak + _TINY)
    snrs *= _LOG10_OF_E
    np.clip(snrs, -1.0, 5.0, out=snrs)
    snrs -= np.float32(1.0)
    return CellFeatures(levels, snrs, _volatilities(levels), _describe(levels, floors))


def _describe(levels: Floats, floors: Floors) -> Floats:
    step = max(1, levels.shape[1] // _N_STATISTIC_FRAMES)
    motions = []
    for lag in _LAGS:
        change = levels[:, lag::step] - levels[:, :-lag:step]
        power = _LOG10_OF_E**2 * np.einsum("ntb,ntb->nb", change, change) / change.shape[1]
        motions.append(np.log(power + np.float32(1e-4)))
    one, two, four, eight = motions
    least = np.float32(1e-6) * floors.peak + _TINY
    span = _LOG10_OF_E * np.log((floors.high + least) / (floors.noise + least))[:, 0]
    columns = [one - four, two - four, eight - four, four + 1, span - 2]
    return np.stack(columns, axis=-1).astype(np.float32)


def _volatilities(levels: Floats) -> Floats:
    means = levels[:, 0::2] + levels[:, 1::2]
    means *= np.float32(0.5) * _LOG10_OF_E
    # Slope and curvature over five frames, squared; the ends repeat their neighbours'.
    motion = np.empty_like(means)
    slope = means[:, 2:] - means[:, :-2]
    bend = means[:, 2:] + means[:, :-2]
    bend -= 2 * means[:, 1:-1]
    np.multiply(slope, slope, out=motion[:, 1:-1])
    bend *= bend
    bend *= np.float32(0.25)
    motion[:, 1:-1] += bend
    motion[:, 0], motion[:, -1] = motion[:, 1], motion[:, -2]
    total = motion.copy()
    total[..., 1:] += motion[..., :-1]
    total[..., :-1] += motion[..., 1:]
    total[..., 0] += motion[..., 0]
    total[..., -1] += motion[..., -1]
    total += np.float32(0.01)
    return np.log(total, out=total)
