"""The learned cell score: for each frame and band, the expected sign of a cell there.

The best score F for a detector that forms Z = sum(c F) / sqrt(sum(F^2)) is F = E[c | audio],
since it maximises E[c F] / sqrt(E[F^2]).  So F was *learned*: a small network was trained to
regress random signs (never the public ones) on marked and attacked speech; see `training/`.
It is evaluated here with NumPy alone.

Two parts.  Four filters over 21 frames and 7 bands see a cell's rhythm in the levels, each
squashed to (-1, 1).  A gate for each, made from the signal-to-noise ratio and the volatility
of the surroundings, predicts how far the filter can be trusted there.  F is the sum of the
four, gated.  Being a function of the audio alone, F leaves the bound on false positives as
it is, whatever was learned.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from sottovoce.core.features import CONTEXT_FRAMES, CellFeatures

__all__ = ["ScoreWeights", "cell_scores", "load_weights"]

N_FILTERS, N_HIDDEN, N_MAPS = 4, 16, 2
N_TAPS, N_TAP_BANDS = 21, 7
N_GATE_TAPS, N_GATE_BANDS = 7, 3
N_DESCRIPTORS = 5
_BLOCK = 8
"""Frames that one row of a matrix product yields."""
_PAIRS = _BLOCK // 2
_REACH = N_TAPS // 2
_GATE_REACH = N_GATE_TAPS // 2
_WEIGHTS_FILE = "weights_v1.npz"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """Parameters of the network, as they are stored.

    Attributes
    ----------
    filters : np.ndarray, shape=(4, 7, 21)
        Over bands and frames; zero mean over frames.
    outputs : np.ndarray, shape=(4, 20)
        Gain of each filter in each band.
    gate_maps : np.ndarray, shape=(16, 2, 7, 3)
        Hidden units over (ratio, volatility), pairs of frames, bands.
    gate_biases : np.ndarray, shape=(16, 20)
        One a hidden unit and band.
    gate_descriptors : np.ndarray, shape=(16, 5)
        Weights on the descriptors of the stretch.
    gate_outputs : np.ndarray, shape=(4, 16)
        From hidden units to gates.
    gate_output_biases : np.ndarray, shape=(4,)
        One a gate.
    """

    filters: Floats
    outputs: Floats
    gate_maps: Floats
    gate_biases: Floats
    gate_descriptors: Floats
    gate_outputs: Floats
    gate_output_biases: Floats


@functools.cache
def load_weights() -> ScoreWeights:
    """Return the weights that ship with the package."""
    data = resources.files("sottovoce.core").joinpath(_WEIGHTS_FILE).read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        names = ScoreWeights.__slots__
        return ScoreWeights(*(arrays[name].astype(np.float32) for name in names))


@functools.lru_cache(maxsize=8)
def _matrices(weights: _Identity, n_bands: int) -> tuple[Floats, ...]:
    """Lay the weights out as block-Toeplitz matrices, so that products of matrices do it all.

    A column stands for one output frame (or pair) of a block; order: parity, filter, pair.
    """
    w = weights.value
    n_window = _BLOCK + N_TAPS - 1
    filters = np.zeros((N_TAP_BANDS, n_window, 2, N_FILTERS, _PAIRS), dtype=np.float32)
    n_gate_window = _PAIRS + N_GATE_TAPS - 1
    hidden = np.zeros((N_GATE_BANDS, N_MAPS, n_gate_window, N_HIDDEN, _PAIRS), dtype=np.float32)
    gates = np.zeros((N_HIDDEN, _PAIRS, N_FILTERS, _PAIRS), dtype=np.float32)
    sums = np.zeros((n_bands, N_FILTERS, _PAIRS, _PAIRS), dtype=np.float32)
    for pair in range(_PAIRS):
        for parity in range(2):
            frame = 2 * pair + parity
            filters[:, frame : frame + N_TAPS, parity, :, pair] = w.filters.transpose(1, 2, 0)
        taps = slice(pair, pair + N_GATE_TAPS)
        hidden[:, :, taps, :, pair] = w.gate_maps.transpose(3, 1, 2, 0)
        gates[:, pair, :, pair] = w.gate_outputs.T
        sums[:, :, pair, pair] = w.outputs[:, :n_bands].T
    return (
        filters.reshape(N_TAP_BANDS * n_window, -1),
        hidden.reshape(N_GATE_BANDS * N_MAPS * n_gate_window, -1),
        gates.reshape(N_HIDDEN * _PAIRS, -1),
        sums.reshape(n_bands, N_FILTERS * _PAIRS, _PAIRS),
        np.repeat(w.gate_output_biases, _PAIRS),
    )


class _Identity:
    """Weights as a dictionary key: by identity, since arrays cannot be hashed."""

    __slots__ = ("value",)

    def __init__(self, value: ScoreWeights) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value


def cell_scores(features: CellFeatures, weights: ScoreWeights | None = None) -> Floats:
    """Evaluate the network.

    Parameters
    ----------
    features : CellFeatures
        With `CONTEXT_FRAMES` frames before the first and after the last that is wanted; the
        number of frames wanted is a multiple of eight.
    weights : ScoreWeights or None
        By default those that ship with the package.

    Returns
    -------
    scores : np.ndarray, shape=(n_clips, n_frames - 2 * CONTEXT_FRAMES, n_bands), dtype=float32
        Positive where a cell of sign +1 is the more likely.
    """
    weights = weights or load_weights()
    n_clips, n_frames, n_bands = features.levels.shape
    n_blocks = (n_frames - 2 * CONTEXT_FRAMES) // _BLOCK
    filters, hidden, gate_outputs, sums, gate_biases = _matrices(_Identity(weights), n_bands)

    skip = CONTEXT_FRAMES - _REACH
    levels = _blocks(features.levels[:, skip : n_frames - skip], n_blocks, _BLOCK, N_TAP_BANDS)
    skip = CONTEXT_FRAMES // 2 - _GATE_REACH
    maps = np.stack([features.snrs, features.volatilities], axis=-1)
    maps = maps[:, skip : n_frames // 2 - skip]
    surroundings = _blocks(maps, n_blocks, _PAIRS, N_GATE_BANDS)
    biases = weights.gate_biases.T[:n_bands, None] + np.einsum(
        "hd,nbd->bnh", weights.gate_descriptors, features.descriptors
    )
    biases = np.repeat(biases, _PAIRS, axis=-1)[:, :, None]

    # Band by band, so that all that is in the works stays in the cache.
    n_rows = n_clips * n_blocks
    scores = np.empty((n_bands, n_rows, 2, _PAIRS), dtype=np.float32)
    for band in range(n_bands):
        units = _neighbours(surroundings, band, N_GATE_BANDS) @ hidden
        by_clip = units.reshape(n_clips, n_blocks, -1)
        by_clip += biases[band]
        np.maximum(units, 0.0, out=units)
        gates = units @ gate_outputs
        gates += gate_biases
        root = gates * gates
        root += np.float32(4.0)
        np.sqrt(root, out=root)
        gates += root  # twice the gate; the factor is common to all and drops out of Z
        seen = _neighbours(levels, band, N_TAP_BANDS) @ filters
        scale = seen * seen
        scale += np.float32(1.0)
        np.sqrt(scale, out=scale)
        seen /= scale
        gated = seen.reshape(n_rows, 2, -1)
        gated *= gates[:, None, :]
        np.matmul(gated, sums[band], out=scores[band])
    # (bands, clip, block, parity, pair) -> (clip, frame, band)
    scores = scores.reshape(n_bands, n_clips, n_blocks, 2, _PAIRS)
    scores = scores.transpose(1, 2, 4, 3, 0).reshape(n_clips, n_blocks * _BLOCK, n_bands)
    return np.ascontiguousarray(scores)


def _blocks(maps: Floats, n_blocks: int, length: int, n_neighbours: int) -> Floats:
    """Cut maps into overlapping blocks in time, with zeros beyond the outer bands.

    ``(n_clips, n_frames, n_bands[, n_maps])`` becomes ``(n_clips * n_blocks, n_bands +
    n_neighbours - 1, [n_maps *] window)``, where `window` is `length` and the reach of the
    filter.  A band's neighbours lie next to it in memory, so a matrix product can read them
    where they are.
    """
    if maps.ndim == 3:
        maps = maps[..., None]
    n_clips, n_frames, n_bands, n_maps = maps.shape
    window = n_frames - (n_blocks - 1) * length
    edge = n_neighbours // 2
    blocks = np.zeros((n_clips, n_blocks, n_bands + 2 * edge, n_maps, window), dtype=np.float32)
    view = np.lib.stride_tricks.sliding_window_view(maps, window, axis=1)[:, ::length]
    blocks[:, :, edge : edge + n_bands] = view
    return blocks.reshape(n_clips * n_blocks, n_bands + 2 * edge, n_maps * window)


def _neighbours(blocks: Floats, band: int, n_neighbours: int) -> Floats:
    """Return a band and its neighbours as rows of a matrix, without a copy."""
    width = blocks.shape[2]
    flat = blocks.reshape(len(blocks), -1)
    return flat[:, band * width : (band + n_neighbours) * width]
