"""Score many owner ids in soft cells, choose the best, and find its place among random ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.owner_code import (
    decoy_owner_ids,
    make_base_symbols,
    make_owner_symbols,
    near_owner_ids,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sottovoce.core.payload import Notice

__all__ = ["Contender", "Statistic", "find_best", "highest_of_pairs", "score_symbols"]

_BATCH_VALUES = 1 << 21
"""Scores that are held at a time: a few times 8 MB."""

Floats = npt.NDArray[np.float32]
Pair = tuple[int, int]
Statistic = Callable[[Floats], npt.NDArray[np.floating[Any]]]


@dataclass(frozen=True, slots=True)
class Contender:
    """The owner whose notices agree best, and what is needed to compare decoys with it.

    Attributes
    ----------
    soft : np.ndarray, shape=(n_clips, 4, 288), dtype=float32
        Weights summed over the cells of each coded bit.
    statistic : callable
        As for `find_best`.
    notice : Notice
        The notice that agrees best.
    value : float
        Its statistic.
    pairs : tuple of (int, int)
        Policies and years that were tried for this owner.
    n_notices, n_owners : int
        Notices and owners that were tried, each counted once.
    """

    soft: Floats
    statistic: Statistic
    notice: Notice
    value: float
    pairs: tuple[Pair, ...]
    n_notices: int
    n_owners: int

    def rank(self, n_ids: int) -> int:
        """Return the place of the owner among `n_ids` ids, itself included; 1 is the first.

        Decoys get the same policies, years and alignments to choose from.
        """
        decoys = decoy_owner_ids(n_ids - 1)
        values = highest_of_pairs(self.soft, decoys, self.pairs, self.statistic)
        return 1 + int(np.count_nonzero(values >= self.value))

    def beats_near_ids(self) -> bool:
        """Return whether the owner agrees better than every id that differs in one digit.

        Their code words differ in few bits, so a wrong digit in the question would be answered
        with yes.
        """
        near = near_owner_ids(self.notice.owner_id)
        values = highest_of_pairs(self.soft, near, self.pairs, self.statistic)
        return bool(np.all(values < self.value))

    def alignments(self) -> tuple[int, ...]:
        """Return at which start of the superframe each clip agrees best with the notice."""
        owner_id = np.array([self.notice.owner_id], dtype=np.uint64)
        pair = (int(self.notice.policy), self.notice.year)
        scores = score_symbols(self.soft, make_owner_symbols(owner_id), pair)
        return tuple(scores[0].argmax(axis=-1).tolist())


def find_best(soft: Floats, notices: Iterable[Notice], statistic: Statistic) -> Contender | None:
    """Find which of some notices agrees best with one clip or several.

    Parameters
    ----------
    soft : np.ndarray, shape=(n_clips, 4, 288), dtype=float32
        From `SoftCells.to_weights`, summed over the cells of each coded bit.
    notices : iterable of Notice
        What to try.
    statistic : callable
        Turns scores of shape (n, n_clips, 4) into values of shape (n,).

    Returns
    -------
    best : Contender or None
        None if there are no notices.
    """
    tried = list(dict.fromkeys(notices))
    by_pair: defaultdict[Pair, list[Notice]] = defaultdict(list)
    for notice in tried:
        by_pair[int(notice.policy), notice.year].append(notice)
    best: tuple[float, Notice] | None = None
    for pair, own in by_pair.items():
        ids = np.array([notice.owner_id for notice in own], dtype=np.uint64)
        values = highest_of_pairs(soft, ids, (pair,), statistic)
        at = int(values.argmax())
        if best is None or values[at] > best[0]:
            best = float(values[at]), own[at]
    if best is None:
        return None
    value, notice = best
    pairs = [(int(one.policy), one.year) for one in tried if one.owner_id == notice.owner_id]
    n_owners = len({one.owner_id for one in tried})
    return Contender(soft, statistic, notice, value, tuple(pairs), len(tried), n_owners)


def highest_of_pairs(
    soft: Floats,
    owner_ids: npt.NDArray[np.uint64],
    pairs: tuple[Pair, ...],
    statistic: Statistic,
) -> npt.NDArray[np.float64]:
    """Return for each owner id the highest statistic over policies and years.

    Parameters
    ----------
    soft : np.ndarray, shape=(n_clips, 4, 288)
        Weights summed over the cells of each coded bit.
    owner_ids : np.ndarray, shape=(n,), dtype=uint64
        What to try.
    pairs : tuple of (int, int)
        Policies and years.
    statistic : callable
        As for `find_best`.

    Returns
    -------
    values : np.ndarray, shape=(n,), dtype=float64
        One for each id.
    """
    step = max(1, _BATCH_VALUES // max(soft.size // soft.shape[-1], soft.shape[-1]))
    values = np.full(len(owner_ids), -np.inf)
    for begin in range(0, len(owner_ids), step):
        part = slice(begin, begin + step)
        symbols = make_owner_symbols(owner_ids[part])
        for pair in pairs:
            own = statistic(score_symbols(soft, symbols, pair))
            np.maximum(values[part], own, out=values[part])
    return values


def score_symbols(soft: Floats, symbols: Floats, pair: Pair) -> Floats:
    """Return the scores of owner ids under one policy and year.

    Parameters
    ----------
    soft : np.ndarray, shape=(n_clips, 4, 288)
        Weights summed over the cells of each coded bit.
    symbols : np.ndarray, shape=(n, 288)
        From `make_owner_symbols`.
    pair : (int, int)
        Policy and year.

    Returns
    -------
    scores : np.ndarray, shape=(n, n_clips, 4), dtype=float32
        By id, clip and alignment.
    """
    own = soft.reshape(-1, soft.shape[-1]) * make_base_symbols(*pair)
    return (symbols @ own.T).reshape(len(symbols), *soft.shape[:2])
