"""Test a marked voice for payloads that are known beforehand: two seconds instead of eight.

To read a payload is to choose among 2^64; whoever knows which owners to ask for chooses among a
few.  Two questions are answered, with one number each, and both must be answered well.

*Could this be chance?*  For audio that does not depend on the signs of the data cells, the score of
a payload is a weighted sum of fair signs, and its p-value is proved (`core.evidence`), times
everything that was tried: notices, alignments, looks.

*Could this be another owner's mark?*  Owner ids are hashes.  Given a mark of another owner, the id
that was asked about is as good as any random one, so its place among random ids has a known
distribution: to be the first of 10,000 has the probability 1/10,000, exactly, whatever the audio.

Both use the cells of owner-dependent bits only.  The proofs are in `docs/evidence.md`.  Neither
excludes an id that differs in one digit from the true one, so an id must also beat all of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.evidence import FOUND_FPR, log10_p_value
from sottovoce.core.known_search import find_best, score_symbols
from sottovoce.core.owner_code import make_owner_symbols
from sottovoce.core.payload import FIRST_YEAR, Notice
from sottovoce.core.policy import POLICIES, Use
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sottovoce.core.known_search import Contender
    from sottovoce.core.soft_cells import SoftCells

__all__ = [
    "N_IDS",
    "KnownMatch",
    "bound_spread",
    "make_usual_notices",
    "match_known",
    "pool_known",
    "rank_known",
    "score_known",
]

N_IDS = 10_000
"""Ids that are compared: the one asked about and 9,999 decoys."""
_MAX_LOG10_P = math.log10(FOUND_FPR)
_SLOPES = (3.0, 4.5, 6.5, 9.5, 14.0, 20.0)
"""Scores of a pool at which its e-value is nearly the best; between them it loses little."""
_BATCH_VALUES = 1 << 21
"""Inner products that are held at a time."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMatch:
    """A known payload that one voice, or all clips of a source, agree with.

    Attributes
    ----------
    notice : Notice
        Its owner is what was shown.  Its policy and year are those that agree best of the ones
        tried for this owner: they were assumed, not read.
    log10_p : float
        Logarithm to base 10 of a bound on the probability that audio which does not depend on
        the signs of the payload agrees so well with any that was tried.
    rank : int
        Place of the owner id among `n_ids`; 1 is the first.
    n_ids : int
        The owner id and its decoys.
    n_owners : int
        Owners that were tried.
    alignments : tuple of int
        For each clip, which period of its sum is the first of a superframe.
    """

    notice: Notice
    log10_p: float
    rank: int
    n_ids: int
    n_owners: int
    alignments: tuple[int, ...]

    @property
    def other_p(self) -> float:
        """Probability that another owner's mark puts any of the owners tried so far in front."""
        return min(1.0, self.n_owners * self.rank / self.n_ids)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence for JSON; the notice stands beside it."""
        return {
            "log10_p": round(self.log10_p, 3),
            "rank": self.rank,
            "n_ids": self.n_ids,
            "n_owners": self.n_owners,
            "other_p": round(self.other_p, 6),
        }


def make_usual_notices(owner_id: int, *, last_year: int) -> list[Notice]:
    """Return the notices that an owner's marks are likely to carry.

    Parameters
    ----------
    owner_id : int
        48 bits.
    last_year : int
        The present year: the first is 2026.

    Returns
    -------
    notices : list of Notice
        Every preset policy, alone and with the readiness to be asked, in every year.

    Examples
    --------
    >>> len(make_usual_notices(7, last_year=2027))
    12
    """
    policies = [policy | extra for policy in POLICIES.values() for extra in (Use(0), Use.LICENCE)]
    years = range(FIRST_YEAR, last_year + 1)
    return [Notice(owner_id=owner_id, policy=p, year=y) for y in years for p in policies]


def match_known(
    cells: SoftCells, notices: Iterable[Notice], *, n_looks: int = 1, n_ids: int = N_IDS
) -> KnownMatch | None:
    """Find which of some known notices a marked voice carries.

    Parameters
    ----------
    cells : SoftCells
        From a `Voice`.
    notices : iterable of Notice
        What to try: for each owner every policy and year that its marks may carry, see
        `sottovoce.core.known_payload.make_usual_notices`.  Each is paid for.
    n_looks : int
        How often this voice has been tested, this time included.
    n_ids : int
        Ids to compare the best owner with, itself included; at least 10,000.  A register of
        thousands of owners needs more.

    Returns
    -------
    match : KnownMatch or None
        The owner with the highest score, if p is at most 1e-6 and it is the first of all ids and
        of those that differ from it in one digit.

    Raises
    ------
    ParameterError
        If `n_looks` is less than 1 or `n_ids` less than 10,000.

    See Also
    --------
    sottovoce.pool_known : The same over many clips of one owner.

    Notes
    -----
    About 2 us for each notice; where p is low enough, 10 to 40 ms for the decoys.  Whoever tests
    the same cells for several lists has to count all of them, as `n_looks` or together in one.

    Examples
    --------
    >>> import numpy as np
    >>> import sottovoce as sv
    >>> y = np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * 0.1
    >>> notice = sv.Notice(owner_id=0x4F2A91C077DE)
    >>> marked = sv.protect(y, sr=16_000, notice=notice, phase_s=1.0)[48_000:72_000]
    >>> voice = sv.detect(marked, sr=16_000, keep_cells=True).voices[0]
    >>> match = sv.match_known(voice.cells, [notice])
    >>> match.notice == notice, match.rank, match.log10_p < -6
    (True, 1, True)
    """
    _check_counts(n_looks, n_ids)
    best = _find_best_in(cells, notices)
    if best is None:
        return None
    n_hypotheses = best.n_notices * FORMAT_1.n_periods * n_looks
    log10_p = float(log10_p_value(best.value, n_hypotheses=n_hypotheses))
    return _conclude(best, log10_p, n_ids)


def pool_known(
    clips: Sequence[SoftCells], notices: Iterable[Notice], *, n_looks: int = 1, n_ids: int = N_IDS
) -> KnownMatch | None:
    """Find which of some known notices the marked voices of many clips carry together.

    Each clip may start anywhere in its superframe: the likelihood ratio of each is averaged over
    the four alignments, and the ratios are multiplied.  The product is divided by what it may
    reach through clips that resemble each other, so copies of one clip count once.

    Parameters
    ----------
    clips : sequence of SoftCells
        From voices that all carry one notice if any of them carries one that is tried.
    notices, n_looks, n_ids
        As in `match_known`; looks of this pool.

    Returns
    -------
    match : KnownMatch or None
        As from `match_known`, by the pooled evidence.

    Raises
    ------
    ParameterError
        If `clips` is empty, `n_looks` less than 1 or `n_ids` less than 10,000.

    Notes
    -----
    The p-value is proved without assuming that clips are independent of each other.  It is invalid
    if clips were chosen by how well they agree with the notices.  That the mark is no other owner's
    is shown by the rank alone.  Time grows with the square of the number of clips, and with clips
    times `n_ids`.
    """
    if not clips:
        raise ParameterError("clips is empty: there is nothing to pool")
    _check_counts(n_looks, n_ids)
    weights = np.stack([cells.to_weights() for cells in clips])
    spread = bound_spread(weights)

    def log_e(scores: Floats) -> npt.NDArray[np.float64]:
        return _pooled_log_e(scores, spread)

    best = find_best(weights.sum(axis=-1), notices, log_e)
    if best is None:
        return None
    log10_e = best.value / math.log(10.0)
    log10_p = min(0.0, math.log10(best.n_notices * n_looks) - log10_e)
    return _conclude(best, log10_p, n_ids)


def rank_known(cells: SoftCells, notices: Iterable[Notice], *, n_ids: int = N_IDS) -> int | None:
    """Return the place of the best of some owners among random ids, however low its score.

    Parameters
    ----------
    cells, notices
        As in `match_known`.
    n_ids : int
        Ids that are compared, at least 1.

    Returns
    -------
    rank : int or None
        From 1 to `n_ids`; every place is equally likely for one owner if the mark is another's.
        None if there are no notices.

    Raises
    ------
    ParameterError
        If `n_ids` is less than 1.
    """
    _check_counts(1, n_ids, least_ids=1)
    best = _find_best_in(cells, notices)
    return None if best is None else best.rank(n_ids)


def score_known(cells: SoftCells, notices: Sequence[Notice]) -> Floats:
    """Return the scores of notices in the cells of a voice, before anything is paid for.

    Parameters
    ----------
    cells : SoftCells
        From a `Voice`.
    notices : sequence of Notice
        What to score.

    Returns
    -------
    scores : np.ndarray, shape=(n_notices, 4), dtype=float32
        By alignment; of unit variance for audio that does not depend on the signs.
    """
    soft = cells.to_weights().sum(axis=-1)[None]
    scores = np.empty((len(notices), FORMAT_1.n_periods), dtype=np.float32)
    for row, notice in zip(scores, notices, strict=True):
        symbols = make_owner_symbols(np.array([notice.owner_id], dtype=np.uint64))
        row[:] = score_symbols(soft, symbols, (int(notice.policy), notice.year))[0, 0]
    return scores


def bound_spread(weights: Floats) -> float:
    """Bound the variance of the sum of scores of several clips, at any alignments.

    All clips share the signs, so their scores depend on each other as far as their cells are
    alike.  Given the audio, the sum of their scores is one Rademacher sum with the summed weights,
    and its variance is the square of their length: at most the sum over pairs of clips of the
    largest inner product over both alignments.

    Parameters
    ----------
    weights : np.ndarray, shape=(n_clips, 4, 288, 8)
        From `SoftCells.to_weights`.

    Returns
    -------
    spread : float
        Between 1 and the square of the number of clips; near their number if they differ.
    """
    n_clips, n_starts = weights.shape[:2]
    flat = weights.reshape(n_clips * n_starts, -1)
    step = max(1, _BATCH_VALUES // (len(flat) * n_starts))
    total = 0.0
    for begin in range(0, n_clips, step):
        part = flat[begin * n_starts : (begin + step) * n_starts]
        products = (part @ flat.T).reshape(-1, n_starts, n_clips, n_starts).max(axis=(1, 3))
        rows = np.arange(len(products))
        products[rows, begin + rows] = 1.0  # a clip has one alignment, not two
        total += float(products.sum(dtype=np.float64))
    # Rounded up by more than single precision takes away.
    return max(total * (1 + 1e-5), 1.0)


def _find_best_in(cells: SoftCells, notices: Iterable[Notice]) -> Contender | None:
    soft = cells.to_weights().sum(axis=-1)[None]
    # Where another owner's mark is clear, the cells of a coded bit agree with each other, and the
    # score of any word has up to eight times its variance.  A larger divisor only lowers scores.
    length = np.maximum(np.sqrt((soft**2).sum(axis=-1)), np.float32(1))

    def highest(scores: Floats) -> Floats:
        return np.asarray((scores / length).max(axis=(1, 2)))

    return find_best(soft, notices, highest)


def _check_counts(n_looks: int, n_ids: int, *, least_ids: int = N_IDS) -> None:
    for name, value, least in (("n_looks", n_looks, 1), ("n_ids", n_ids, least_ids)):
        if value < least:
            raise ParameterError(f"{name}={value}: at least {least:,} is required")


def _conclude(best: Contender, log10_p: float, n_ids: int) -> KnownMatch | None:
    """Return the match if p is low enough and no decoy or near id agrees as well."""
    if log10_p > _MAX_LOG10_P or not best.beats_near_ids():
        return None
    rank = best.rank(n_ids)
    if rank > 1:
        return None
    return KnownMatch(
        notice=best.notice,
        log10_p=log10_p,
        rank=rank,
        n_ids=n_ids,
        n_owners=best.n_owners,
        alignments=best.alignments(),
    )


def _pooled_log_e(scores: Floats, spread: float) -> npt.NDArray[np.float64]:
    """Return the natural logarithm of the pooled e-value.

    Parameters
    ----------
    scores : np.ndarray, shape=(n, n_clips, 4)
        By notice, clip and alignment.
    spread : float
        From `bound_spread`.

    Returns
    -------
    log_e : np.ndarray, shape=(n,)
        Of the mean over slopes s of exp(-s^2 / 2) times the product over clips of the mean over
        alignments of exp(s z / sqrt(spread)).
    """
    logs = []
    for slope in _SLOPES:
        exponents = np.float32(slope / math.sqrt(spread)) * scores
        top = exponents.max(axis=-1)
        means = np.exp(exponents - top[..., None]).mean(axis=-1)
        logs.append((top + np.log(means)).sum(axis=-1, dtype=np.float64) - 0.5 * slope**2)
    stacked = np.stack(logs)
    highest = stacked.max(axis=0)
    return np.asarray(highest + np.log(np.exp(stacked - highest).mean(axis=0)))
