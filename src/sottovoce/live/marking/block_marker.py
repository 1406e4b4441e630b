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
        self._recent = np.zeros(self.delay, dtype=np.float32)
        self._marked = np.zeros(self.delay, dtype=np.float32)

    def process(self, block: Audio) -> Audio:
        """Mark one block.

        Parameters
        ----------
        block : np.ndarray, shape=(n,), dtype=float32
            Audio, nominally in [-1, 1]; n may change from call to call.  Left unchanged.

        Returns
        -------
        marked : np.ndarray, shape=(n,), dtype=float32
            The sound of `delay` samples ago.  Whatever goes wrong, it is sound, not silence.
        """
        n = len(block)
        heard = np.concatenate([self._recent, block])
        try:
            self._marked = np.concatenate([self._marked, self._protector.process(block)])
            marked = self._marked[:n]
            self._marked = self._marked[n:]
        except Exception as err:  # noqa: BLE001 - whatever it is, the person must stay audible
            self.n_unmarked += 1
            self.last_error = repr(err)
            # What was in the protector is lost, so it begins anew behind what was heard so far.
            self._protector.reset()
            marked = np.nan_to_num(heard[:n])
            self._marked = np.nan_to_num(heard[n:])
        self._recent = heard[n:]
        return marked
