"""Follow one marked voice through the audio: its offset, its presence, its payload.

Offsets are counted in half frames (4 ms) of the fine grid and are not reduced modulo the
period once a voice is followed, so a drifting clock or a slip moves the offset but
never the count of cells: the data on both sides of a slip add up.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.known_payload import KnownMatch, match_known
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.payload_reading import (
    PayloadReading,
    compare_payload,
    make_code,
    match_payload,
    read_payload,
)
from sottovoce.core.presence import CELLS_PER_SUPERFRAME, Presence, agree
from sottovoce.core.seal import SealMatch, measure_seal
from sottovoce.core.slips import HALF_FRAMES_PER_CELL, SCORE_GAIN, SLIP_PRICE, follow_slips
from sottovoce.core.soft_cells import SoftCells
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.payload import Notice

__all__ = ["HALF_FRAMES_PER_PERIOD", "OTHER_SHARE", "VoiceTrack", "circular_distance"]

HALF_FRAMES_PER_PERIOD = 2 * FORMAT_1.n_period_frames
OTHER_SHARE = 0.6
"""Share of the expected score of the data cells below which it is certainly another voice."""
_CHUNK_PRESENCE = 2.0
_TELLING = 3.0
"""Expected score of the data cells of a chunk that is needed to distinguish two voices."""
_MOST_SEALED_SUPERFRAMES = 32
_MOST_RUNS = 256
_N_PARTS = 80
"""Parts of a superframe, four cells long, in which two superframes are compared."""
_BY_PERIOD = (FORMAT_1.n_periods, FORMAT_1.n_cells, -1)
"""Shape of the sums over a superframe from which payloads are read."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class VoiceTrack:
    """A voice that is being followed.

    Parameters
    ----------
    offset : int
        Half frame at which some cell 0 of a period is centred.
    keep_superframes : bool
        Whether to keep single superframes for the test of a seal.
    slips : bool
        Whether to follow it through slips, from offset to offset.

    Attributes
    ----------
    score, short_score : float
        The best in windows of two or more chunks, and in short windows; 0 if not seen.
    matched : KnownMatch or None
        What `reading` rests on, if it was not decoded from this audio.
    heard_until : int
        Half frame of the audio at the end of the last chunk in which it seemed to be present.
    runs : list of (int, int)
        Half frame of the audio since which it is at an offset, and that offset; kept only if
        slips are followed.
    """

    def __init__(self, offset: int, *, keep_superframes: bool = False, slips: bool = False) -> None:
        self.offset = offset
        self.first_offset = offset
        self.score = 0.0
        self.short_score = 0.0
        self.n_looks = 0
        self.heard_until = 0
        self.reading: PayloadReading | None = None
        self.matched: KnownMatch | None = None
        self.runs: list[tuple[int, int]] = []
        self._slips = slips
        self._sums: Floats | None = None
        self._has_news = False
        self._presence = Presence()
        self._code: npt.NDArray[np.int8] | None = None
        self._superframes: dict[int, Floats] | None = {} if keep_superframes else None

    def distance(self, offset: int) -> int:
        """Return by how many half frames a peak at `offset` differs from this voice's."""
        return circular_distance(offset, self.offset)

    def move(self, offset: int, score: float) -> None:
        """Follow the voice to a new offset, less than half a period away."""
        self.offset += self.distance(offset)
        self.score = max(self.score, score)

    def fork(self) -> VoiceTrack:
        """Return a copy that is followed through slips from here on."""
        other = copy.deepcopy(self)
        other._slips = True
        other.runs = [] if self._sums is None else [(0, self.offset)]
        return other

    def affinity(self, fine: Floats, first: int, offset: int) -> tuple[float, float] | None:
        """Compare the sound at a nearby offset with this voice.

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
            Agreement of its data cells with those heard so far, as a share of what the sync cells
            predict, 1 for the same payload and about 0 for another, and its standard deviation;
            None if too little is predicted to tell.
        """
        if self._sums is None:
            return None
        cells, slots, _ = _take_cells(fine, first, self.offset + self.distance(offset))
        return self._compare(cells, slots)

    def _compare(self, cells: Floats, slots: Integers) -> tuple[float, float] | None:
        """Return the result of `affinity`, given cells."""
        if self._sums is None:
            return None
        rows = slots % CELLS_PER_SUPERFRAME
        signs = make_sync_signs()[slots % FORMAT_1.n_cells, : cells.shape[1]]
        heard = self._sums[rows]
        known = heard if self._code is None else self._code[rows, : cells.shape[1]]
        products = (cells * known)[signs == 0].astype(np.float64)
        # The surrounding sync cells predict how strong the data cells must be, part by part: the
        # earlier and the new sound may have their pauses in different places.
        part, n_data = rows * _N_PARTS // CELLS_PER_SUPERFRAME, (signs == 0).sum(axis=1)
        part = part.astype(np.intp, copy=False)  # in 32 bits `bincount` takes no others
        strength = _mean_by_part(part, signs * cells, signs)
        if self._code is None:
            strength = strength * _mean_by_part(part, signs * heard, signs)
        promised = float(strength @ np.bincount(part, n_data, minlength=_N_PARTS))
        noise = float(np.sqrt((products**2).sum()))
        if promised < max(_TELLING * noise, 1e-30):
            return None
        return float(products.sum() / promised), noise / promised

    def add(self, fine: Floats, first: int) -> None:
        """Add a chunk of scores.

        Parameters
        ----------
        fine : np.ndarray, shape=(n_half_frames, n_bands)
            From `interleave`; a whole number of superframes, or less at the end.
        first : int
            Number of its first half frame.
        """
        path = self._follow(fine, first) if self._slips else None
        cells, slots, middles = _take_cells(fine, first, self.offset if path is None else path)
        if path is not None:
            self.offset = int(path[-1])
        sync = agree(cells, make_sync_signs()[slots % FORMAT_1.n_cells])
        self._presence.add(cells, slots, middles * (FORMAT_1.frame_s / 2), sync)
        total = float(sync.total.sum()) / max(float(np.sqrt(sync.energy.sum())), 1e-30)
        if total < _CHUNK_PRESENCE:
            return
        if self._sums is None:
            self._sums = np.zeros((CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
        np.add.at(self._sums, slots % CELLS_PER_SUPERFRAME, cells)
        self._has_news = True
        self.heard_until = first + len(fine)
        if self._superframes is not None and len(self._superframes) < _MOST_SEALED_SUPERFRAMES:
            for index in np.unique(slots // CELLS_PER_SUPERFRAME):
                inside = slots // CELLS_PER_SUPERFRAME == index
                empty = np.zeros((CELLS_PER_SUPERFRAME, cells.shape[1]), dtype=np.float32)
                rows = self._superframes.setdefault(int(index), empty)
                rows[slots[inside] % CELLS_PER_SUPERFRAME] = cells[inside]

    def _follow(self, fine: Floats, first: int) -> Integers | None:
        """Return the offsets of a chunk with slips, or None without.

        A stretch where nothing seems to be marked is not a slip.  And two voices can be as close as
        the two sides of a slip: if the data cells are another voice's, they are left to that one.
        """
        path = follow_slips(fine, first, self.offset)
        if path is not None:
            edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
            cells, slots, _ = _take_cells(fine, first, path)
            before = self.offset
            for begin, end in itertools.pairwise(edges):
                part = slice(begin, end)
                if path[begin] != before and not self._went_there(cells[part], slots[part]):
                    path[part] = before
                before = int(path[begin])
        offsets = np.array([self.offset]) if path is None else path
        for at in np.flatnonzero(np.diff(offsets, prepend=offsets[:1] - 1)).tolist():
            if not self.runs or self.runs[-1][1] != offsets[at]:
                self.runs.append((first + HALF_FRAMES_PER_CELL * at, int(offsets[at])))
        del self.runs[:-_MOST_RUNS]
        return path

    def _went_there(self, cells: Floats, slots: Integers) -> bool:
        """Return whether cells at another offset are marked, and not certainly by another voice."""
        sync = agree(cells, make_sync_signs()[slots % FORMAT_1.n_cells])
        total, energy = SCORE_GAIN * float(sync.total.sum()), float(sync.energy.sum())
        if total - 0.5 * SCORE_GAIN**2 * energy < SLIP_PRICE:
            return False
        affinity = self._compare(cells, slots)
        return affinity is None or affinity[0] + 2 * affinity[1] >= OTHER_SHARE

    def read(self) -> None:
        """Try to decode the payload from everything added so far, until it has been read.

        If nothing was added since the last attempt, another cannot succeed: it is counted as a
        check all the same, but not made.
        """
        if self.sums is None or self.reading is not None:
            return
        self.n_looks += 1
        if self._has_news:
            self._has_news = False
            self._learn(read_payload(self.sums, n_looks=self.n_looks))

    def adopt(self, reading: PayloadReading) -> bool:
        """Adopt another track's payload, if this track's data cells agree with it.

        Parameters
        ----------
        reading : PayloadReading
            The payload of a track with another offset.

        Returns
        -------
        same : bool
            Whether both are one voice, before and after a jump.
        """
        if self.sums is None or self.reading is not None:
            return False
        self._learn(match_payload(self.sums, reading))
        return self.reading is not None

    def match(self, known: Sequence[Notice], *, n_looks: int) -> None:
        """Test it for payloads that are known beforehand, if none has been read.

        Parameters
        ----------
        known : sequence of Notice
            What to try.
        n_looks : int
            How often this voice has been tested for them, this time included.
        """
        cells = self.cells
        if not known or cells is None:
            return
        self.matched = match_known(cells, known, n_looks=n_looks)
        if self.matched is not None:
            one = self.matched
            self._learn(PayloadReading(one.notice, one.alignments[0], one.log10_p, 0.0))

    def contradicts(self, reading: PayloadReading) -> bool:
        """Return whether this track's data cells certainly disagree with a payload."""
        if self.sums is None:
            return False
        matches = compare_payload(self.sums, reading)
        return all(share + 2 * deviation < OTHER_SHARE for _, share, deviation in matches)

    @property
    def sums(self) -> Floats | None:
        """Everything added so far, shape (n_periods, n_cells, n_bands), or None before that."""
        return None if self._sums is None else self._sums.reshape(_BY_PERIOD)

    @property
    def cells(self) -> SoftCells | None:
        """Its data cells for tests to come, or None if it was decoded or has none."""
        decoded = self.reading is not None and self.matched is None
        return None if decoded or self.sums is None else SoftCells.from_sums(self.sums)

    def settle(self) -> None:
        """Try to decode it from its segments alone, then discard the data needed only to follow it.

        For a voice that was present for a few seconds among many others, those seconds alone tell
        more than a whole chunk.
        """
        for sums in self._presence.sum_bursts():
            if self.reading is None:
                self.n_looks += 1
                self._learn(read_payload(sums.reshape(_BY_PERIOD), n_looks=self.n_looks))
        self._presence.settle()

    @property
    def notice(self) -> Notice | None:
        """The decoded payload, or None."""
        return self.reading.notice if self.reading else None

    def test_seal(self, key: bytes) -> SealMatch | None:
        """Return how well it agrees with a key's seal, or None while that cannot be tested."""
        if self.reading is None or self._code is None or not self._superframes:
            return None
        parts = {number: rows.reshape(_BY_PERIOD) for number, rows in self._superframes.items()}
        return measure_seal(parts, key=key, alignment=self.reading.alignment, code=self._code)

    def evidence(self) -> tuple[tuple[float, float], ...]:
        """Return times in seconds and local scores over about two periods."""
        return self._presence.evidence()

    def segments_s(self, *, duration_s: float) -> tuple[tuple[float, float], ...]:
        """Return the intervals in which the voice is present, in seconds."""
        return self._presence.segments_s(duration_s=duration_s)

    def _learn(self, reading: PayloadReading | None) -> None:
        if reading is not None:
            self.reading = reading
            self._code = make_code(reading)
            self._presence.learn(self._code)


def circular_distance(offset: int, other: int) -> int:
    """Return by how many half frames two offsets differ, within half a period either way."""
    period = HALF_FRAMES_PER_PERIOD
    return (offset - other + period // 2) % period - period // 2


def _mean_by_part(
    part: Integers, agreement: Floats, signs: npt.NDArray[np.int8]
) -> npt.NDArray[np.float64]:
    """Return the mean agreement of the sync cells in each part of a superframe."""
    total = np.bincount(part, agreement.sum(axis=1), minlength=_N_PARTS)
    return total / np.maximum(np.bincount(part, (signs != 0).sum(axis=1), minlength=_N_PARTS), 1)


def _take_cells(
    fine: Floats, first: int, offset: int | Integers
) -> tuple[Floats, Integers, npt.NDArray[np.float64]]:
    """Return the cells of a chunk, their numbers, and the half frames of their centres.

    Parameters
    ----------
    fine : np.ndarray, shape=(n_half_frames, n_bands)
        Scores of a chunk.
    first : int
        Number of its first half frame.
    offset : int or np.ndarray
        Offset of the voice: one, or one for each stretch of eight half frames from `follow_slips`.
    """
    if isinstance(offset, int):
        n_cells = len(
            range((offset - first) % HALF_FRAMES_PER_CELL, len(fine), HALF_FRAMES_PER_CELL)
        )
        offsets = np.full(n_cells, offset)
    else:
        offsets = offset
    stretch = np.arange(len(offsets))
    lead = (offsets - first) % HALF_FRAMES_PER_CELL
    cells = fine[HALF_FRAMES_PER_CELL * stretch + lead]
    slots = stretch + (first + lead - offsets) // HALF_FRAMES_PER_CELL
    return cells, slots, first + lead + (stretch + 0.5) * HALF_FRAMES_PER_CELL
