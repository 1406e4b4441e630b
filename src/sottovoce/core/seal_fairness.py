"""Whether signs that are shown as a seal look like fair coins, or like what sound carries anyhow.

A commitment proves that signs were fixed beforehand, not how they were made.  Without a seal the
same cells carry the payload, whose signs are public: who commits to the signs of somebody's payload
would find that "seal" in every unsealed mark of theirs.  Such signs repeat in every superframe, and
in each one they agree with themselves: a coded bit is written into several of these cells.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.coding import make_interleaver
from sottovoce.core.pattern import make_scrambling_signs, seal_cells
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from sottovoce.core.seal_signs import Signs

__all__ = ["MOST_REGULARITY", "measure_regularity"]

MOST_REGULARITY = 8.0
"""Standard deviations.  Fair signs stay below 5; a superframe that has the signs of a payload in
three of four cells is above 11, and five that have them in seven of ten are above 28."""


def measure_regularity(signs: Signs) -> float:
    """Return by how much signs are more regular than fair ones.

    Parameters
    ----------
    signs : np.ndarray, shape=(n_superframes, n_signs), dtype=int8
        +1 and -1, of consecutive superframes.

    Returns
    -------
    regularity : float
        In standard deviations: the most of what each superframe has of a payload, at each of the
        four alignments; what all of them have together; and how much they repeat each other.
    """
    n = len(signs)
    found = [_excess(signs.sum(axis=0, dtype=np.float64), np.full(signs.shape[1], float(n)))]
    for alignment in range(FORMAT_1.n_periods):
        bit, scrambling, n_cells = _read_bits(alignment)
        whole = np.zeros((n, len(n_cells)))
        np.add.at(whole.T, bit, (signs * scrambling).T)
        found += [_excess(row, n_cells) for row in whole]
        found.append(_excess(whole.sum(axis=0), n * n_cells))
    return max(found)


def _excess(sums: npt.NDArray[np.float64], n_terms: npt.NDArray[np.float64]) -> float:
    """Return how far the squares of sums of so many signs lie above what fair ones give."""
    spread = math.sqrt(2.0 * float((n_terms * (n_terms - 1.0)).sum()))
    return float((sums**2 - n_terms).sum()) / spread if spread else 0.0


@functools.cache
def _read_bits(
    alignment: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Return the coded bit and the scrambling sign of each seal cell, and the cells of each bit."""
    table = make_interleaver()
    bit_of = np.full(seal_cells().size, -1)
    bit_of[table.ravel()] = np.repeat(np.arange(len(table)), table.shape[1])
    bit_of = np.roll(bit_of.reshape(seal_cells().shape), alignment, axis=0)
    scrambling = np.roll(make_scrambling_signs(), alignment, axis=0)
    bits = bit_of[seal_cells()]
    n_cells = np.bincount(bits, minlength=len(table)).astype(np.float64)
    return bits, scrambling[seal_cells()], n_cells
