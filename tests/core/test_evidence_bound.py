"""The proof of `docs/evidence.md`, step by step, where signs are few enough to try all of them."""

from __future__ import annotations

import doctest
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core import evidence
from sottovoce.core.pattern import SYNC, make_roles, make_sync_signs
from sottovoce.core.search import fold, offset_scores, sync_spectra

# What a sum of a few float64 terms may be off by, relative to its size.
ROUNDING = 1e-12

weights = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=11).map(np.array)


def all_sums(a: np.ndarray) -> np.ndarray:
    """Return the normalised sum for every choice of signs, largest first."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(a))))
    return np.sort(signs @ a / math.sqrt(float(a @ a)))[::-1]


def assert_bounded(z: np.ndarray) -> None:
    """Compare the exact tail with the bound at every value that is taken."""
    tail = np.arange(1, len(z) + 1) / len(z)
    # Equal sums differ by rounding: the tail at each is that of all of them.
    last = len(z) - 1 - np.searchsorted(z[::-1], z - ROUNDING * (1 + np.abs(z)))
    bound = 10.0 ** evidence.log10_p_value(z)
    positive = z > 0
    assert (tail[np.maximum(last, 0)] <= bound + ROUNDING)[positive].all()


@given(weights)
def test_the_bound_holds_for_all_signs_of_any_weights(a: np.ndarray) -> None:
    assert_bounded(all_sums(a))


@pytest.mark.parametrize("n", range(1, 13))
def test_the_bound_holds_for_equal_weights(n: int) -> None:
    """Equal weights are where sums of few signs have their heaviest tails."""
    assert_bounded(all_sums(np.ones(n)))


def test_the_constant_is_the_one_that_two_signs_need() -> None:
    """(c1 + c2) / sqrt(2) reaches sqrt(2) with probability 1/4: a smaller constant is no bound."""
    bound = 10.0 ** float(evidence.log10_p_value(math.sqrt(2.0)))
    assert 0.25 <= bound < 0.25 * (1 + 1e-4)


@given(weights, st.sampled_from([2.0, 3.0, 4.0, 6.0]))
def test_the_exponential_has_mean_at_most_one(a: np.ndarray, slope: float) -> None:
    z = all_sums(a)
    assert np.exp(slope * z - slope**2 / 2).mean() <= 1 + 1e-9


def test_e_values_of_all_signs_have_mean_at_most_one(rng: np.random.Generator) -> None:
    """Ten signs, seven offsets that share them, however alike: exact, nothing is drawn."""
    audio = rng.standard_normal((7, 10)) + 2.0
    audio /= np.sqrt((audio**2).sum(axis=1, keepdims=True))
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    e = 10.0 ** evidence.log10_e_value(signs @ audio.T)
    assert e.mean() <= 1 + 1e-9


def test_a_product_over_clips_that_share_the_signs_is_not_bounded() -> None:
    """Three times one clip: the mean keeps its promise, the product does not."""
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=12)))
    one = evidence.log10_e_value((signs @ np.ones(12) / math.sqrt(12))[:, None])
    product = [10.0 ** evidence.pool_independent([e] * 3) for e in one]
    mean = [10.0 ** evidence.pool_dependent([e] * 3) for e in one]
    assert np.mean(mean) <= 1 + 1e-9
    assert np.mean(product) > 100


def test_looks_at_fixed_numbers_are_paid_for_but_stopping_at_the_best_is_not(
    rng: np.random.Generator,
) -> None:
    """64 hypotheses one by one, a look after each: some p <= a in at most a (1 + ln 64).

    Exact p-values take the bound's place, so what is compared is the counting alone.  Of 20,000
    runs at a = 0.02 at most 2,063 are expected, with a standard deviation under 43.
    """
    a, n = 0.02, 64
    p = rng.uniform(size=(20_000, n))
    counts = np.arange(1, n + 1)
    looks = np.minimum.accumulate(p, axis=1) * counts
    assert (looks[:, -1] <= a).mean() <= a + 4 * math.sqrt(a / 20_000)
    stopped = (looks <= a).any(axis=1).mean()
    assert a * 1.5 < stopped <= a * (1 + math.log(n)) + 4 * 43 / 20_000


def test_periodic_audio_breaks_a_normaliser_from_before_folding() -> None:
    """What the order of the two buys: noise that repeats, 24 times one period, 2,000 decoys."""
    rng = np.random.default_rng(5)
    scores = np.tile(rng.standard_normal((320, 20)).astype(np.float32), (24, 1))
    labels = tuple(f"before and after {number}" for number in range(2_000))
    folded = fold(scores)
    after = offset_scores(folded[None], spectra=sync_spectra(labels))[0]
    sync = make_roles() == SYNC
    cells = np.arange(80) * 4
    energy = (folded[cells][sync] ** 2).sum()
    unfolded = (fold(scores**2)[cells][sync]).sum()
    before = after[0] * math.sqrt(energy / unfolded)
    assert (after[0] >= 4).mean() <= 10.0 ** float(evidence.log10_p_value(4.0)) + 0.002
    assert (before >= 4).mean() > 0.1


def test_decoys_are_fair_and_have_nothing_to_do_with_each_other() -> None:
    """400 labels: means and correlations as those of coin tosses, each within five deviations."""
    sync = make_roles() == SYNC
    signs = np.array([make_sync_signs(f"fair {n}")[sync] for n in range(400)], dtype=float)
    n_cells = signs.shape[1]
    assert np.abs(signs.mean(axis=1)).max() < 5 / math.sqrt(n_cells)
    assert np.abs(signs.mean(axis=0)).max() < 5 / math.sqrt(400)
    products = signs @ signs.T / n_cells
    assert np.abs(products - np.eye(400)).max() < 6 / math.sqrt(n_cells)


def test_the_page_about_the_evidence_computes_what_it_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "evidence.md"
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert result.attempted >= 8
    assert result.failed == 0
