"""`BlockMarker`: mark live blocks with a delay that never changes, and never fall silent.

A `Protector` gives out samples hop by hop; a sound card wants as many as it brought, at once.
Between the two lies a queue whose length makes up for the difference: every sample comes out
exactly `Protector.latency_s` after it went in, marked or, where marking fails, as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.protector import Protector

if TYPE_CHECKING:
    from sottovoce import Notice

__all__ = ["BlockMarker"]

Audio = npt.NDArray[np.float32]


class BlockMarker:
    """Mark mono blocks of any size, as many samples out as in.

    Parameters
    ----------
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    notice : Notice
        Who refuses what.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude.
    **options : Any
        What else `sottovoce.Protector` takes.

    Attributes
    ----------
    delay : int
        Samples between a sample's coming in and its going out, for blocks of every size.
    n_unmarked : int
        Blocks so far that went out as they came, because marking them failed.
    last_error : str
        Why the last of these failed.

    Raises
    ------
    ParameterError
        If an argument is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from sottovoce import Notice
    >>> marker = BlockMarker(sr=48_000, notice=Notice(owner_id=7), strength_db=1.6)
    >>> marker.process(np.zeros(512, dtype=np.float32)).size, marker.delay
    (512, 768)
    """

    def __init__(
        self,
        *,
        sr: float,
        notice: Notice,
        strength_db: float,
        **options: Any,  # noqa: ANN401 - the types are Protector's
    ) -> None:
        self._protector = Protector(sr=sr, notice=notice, strength_db=strength_db, **options)
        self.delay = int(np.ceil(self._protector.latency_s * sr))
        self.n_unmarked = 0
        self.last_error = ""
        # The last `delay` samples that came, and the block behind them.
        self._heard = np.zeros(self.delay, dtype=np.float32)
        # What comes out next; the protector gives out a hop more or less than went in.
        self._marked = np.zeros(self.delay, dtype=np.float32)
        self._n_marked = self.delay

    def process(self, block: Audio, out: Audio | None = None) -> Audio:
        """Mark one block.

        Parameters
        ----------
        block : np.ndarray, shape=(n,), dtype=float32
            Audio, nominally in [-1, 1]; n may change from call to call.  Left unchanged.
        out : np.ndarray, shape=(n,), dtype=float32, or None
            Where the result goes; None makes an array for it.

        Returns
        -------
        marked : np.ndarray, shape=(n,), dtype=float32
            The sound of `delay` samples ago.  Whatever goes wrong, it is sound, not silence.

        Notes
        -----
        Its own buffers grow with the largest block and are kept.
        """
        n, delay = len(block), self.delay
        out = np.empty(n, dtype=np.float32) if out is None else out
        self._heard = _grown(self._heard, delay + n)
        self._heard[delay : delay + n] = block
        try:
            marked = self._protector.process(block)
            end = self._n_marked + len(marked)
            self._marked = _grown(self._marked, end)
            self._marked[self._n_marked : end] = marked
            self._n_marked = end
        except Exception as err:  # noqa: BLE001 - whatever it is, the user must stay audible
            self.n_unmarked += 1
            self.last_error = repr(err)
            # What was in the protector is lost, so it begins again behind what was heard so far.
            self._protector.reset()
            self._marked = _grown(self._marked, delay + n)
            np.nan_to_num(self._heard[: delay + n], copy=False)
            self._marked[: delay + n] = self._heard[: delay + n]
            self._n_marked = delay + n
        out[:] = self._marked[:n]
        self._n_marked -= n
        self._marked[: self._n_marked] = self._marked[n : n + self._n_marked]
        self._heard[:delay] = self._heard[n : n + delay]
        return out


def _grown(buffer: Audio, n: int) -> Audio:
    """Return a buffer that holds `n` samples: the same one, unless it is too small."""
    if len(buffer) >= n:
        return buffer
    larger = np.zeros(2 * n, dtype=np.float32)
    larger[: len(buffer)] = buffer
    return larger
