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


class CellScorer:
    """The network, laid out as block-Toeplitz matrices so that products of matrices do it all.

    Everything that is large is written into buffers that the next call uses again: fresh memory
    costs a page fault every 4 kB, which would be a tenth of the time.

    Parameters
    ----------
    weights : ScoreWeights or None
        By default those that ship with the package.
    """

    def __init__(self, weights: ScoreWeights | None = None) -> None:
        w = weights or load_weights()
        self._weights = w
        # A column stands for one output frame (or pair) of a block; order: parity, filter, pair.
        n_window = _BLOCK + N_TAPS - 1
        n_gate_window = _PAIRS + N_GATE_TAPS - 1
        filters = np.zeros((N_TAP_BANDS, n_window, 2, N_FILTERS, _PAIRS), dtype=np.float32)
        hidden = np.zeros((N_GATE_BANDS, N_MAPS, n_gate_window, N_HIDDEN, _PAIRS), dtype=np.float32)
        gates = np.zeros((N_HIDDEN, _PAIRS, N_FILTERS, _PAIRS), dtype=np.float32)
        sums = np.zeros((w.outputs.shape[1], N_FILTERS, _PAIRS, _PAIRS), dtype=np.float32)
        for pair in range(_PAIRS):
            for parity in range(2):
                frame = 2 * pair + parity
                filters[:, frame : frame + N_TAPS, parity, :, pair] = w.filters.transpose(1, 2, 0)
            taps = slice(pair, pair + N_GATE_TAPS)
            hidden[:, :, taps, :, pair] = w.gate_maps.transpose(3, 1, 2, 0)
            gates[:, pair, :, pair] = w.gate_outputs.T
            sums[:, :, pair, pair] = w.outputs.T
        self._filters = filters.reshape(N_TAP_BANDS * n_window, -1)
        self._hidden = hidden.reshape(N_GATE_BANDS * N_MAPS * n_gate_window, -1)
        self._gates = gates.reshape(N_HIDDEN * _PAIRS, -1)
        self._gate_biases = np.repeat(w.gate_output_biases, _PAIRS)
        self._sums = sums.reshape(-1, N_FILTERS * _PAIRS, _PAIRS)
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
        n_blocks = (n_frames - 2 * CONTEXT_FRAMES) // _BLOCK
        skip = CONTEXT_FRAMES - _REACH
        levels = self._blocks(
            "levels", [features.levels[:, skip : n_frames - skip]], n_blocks, _BLOCK, N_TAP_BANDS
        )
        skip = CONTEXT_FRAMES // 2 - _GATE_REACH
        span = slice(skip, n_frames // 2 - skip)
        maps = [features.snrs[:, span], features.volatilities[:, span]]
        surroundings = self._blocks("maps", maps, n_blocks, _PAIRS, N_GATE_BANDS)
        weights = self._weights
        biases = weights.gate_biases.T[:n_bands, None] + np.einsum(
            "hd,nbd->bnh", weights.gate_descriptors, features.descriptors
        )
        biases = np.repeat(biases, _PAIRS, axis=-1)[:, :, None]
        n_rows = n_clips * n_blocks
        scores = self._buffer("scores", (n_bands, n_rows, 2, _PAIRS))
        # Band by band, so that all that is in the works stays in the cache.
        for band in range(n_bands):
            gates = self._gate(surroundings, band, biases[band])
            gated = self._filter(levels, band).reshape(n_rows, 2, -1)
            gated *= gates[:, None, :]
            np.matmul(gated, self._sums[band], out=scores[band])
        # (bands, clip, block, parity, pair) -> (clip, frame, band)
        ordered = scores.reshape(n_bands, n_clips, n_blocks, 2, _PAIRS).transpose(1, 2, 4, 3, 0)
        return np.ascontiguousarray(ordered).reshape(n_clips, n_blocks * _BLOCK, n_bands)

    def _gate(self, surroundings: Floats, band: int, biases: Floats) -> Floats:
        """Return twice the gates of a band: the factor is common to all and drops out of Z."""
        rows = _neighbours(surroundings, band, N_GATE_BANDS)
        units = self._buffer("units", (len(rows), self._hidden.shape[1]))
        np.matmul(rows, self._hidden, out=units)
        by_clip = units.reshape(len(biases), -1, units.shape[1])
        by_clip += biases
        np.maximum(units, 0.0, out=units)
        gates = self._buffer("gates", (len(rows), self._gates.shape[1]))
        np.matmul(units, self._gates, out=gates)
        gates += self._gate_biases
        root = np.multiply(gates, gates, out=self._buffer("root", gates.shape))
        root += np.float32(4.0)
        np.sqrt(root, out=root)
        gates += root
        return gates

    def _filter(self, levels: Floats, band: int) -> Floats:
        """Return the filters' outputs for a band, squashed to (-1, 1)."""
        rows = _neighbours(levels, band, N_TAP_BANDS)
        seen = self._buffer("seen", (len(rows), self._filters.shape[1]))
        np.matmul(rows, self._filters, out=seen)
        scale = np.multiply(seen, seen, out=self._buffer("scale", seen.shape))
        scale += np.float32(1.0)
        np.sqrt(scale, out=scale)
        seen /= scale
        return seen

    def _blocks(
        self, name: str, maps: list[Floats], n_blocks: int, length: int, n_neighbours: int
    ) -> Floats:
        """Cut maps into overlapping blocks in time, with zeros beyond the outer bands.

        Maps of shape ``(n_clips, n_frames, n_bands)`` become one array ``(n_clips * n_blocks,
        n_bands + n_neighbours - 1, n_maps * window)``, where `window` is `length` and the reach
        of the filter.  A band's neighbours lie next to it in memory, so a matrix product can
        read them where they are.
        """
        n_clips, n_frames, n_bands = maps[0].shape
        window = n_frames - (n_blocks - 1) * length
        edge = n_neighbours // 2
        shape = (n_clips, n_blocks, n_bands + 2 * edge, len(maps), window)
        blocks = self._buffer(name, shape)
        blocks[:, :, :edge] = 0.0
        blocks[:, :, edge + n_bands :] = 0.0
        for number, values in enumerate(maps):
            view = np.lib.stride_tricks.sliding_window_view(values, window, axis=1)[:, ::length]
            blocks[:, :, edge : edge + n_bands, number] = view
        return blocks.reshape(n_clips * n_blocks, n_bands + 2 * edge, -1)

    def _buffer(self, name: str, shape: tuple[int, ...]) -> Floats:
        """Return memory of a shape, with whatever was left in it."""
        size = math.prod(shape)
        kept = self._buffers.get(name)
        if kept is None or kept.size < size:
            kept = self._buffers[name] = np.empty(size, dtype=np.float32)
        return kept[:size].reshape(shape)


def _neighbours(blocks: Floats, band: int, n_neighbours: int) -> Floats:
    """Return a band and its neighbours as rows of a matrix, without a copy."""
    width = blocks.shape[2]
    flat = blocks.reshape(len(blocks), -1)
    return flat[:, band * width : (band + n_neighbours) * width]
