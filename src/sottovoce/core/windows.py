"""Windows of chunks at one speed and pitch: search them, start tracks and follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.evidence import log10_e_value, threshold
from sottovoce.core.front_end import CHUNK_FRAMES, FrontEnd
from sottovoce.core.payload_reading import find_candidates
from sottovoce.core.pooling import Pool
from sottovoce.core.roster import Roster
from sottovoce.core.search import find_peaks, fold, offset_scores
from sottovoce.core.slips import HALF_FRAMES_PER_CELL
from sottovoce.core.tracking import HALF_FRAMES_PER_PERIOD, OTHER_SHARE, VoiceTrack
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.core.stretch import Stretch

__all__ = [
    "GATE",
    "HYPOTHESES_PER_WINDOW",
    "LONG_CHUNKS",
    "SHORT_SHARE",
    "WindowSearch",
    "count_hypotheses",
    "ends_long_window",
    "fold_short_windows",
    "price_hypotheses",
]

GATE = 4.2
"""Score on the plain grid from which the fine grid is searched.  It lost none of 7,000 detections
and opens for less than 1 % of unmarked windows."""
HYPOTHESES_PER_WINDOW = FORMAT_1.n_period_frames + HALF_FRAMES_PER_PERIOD
SHORT_SHARE = 0.1
"""Share of the allowed false alarms for short windows: many offsets for a tenth of them cost the
other windows 0.3 % of their score, and find audio that was cut up or shifted."""
LONG_CHUNKS = 8
_LONG_STEP = 4
_FOLLOWING = 4.5
"""Score at which a voice that is already known counts as seen again."""
_MOST_DRIFT = HALF_FRAMES_PER_CELL // 2
_SIDE_LOBES = 3 * HALF_FRAMES_PER_CELL // 2
"""Half frames around a strong mark within which its own side lobes would pass for other voices."""
_SAME_SHARE = 0.5
"""Share of the expected score of a voice's data cells from which a nearby peak is its own."""

Floats = npt.NDArray[np.float32]


def count_hypotheses(n_frames: int) -> tuple[int, int, int]:
    """Return into how many windows `WindowSearch` cuts audio, and how many hypotheses it tries.

    Parameters
    ----------
    n_frames : int
        Frames of the whole audio.

    Returns
    -------
    n_windows, n_hypotheses, n_short_hypotheses : int
        Windows of two chunks; offsets of both grids in them, and those of long windows; offsets
        of short windows.
    """
    last = -(-n_frames // CHUNK_FRAMES) - 1
    n_windows = max(last, 1)
    n_long = sum(ends_long_window(chunk, final=chunk == last) for chunk in range(last + 1))
    n_periods = -(-n_frames // FORMAT_1.n_period_frames)
    n_short = n_periods - 1 if n_periods > 2 else 0
    n = FORMAT_1.n_period_frames
    return n_windows, n_windows * HYPOTHESES_PER_WINDOW + n_long * n, n_short * n


def ends_long_window(chunk: int, *, final: bool) -> bool:
    """Return whether a long window ends with a chunk, the last one of the audio or another."""
    return chunk > 1 and (final or chunk % _LONG_STEP == _LONG_STEP - 1)


def price_hypotheses(n: int, n_short: int, *, share: float = 1.0) -> tuple[float, float]:
    """Return the number of hypotheses to pay for, for both kinds of windows.

    Each kind may use a share of the allowed false alarms; a hypothesis then costs as much as if
    there were the kind's number over its share of them.

    Parameters
    ----------
    n, n_short : int
        Hypotheses of windows of two or more chunks, and of short windows.
    share : float in (0, 1]
        Share of the allowed false alarms for both kinds together.

    Returns
    -------
    n_paid, n_short_paid : float
        For `log10_p_value` and `threshold`.  Without short windows the others have the whole share,
        and the second is 0.
    """
    short_share = share * SHORT_SHARE if n_short else 0.0
    return n / (share - short_share), n_short / short_share if n_short else 0.0


def fold_short_windows(scores: Floats) -> Floats:
    """Cut scores into short windows, two periods that overlap by one, and fold each.

    Parameters
    ----------
    scores : np.ndarray, shape=(..., n_frames, n_bands)
        On the plain grid.

    Returns
    -------
    folded : np.ndarray, shape=(..., n_windows, n_period_frames, n_bands)
        One window fewer than periods; the last one is padded with zeros.
    """
    n = FORMAT_1.n_period_frames
    missing = -scores.shape[-2] % n
    widths = [(0, 0)] * (scores.ndim - 2) + [(0, missing), (0, 0)]
    periods = np.pad(scores, widths).reshape(*scores.shape[:-2], -1, n, scores.shape[-1])
    folded: Floats = periods[..., 1:, :, :] + periods[..., :-1, :, :]
    return folded


class WindowSearch:
    """Windows, tracks and counts at one speed and pitch.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.
    stretch : Stretch
        Assumed speed and pitch of the audio.
    max_fpr : float
        Allowed probability of a false alarm.
    sealed : bool
        Whether tracks keep the data for the test of a seal.
    short : bool
        Whether to search short windows as well.
    """

    def __init__(
        self, sr: float, stretch: Stretch, *, max_fpr: float, sealed: bool, short: bool = False
    ) -> None:
        self.front_end = FrontEnd(sr=sr, speed=stretch.speed, pitch=stretch.pitch)
        self.stretch = stretch
        self.start_s = 0.0
        self.roster = Roster()
        self.best_score = 0.0
        self.best_short_score = 0.0
        self.n_windows = 0
        self.n_hypotheses = 0
        self.n_short_hypotheses = 0
        self.log10_e: list[float] = []
        self._max_fpr = max_fpr
        self._sealed = sealed
        self._short = short
        self._next = 0
        self._plain: list[Floats] = []
        self._fine: dict[int, Floats] = {}
        self._folds: list[Floats] = []
        self._pool = Pool()

    @property
    def tracks(self) -> list[VoiceTrack]:
        """Every voice that was found, in the order of their start."""
        return self.roster.tracks

    def push(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Append audio."""
        self.front_end.push(block)

    def finish(self) -> None:
        """Process the end of the audio."""
        self.front_end.finish()

    def has_next(self, *, ended: bool) -> bool:
        """Return whether another chunk can be scored."""
        return self._next < self.front_end.n_chunks(ended=ended)

    def forget(self) -> None:
        """Discard audio that is no longer needed."""
        self.front_end.forget(self._next)

    def advance(self, *, ended: bool) -> bool:
        """Score the next chunk, search the windows that end with it; return whether any do."""
        chunk = self._next
        self._next += 1
        plain = self.front_end.scores(chunk)
        self._plain = [*self._plain[-1:], plain]
        self._fine = {c: f for c, f in self._fine.items() if c >= chunk - 1}
        self._folds = [*self._folds[1 - LONG_CHUNKS :], fold(plain)]
        final = ended and self._next == self.front_end.n_chunks(ended=True)
        if chunk == 0 and not final:
            self._search_short_windows(chunk)
            return False
        self.roster.review(since=2 * max(chunk - 1, 0) * CHUNK_FRAMES)
        self._search_window(chunk)
        self._search_short_windows(chunk)
        if ends_long_window(chunk, final=final):
            self._search_long_window(chunk)
        for track in self.roster.followed:
            track.read()
        self._pool.read()
        return True

    def join_tracks(
        self, known: Sequence[Notice] = (), *, n_looks: int = 1
    ) -> dict[int, VoiceTrack]:
        """Return which voices are parts of one, after a jump or through slips.

        Parameters
        ----------
        known : sequence of Notice
            Notices to test the voices for that no payload was read of.
        n_looks : int
            How often they have been tested, this time included.

        Returns
        -------
        paths : dict of int to VoiceTrack
            As from `Pool.join`.
        """
        self.roster.finish()
        paths = self._pool.join(self.tracks)
        read = [t.reading for t in [*self.tracks, *paths.values()] if t.reading is not None]
        readings = {reading.notice: reading for reading in read}
        unread = [track for track in self.tracks if track.reading is None]
        told = list(readings.values())
        sums = [track.sums for track in unread]
        for track, candidates in zip(unread, find_candidates(sums, told), strict=True):
            any(track.adopt(told[number]) for number in candidates)
            if track.reading is None:
                track.match(known, n_looks=n_looks)
        return paths

    def _search_window(self, chunk: int) -> None:
        self.n_windows += 1
        self.n_hypotheses += HYPOTHESES_PER_WINDOW
        folded = sum(self._folds[-2:])
        plain = offset_scores(np.asarray(folded)[None])[0]
        self.best_score = max(self.best_score, float(plain.max()))
        self.log10_e.append(float(log10_e_value(plain)))
        if plain.max() < GATE and not self.roster.followed:
            return
        chunks = range(max(chunk - 1, 0), chunk + 1)
        folded = sum(fold(self._fine_scores(c), n_period=HALF_FRAMES_PER_PERIOD) for c in chunks)
        z = offset_scores(np.asarray(folded)[None])[0]
        # Both grids are paid for, so the better of the two counts at each offset.
        np.maximum(z[::2], plain, out=z[::2])
        self.best_score = max(self.best_score, float(z.max()))
        self._follow(z, chunk)

    def _search_short_windows(self, chunk: int) -> None:
        """Search two periods at a time, for pieces that were cut out and for jumps in time."""
        n_period = FORMAT_1.n_period_frames
        # Audio no longer than one short window has been searched as a whole.
        if not self._short or (chunk == 0 and len(self._plain[-1]) <= 2 * n_period):
            return
        before = self._plain[-2][-n_period:] if chunk else self._plain[-1][:0]
        folded = fold_short_windows(np.concatenate([before, self._plain[-1]]))
        self.n_short_hypotheses += len(folded) * n_period
        least = threshold(self._max_fpr * SHORT_SHARE, n_hypotheses=self.n_short_hypotheses)
        z = offset_scores(folded)
        self.best_short_score = max(self.best_short_score, float(z.max()))
        for row in z[z.max(axis=1) >= least]:
            for offset, score in find_peaks(row, least=least, n_steps=_SIDE_LOBES // 2):
                self._start_track_unless_known(2 * offset, score, chunk, short=True)

    def _search_long_window(self, chunk: int) -> None:
        """Search up to eight chunks at once, for marks too weak for two; plain grid only."""
        self.n_hypotheses += FORMAT_1.n_period_frames
        z = offset_scores(np.asarray(sum(self._folds))[None])[0]
        self.best_score = max(self.best_score, float(z.max()))
        for offset, score in find_peaks(z, least=self._least(), n_steps=_SIDE_LOBES // 2):
            self._start_track_unless_known(2 * offset, score, chunk)

    def _start_track_unless_known(
        self, offset: int, score: float, chunk: int, *, short: bool = False
    ) -> None:
        if all(abs(track.distance(offset)) > _SIDE_LOBES for track in self.roster.followed):
            self._start_track(offset, score, chunk, short=short)

    def _least(self) -> float:
        return threshold(self._max_fpr, n_hypotheses=self.n_hypotheses)

    def _follow(self, z: Floats, chunk: int) -> None:
        """Assign the peaks of a window to tracks, then add the new chunk to every track."""
        least = self._least()
        new: list[tuple[int, float]] = []
        for offset, score in find_peaks(z, least=_FOLLOWING, n_steps=_SIDE_LOBES):
            track = self._recognise(offset, chunk)
            if track is not None:
                track.move(offset, score)
            elif score >= least:
                new.append((offset, score))
        fine, first = self._fine_scores(chunk), 2 * chunk * CHUNK_FRAMES
        for track in self.roster.followed:
            self._pool.fork(track, fine, first)
            track.add(fine, first)
        self._pool.add(fine, first)
        for offset, score in new:
            self._start_track(offset, score, chunk)

    def _recognise(self, offset: int, chunk: int) -> VoiceTrack | None:
        """Return the voice to which a peak belongs, or None if it is new.

        A drifting clock moves a voice by less than half a cell in a window.  Farther away, or if
        several voices are possible, the data cells decide.
        """
        near = [t for t in self.roster.followed if abs(t.distance(offset)) <= _SIDE_LOBES]
        fine, first = self._fine_scores(chunk), 2 * chunk * CHUNK_FRAMES
        others: list[VoiceTrack] = []
        best: tuple[float, VoiceTrack] | None = None
        for track in near:
            affinity = track.affinity(fine, first, offset)
            if affinity is None:
                continue
            share, deviation = affinity
            if share + 2 * deviation < OTHER_SHARE:
                others.append(track)
            elif share >= _SAME_SHARE and (best is None or share > best[0]):
                best = share, track
        if best is not None:
            return best[1]
        drifted = [t for t in near if t not in others and abs(t.distance(offset)) <= _MOST_DRIFT]
        return min(drifted, key=lambda t: abs(t.distance(offset)), default=None)

    def _start_track(self, offset: int, score: float, chunk: int, *, short: bool = False) -> None:
        track = VoiceTrack(offset, keep_superframes=self._sealed)
        if short:
            track.short_score = score
        else:
            track.score = score
        numbers = range(max(chunk - 1, 0), chunk + 1)
        chunks = [(self._fine_scores(c), 2 * c * CHUNK_FRAMES) for c in numbers]
        for fine, first in chunks:
            track.add(fine, first)
            track.heard_until = first + len(fine)
        self._pool.start(track, chunks)
        self.roster.add(track)

    def _fine_scores(self, chunk: int) -> Floats:
        if chunk not in self._fine:
            plain = self._plain[chunk - self._next]
            self._fine[chunk] = self.front_end.fine_scores(chunk, plain)
        return self._fine[chunk]
