"""Follow one marked voice through the audio: its offset, where it sounds, what it says.

Offsets are counted in half frames (4 ms) of the fine grid and are not reduced modulo the
period once a voice is followed, so a clock that drifts moves the offset but never the count
of cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.presence import CELLS_PER_SUPERFRAME, Presence, agree
from sottovoce.core.reading import (
    PayloadReading,
    make_code,
    match_payload,
    read_payload,
    seal_log10_p,
)
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from sottovoce.core.payload import Notice

__all__ = ["HALF_FRAMES_PER_CELL", "HALF_FRAMES_PER_PERIOD", "Track"]

HALF_FRAMES_PER_CELL = 2 * FORMAT_1.n_cell_frames
HALF_FRAMES_PER_PERIOD = 2 * FORMAT_1.n_period_frames
_CHUNK_PRESENCE = 2.0
_TELLING = 3.0
"""Score that the data cells of a chunk must be expected to have, to tell two voices apart."""
_MOST_SEALED_SUPERFRAMES = 32

Floats = npt.NDArray[np.float32]


class Track:
    """A voice that is being followed.

    Parameters
    ----------
    offset : int
        Half frame at which some cell 0 of a period is centred.
    keep_superframes : bool
        Whether single superframes are kept for the test of a seal.

    Attributes
    ----------
    score, short_score : float
        The best in windows of two chunks and more, and in short windows; 0 where not seen.
    """

    def __init__(self, offset: int, *, keep_superframes: bool = False) -> None:
        self.offset = offset
        self.first_offset = offset
        self.score = 0.0
        self.short_score = 0.0
        self.n_looks = 0
        self.reading: PayloadReading | None = None
        self._sums: Floats | None = None
        self._presence = Presence()
        self._code: npt.NDArray[np.int8] | None = None
        self._superframes: dict[int, Floats] | None = {} if keep_superframes else None

    def distance(self, offset: int) -> int:
        """Return by how many half frames a peak at `offset` differs from this voice's."""
        period = HALF_FRAMES_PER_PERIOD
        return (offset - self.offset + period // 2) % period - period // 2

    def move(self, offset: int, score: float) -> None:
        """Follow the voice to a new offset, less than half a period away."""
        self.offset += self.distance(offset)
        self.score = max(self.score, score)

    def affinity(self, fine: Floats, first: int, offset: int) -> tuple[float, float] | None:
        """Say whether what sounds at an offset close by is this voice.

        Parameters
        ----------
        fine : np.ndarray, shape=(n_half_frames, n_bands)
            A chunk of scores, as for `add`.
        first : int
            Number of its first half frame.
        offset : int
            Half frame at which a peak was found, less than half a period away.

        Returns
        -------
        share, deviation : float, or None
            What its data cells have in common with those heard so far, 1 for the same payload
            and about 0 for another, as a share of what the sync cells promise, and the standard
            deviation of that; None where it promises too little to tell.
        """
        if self._sums is None:
            return None
        cells, slots, _ = self._take_cells(fine, first, self.offset + self.distance(offset))
        rows = slots % CELLS_PER_SUPERFRAME
        signs = make_sync_signs()[slots % FORMAT_1.n_cells, : cells.shape[1]]
        # As strong as the voice's own sync cells, so that both sides count in one unit.
        strength = float((signs * self._sums[rows]).sum()) / np.count_nonzero(signs)
        heard = self._sums[rows] / np.float32(max(strength, 1e-30))
        known = heard if self._code is None else self._code[rows, : cells.shape[1]]
        products = (cells * known)[signs == 0].astype(np.float64)
        promised = float((signs * cells).sum()) / np.count_nonzero(signs) * products.size
        noise = float(np.sqrt((products**2).sum()))
        if promised < _TELLING * noise:
            return None
        return float(products.sum() / promised), noise / promised

    def add(self, fine: Floats, first: int) -> None:
        """Take in a chunk of scores.

        Parameters
        ----------
        fine : np.ndarray, shape=(n_half_frames, n_bands)
            From `interleave`; a whole number of superframes long or cut by the end.
        first : int
            Number of its first half frame.
        """
        cells, slots, lead = self._take_cells(fine, first, self.offset)
        sync = agree(cells, make_sync_signs()[slots % FORMAT_1.n_cells])
        middles = first + lead + (np.arange(len(cells)) + 0.5) * HALF_FRAMES_PER_CELL
        self._presence.add(cells, slots, middles * (FORMAT_1.frame_s / 2), sync)
        total = float(sync.total.sum()) / max(float(np.sqrt(sync.energy.sum())), 1e-30)
        if total < _CHUNK_PRESENCE:
            return
        if self._sums is None:
            self._sums = np.zeros((CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
        np.add.at(self._sums, slots % CELLS_PER_SUPERFRAME, cells)
        if self._superframes is not None and len(self._superframes) < _MOST_SEALED_SUPERFRAMES:
            for index in np.unique(slots // CELLS_PER_SUPERFRAME):
                inside = slots // CELLS_PER_SUPERFRAME == index
                empty = np.zeros((CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
                rows = self._superframes.setdefault(int(index), empty)
                rows[slots[inside] % CELLS_PER_SUPERFRAME] = cells[inside]

    def read(self) -> None:
        """Try to decode the payload from all that was taken in, until it has been read."""
        if self._sums is None or self.reading is not None:
            return
        self.n_looks += 1
        shape = (FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
        self._learn(read_payload(self._sums.reshape(shape), n_looks=self.n_looks))

    def adopt(self, reading: PayloadReading) -> bool:
        """Take another track's payload for one's own, if one's data cells say the same.

        Parameters
        ----------
        reading : PayloadReading
            Of a track with another offset.

        Returns
        -------
        same : bool
            Whether both are one voice, before and after a jump.
        """
        if self._sums is None or self.reading is not None:
            return False
        shape = (FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
        self._learn(match_payload(self._sums.reshape(shape), reading))
        return self.reading is not None

    @property
    def notice(self) -> Notice | None:
        """What the payload says, or None."""
        return self.reading.notice if self.reading else None

    def test_seal(self, key: bytes, *, n_starts: int) -> float | None:
        """Return the logarithm of the seal's p-value, or None while it cannot be tested."""
        if self.reading is None or not self._superframes:
            return None
        shape = (FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
        parts = {number: rows.reshape(shape) for number, rows in self._superframes.items()}
        alignment = self.reading.alignment
        return seal_log10_p(parts, key=key, alignment=alignment, n_starts=n_starts)

    def evidence(self) -> tuple[tuple[float, float], ...]:
        """Return times in seconds and local scores over about two periods."""
        return self._presence.evidence()

    def segments_s(self, *, duration_s: float) -> tuple[tuple[float, float], ...]:
        """Return from when to when the voice is present, in seconds."""
        return self._presence.segments_s(duration_s=duration_s)

    def _learn(self, reading: PayloadReading | None) -> None:
        if reading is not None:
            self.reading = reading
            self._code = make_code(reading)
            self._presence.learn(self._code)

    def _take_cells(
        self, fine: Floats, first: int, offset: int
    ) -> tuple[Floats, npt.NDArray[np.int64], int]:
        """Return the cells of a chunk, their numbers, and the half frame of the first."""
        lead = (offset - first) % HALF_FRAMES_PER_CELL
        cells = fine[lead::HALF_FRAMES_PER_CELL]
        number = (first + lead - offset) // HALF_FRAMES_PER_CELL
        return cells, number + np.arange(len(cells)), lead
