"""From 80 payload bits to the cells of a superframe and back, with soft decisions.

A tail-biting convolutional code (memory 8, rate 1/4) turns 80 bits into 320; each coded bit is
carried by eight data cells that lie in eight different groups of bands and eight different
parts of the superframe, so that neither a telephone's band limit nor a burst of noise takes a
bit away.  The decoder is a Viterbi search over all 256 states at once, run around the circle
with a forward and a backward pass, so that it also yields the margin by which the best code word
beats the best one that differs in any given bit.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import numpy.typing as npt

from sottovoce.core.pattern import SYNC, make_roles, make_scrambling_signs
from sottovoce.core.payload import N_PAYLOAD_BITS
from sottovoce.core.wire_format import FORMAT_1

__all__ = [
    "GENERATORS_OCTAL",
    "MEMORY",
    "N_CODED_BITS",
    "decode",
    "encode",
    "make_data_signs",
    "make_interleaver",
]

GENERATORS_OCTAL = (0o463, 0o535, 0o733, 0o745)
"""Generators of the best known rate 1/4 code of constraint length 9 (Larsen 1973)."""
MEMORY = 8
N_CODED_BITS = N_PAYLOAD_BITS * len(GENERATORS_OCTAL)
_N_STATES = 1 << MEMORY
_N_CELLS_PER_BIT = 8

Floats = npt.NDArray[np.float32]


@functools.cache
def _trellis() -> npt.NDArray[np.float32]:
    """Coded symbols of every branch: (state, input bit, generator), +1 for a 0 and -1 for a 1.

    The state holds the last eight inputs, newest in the lowest bit; a generator's lowest bit
    multiplies the newest input.
    """
    register = (np.arange(_N_STATES)[:, None] << 1) | np.arange(2)
    symbols = np.empty((_N_STATES, 2, len(GENERATORS_OCTAL)), dtype=np.float32)
    for i, generator in enumerate(GENERATORS_OCTAL):
        parity = np.bitwise_count(register & generator) & 1
        symbols[:, :, i] = 1.0 - 2.0 * parity
    return symbols


def encode(bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Encode payload bits, tail-biting.

    Parameters
    ----------
    bits : np.ndarray, shape=(80,), dtype=uint8
        0 and 1.

    Returns
    -------
    symbols : np.ndarray, shape=(320,), dtype=int8
        +1 for a coded 0 and -1 for a coded 1; four in a row belong to one input bit.
    """
    # The encoder starts in the state that it will end in: the last eight bits.
    register = np.zeros(N_PAYLOAD_BITS, dtype=np.int64)
    for delay in range(MEMORY + 1):
        register |= np.roll(bits.astype(np.int64), delay) << delay
    parities = [np.bitwise_count(register & g) & 1 for g in GENERATORS_OCTAL]
    return (1 - 2 * np.stack(parities, axis=1).astype(np.int8)).reshape(-1)


def decode(
    soft: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Find the most likely payload bits, and how much better they are than any others.

    Max-log forward-backward search [1]_ on the circular trellis: both recursions run twice
    around, the first time only to learn where to start.  The sign of the difference between
    the best word with a bit set and the best with it clear is the decision, its size the
    margin.  In the rare case that the circle does not close, the result is not a code word and
    fails the payload's check.

    Parameters
    ----------
    soft : np.ndarray, shape=(n, 320)
        For each of n words: positive where a coded 0 is more likely.  Any unit; margins have
        the same.

    Returns
    -------
    bits : np.ndarray, shape=(n, 80), dtype=uint8
        Decisions.
    margins : np.ndarray, shape=(n, 80), dtype=float32
        Score of the best word minus that of the best word which differs in this bit.

    Notes
    -----
    240 steps over n x 256 states: 5 ms for the four alignments of a superframe.

    References
    ----------
    .. [1] Anderson, J. B., Hladik, S. M. "Tailbiting MAP decoders."
       IEEE Journal on Selected Areas in Communications 16.2 (1998): 297-302.
    """
    words = np.asarray(soft, dtype=np.float32).reshape(-1, N_PAYLOAD_BITS, len(GENERATORS_OCTAL))
    # (step, word, state, input): what a branch adds to the score of a path
    branches = np.einsum("nkg,sig->knsi", words, _trellis(), optimize=True)
    n_words = len(words)
    # A branch leads from state s with input i to (2 s + i) mod 256: the two states that meet
    # in it are s and s + 128, which differ only in the oldest bit.
    forward = np.zeros((N_PAYLOAD_BITS, n_words, _N_STATES), dtype=np.float32)
    state = np.zeros((n_words, _N_STATES), dtype=np.float32)
    for step in range(2 * N_PAYLOAD_BITS):
        k = step % N_PAYLOAD_BITS
        forward[k] = state
        paths = (state[:, :, None] + branches[k]).reshape(n_words, 2, _N_STATES)
        state = np.maximum(paths[:, 0], paths[:, 1])
        state -= state.max(axis=1, keepdims=True)
    margins = np.empty((n_words, N_PAYLOAD_BITS), dtype=np.float32)
    backward = np.zeros((n_words, _N_STATES), dtype=np.float32)
    for step in reversed(range(2 * N_PAYLOAD_BITS)):
        k = step % N_PAYLOAD_BITS
        # Successors of s are 2 s mod 256 + input: the same two for s and s + 128.
        half = backward.reshape(n_words, 1, _N_STATES // 2, 2)
        onward = (branches[k].reshape(n_words, 2, _N_STATES // 2, 2) + half).reshape(
            n_words, _N_STATES, 2
        )
        if step < N_PAYLOAD_BITS:
            through = (forward[k][:, :, None] + onward).max(axis=1)
            margins[:, k] = through[:, 1] - through[:, 0]
        backward = np.maximum(onward[..., 0], onward[..., 1])
        backward -= backward.max(axis=1, keepdims=True)
    return (margins > 0).astype(np.uint8), np.abs(margins)


@functools.cache
def make_interleaver() -> npt.NDArray[np.int64]:
    """Return which cells of a superframe carry each coded bit.

    The 2,560 data cells are listed by band, then by time; cut into eight groups of bands of
    320 cells; each group is cut into eight parts of 40 in the order of time.  Part
    ``(j + i) mod 8`` of group i serves the coded bits 40 j to 40 j + 39, in the order of the
    32-bit words of SHAKE-256 over ``"<format> interleaver <i> <j>"``.  The coded bit with
    place m in this order is number ``(m % 80) * 4 + m // 80`` of the code word: neighbouring
    bits of the code lie far apart.

    Returns
    -------
    cells : np.ndarray, shape=(320, 8), dtype=int64
        Flat indices into an array of shape (n_periods, n_cells, n_bands).  Read-only.
    """
    fmt = FORMAT_1
    data = np.broadcast_to(make_roles() != SYNC, (fmt.n_periods, fmt.n_cells, fmt.n_bands))
    flat = np.flatnonzero(data)
    period, cell, band = np.unravel_index(flat, data.shape)
    time = period * fmt.n_cells + cell
    groups = flat[np.lexsort((time, band))].reshape(_N_CELLS_PER_BIT, -1)
    table = np.empty((N_CODED_BITS, _N_CELLS_PER_BIT), dtype=np.int64)
    n_part = N_CODED_BITS // _N_CELLS_PER_BIT
    for i, group in enumerate(groups):
        in_time = group[np.lexsort((group % fmt.n_bands, group // fmt.n_bands))]
        parts = in_time.reshape(_N_CELLS_PER_BIT, n_part)
        for j in range(_N_CELLS_PER_BIT):
            label = f"{fmt.name} interleaver {i} {j}".encode("ascii")
            words = np.frombuffer(hashlib.shake_256(label).digest(4 * n_part), dtype=">u4")
            order = np.argsort(words, kind="stable")
            rows = slice(n_part * j, n_part * (j + 1))
            table[rows, i] = parts[(j + i) % _N_CELLS_PER_BIT][order]
    place = np.arange(N_CODED_BITS)
    cells = np.empty_like(table)
    cells[(place % N_PAYLOAD_BITS) * len(GENERATORS_OCTAL) + place // N_PAYLOAD_BITS] = table
    cells.flags.writeable = False
    return cells


def make_data_signs(symbols: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return the signs of the data cells that a code word writes.

    Parameters
    ----------
    symbols : np.ndarray, shape=(320,), dtype=int8
        From `encode`; a zero leaves its cells out.

    Returns
    -------
    signs : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=int8
        +1 and -1 in data and seal cells, 0 elsewhere.
    """
    signs = make_scrambling_signs().copy()
    flat = signs.reshape(-1)
    for cells in make_interleaver().T:
        flat[cells] *= symbols
    return signs
