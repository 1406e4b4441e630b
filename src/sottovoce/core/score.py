"""The learned cell score: for each frame and band, the expected sign of a cell there.

The best score F for a detector that forms Z = sum(c F) / sqrt(sum(F^2)) is F = E[c | audio],
since it maximises E[c F] / sqrt(E[F^2]).  So F was *learned*: a small network was trained to
regress random signs (never the public ones) on marked and attacked speech; see `training/`.
It is evaluated here with NumPy alone.

Two parts.  Four filters over 21 frames and 7 bands see a cell's rhythm in the levels, each
squashed to (-1, 1).  A gate for each, made from the signal-to-noise ratio and the volatility
of the surroundings, predicts how far the filter can be trusted there.  F is the sum of the
four, gated.  Being a function of the audio alone, F does not affect the bound on false
positives, whatever was learned.
"""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from sottovoce.core.features import CONTEXT_FRAMES, CellFeatures

__all__ = ["CellScorer", "ScoreWeights", "load_weights"]

N_FILTERS, N_HIDDEN, N_MAPS = 4, 16, 2
N_TAPS, N_TAP_BANDS = 21, 7
N_GATE_TAPS, N_GATE_BANDS = 7, 3
N_DESCRIPTORS = 5
GATE_FRAMES = 2
"""Frames that share a gate."""
_BLOCK = 8
"""Frames that one row of a matrix product yields."""
_GATES = _BLOCK // GATE_FRAMES
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
        One per hidden unit and band.
    gate_descriptors : np.ndarray, shape=(16, 5)
        Weights on the descriptors of the stretch.
    gate_outputs : np.ndarray, shape=(4, 16)
        From hidden units to gates.
    gate_output_biases : np.ndarray, shape=(4,)
        One per gate.
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


class CellScorer:
    """The network, laid out as block-Toeplitz matrices, evaluated by matrix products alone.

    Large arrays are written into buffers that the next call reuses: fresh memory costs a page fault
    every 4 kB, which would take a tenth of the time.

    Parameters
    ----------
    weights : ScoreWeights or None
        By default those that ship with the package.
    """

    def __init__(self, weights: ScoreWeights | None = None) -> None:
        w = weights or load_weights()
        self._weights = w
        n_bands = w.outputs.shape[1]
        n_window, n_gate_window = _BLOCK + N_TAPS - 1, _GATES + N_GATE_TAPS - 1
        # Columns: place in the gate's frames, filter, gate of the block.
        filters = np.zeros((N_TAP_BANDS, n_window, GATE_FRAMES, N_FILTERS, _GATES), np.float32)
        hidden = np.zeros((N_GATE_BANDS, N_MAPS, n_gate_window, N_HIDDEN, _GATES), np.float32)
        gates = np.zeros((N_HIDDEN, _GATES, N_FILTERS, _GATES), np.float32)
        sums = np.zeros((n_bands, GATE_FRAMES, N_FILTERS, _GATES, _GATES, GATE_FRAMES), np.float32)
        for gate in range(_GATES):
            for place in range(GATE_FRAMES):
                frame = GATE_FRAMES * gate + place
                filters[:, frame : frame + N_TAPS, place, :, gate] = w.filters.transpose(1, 2, 0)
                sums[:, place, :, gate, gate, place] = w.outputs.T
            taps = slice(gate, gate + N_GATE_TAPS)
            hidden[:, :, taps, :, gate] = w.gate_maps.transpose(3, 1, 2, 0)
            gates[:, gate, :, gate] = w.gate_outputs.T
        self._filters = filters.reshape(N_TAP_BANDS * n_window, -1)
        self._hidden = hidden.reshape(N_GATE_BANDS * N_MAPS * n_gate_window, -1)
        self._gates = gates.reshape(N_HIDDEN * _GATES, -1)
        self._gate_biases = np.repeat(w.gate_output_biases, _GATES)
        self._sums = sums.reshape(n_bands, -1, _BLOCK)
        self._buffers: dict[str, Floats] = {}

    def __call__(self, features: CellFeatures) -> Floats:
        """Evaluate the network.

        Parameters
        ----------
        features : CellFeatures
            With `CONTEXT_FRAMES` frames before the first and after the last that is wanted;
            the number of frames wanted is a multiple of eight.

        Returns
        -------
        scores : np.ndarray, shape=(n_clips, n_frames - 2 * CONTEXT_FRAMES, n_bands)
            Positive where a cell of sign +1 is the more likely; float32, a fresh array.
        """
        n_clips, n_frames, n_bands = features.levels.shape
        n_wanted = n_frames - 2 * CONTEXT_FRAMES
        scores = np.empty((n_clips, n_wanted, n_bands), dtype=np.float32)
        # Clip by clip, so that the working set stays in the cache.
        for clip in range(n_clips):
            gated = self._filter(features.levels[clip], n_wanted // _BLOCK)
            gates = self._gate(features, clip, n_wanted // _BLOCK)
            by_place = gated.reshape(n_bands, -1, GATE_FRAMES, gates.shape[-1])
            by_place *= gates[:, :, None, :]
            by_band = self._buffer("by_band", (*gated.shape[:2], _BLOCK))
            np.matmul(gated, self._sums[:n_bands], out=by_band)
            scores[clip] = by_band.reshape(n_bands, n_wanted).T
        return scores

    def _filter(self, levels: Floats, n_blocks: int) -> Floats:
        """Return the filters' outputs, squashed to (-1, 1), shape (bands, blocks, columns)."""
        skip = CONTEXT_FRAMES - N_TAPS // 2
        near = levels[skip : len(levels) - skip]
        rows = self._blocks("levels", [near], n_blocks, _BLOCK, N_TAP_BANDS)
        seen = self._buffer("seen", (*rows.shape[:2], self._filters.shape[1]))
        np.matmul(rows, self._filters, out=seen)
        scale = np.multiply(seen, seen, out=self._buffer("scale", seen.shape))
        scale += np.float32(1.0)
        np.sqrt(scale, out=scale)
        seen /= scale
        return seen

    def _gate(self, features: CellFeatures, clip: int, n_blocks: int) -> Floats:
        """Return twice the gates: the factor is common to all and drops out of Z."""
        w = self._weights
        skip = CONTEXT_FRAMES // GATE_FRAMES - N_GATE_TAPS // 2
        maps = [
            values[clip, skip : values.shape[1] - skip]
            for values in (features.snrs, features.volatilities)
        ]
        rows = self._blocks("maps", maps, n_blocks, _GATES, N_GATE_BANDS)
        units = self._buffer("units", (*rows.shape[:2], self._hidden.shape[1]))
        np.matmul(rows, self._hidden, out=units)
        descriptors = features.descriptors[clip]
        biases = w.gate_biases.T[: len(descriptors)] + descriptors @ w.gate_descriptors.T
        units += np.repeat(biases, _GATES, axis=-1)[:, None]
        np.maximum(units, 0.0, out=units)
        gates = self._buffer("gates", (*rows.shape[:2], self._gates.shape[1]))
        np.matmul(units, self._gates, out=gates)
        gates += self._gate_biases
        root = np.multiply(gates, gates, out=self._buffer("root", gates.shape))
        root += np.float32(4.0)
        np.sqrt(root, out=root)
        gates += root
        return gates

    def _blocks(
        self, name: str, maps: list[Floats], n_blocks: int, length: int, n_neighbours: int
    ) -> Floats:
        """Cut maps into overlapping blocks in time, with zeros beyond the outer bands.

        Maps of shape ``(n_frames, n_bands)`` become a view of shape ``(n_bands, n_blocks,
        n_neighbours * n_maps * window)``, where `window` is `length` and the reach of the filter.
        A band's neighbours lie next to it in memory, so rows of two bands share their common part
        and no copy is made for each.
        """
        n_frames, n_bands = maps[0].shape
        window = n_frames - (n_blocks - 1) * length
        edge = n_neighbours // 2
        blocks = self._buffer(name, (n_blocks, n_bands + 2 * edge, len(maps), window))
        blocks[:, :edge] = 0.0
        blocks[:, edge + n_bands :] = 0.0
        for number, values in enumerate(maps):
            view = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)[::length]
            blocks[:, edge : edge + n_bands, number] = view
        by_block, by_band, _, step = blocks.strides
        width = n_neighbours * len(maps) * window
        return np.lib.stride_tricks.as_strided(
            blocks, (n_bands, n_blocks, width), (by_band, by_block, step), writeable=False
        )

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Floats:
        """Return uninitialised memory of a shape."""
        size = math.prod(shape)
        kept = self._buffers.get(name)
        if kept is None or kept.size < size:
            kept = self._buffers[name] = np.empty(size, dtype=np.float32)
        return kept[:size].reshape(shape)
