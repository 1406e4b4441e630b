"""Sound at any level: energies neither overflow nor vanish, and gain changes no verdict.

Single precision is enough for every level that a recording has.  Files of floats can hold anything,
though: the same speech at 1e-30 or 1e30 of full scale carries the same mark.  Frames at such levels
are measured after an exact power of two has brought them near full scale, and so are the energies
of a chunk before they are analysed.  Both powers depend on the frame and on the chunk alone, never
on how the audio was cut into blocks; at ordinary levels both are 1, and every bit stays as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sottovoce.core.features import BATCH_FRAMES, band_energies, window_length
from sottovoce.core.framing import take_frames

__all__ = [
    "MAX_AMPLITUDE",
    "Energies",
    "choose_factor",
    "is_ordinary",
    "measure_energies",
    "scale_energies",
]

MAX_AMPLITUDE = np.float32(1e32)
"""Louder samples are clipped to this: sums of a few hundred stay finite."""
_ORDINARY = 1e-16, 1e24
"""Energies of a chunk's loudest band, from speech 200 dB under full scale to 120 dB over it."""
_SAFE = 1e-20, 1e30
"""Range of energies of a frame's loudest band in which nothing overflows, and nothing relevant
vanishes."""
_MOST_ENERGY = 1e30

Energies = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def measure_energies(
    y: npt.NDArray[np.float32], starts: npt.NDArray[np.int64], *, sr: float, scale: float = 1.0
) -> Energies:
    """Measure the energy of each band in each frame, as `band_energies`, at any level.

    Parameters
    ----------
    y, starts, sr, scale
        As for `band_energies`.

    Returns
    -------
    energies : np.ndarray, shape=(n_clips, n_frames, n_usable_bands)
        In double precision if a frame is too loud or too quiet for single precision.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        energies: Energies = band_energies(y, starts, sr=sr, scale=scale)
    tops = energies.max(axis=2)
    extreme = ~((tops >= _SAFE[0]) & (tops <= _SAFE[1]))
    if not extreme.any():
        return energies
    for clip, row in enumerate(y):
        # By the batches of `band_energies`: products of the same shape have the same last bit.
        for begin in range(0, len(starts), BATCH_FRAMES):
            numbers = begin + np.flatnonzero(extreme[clip, begin : begin + BATCH_FRAMES])
            frames = take_frames(row, starts[numbers], window_length(sr))
            peaks = np.abs(frames).max(axis=1, initial=0.0)
            numbers, frames, peaks = numbers[peaks > 0], frames[peaks > 0], peaks[peaks > 0]
            if len(numbers) == 0:
                continue
            powers = np.frexp(peaks)[1]
            near = np.ldexp(frames, -powers[:, None]).astype(np.float32)
            own = band_energies(near, np.zeros(1, np.int64), sr=sr, scale=scale)[:, 0]
            energies = energies.astype(np.float64, copy=False)
            energies[clip, numbers] = np.ldexp(own.astype(np.float64), 2 * powers[:, None])
    return energies


def choose_factor(energies: Energies) -> float:
    """Return the power of two that brings the energies of a chunk near 1; 1 at ordinary levels."""
    top = float(energies.max(initial=0.0))
    return 1.0 if is_ordinary(top) else float(np.ldexp(1.0, -int(np.frexp(top)[1])))


def is_ordinary(top: float) -> bool:
    """Return whether the largest energy needs no factor, as silence does not."""
    return top == 0.0 or _ORDINARY[0] <= top <= _ORDINARY[1]


def scale_energies(energies: Energies, factor: float) -> npt.NDArray[np.float32]:
    """Multiply by a power of two and convert to single precision."""
    if factor == 1.0 and energies.dtype == np.float32:
        return np.asarray(energies, dtype=np.float32)
    scaled = np.minimum(energies.astype(np.float64) * factor, _MOST_ENERGY)
    return np.asarray(scaled, dtype=np.float32)
