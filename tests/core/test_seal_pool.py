"""Several files together: what each says too weakly, and what copies must not say twice."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.seal import SealMatch, pool_seals


def make_match(log10_p: float, number: int, *, agreement: float = 0.07) -> SealMatch:
    return SealMatch(
        log10_p=log10_p,
        score=8.0,
        agreement=agreement,
        first_number=number,
        n_superframes=2,
    )


def test_weak_files_add_up() -> None:
    weak = [make_match(-3.0, 100 * i) for i in range(4)]
    pooled = pool_seals(weak, n_files=4)
    assert pooled.log10_p == pytest.approx(-12.0 + math.log10(4))
    assert pooled.is_likely
    assert (pooled.n_files, pooled.n_counted) == (4, 4)


def test_a_copy_and_an_excerpt_count_once() -> None:
    alike = [make_match(-3.0, 100), make_match(-3.0, 100), make_match(-2.5, 101)]
    pooled = pool_seals(alike, n_files=3)
    assert pooled.n_counted == 1
    assert pooled.log10_p == pytest.approx(-3.0 + 2 * math.log10(3))


def test_files_without_a_seal_cost_little_and_prove_nothing() -> None:
    nothing = [make_match(0.0, 100 * i) for i in range(50)]
    assert pool_seals(nothing, n_files=50).log10_p == 0.0
    assert not pool_seals(nothing, n_files=50).holds
    one = [make_match(-12.0, 7_000), *nothing]
    assert pool_seals(one, n_files=51).log10_p == pytest.approx(-12.0 + 2 * math.log10(51))


@given(st.lists(st.floats(-9.0, 0.0), min_size=1, max_size=8))
def test_it_is_the_best_choice_of_files_and_pays_for_every_choice(logs) -> None:
    """Against the definition: over all subsets, by their largest p-value."""
    n = len(logs)
    best = 0.0
    for mask in range(1, 1 << n):
        chosen = [logs[i] for i in range(n) if mask >> i & 1]
        k = len(chosen)
        bound = math.comb(n, k) * 10.0 ** (k * max(chosen)) * n
        best = min(best, math.log10(bound))
    pooled = pool_seals([make_match(one, 10 * i) for i, one in enumerate(logs)], n_files=n)
    assert pooled.log10_p == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("n_files", [1, 2, 5, 20])
def test_chance_is_bounded(n_files) -> None:
    rng = np.random.default_rng(n_files)
    logs = np.log10(rng.uniform(size=(4000, n_files)))
    pooled = [
        pool_seals([make_match(p, 10 * i) for i, p in enumerate(row)], n_files=n_files).log10_p
        for row in logs
    ]
    for level in (0.1, 0.01):
        n_below = int((np.array(pooled) <= math.log10(level)).sum())
        # Four standard deviations of a count that has the mean of the bound.
        assert n_below <= 4000 * level + 4 * math.sqrt(4000 * level)


def test_agreement_without_what_chance_gives_decides_whether_it_counts() -> None:
    """The best of all hypotheses agrees a little by chance, and so does a guess."""
    strong = [make_match(-10.0, 100 * i) for i in range(3)]
    barely = [make_match(-2.0, 100 * i) for i in range(5)]
    assert pool_seals(strong, n_files=3).holds
    pooled = pool_seals(barely, n_files=5)
    assert pooled.is_likely
    assert not pooled.holds
    assert pool_seals(strong, n_files=3).to_dict()["holds"] is True


def test_a_seal_that_is_too_weak_for_the_payload_beside_it_does_not_count() -> None:
    weak = [dataclasses.replace(make_match(-4.0, 100 * i), share=0.4) for i in range(4)]
    assert pool_seals(weak, n_files=4).n_counted == 0
    fitting = [dataclasses.replace(one, share=0.9) for one in weak]
    assert pool_seals(fitting, n_files=4) == pool_seals(
        [dataclasses.replace(one, share=None) for one in weak], n_files=4
    )
