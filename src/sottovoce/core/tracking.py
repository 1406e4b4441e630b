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
from sottovoce.core.reading import PayloadReading, read_payload, seal_log10_p
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from sottovoce.core.payload import Notice

__all__ = ["HALF_FRAMES_PER_CELL", "HALF_FRAMES_PER_PERIOD", "Track"]

HALF_FRAMES_PER_CELL = 2 * FORMAT_1.n_cell_frames
HALF_FRAMES_PER_PERIOD = 2 * FORMAT_1.n_period_frames
_CELLS_PER_SUPERFRAME = FORMAT_1.n_periods * FORMAT_1.n_cells
_LOCAL_PRESENCE = 2.5
"""Local score over about 5 s from which a stretch counts as marked once the voice is found;
unmarked audio reaches it in one stretch of 160."""
_OWN_PRESENCE = 1.0
_OWN_SHARE = 0.25
"""Score that a period needs by itself, and as a share of the voice's median, so that strong
neighbours alone do not count it in."""
_CHUNK_PRESENCE = 2.0
_SMOOTHING = np.array([0.5, 1.0, 0.5])
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
        self._local: list[tuple[float, float, float]] = []
        self._superframes: dict[int, Floats] | None = {} if keep_superframes else None

    def distance(self, offset: int) -> int:
        """Return by how many half frames a peak at `offset` differs from this voice's."""
        period = HALF_FRAMES_PER_PERIOD
        return (offset - self.offset + period // 2) % period - period // 2

    def move(self, offset: int, score: float) -> None:
        """Follow the voice to a new offset, less than half a period away."""
        self.offset += self.distance(offset)
        self.score = max(self.score, score)

    def add(self, fine: Floats, first: int) -> None:
        """Take in a chunk of scores.

        Parameters
        ----------
        fine : np.ndarray, shape=(n_half_frames, n_bands)
            From `interleave`; a whole number of superframes long or cut by the end.
        first : int
            Number of its first half frame.
        """
        lead = (self.offset - first) % HALF_FRAMES_PER_CELL
        cells = fine[lead::HALF_FRAMES_PER_CELL]
        number = (first + lead - self.offset) // HALF_FRAMES_PER_CELL
        slots = number + np.arange(len(cells))
        signs = make_sync_signs()[slots % FORMAT_1.n_cells, : cells.shape[1]]
        agreements = (signs * cells).sum(axis=1)
        energies = (cells * cells * (signs != 0)).sum(axis=1)
        total = float(agreements.sum()) / max(float(np.sqrt(energies.sum())), 1e-30)
        for begin in range(0, len(cells), FORMAT_1.n_cells):
            part = slice(begin, begin + FORMAT_1.n_cells)
            middle = first + lead + (begin + len(cells[part]) / 2) * HALF_FRAMES_PER_CELL
            agreement, energy = float(agreements[part].sum()), float(energies[part].sum())
            self._local.append((middle * FORMAT_1.frame_s / 2, agreement, energy))
        if total < _CHUNK_PRESENCE:
            return
        if self._sums is None:
            self._sums = np.zeros((_CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
        np.add.at(self._sums, slots % _CELLS_PER_SUPERFRAME, cells)
        if self._superframes is not None and len(self._superframes) < _MOST_SEALED_SUPERFRAMES:
            for index in np.unique(slots // _CELLS_PER_SUPERFRAME):
                inside = slots // _CELLS_PER_SUPERFRAME == index
                empty = np.zeros((_CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
                rows = self._superframes.setdefault(int(index), empty)
                rows[slots[inside] % _CELLS_PER_SUPERFRAME] = cells[inside]

    def read(self) -> None:
        """Try to decode the payload from all that was taken in, until it has been read."""
        if self._sums is None or self.reading is not None:
            return
        self.n_looks += 1
        shape = (FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
        self.reading = read_payload(self._sums.reshape(shape), n_looks=self.n_looks)

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
        if not self._local:
            return ()
        times, agreements, energies = np.array(sorted(self._local)).T
        smooth = np.convolve(agreements, _SMOOTHING)[1:-1]
        noise = np.sqrt(np.convolve(energies, _SMOOTHING**2)[1:-1])
        z = smooth / np.maximum(noise, 1e-30)
        return tuple((float(t), float(s)) for t, s in zip(times, z, strict=True))

    def segments_s(self, *, duration_s: float) -> tuple[tuple[float, float], ...]:
        """Return from when to when the voice is present, in seconds."""
        half = FORMAT_1.period_s / 2
        smooth = np.array(self.evidence()).reshape(-1, 2)
        own = np.array(
            [agreement / max(energy, 1e-30) ** 0.5 for _, agreement, energy in sorted(self._local)]
        )
        marked = smooth[:, 1] >= _LOCAL_PRESENCE
        if marked.any():
            marked &= own >= max(_OWN_PRESENCE, _OWN_SHARE * float(np.median(own[marked])))
        segments: list[tuple[float, float]] = []
        for time_s in smooth[marked, 0].tolist():
            begin, end = max(time_s - half, 0.0), min(time_s + half, duration_s)
            if segments and begin <= segments[-1][1] + 2.1 * half:
                segments[-1] = (segments[-1][0], max(end, segments[-1][1]))
            else:
                segments.append((begin, end))
        return tuple(segments)
