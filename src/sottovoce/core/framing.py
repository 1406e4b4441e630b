"""Samples, frames, bands and seconds, at any sampling rate.

Frame k of a grid starts at sample ``round(k * hop_s * sr)``.  The hop is seldom a whole number
of samples (352.8 at 44.1 kHz), so frames are placed one by one and no error adds up.
The fraction of `sr / 125` is never one half, so rounding has no ties.

Bands are rectangles on the frequency axis.  A bin of the discrete spectrum is a rectangle one
bin wide; it belongs to a band by the share of its width that lies inside.  So the same
definition holds at every rate and transform length.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from sottovoce.core.arguments import check_real
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError

__all__ = [
    "MAX_SR_HZ",
    "MIN_SR_HZ",
    "band_edges_hz",
    "band_matrix",
    "check_floating",
    "check_signal",
    "check_sr",
    "count_usable_bands",
    "frame_starts",
    "take_frames",
]

MIN_SR_HZ, MAX_SR_HZ = 8_000, 192_000
_FEW_FRAMES = 4
"""Up to this many frames, as in live blocks, copies are cheaper than making a view."""

Audio = npt.NDArray[np.floating[Any]]


def check_sr(sr: float) -> float:
    """Return the sampling rate as a float, or refuse it.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.

    Returns
    -------
    sr : float
        The same.

    Raises
    ------
    ParameterError
        If it is not a finite number from 8 to 192 kHz.
    """
    value = check_real("sr", sr)
    if not MIN_SR_HZ <= value <= MAX_SR_HZ:
        raise ParameterError(
            f"sr={sr!r} Hz is outside the {MIN_SR_HZ} to {MAX_SR_HZ} Hz that can carry the mark"
        )
    return value


def check_floating(y: object) -> None:
    """Raise unless `y` is a floating-point array.

    Parameters
    ----------
    y : object
        Candidate.

    Raises
    ------
    ParameterError
        If it is not an array, or an array of integers.
    """
    if not isinstance(y, np.ndarray):
        remedy = "Convert it: np.asarray(y, dtype=np.float32)."
        if not isinstance(y, Sequence) or isinstance(y, str | bytes):
            remedy = "Read a file into an array first, for example with soundfile.read."
        raise ParameterError(
            f"y must be a floating-point array, not a {type(y).__name__}", remedy=remedy
        )
    if np.issubdtype(y.dtype, np.signedinteger):
        raise ParameterError(
            f"y must be a floating-point array in [-1, 1], not {y.dtype}",
            remedy=f"Scale it: y.astype(np.float32) / {np.iinfo(y.dtype).max + 1}.",
        )
    if not np.issubdtype(y.dtype, np.floating):
        raise ParameterError(
            f"y must be a floating-point array in [-1, 1], not {y.dtype}",
            remedy="Convert it to float32, with full scale at 1.0 and silence at 0.0.",
        )


def check_signal(y: npt.NDArray[np.floating], *, min_samples: int = 1) -> None:
    """Raise unless an array is valid audio of shape (n,) or (channels, n).

    Parameters
    ----------
    y : np.ndarray
        Candidate.
    min_samples : int
        Minimum length along time.  0 marks a block of a stream, which may hold fewer samples
        than channels.

    Raises
    ------
    ParameterError
        If it is not floating point, has no or too many dimensions, is too short, looks
        channels-last, or holds NaN or infinity.
    """
    check_floating(y)
    if y.ndim not in (1, 2) or y.shape[-1] < min_samples or not (y.ndim == 1 or y.shape[0]):
        raise ParameterError(
            f"y has shape {y.shape}; (n,) or (channels, n) with n >= {min_samples} is required"
        )
    if min_samples and y.ndim == 2 and y.shape[0] > y.shape[1]:
        raise ParameterError(
            f"y has shape {y.shape}, more channels than samples: transpose it with y.T"
        )
    # The sum is finite only if every sample is (or it overflows), and costs one pass, no copy.
    with np.errstate(over="ignore", invalid="ignore"):
        total = y.sum()
    if not np.isfinite(total) and not np.isfinite(y).all():
        raise ParameterError("y holds NaN or infinity")


def frame_starts(first: int, last: int, hop: float) -> npt.NDArray[np.int64]:
    """Return the first samples of frames `first` to `last` - 1.

    Parameters
    ----------
    first, last : int
        Frame numbers, negative ones allowed.
    hop : float
        Hop, in samples, not necessarily whole.

    Returns
    -------
    starts : np.ndarray, shape=(last - first,), dtype=int64
        Sample numbers.

    Examples
    --------
    >>> frame_starts(0, 4, 0.008 * 44_100)
    array([   0,  353,  706, 1058])
    """
    starts: npt.NDArray[np.int64] = np.floor(np.arange(first, last) * hop + 0.5).astype(np.int64)
    return starts


def take_frames(y: Audio, starts: npt.NDArray[np.int64], length: int) -> Audio:
    """Return frames of audio.

    Parameters
    ----------
    y : np.ndarray, shape=(..., n)
        Audio.
    starts : np.ndarray, shape=(n_frames,), dtype=int64
        First samples of the frames, in ascending order.
    length : int
        Length of a frame, in samples; the last one ends within the audio.

    Returns
    -------
    frames : np.ndarray, shape=(..., n_frames, length), dtype of `y`
        Not to be written to: a view of the audio if the frames are evenly spaced.

    Raises
    ------
    IndexError
        If a frame is not within the audio.

    Examples
    --------
    >>> take_frames(np.arange(6.0), np.array([0, 2]), 3)
    array([[0., 1., 2.],
           [2., 3., 4.]])
    """
    n = len(starts)
    shape = (*y.shape[:-1], n, length)
    if n == 0:
        return np.empty(shape, dtype=y.dtype)
    first, last = int(starts[0]), int(starts[-1])
    if first < 0 or last + length > y.shape[-1]:
        raise IndexError(f"frames from {first} to {last + length} of {y.shape[-1]} samples")
    if n > _FEW_FRAMES:
        by_row, by_sample = y.strides[:-1], y.strides[-1]
        steps = np.diff(starts)
        step = int(steps[0])
        if (steps == step).all():
            strides = (*by_row, step * by_sample, by_sample)
            return as_strided(y[..., first:], shape, strides, writeable=False)
        # A view of all windows counts each sample as often as it occurs: 32-bit computers have
        # no array of that size, although it takes no memory.
        n_windows = last - first + 1
        if n_windows * length * y.itemsize * math.prod(y.shape[:-1]) < sys.maxsize:
            of_all = (*y.shape[:-1], n_windows, length)
            strides = (*by_row, by_sample, by_sample)
            windows = as_strided(y[..., first:], of_all, strides, writeable=False)
            return windows[..., starts - first, :]
    frames = np.empty(shape, dtype=y.dtype)
    for number, start in enumerate(starts.tolist()):
        frames[..., number, :] = y[..., start : start + length]
    return frames


@functools.cache
def band_edges_hz() -> tuple[float, ...]:
    """Return the band edges, lowest first: equal steps of 2595 log10(1 + f / 700).

    Returns
    -------
    edges : tuple of float, length n_bands + 1
        Edges of the bands, in Hz.
    """
    fmt = FORMAT_1
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (fmt.low_hz, fmt.high_hz))
    mels = np.linspace(low, high, fmt.n_bands + 1)
    return tuple(float(f) for f in 700.0 * (10.0 ** (mels / 2595.0) - 1.0))


def count_usable_bands(sr: float) -> int:
    """Count the bands whose upper edge lies below half the sampling rate.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.

    Returns
    -------
    n : int
        20 from 14.4 kHz upward, 15 at 8 kHz.
    """
    return sum(edge < sr / 2 for edge in band_edges_hz()[1:])


@functools.lru_cache(maxsize=64)
def band_matrix(sr: float, n_fft: int, scale: float = 1.0) -> npt.NDArray[np.float32]:
    """Return how much of each bin of a spectrum lies in each band.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.
    n_fft : int
        Length of the transform.
    scale : float
        All band edges are multiplied by it, to find a mark in audio whose pitch was changed.

    Returns
    -------
    shares : np.ndarray, shape=(n_fft // 2 + 1, n_bands), dtype=float32
        Overlap of bin and band, in bin widths, 0 to 1.  Columns of bands that are not entirely
        below the Nyquist frequency are zero.  Read-only.
    """
    edges = np.asarray(band_edges_hz()) * scale
    width = sr / n_fft
    centres = np.arange(n_fft // 2 + 1)[:, None] * width
    upper = np.minimum(centres + width / 2, edges[None, 1:])
    lower = np.maximum(centres - width / 2, edges[None, :-1])
    overlap = np.clip((upper - lower) / width, 0.0, 1.0)
    shares: npt.NDArray[np.float32] = overlap.astype(np.float32)
    shares[:, edges[1:] >= sr / 2] = 0.0
    shares.flags.writeable = False
    return shares
