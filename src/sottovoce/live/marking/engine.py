"""`Engine`: what an audio process does with each block.

The audio thread neither opens a file nor waits for anything: it counts in shared memory, and what
went wrong is kept until another thread writes it down.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sottovoce.core.payload import Notice
from sottovoce.live.marking.block_marker import BlockMarker
from sottovoce.live.marking.meters import Meter

if TYPE_CHECKING:
    import numpy.typing as npt

    from sottovoce.live.marking.meters import Meters

__all__ = ["ERROR_FILE", "METERS_FILE", "Engine", "make_settings"]

METERS_FILE = "meters"
ERROR_FILE = "error"
_SMOOTHING_S = 0.3
_SEAL_AFTER_S = 20.0
"""So that the owner is read as early in a call as without a seal."""


def make_settings(
    notice: Notice, *, strength_db: float, seal_key: bytes | None = None
) -> dict[str, Any]:
    """Return what `Engine.from_settings` takes, as JSON holds it.

    Parameters
    ----------
    notice, strength_db, seal_key
        As in `Engine`.

    Returns
    -------
    settings : dict
        Holds the secret: for a pipe, and neither for a file nor for a command line.
    """
    return {
        "notice": notice.to_dict(),
        "strength_db": strength_db,
        "seal_key": "" if seal_key is None else seal_key.hex(),
    }


class Engine:
    """What the audio thread does with each block.

    Parameters
    ----------
    meters : np.ndarray
        Written after each block; see `sottovoce.live.marking.meters`.
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    notice : Notice
        Who refuses what.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude.
    seal_key : bytes or None
        32 secret bytes; if given, the keyed seal is written too.

    Attributes
    ----------
    gain : float
        Factor before anything else: one over the number of channels that were added up.
    error : str
        Why marking failed last; empty where it never did.
    """

    def __init__(
        self,
        *,
        meters: Meters,
        sr: float,
        notice: Notice,
        strength_db: float,
        seal_key: bytes | None = None,
    ) -> None:
        self._meters = meters
        self._notice = notice
        self._strength_db = strength_db
        self._seal_key = seal_key
        self._next_frame: int | None = None
        self._began_s = 0.0
        self.gain = 1.0
        self.error = ""
        self._sound = np.zeros(0, dtype=np.float32)
        self.set_rate(sr)

    @classmethod
    def from_settings(cls, settings: dict[str, Any], *, meters: Meters, sr: float) -> Self:
        """Make an engine.

        Parameters
        ----------
        settings : dict
            What `make_settings` returned, and perhaps more.
        meters, sr
            As in `Engine`.

        Returns
        -------
        engine : Engine
            It marks as the settings say.
        """
        return cls(
            meters=meters,
            sr=sr,
            notice=Notice(**settings["notice"]),
            strength_db=settings["strength_db"],
            seal_key=bytes.fromhex(settings["seal_key"]) or None,
        )

    def set_rate(self, sr: float) -> None:
        """Start again at another sampling rate, in Hz."""
        self._marker = BlockMarker(
            sr=sr,
            notice=self._notice,
            strength_db=self._strength_db,
            seal_key=self._seal_key,
            seal_after_s=_SEAL_AFTER_S,
        )
        self._meters[Meter.SR], self._meters[Meter.DELAY] = sr, self._marker.delay

    def process(
        self, heard: npt.NDArray[np.float32], out: npt.NDArray[np.float32], frame: int
    ) -> None:
        """Mark one block and count it.

        Parameters
        ----------
        heard, out : np.ndarray, shape=(n,), dtype=float32
            The block that came, and where the marked one goes.
        frame : int
            The server's count of samples at the start of the block.
        """
        began_s, busy_s = time.perf_counter(), time.thread_time()
        meters, n = self._meters, len(heard)
        try:
            if len(self._sound) < n:
                self._sound = np.zeros(2 * n, dtype=np.float32)
            sound = self._sound[:n]
            np.multiply(heard, np.float32(self.gain), out=sound)
            self._marker.process(sound, out)
            if self._marker.n_unmarked != meters[Meter.N_UNMARKED]:
                meters[Meter.N_UNMARKED] = self._marker.n_unmarked
                self.error = self._marker.last_error
            share = min(n / (_SMOOTHING_S * meters[Meter.SR]), 1.0)
            meters[Meter.MEAN_SQUARE] += share * (sound @ sound / n - meters[Meter.MEAN_SQUARE])
        except Exception as err:  # noqa: BLE001 - the user must stay audible
            out[:] = heard
            meters[Meter.N_UNMARKED] += 1
            self.error = repr(err)
        if frame != self._next_frame and self._next_frame is not None:
            # The count wraps around at 32 bits, and jumps when the graph gets another driver:
            # no more was missed than there was time for.
            skipped = (frame - self._next_frame) & 0xFFFFFFFF
            time_for = (began_s - self._began_s) * meters[Meter.SR] - meters[Meter.BLOCK]
            meters[Meter.N_MISSED] += round(min(skipped, max(time_for, 0.0)) / n)
        self._next_frame, self._began_s = (frame + n) & 0xFFFFFFFF, began_s
        if not meters[Meter.N_BLOCKS]:
            meters[Meter.REALTIME] = _is_realtime()
        meters[Meter.BLOCK] = n
        meters[Meter.N_BLOCKS] += 1
        meters[Meter.BUSY_S] += time.thread_time() - busy_s
        meters[Meter.LONGEST_S] = max(meters[Meter.LONGEST_S], time.perf_counter() - began_s)
        meters[Meter.LAST_S] = time.monotonic()


def _is_realtime() -> bool:
    """Whether the calling thread goes before all others."""
    if sys.platform != "linux":
        # The audio thread of CoreAudio and of WASAPI does by itself, and there is no way to ask.
        return True
    # PipeWire adds a flag to the policy, which is none of its kind.
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    return policy in (os.SCHED_FIFO, os.SCHED_RR)
