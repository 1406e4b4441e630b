"""Where is the pattern?  Folding, and correlation over every offset at once.

A window of cell scores is folded into one period, then correlated with the sync signs by the
fast Fourier transform.  The normaliser is the energy of the *folded* scores in the relevant
cells: a function of the audio alone.  (Normalising before folding would break the bound on
periodic audio.)

Two grids.  The plain one has a score every 8 ms, four offsets a cell.  The fine one
interleaves it with the scores of a second grid, 4 ms later, and smooths them by 1/2 1 1/2.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from sottovoce.core.numerics import irfft, rfft
from sottovoce.core.pattern import SYNC, make_roles, make_sync_signs
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["find_peaks", "fold", "interleave", "offset_scores", "sync_spectra"]

Floats = npt.NDArray[np.float32]


def fold(scores: Floats, *, first: int = 0, n_period: int = FORMAT_1.n_period_frames) -> Floats:
    """Sum the periods of a window.

    Parameters
    ----------
    scores : np.ndarray, shape=(..., n_frames, n_bands)
        Cell scores of consecutive frames.
    first : int
        Number of the first frame.
    n_period : int
        Frames in a period.

    Returns
    -------
    folded : np.ndarray, shape=(..., n_period, n_bands)
        Entry k is the sum over frames whose number is k modulo `n_period`.
    """
    lead = first % n_period
    n_frames = scores.shape[-2]
    tail = -(lead + n_frames) % n_period
    if lead or tail:
        widths = [(0, 0)] * (scores.ndim - 2) + [(lead, tail), (0, 0)]
        scores = np.pad(scores, widths)
    shape = (*scores.shape[:-2], -1, n_period, scores.shape[-1])
    folded: Floats = scores.reshape(shape).sum(axis=-3)
    return folded


def interleave(even: Floats, odd: Floats) -> Floats:
    """Join the scores of two grids, half a hop apart, and smooth them.

    Parameters
    ----------
    even, odd : np.ndarray, shape=(n_frames, n_bands)
        `odd` is half a hop later.

    Returns
    -------
    fine : np.ndarray, shape=(2 * n_frames, n_bands)
        Each score plus half of its neighbours'.
    """
    joined = np.stack([even, odd], axis=1).reshape(-1, even.shape[1])
    fine = joined.copy()
    fine[1:] += 0.5 * joined[:-1]
    fine[:-1] += 0.5 * joined[1:]
    return fine


@functools.lru_cache(maxsize=4)
def sync_spectra(labels: tuple[str, ...] = ()) -> npt.NDArray[np.complex64]:
    """Return conjugate spectra of sync signs along time.

    Parameters
    ----------
    labels : tuple of str
        Labels of decoy patterns; empty for the true one.

    Returns
    -------
    spectra : np.ndarray, shape=(n_cells // 2 + 1, n_bands, n_patterns), dtype=complex64
        Ready to be multiplied by the spectra of folded scores.
    """
    signs = [make_sync_signs(label) for label in labels] or [make_sync_signs()]
    stack = np.stack(signs, axis=-1).astype(np.float32)
    return np.ascontiguousarray(rfft(stack, axis=0).conj())


@functools.cache
def _role_spectrum() -> npt.NDArray[np.complex64]:
    mask = (make_roles() == SYNC).astype(np.float32)
    return np.ascontiguousarray(rfft(mask, axis=0).conj())[..., None]


def offset_scores(folded: Floats, *, spectra: npt.NDArray[np.complex64] | None = None) -> Floats:
    """Correlate a folded period with sync patterns at every offset.

    Parameters
    ----------
    folded : np.ndarray, shape=(n_clips, n_period, n_bands)
        `n_period` is 4 or 8 times the cells of a period.  Missing upper bands may be left out.
    spectra : np.ndarray or None
        From `sync_spectra`; by default the true pattern.

    Returns
    -------
    z : np.ndarray, shape=(n_clips, n_period) or (n_clips, n_period, n_patterns)
        Score of the hypothesis that cell 0 of a period lies at each frame; 0 if there is
        no sound.  The last axis exists only if `spectra` was given.
    """
    n_clips, n_period, n_bands = folded.shape
    n_cells = FORMAT_1.n_cells
    by_cell = folded.reshape(n_clips, n_cells, n_period // n_cells, n_bands)
    # Unit peak keeps the squares of hostile input finite.
    top = np.abs(by_cell).max(axis=(1, 2, 3), keepdims=True)
    by_cell = np.divide(by_cell, np.where(top > 0, top, 1), dtype=np.float32)
    patterns = sync_spectra() if spectra is None else spectra
    sums = _circular_products(by_cell, patterns[:, :n_bands])
    energies = _circular_products(by_cell * by_cell, _role_spectrum()[:, :n_bands])
    # Rounding in the transform leaves a trace of energy where there is none, and would spoil the
    # score of almost silent input: at this limit its effect is below a thousandth.
    silent = energies <= 1e-4 * np.maximum(energies.max(axis=1, keepdims=True), 1e-30)
    z = np.where(silent, 0.0, sums / np.sqrt(np.where(silent, 1.0, energies)))
    return z[..., 0] if spectra is None else z


def _circular_products(by_cell: Floats, patterns: npt.NDArray[np.complex64]) -> Floats:
    n_clips, n_cells, n_steps, n_bands = by_cell.shape
    spectrum = rfft(by_cell, axis=1).transpose(1, 0, 2, 3)
    products = spectrum.reshape(len(spectrum), n_clips * n_steps, n_bands) @ patterns
    sums = irfft(products, n_cells, axis=0)  # (cell, clip and step, pattern)
    sums = sums.reshape(n_cells, n_clips, n_steps, -1).transpose(1, 0, 2, 3)
    flat: Floats = sums.reshape(n_clips, n_cells * n_steps, -1)
    return flat


def find_peaks(z: Floats, *, least: float, n_steps: int) -> list[tuple[int, float]]:
    """Return the offsets of the peaks of a score, strongest first.

    Parameters
    ----------
    z : np.ndarray, shape=(n_period,)
        Circular.
    least : float
        Smallest peak of interest.
    n_steps : int
        Offsets around a stronger peak that are its own side lobes.

    Returns
    -------
    peaks : list of (int, float)
        Offset and score.
    """
    peaks: list[tuple[int, float]] = []
    for offset in np.argsort(-z):
        if z[offset] < least:
            break
        gaps = (abs(int(offset) - other) for other, _ in peaks)
        if all(min(gap, len(z) - gap) > n_steps for gap in gaps):
            peaks.append((int(offset), float(z[offset])))
    return peaks
