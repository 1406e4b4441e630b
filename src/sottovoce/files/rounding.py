"""Round samples to integers, with dither where it is audible."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["quantise"]

_MOST_DITHERED_BITS = 16
"""TPDF dither is added up to 16 bits.  At 24 the rounding noise is at -146 dB of full scale, below
the noise of any converter, and dither would only add noise."""

Audio = npt.NDArray[np.floating[Any]]


def quantise(
    marked: Audio, original: Audio, *, n_bits: int, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Round marked samples to integers, with dither where it is audible.

    Parameters
    ----------
    marked : np.ndarray, shape=(channels, n)
        Full scale 1.0.
    original : np.ndarray, shape of `marked`
        Samples that the mark did not change are restored bit for bit.
    n_bits : int
        Width of the integers, 8 to 32.
    rng : np.random.Generator
        Source of the dither.

    Returns
    -------
    samples : np.ndarray, shape of `marked`, dtype=int32
        In ``[-2**(n_bits - 1), 2**(n_bits - 1) - 1]``.
    """
    scale = 2.0 ** (n_bits - 1)
    steps = marked.astype(np.float64) * scale
    if n_bits <= _MOST_DITHERED_BITS:
        dither = rng.random(steps.shape) - rng.random(steps.shape)
        steps += np.where(marked == original, 0.0, dither)
    return np.clip(np.rint(steps), -scale, scale - 1).astype(np.int32)
