"""A few numbers that the audio process writes and another process reads.

They lie in a small file that both have mapped into memory: the audio thread must neither wait nor
allocate, and whoever watches must not disturb it.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Meter", "Meters", "Readings", "create_meters", "open_meters", "read_meters"]

Meters = npt.NDArray[np.float64]


class Meter(enum.IntEnum):
    """Places of the numbers."""

    SR = 0
    """Rate of the audio server, in Hz."""
    BLOCK = 1
    """Samples in the last block."""
    DELAY = 2
    """Samples between in and out."""
    N_BLOCKS = 3
    """Blocks since the process began."""
    N_MISSED = 4
    """Blocks that the server went on without."""
    N_UNMARKED = 5
    """Blocks that went out as they came."""
    MEAN_SQUARE = 6
    """Of the sound, smoothed over 0.3 s; full scale is 1."""
    LONGEST_S = 7
    """Time that a block took, the longest so far."""
    BUSY_S = 8
    """Time of the processor that the audio thread took."""
    LAST_S = 9
    """`time.monotonic` at the last block."""
    REALTIME = 10
    """One if the audio thread goes before all others, else zero."""


def create_meters(path: Path) -> Meters:
    """Make the file with every number zero, and map it."""
    return np.asarray(np.memmap(path, dtype=np.float64, mode="w+", shape=len(Meter)))


def open_meters(path: Path) -> Meters:
    """Map the file that another process made, to write into it."""
    return np.asarray(np.memmap(path, dtype=np.float64, mode="r+", shape=len(Meter)))


class Readings(TypedDict):
    """The numbers under the names and in the units of `MicState`."""

    level_dbfs: float
    delay_s: float
    n_blocks: int
    n_missed: int
    n_unmarked: int
    block: int
    busy: float
    realtime: bool


def read_meters(meters: Meters) -> Readings:
    """Return the numbers as a person wants them."""
    now = meters.tolist()
    sr = now[Meter.SR] or 48_000.0
    elapsed_s = now[Meter.N_BLOCKS] * now[Meter.BLOCK] / sr
    return Readings(
        level_dbfs=10 * math.log10(now[Meter.MEAN_SQUARE] + 1e-12),
        delay_s=now[Meter.DELAY] / sr,
        n_blocks=int(now[Meter.N_BLOCKS]),
        n_missed=round(now[Meter.N_MISSED]),
        n_unmarked=int(now[Meter.N_UNMARKED]),
        block=int(now[Meter.BLOCK]),
        busy=now[Meter.BUSY_S] / elapsed_s if elapsed_s else 0.0,
        realtime=bool(now[Meter.REALTIME]),
    )
