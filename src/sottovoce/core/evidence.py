"""From scores to proved probabilities: bounds, pooling, false-discovery rate.

The promise.  For audio that does not depend on the signs, Z = sum(c F) / sqrt(sum(F^2)) is a
weighted sum of independent fair signs with unit variance, whatever F is.  Hence for every t

    P(Z >= t) <= min(exp(-t^2 / 2), 3.1787 (1 - Phi(t)))

by Hoeffding [1]_ and by Bentkus and Dzindzalieta [2]_.  Times the number of places searched
(the union bound) this is a p-value that needs no calibration and no model of audio.

An *e-value* is a non-negative quantity whose expectation is at most 1 under the null
hypothesis; 1/e is a p-value.  exp(l Z - l^2 / 2) is one for every l > 0, by the same
inequality, and so is any average of them, over offsets and over several l.

References
----------
.. [1] Hoeffding, W. "Probability inequalities for sums of bounded random variables."
   Journal of the American Statistical Association 58.301 (1963): 13-30.
.. [2] Bentkus, V. K., Dzindzalieta, D. "A tight Gaussian bound for weighted sums of
   Rademacher random variables." Bernoulli 21.2 (2015): 1231-1237.
.. [3] Vovk, V., Wang, R. "E-values: Calibration, combination and applications."
   Annals of Statistics 49.3 (2021): 1736-1754.
.. [4] Benjamini, Y., Hochberg, Y. "Controlling the false discovery rate."
   Journal of the Royal Statistical Society B 57.1 (1995): 289-300.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.numerics import log_ndtr
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FOUND_FPR",
    "SUSPECTED_FPR",
    "benjamini_hochberg",
    "best_of_families",
    "log10_e_value",
    "log10_p_value",
    "pool_dependent",
    "pool_independent",
    "pool_mixture",
    "threshold",
]

FOUND_FPR = 1e-6
SUSPECTED_FPR = 1e-3
_BENTKUS = 3.1787
"""1 / (4 (1 - Phi(sqrt(2)))) = 3.178655..., rounded up: two equal weights reach it at sqrt(2)."""
_LN10 = math.log(10.0)
_E_VALUE_SLOPES = (2.0, 3.0, 4.0, 6.0)
_STAKES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def log10_p_value(z: npt.ArrayLike, *, n_hypotheses: float = 1) -> npt.NDArray[np.float64]:
    """Bound the probability that unmarked audio scores as high anywhere in the search.

    Parameters
    ----------
    z : array_like
        Scores.
    n_hypotheses : float >= 0
        Places that were searched; the probability is multiplied by it.  Zero counts as one.

    Returns
    -------
    log10_p : np.ndarray, shape of `z`
        Logarithm to base 10 of the p-value, at most 0.  Never underflows.

    Examples
    --------
    >>> round(float(log10_p_value(6.18, n_hypotheses=960)), 2)
    -6.01
    """
    z = np.asarray(z, dtype=np.float64)
    hoeffding = np.where(z > 0, -0.5 * z**2, 0.0)
    bentkus = math.log(_BENTKUS) + log_ndtr(-z)
    log_p = np.minimum(hoeffding, bentkus) + math.log(max(n_hypotheses, 1.0))
    return np.asarray(np.minimum(log_p / _LN10, 0.0))


def best_of_families(families: Iterable[tuple[float, float]]) -> tuple[float, float, float]:
    """Choose the most significant of several families of hypotheses that share the false alarms.

    Parameters
    ----------
    families : iterable of (float, float)
        Best score of each family, and the hypotheses that it pays for.

    Returns
    -------
    log10_p, score, n_hypotheses : float
        Values of the family with the smallest p-value; the higher score breaks ties.

    Examples
    --------
    >>> best_of_families([(6.5, 1_000.0), (6.6, 100_000.0)])[1:]
    (6.5, 1000.0)
    """
    log10_p, minus_score, n = min(
        (float(log10_p_value(score, n_hypotheses=n)), -float(score), n) for score, n in families
    )
    return log10_p, -minus_score, n


@functools.lru_cache(maxsize=256)
def threshold(fpr: float, *, n_hypotheses: float = 1) -> float:
    """Return the least score whose p-value is at most `fpr`.

    Parameters
    ----------
    fpr : float in (0, 1)
        Allowed probability of a false alarm.
    n_hypotheses : float >= 0
        Places that are searched.  Zero counts as one.

    Returns
    -------
    z : float
        To within 1e-9.
    """
    target = math.log10(fpr)
    # The quotient of the two can overflow.
    low, high = 0.0, math.sqrt(2.0 * (math.log(max(n_hypotheses, 1.0)) - math.log(fpr))) + 1.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if float(log10_p_value(middle, n_hypotheses=n_hypotheses)) > target:
            low = middle
        else:
            high = middle
    return high


def log10_e_value(z: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the e-value of a clip whose offset is not known.

    Parameters
    ----------
    z : np.ndarray, shape=(..., n_offsets)
        Scores at all offsets.

    Returns
    -------
    log10_e : np.ndarray, shape=(...)
        Logarithm to base 10 of the mean over offsets and slopes of exp(l z - l^2 / 2).
    """
    slopes = np.asarray(_E_VALUE_SLOPES)
    exponents = np.asarray(z, dtype=np.float64)[..., None] * slopes - 0.5 * slopes**2
    exponents = exponents.reshape(*exponents.shape[:-2], -1)
    top = exponents.max(axis=-1, keepdims=True)
    log_e = top[..., 0] + np.log(np.mean(np.exp(exponents - top), axis=-1))
    return np.asarray(log_e / _LN10)


def pool_independent(log10_e: npt.ArrayLike) -> float:
    """Pool the e-values of recordings made independently of each other: their product.

    Parameters
    ----------
    log10_e : array_like, shape=(n,)
        Logarithms to base 10.

    Returns
    -------
    log10_e : float
        E-value of the group.  Minus it is the logarithm of a p-value for "no clip of the group is
        marked", *if* the clips are independent of each other and, with the signs as they are,
        unmarked clips of that kind have e-values of mean at most 1.  Fair signs do not prove
        the second, since all clips share them (`docs/evidence.md`); for
        excerpts of one recording, and for an unconditional proof, use `pool_dependent`.
    """
    return float(np.sum(np.asarray(log10_e, dtype=np.float64)))


def pool_dependent(log10_e: npt.ArrayLike) -> float:
    """Pool e-values that may depend on each other in any way: their mean.

    Parameters
    ----------
    log10_e : array_like, shape=(n,), n >= 1
        Logarithms to base 10.

    Returns
    -------
    log10_e : float
        E-value of the group; valid under every dependence, after [3]_ of this module.

    Raises
    ------
    ParameterError
        If `log10_e` is empty.
    """
    values = np.asarray(log10_e, dtype=np.float64).ravel()
    if values.size == 0:
        raise ParameterError("log10_e is empty: there is nothing to pool")
    top = values.max()
    return float(top + np.log10(np.mean(10.0 ** (values - top))))


def benjamini_hochberg(log10_p: npt.ArrayLike, *, q: float = 0.01) -> npt.NDArray[np.bool_]:
    """Choose the files to report so that at most a share `q` of them is expected to be false.

    Parameters
    ----------
    log10_p : array_like, shape=(n,)
        Logarithms to base 10 of one p-value per file.
    q : float in (0, 1)
        False-discovery rate.

    Returns
    -------
    reported : np.ndarray, shape=(n,), dtype=bool
        After [4]_ of this module; files are assumed independent or positively dependent.

    Raises
    ------
    ParameterError
        If `q` is outside its range.

    Examples
    --------
    >>> benjamini_hochberg([-8.0, -1.0, -2.5], q=0.01)
    array([ True, False,  True])
    """
    if not 0.0 < q < 1.0:
        raise ParameterError(f"q={q!r} is outside (0, 1)")
    values = np.asarray(log10_p, dtype=np.float64)
    # Values above q pass at no rank, so only the few below need to be sorted.
    ranked = np.sort(values[values <= math.log10(q)])
    allowed = math.log10(q) + np.log10(np.arange(1, len(ranked) + 1) / max(len(values), 1))
    passing = np.flatnonzero(ranked <= allowed)
    if not len(passing):
        return np.zeros(values.shape, dtype=bool)
    return np.asarray(values <= ranked[passing[-1]])


def pool_mixture(log10_e: npt.ArrayLike) -> float:
    """Pool the e-values of recordings of which only some may be marked: a mean of mixed products.

    The product of all is spoilt by the unmarked ones, whose e-values lie below 1.  Betting a share
    f of the stake on each, prod(1 - f + f sqrt(e)), loses little on them; the mean over several f
    avoids choosing one.  This is betting in the sense of [3]_.

    Parameters
    ----------
    log10_e : array_like, shape=(n,)
        Logarithms to base 10.

    Returns
    -------
    log10_e : float
        E-value of the group.  Minus it is the logarithm of a p-value for "no clip of the group is
        marked", *if* the clips are independent of each other and, with the signs as they are,
        the square roots of unmarked clips' e-values have a mean of at most 1.  The second is
        measured, with room to spare, and not proved: see `docs/evidence.md`, section 6.

    Examples
    --------
    Twenty short clips of a marked voice among eighty that are not marked:

    >>> round(pool_mixture([3.0] * 20 + [-1.5] * 80), 1)
    9.6
    """
    roots = 10.0 ** (0.5 * np.asarray(log10_e, dtype=np.float64).ravel())
    stakes = np.asarray(_STAKES)[:, None]
    logs = np.log10(1.0 - stakes + stakes * np.minimum(roots, 1e300)).sum(axis=1)
    return pool_dependent(logs)
