"""When a voice is present: local scores of its sync cells and, once decoded, of its data.

The sync cells are the same for everybody.  If two voices have nearly the same offset, only the
data cells tell which mark is present.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.wire_format import FORMAT_1

__all__ = ["Agreement", "Presence", "agree"]

CELLS_PER_SUPERFRAME = FORMAT_1.n_periods * FORMAT_1.n_cells
_LOCAL_PRESENCE = 2.5
"""Local score over about 5 s from which a stretch counts as marked once the voice is found;
unmarked audio reaches it in one stretch out of 160."""
_OWN_PRESENCE = 1.0
_OWN_SHARE = 0.25
"""Score that a period itself needs, absolute and as a share of the voice's median, so that strong
neighbours alone are not enough."""
_OTHER_SHARE = 0.6
_OTHER_SCORE = 1.5
"""A stretch belongs to another voice if its data cells fall short of this share of what its sync
cells predict, by this many standard deviations."""
_N_PART_CELLS = FORMAT_1.n_cells // 4
_N_BURST_PARTS = 4
"""Number of quarters of a period, 2.6 s together, over which to search for a short burst."""
_HALF_STRENGTH = 0.5
_HOLE_PRICE = 12.0
"""A hole is reported where no mark is likelier than one of half the voice's strength, by this much
in log-likelihood: e^12 for both of its edges.  Pauses contain no evidence for a hole."""
_LEAST_HOLE_PARTS = 2
_SMOOTHING = np.array([0.5, 1.0, 0.5])
_MOST_KEPT_CHUNKS = 16

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Signs = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well cells agree with signs.

    Attributes
    ----------
    total : np.ndarray, shape=(n,)
        Sum of cells times signs, for each time step.
    energy : np.ndarray, shape=(n,)
        Its variance if the cells were unmarked.
    """

    total: Floats
    energy: Floats


def agree(cells: Floats, signs: Signs) -> Agreement:
    """Compare cells with signs; zeros are left out.

    Parameters
    ----------
    cells : np.ndarray, shape=(n, n_bands)
        Scores of cells; missing upper bands may be left out.
    signs : np.ndarray, shape=(n, n_bands)
        +1, -1 and 0.
    """
    signs = signs[:, : cells.shape[1]]
    return Agreement((signs * cells).sum(axis=1), (cells * cells * (signs != 0)).sum(axis=1))


class Presence:
    """Local scores of one voice, period by period.

    Notes
    -----
    Cells from before the voice could be decoded are kept, at most 16 chunks of them, and judged
    once it is.
    """

    def __init__(self) -> None:
        # Rows: time in seconds, agreement and energy of the sync cells, and of the data cells.
        self._rows: list[list[float]] = []
        # The same for quarters of periods.
        self._parts: list[list[float]] = []
        self._code: Signs | None = None
        self._kept: deque[tuple[tuple[int, int], Floats, npt.NDArray[np.int64]]] = deque(
            maxlen=_MOST_KEPT_CHUNKS
        )

    def add(
        self,
        cells: Floats,
        slots: npt.NDArray[np.int64],
        times_s: npt.NDArray[np.floating[Any]],
        sync: Agreement,
    ) -> None:
        """Add the cells of a chunk.

        Parameters
        ----------
        cells : np.ndarray, shape=(n, n_bands)
            Their scores.
        slots : np.ndarray, shape=(n,)
            Their numbers, counted from the start of a superframe.
        times_s : np.ndarray, shape=(n,)
            Their times.
        sync : Agreement
            Agreement of the sync cells.
        """
        begin = len(self._rows), len(self._parts)
        for part in _periods(len(cells)):
            middle_s = float(times_s[part].mean())
            total, energy = float(sync.total[part].sum()), float(sync.energy[part].sum())
            self._rows.append([middle_s, total, energy, 0.0, 0.0])
        totals, energies = _sum_parts(sync)
        middles_s = times_s[::_N_PART_CELLS] + 0.5 * (_N_PART_CELLS - 1) * FORMAT_1.cell_s
        for middle_s, total, energy in zip(middles_s.tolist(), totals, energies, strict=True):
            self._parts.append([middle_s, total, energy, 0.0, 0.0])
        if self._code is None:
            self._kept.append((begin, cells, slots))
        else:
            self._judge(begin, cells, slots)

    def learn(self, code: Signs) -> None:
        """Set the signs of the data cells, shape (n_periods * n_cells, n_bands)."""
        self._code = code
        while self._kept:
            self._judge(*self._kept.popleft())

    def sum_bursts(self) -> list[Floats]:
        """Return the kept cells where the voice seems to be present, summed by place.

        Returns
        -------
        sums : list of np.ndarray, shape=(n_periods * n_cells, n_bands)
            Sums over all such stretches together and, if there are several, of the longest alone;
            empty if the voice was already decoded, or is present nowhere.
        """
        if self._code is not None or not self._kept:
            return []
        first = self._kept[0][0][1]
        parts = np.array(self._parts[first:])
        box = np.ones(_N_BURST_PARTS)
        total = np.convolve(parts[:, 1], box, mode="same")
        present = _scores(total, np.convolve(parts[:, 2], box, mode="same")) >= _LOCAL_PRESENCE
        edges = np.flatnonzero(np.diff(present, prepend=False, append=False)).reshape(-1, 2)
        if len(edges) == 0:
            return []
        begin, end = max(edges.tolist(), key=lambda edge: edge[1] - edge[0])
        longest = np.zeros_like(present)
        longest[begin:end] = True
        chosen = [present, longest] if len(edges) > 1 else [present]
        return [self._sum_parts(first, one) for one in chosen]

    def _sum_parts(self, first: int, chosen: npt.NDArray[np.bool_]) -> Floats:
        """Sum the cells of chosen quarters of periods, counted from the first one kept."""
        sums = np.zeros((CELLS_PER_SUPERFRAME, self._kept[0][1].shape[1]), dtype=np.float32)
        for (_, begin), cells, slots in self._kept:
            inside = chosen[begin - first + np.arange(len(cells)) // _N_PART_CELLS]
            np.add.at(sums, slots[inside] % CELLS_PER_SUPERFRAME, cells[inside])
        return sums

    def settle(self) -> None:
        """Discard the cells kept for decoding: the voice has ended."""
        self._kept.clear()

    def evidence(self) -> tuple[tuple[float, float], ...]:
        """Return times in seconds and local scores over about two periods."""
        if not self._rows:
            return ()
        rows = np.array(sorted(self._rows))
        z = _scores(
            _smooth(rows[:, 1] + rows[:, 3]), _smooth(rows[:, 2] + rows[:, 4], squared=True)
        )
        return tuple((float(t), float(s)) for t, s in zip(rows[:, 0], z, strict=True))

    def segments_s(self, *, duration_s: float) -> tuple[tuple[float, float], ...]:
        """Return the intervals in which the voice is present, in seconds."""
        if not self._rows:
            return ()
        rows = np.array(sorted(self._rows))
        local = np.array(self.evidence())[:, 1]
        own = _scores(rows[:, 1] + rows[:, 3], rows[:, 2] + rows[:, 4])
        marked = (local >= _LOCAL_PRESENCE) & ~_is_another(rows)
        if marked.any():
            marked &= own >= max(_OWN_PRESENCE, _OWN_SHARE * float(np.median(own[marked])))
        half = FORMAT_1.period_s / 2
        segments: list[tuple[float, float]] = []
        for time_s in rows[marked, 0].tolist():
            begin, end = max(time_s - half, 0.0), min(time_s + half, duration_s)
            if segments and begin <= segments[-1][1] + 2.1 * half:
                segments[-1] = (segments[-1][0], max(end, segments[-1][1]))
            else:
                segments.append((begin, end))
        return _without(segments, self._holes_s(rows[marked]))

    def _holes_s(self, marked: Doubles) -> list[tuple[float, float]]:
        """Return the intervals with sound but without the mark, in seconds.

        Parameters
        ----------
        marked : np.ndarray, shape=(n, 5)
            The periods in which the voice is present.
        """
        if len(marked) == 0:
            return []
        parts = np.array(sorted(self._parts))
        total, energy = marked[:, 1] + marked[:, 3], marked[:, 2] + marked[:, 4]
        gain = _HALF_STRENGTH * float(total.sum() / max(energy.sum(), 1e-30))
        # Scores have a mean of this gain times their energy if marked, else zero, and their
        # energy as variance: the logarithm of the ratio of both densities.
        absent = 0.5 * gain**2 * (parts[:, 2] + parts[:, 4]) - gain * (parts[:, 1] + parts[:, 3])
        half_s = 0.5 * _N_PART_CELLS * FORMAT_1.cell_s
        holes = _stretches(absent, price=_HOLE_PRICE)
        return [
            (float(parts[a, 0]) - half_s, float(parts[b - 1, 0]) + half_s)
            for a, b in holes
            if b - a >= _LEAST_HOLE_PARTS
        ]

    def _judge(self, begin: tuple[int, int], cells: Floats, slots: npt.NDArray[np.int64]) -> None:
        """Compare the data cells of periods that were already counted."""
        if self._code is None:
            return
        data = agree(cells, self._code[slots % CELLS_PER_SUPERFRAME])
        for row, part in zip(self._rows[begin[0] :], _periods(len(cells)), strict=False):
            row[3:] = float(data.total[part].sum()), float(data.energy[part].sum())
        sums = zip(self._parts[begin[1] :], *_sum_parts(data), strict=False)
        for row, total, energy in sums:
            row[3:] = total, energy


def _sum_parts(agreement: Agreement) -> tuple[list[float], list[float]]:
    """Return the agreement and the energy of each quarter of a period."""
    starts = np.arange(0, len(agreement.total), _N_PART_CELLS)
    total, energy = np.add.reduceat(np.stack([agreement.total, agreement.energy]), starts, axis=1)
    return total.tolist(), energy.tolist()


def _periods(n: int) -> list[slice]:
    return [slice(i, i + FORMAT_1.n_cells) for i in range(0, n, FORMAT_1.n_cells)]


def _stretches(gains: Doubles, *, price: float) -> list[tuple[int, int]]:
    """Return the stretches of positive gains that are worth a price: the best choice of all."""
    inside, outside = -price, 0.0
    came: list[tuple[bool, bool]] = []
    for gain in gains.tolist():
        # Whether each state was entered from inside.
        came.append((inside >= outside - price, inside > outside))
        inside, outside = max(inside, outside - price) + gain, max(outside, inside)
    at = inside > outside
    found: list[tuple[int, int]] = []
    for k in range(len(came) - 1, -1, -1):
        if at:
            found = (
                [(k, found[0][1]), *found[1:]]
                if found and found[0][0] == k + 1
                else [(k, k + 1), *found]
            )
        at = came[k][0] if at else came[k][1]
    return found


def _without(
    segments: list[tuple[float, float]], holes: list[tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Return segments without the holes in them."""
    left: list[tuple[float, float]] = []
    for begin, end in segments:
        for first, last in holes:
            if first < end and last > begin:
                if first > begin:
                    left.append((begin, first))
                begin = last
        if begin < end:
            left.append((begin, end))
    return tuple(left)


def _smooth(values: Doubles, *, squared: bool = False) -> Doubles:
    weights = _SMOOTHING**2 if squared else _SMOOTHING
    return np.convolve(values, weights)[1:-1]


def _scores(total: Doubles, energy: Doubles) -> Doubles:
    return total / np.maximum(np.sqrt(energy), 1e-30)


def _is_another(rows: Doubles) -> npt.NDArray[np.bool_]:
    """Return where the sync cells are marked, but the data cells are not this voice's."""
    sync, sync_energy = _smooth(rows[:, 1]), _smooth(rows[:, 2], squared=True)
    data, data_energy = _smooth(rows[:, 3]), _smooth(rows[:, 4], squared=True)
    share = _OTHER_SHARE * data_energy / np.maximum(sync_energy, 1e-30)
    missing = share * sync - data
    return missing >= _OTHER_SCORE * np.sqrt(data_energy + share**2 * sync_energy + 1e-30)
