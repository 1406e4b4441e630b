from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core import evidence
from sottovoce.errors import ParameterError


@given(st.floats(-100, 1e4), st.floats(0, 100), st.integers(1, 10**9))
def test_p_values_are_probabilities_and_fall_with_the_score(z: float, more: float, n: int) -> None:
    weak = float(evidence.log10_p_value(z, n_hypotheses=n))
    strong = float(evidence.log10_p_value(z + more, n_hypotheses=n))
    assert strong <= weak <= 0.0
    assert math.isfinite(strong)


def test_p_values_do_not_underflow() -> None:
    assert float(evidence.log10_p_value(1_000.0)) == pytest.approx(-217_150, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_holds_for_every_sign_pattern_of_small_sums(seed: int) -> None:
    """All 2^12 signs are tried, so the tail is exact and no chance is left."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.5, size=12)
    signs = np.array(list(itertools.product((-1, 1), repeat=12)))
    z = np.sort(signs @ weights / np.sqrt((weights**2).sum()))[::-1]
    tail = np.arange(1, len(z) + 1) / len(z)
    positive = z > 0
    assert (np.log10(tail) <= evidence.log10_p_value(z) + 1e-9)[positive].all()


def test_the_threshold_is_where_the_p_value_is_reached() -> None:
    z = evidence.threshold(1e-6, n_hypotheses=960)
    assert z == pytest.approx(6.18, abs=0.01)
    assert float(evidence.log10_p_value(z, n_hypotheses=960)) == pytest.approx(-6.0)


def test_a_tiny_rate_has_a_threshold_even_where_its_share_would_be_zero() -> None:
    assert evidence.threshold(5e-324, n_hypotheses=1e9) == pytest.approx(39, abs=1)


def test_e_values_of_noise_average_to_at_most_one(rng: np.random.Generator) -> None:
    """Signs are drawn, offsets share them: the mean of 20,000 e-values stays near 1 or under.

    Its standard error is under 0.05 with these slopes, so 1.2 lies four of them away.
    """
    audio = rng.standard_normal((5, 60))
    audio /= np.sqrt((audio**2).sum(axis=1, keepdims=True))
    signs = rng.choice((-1.0, 1.0), (20_000, 60))
    e = 10.0 ** evidence.log10_e_value(signs @ audio.T)
    assert e.mean() < 1.2


def test_weak_clips_prove_together_what_none_proves_alone(rng: np.random.Generator) -> None:
    z = rng.standard_normal((60, 320))
    z[:, 17] += 3.5
    marked = evidence.log10_e_value(z)
    assert marked.max() < 6
    assert evidence.pool_independent(marked) > 6
    unmarked = evidence.log10_e_value(rng.standard_normal((60, 320)))
    assert evidence.pool_independent(unmarked) < 3


def test_the_dependent_pool_is_the_mean() -> None:
    assert evidence.pool_dependent([0.0, 2.0]) == pytest.approx(math.log10(50.5))
    assert evidence.pool_dependent([400.0, 2.0]) == pytest.approx(400 - math.log10(2))
    with pytest.raises(ParameterError, match="empty"):
        evidence.pool_dependent([])


def test_false_discoveries_stay_under_the_rate(rng: np.random.Generator) -> None:
    """900 null files, 100 marked, q = 0.1: the share of false reports averages under 0.1.

    Over 200 data sets its standard error is 0.002.
    """
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.uniform(size=900), 10.0 ** -rng.uniform(5, 9, 100)])
        reported = evidence.benjamini_hochberg(np.log10(p), q=0.1)
        shares.append(reported[:900].sum() / max(reported.sum(), 1))
        assert reported[900:].all()
    assert np.mean(shares) < 0.1


@given(
    log10_p=st.lists(st.floats(-12, 0) | st.sampled_from((-3.0, -2.0, -1.0, 0.0)), max_size=40),
    q=st.sampled_from((0.001, 0.01, 0.05, 0.3)),
    rotation=st.integers(0, 39),
)
def test_benjamini_and_hochberg_report_what_their_definition_says(
    log10_p: list[float], q: float, rotation: int
) -> None:
    """Against the definition, by loops: the largest k with p_(k) <= q k / n, and ties with it."""
    reported = evidence.benjamini_hochberg(log10_p, q=q)
    n = len(log10_p)
    limit = -np.inf
    for k, value in enumerate(sorted(log10_p), start=1):
        if value <= math.log10(q) + np.log10(k / n):
            limit = value
    assert reported.tolist() == [value <= limit for value in log10_p]
    # The order of the files is no matter, and a larger q never reports less.
    turned = np.roll(np.asarray(log10_p), rotation)
    assert evidence.benjamini_hochberg(turned, q=q).tolist() == np.roll(reported, rotation).tolist()
    assert (evidence.benjamini_hochberg(log10_p, q=min(2 * q, 0.9)) >= reported).all()


def test_nothing_is_reported_where_nothing_passes() -> None:
    assert not evidence.benjamini_hochberg([-0.1, -0.2], q=0.01).any()
    assert len(evidence.benjamini_hochberg([], q=0.01)) == 0


def test_no_search_counts_as_one() -> None:
    assert evidence.threshold(1e-6, n_hypotheses=0) == evidence.threshold(1e-6)
    assert float(evidence.log10_p_value(3.0, n_hypotheses=0)) == pytest.approx(
        float(evidence.log10_p_value(3.0))
    )
