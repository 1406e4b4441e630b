"""Follow a mark through slips: lost or inserted sound moves its pattern.

A jitter buffer, a lost packet or a damaged file removes some milliseconds from a recording or
inserts some.  The sound after it has the same pattern at another offset.  Over seconds the offset
is therefore not one number but a path: constant for a while, then a step.  The likeliest path is
found by dynamic programming [1]_ over the sync cells.

Cell scores are calibrated: ``SCORE_GAIN`` times a score is half the log-likelihood ratio of
+1 to -1 for that cell.  So a sum over cells is a log-likelihood, and a slip has one price
whatever the audio.  The path is a choice between offsets of a mark that has already been found.  It
adds nothing to the evidence that something is marked, and it sees no data cell.

References
----------
.. [1] Viterbi, A. "Error bounds for convolutional codes and an asymptotically optimum decoding
   algorithm." IEEE Transactions on Information Theory 13.2 (1967): 260-269.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["HALF_FRAMES_PER_CELL", "MOST_SLIP", "SCORE_GAIN", "SLIP_PRICE", "follow_slips"]

HALF_FRAMES_PER_CELL = 2 * FORMAT_1.n_cell_frames
SCORE_GAIN = 0.08
"""Agreement over energy of marked cells on the fine grid: 0.06 to 0.10 for *standard* and *strong*,
clean and in noise, as the score was trained to be an expectation."""
MOST_SLIP = 3 * HALF_FRAMES_PER_CELL
"""Largest single slip that is followed, in half frames: three cells, 96 ms."""
_REACH = 128
"""Maximum sum of the slips of one chunk, in half frames (0.5 s) on either side."""
_BLOCK_CELLS = 4
SLIP_PRICE = 8.0
"""Cost of a slip, in units of log-likelihood: about one second in ten has one, of 48 equally likely
sizes, which is exp(-6); the rest is a safety margin."""
_GATE = 11.0
"""Gain from which the full search is made.  In unmarked audio, chance reaches it in one chunk of
seventy (the price of a slip in one of four), and a search costs ten times this check."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def follow_slips(fine: Floats, first: int, offset: int) -> Integers | None:
    """Return the offset of a mark from cell to cell of a chunk.

    Parameters
    ----------
    fine : np.ndarray, shape=(n_half_frames, n_bands)
        Scores of a chunk, from `interleave`.
    first : int
        Number of its first half frame.
    offset : int
        Half frame at which some cell 0 of a period is centred as the chunk begins.

    Returns
    -------
    offsets : np.ndarray, shape=(n_half_frames // 8,), or None
        Offset for each stretch of eight half frames; not reduced modulo the period, so that cells
        can be counted across slips.  None if the mark stays where it was.

    Notes
    -----
    Takes about 0.5 ms for a chunk without slips, and 3 ms for one with slips.
    """
    n_cells = len(fine) // HALF_FRAMES_PER_CELL
    if n_cells < 2 * _BLOCK_CELLS:
        return None
    likelihoods = fine[: n_cells * HALF_FRAMES_PER_CELL] @ _weights()[: fine.shape[1]]
    likelihoods = likelihoods.reshape(n_cells, HALF_FRAMES_PER_CELL, -1)
    # Scores of the fine grid are smooth: every other offset is enough to see that there is a slip.
    near = _by_offset(likelihoods, first, offset + np.arange(-MOST_SLIP, MOST_SLIP + 1, 2))
    if not _pays(near, _half_energies(fine, len(near))):
        return None
    blocks = _by_offset(likelihoods, first, offset + np.arange(-_REACH, _REACH + 1))
    steps = _best_path(blocks)
    if not steps.any():
        return None
    path = np.repeat(steps, _BLOCK_CELLS)
    return offset + np.pad(path, (0, n_cells - len(path)), mode="edge")


@functools.cache
def _weights() -> Floats:
    """Return the weights that turn scores into log-likelihoods, (n_bands, n_cells)."""
    return np.ascontiguousarray(np.float32(SCORE_GAIN) * make_sync_signs().T)


def _by_offset(likelihoods: Floats, first: int, offsets: Integers) -> Floats:
    """Return the log-likelihood of each block of cells at each offset, (n_blocks, n_offsets).

    Each stretch of eight half frames holds the centre of one cell, whatever the offset.
    """
    n_blocks = len(likelihoods) // _BLOCK_CELLS
    lead = (offsets - first) % HALF_FRAMES_PER_CELL
    number = (first + lead - offsets) // HALF_FRAMES_PER_CELL
    stretch = np.arange(n_blocks * _BLOCK_CELLS)[:, None]
    cells = likelihoods[stretch, lead, (stretch + number) % FORMAT_1.n_cells]
    blocks: Floats = cells.reshape(n_blocks, _BLOCK_CELLS, -1).sum(axis=1)
    return blocks


def _half_energies(fine: Floats, n_blocks: int) -> Floats:
    """Return half the expected log-likelihood ratio of a mark to none, for each block.

    Marked scores have a mean of ``SCORE_GAIN`` times their energy, and that energy as variance, so
    the expected log-likelihood is the gain squared times the energy; half of it is the price of
    being there.
    """
    n = n_blocks * _BLOCK_CELLS * HALF_FRAMES_PER_CELL
    energies = np.square(fine[:n]).sum(axis=1).reshape(n_blocks, -1).sum(axis=1)
    share = FORMAT_1.n_sync_cells / FORMAT_1.n_cells / HALF_FRAMES_PER_CELL
    return np.asarray(0.5 * SCORE_GAIN**2 * share * energies, dtype=np.float32)


def _pays(blocks: Floats, absent: Floats) -> bool:
    """Return whether any stay at another offset, anywhere in the chunk, is worth a slip.

    It must be likelier than the mark's staying where it is, and than its not being there at all:
    in sound that is not marked some offset always looks better than the old one.
    """
    stay = np.maximum(blocks[:, MOST_SLIP // 2], absent)
    gains = np.cumsum(blocks - stay[:, None], axis=0)
    before = np.minimum.accumulate(np.minimum(gains, 0.0), axis=0)
    return bool((gains - before).max() > _GATE)


def _best_path(blocks: Floats) -> Integers:
    """Return the likeliest column of each block, counted from the middle one.

    A path begins in the middle, or pays for a slip before the first block.
    """
    n_blocks, n_offsets = blocks.shape
    totals = np.empty_like(blocks)
    start = np.full(n_offsets, -SLIP_PRICE, dtype=np.float32)
    start[_REACH] = 0.0
    totals[0] = blocks[0] + start
    wall = np.full(MOST_SLIP, -np.inf, dtype=np.float32)
    for k in range(1, n_blocks):
        around = np.concatenate([wall, totals[k - 1], wall])
        windows = np.lib.stride_tricks.sliding_window_view(around, 2 * MOST_SLIP + 1)
        totals[k] = blocks[k] + np.maximum(totals[k - 1], windows.max(axis=1) - SLIP_PRICE)
    path = np.empty(n_blocks, dtype=np.int64)
    at = int(totals[-1].argmax())
    for k in range(n_blocks - 1, -1, -1):
        path[k] = at
        if k:
            low = max(at - MOST_SLIP, 0)
            other = low + int(totals[k - 1, low : at + MOST_SLIP + 1].argmax())
            if totals[k - 1, other] - SLIP_PRICE > totals[k - 1, at]:
                at = other
    return path - _REACH
