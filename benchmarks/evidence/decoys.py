"""Search windows of audio for thousands of decoy patterns, exactly as the detector searches.

A decoy is a pattern made like the true one from another label.  Audio has nothing to do with it, so
whatever it scores is a false alarm.  What a window needs is computed once; a decoy then costs some
microseconds.  As in the detector a window is two chunks of 10.24 s that overlap by half, searched
at 320 offsets, and where that reaches the gate at 640 more; or a long one of up to eight chunks, or
a short one of two periods, each searched at 320.

Every trial draws a label of its own.  Given the audio, the trials are then independent, whatever
they share of it, and counts of them have the tails of the binomial distribution or lighter ones
(Hoeffding, "On the distribution of the number of successes in independent trials", 1956).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sottovoce.core.evidence import log10_p_value
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.search import fold, offset_scores, sync_spectra
from sottovoce.core.tracking import HALF_FRAMES_PER_PERIOD
from sottovoce.core.windows import (
    GATE,
    HYPOTHESES_PER_WINDOW,
    LONG_CHUNKS,
    count_hypotheses,
    ends_long_window,
    fold_short_windows,
)
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "P_LEVELS",
    "Tally",
    "Window",
    "binomial_excess",
    "clopper_pearson",
    "make_windows",
    "search_decoys",
    "search_window",
]

P_LEVELS = np.round(np.arange(0.0, -9.01, -0.25), 2)
"""Logarithms to base 10 of the p-values at which the tail is counted."""
SCORE_EDGES = np.round(np.arange(0.0, 8.001, 0.1), 3)
_BATCH = 250

Floats = npt.NDArray[np.float32]
Kind = Literal["ordinary", "long", "short"]


class Window:
    """What is searched at once: scores folded on the plain grid and, when needed, on the fine one.

    Parameters
    ----------
    plain : np.ndarray, shape=(n_period, n_bands)
        Folded scores.
    kind : {"ordinary", "long", "short"}
        Two chunks, up to eight, or two periods.
    chunks : range
        Numbers of the chunks in an ordinary window, for its fine grid.
    source : _Chunks or None
        What measures them.
    """

    def __init__(
        self,
        plain: Floats,
        kind: Kind,
        *,
        chunks: range = range(0),
        source: _Chunks | None = None,
    ) -> None:
        self.plain = plain
        self.kind = kind
        self.n_hypotheses = FORMAT_1.n_period_frames if source is None else HYPOTHESES_PER_WINDOW
        self._chunks, self._source = chunks, source

    def fine(self) -> Floats | None:
        """Return an ordinary window folded on the fine grid, None of the other kinds."""
        if self._source is None:
            return None
        return np.sum([self._source.fine_fold(n) for n in self._chunks], axis=0, dtype=np.float32)


class _Chunks:
    """Chunks of one recording, each measured once."""

    def __init__(self, y: Floats, sr: int) -> None:
        self._front_end = FrontEnd(sr=sr)
        self._front_end.push(np.atleast_2d(y))
        self._front_end.finish()
        self.n = self._front_end.n_chunks(ended=True)
        self._scores: dict[int, Floats] = {}
        self._plain: dict[int, Floats] = {}
        self._fine: dict[int, Floats] = {}

    def scores(self, number: int) -> Floats:
        if number not in self._scores:
            self._scores[number] = self._front_end.scores(number)
            self._plain[number] = fold(self._scores[number])
        return self._scores[number]

    def plain_fold(self, numbers: range) -> Floats:
        for number in numbers:
            self.scores(number)
        return np.sum([self._plain[n] for n in numbers], axis=0, dtype=np.float32)

    def fine_fold(self, number: int) -> Floats:
        if number not in self._fine:
            fine = self._front_end.fine_scores(number, self._scores[number])
            self._fine[number] = fold(fine, n_period=HALF_FRAMES_PER_PERIOD)
        return self._fine[number]


def make_windows(y: Floats, sr: int) -> Iterator[Window]:
    """Cut audio into the windows that the detector searches, none for audio that is too short."""
    chunks = _Chunks(y, sr)
    for chunk in range(chunks.n):
        final = chunk == chunks.n - 1
        if chunk > 0 or final:
            numbers = range(max(chunk - 1, 0), chunk + 1)
            plain = chunks.plain_fold(numbers)
            yield Window(plain, "ordinary", chunks=numbers, source=chunks)
        if ends_long_window(chunk, final=final):
            first = max(chunk - LONG_CHUNKS + 1, 0)
            yield Window(chunks.plain_fold(range(first, chunk + 1)), "long")
    if chunks.n:
        scores = np.concatenate([chunks.scores(chunk) for chunk in range(chunks.n)])
        # What is no longer than one short window has been searched as a whole.
        if count_hypotheses(len(scores))[2]:
            yield from (Window(plain, "short") for plain in fold_short_windows(scores))


def search_window(window: Window, spectra: npt.NDArray[np.complex64]) -> tuple[Floats, Floats]:
    """Search a window for patterns.

    Parameters
    ----------
    window : Window
        From `make_windows`.
    spectra : np.ndarray
        From `sync_spectra`, of labels.

    Returns
    -------
    best : np.ndarray, shape=(n_patterns,)
        Best score of each on the grids that the detector would search.
    plain : np.ndarray, shape=(n_offsets, n_patterns)
        Scores on the plain grid.
    """
    plain = offset_scores(window.plain[None], spectra=spectra)[0]
    best = plain.max(axis=0)
    shown = np.flatnonzero(best >= GATE)
    folded = window.fine() if len(shown) else None
    if folded is not None:
        fine = offset_scores(folded[None], spectra=spectra[..., shown])[0]
        best[shown] = np.maximum(best[shown], fine.max(axis=0))
    return best, plain


@dataclass(slots=True)
class Tally:
    """Counts over trials; they add up.

    Attributes
    ----------
    n_trials : int
        Searches of one window for one pattern.
    at_or_under : np.ndarray, shape=(len(P_LEVELS),)
        Trials whose p-value is at most each level.
    n_scores : int
        Single scores on the plain grid.
    scores_at_or_over : np.ndarray, shape=(len(SCORE_EDGES),)
        Single scores of at least each edge.
    smallest : list of float
        The smallest logarithms of p-values.
    """

    n_trials: int = 0
    at_or_under: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(P_LEVELS), dtype=np.int64)
    )
    n_scores: int = 0
    scores_at_or_over: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(SCORE_EDGES), dtype=np.int64)
    )
    smallest: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the counts of other trials."""
        self.n_trials += other.n_trials
        self.at_or_under += other.at_or_under
        self.n_scores += other.n_scores
        self.scores_at_or_over += other.scores_at_or_over
        self.smallest = sorted([*self.smallest, *other.smallest])[:5]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        return {
            "n_trials": self.n_trials,
            "at_or_under": self.at_or_under.tolist(),
            "n_scores": self.n_scores,
            "scores_at_or_over": self.scores_at_or_over.tolist(),
            "smallest_log10_p": [round(p, 3) for p in self.smallest],
        }


def search_decoys(windows: list[Window], *, n_decoys: int, name: str) -> Tally:
    """Search each window for decoys of its own.

    Parameters
    ----------
    windows : list of Window
        Windows of one recording.
    n_decoys : int
        Patterns for each window, none of them used twice; a fifth for short windows, of which
        there are four in the time between two others.
    name : str
        Start of their labels, ASCII; different for every recording.
    """
    tally = Tally()
    for number, window in enumerate(windows):
        n_own = -(-n_decoys // 5) if window.kind == "short" else n_decoys
        for begin in range(0, n_own, _BATCH):
            count = min(_BATCH, n_own - begin)
            labels = tuple(f"decoy {name} {number} {begin + i}" for i in range(count))
            best, plain = search_window(window, sync_spectra(labels))
            # Every label that was ever asked for is kept otherwise.
            make_sync_signs.cache_clear()
            log10_p = log10_p_value(best, n_hypotheses=window.n_hypotheses)
            tally.add(_count(log10_p, plain))
    return tally


def _count(log10_p: npt.NDArray[np.float64], plain: Floats) -> Tally:
    ranked = np.sort(log10_p)
    positive = plain[plain > 0]
    bins = np.minimum((positive * np.float32(10)).astype(np.int64), len(SCORE_EDGES) - 1)
    counts = np.bincount(bins, minlength=len(SCORE_EDGES))
    counts[0] += plain.size - positive.size - np.count_nonzero(plain < 0)
    return Tally(
        n_trials=len(ranked),
        at_or_under=np.searchsorted(ranked, P_LEVELS, side="right"),
        n_scores=plain.size,
        scores_at_or_over=counts[::-1].cumsum()[::-1],
        smallest=ranked[:5].tolist(),
    )


def clopper_pearson(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share, in 0 to 1."""
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    low = float(beta.ppf(tail, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf(1.0 - tail, count + 1, n - count)) if count < n else 1.0
    return low, high


def binomial_excess(tally: Tally) -> float:
    """Return the p-value of "more trials lie at or under some level than the bound allows".

    At each level x the count is compared with a binomial of share x, one-sided; the smallest of
    those tails is multiplied by the number of levels (Bonferroni) and cut at 1.
    """
    from scipy.stats import binom

    below = P_LEVELS < 0
    shares = 10.0 ** P_LEVELS[below]
    tails = binom.sf(tally.at_or_under[below] - 1, tally.n_trials, shares)
    return float(min(1.0, tails.min() * below.sum()))
