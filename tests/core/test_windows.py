"""Hypotheses are counted as they are tried."""

from __future__ import annotations

import numpy as np
import pytest

from sottovoce.core.stretching import Stretch
from sottovoce.core.windows import WindowSearch, count_hypotheses
from sottovoce.core.wire_format import FORMAT_1


@pytest.mark.parametrize("seconds", [0.5, 5.0, 10.3, 20.6, 35.0, 41.0, 84.0])
@pytest.mark.parametrize("speed", [1.0, 1.125])
def test_count_is_what_a_search_counts(seconds: float, speed: float) -> None:
    y = np.random.default_rng(0).normal(0, 0.1, (1, int(seconds * 8_000))).astype(np.float32)
    search = WindowSearch(8_000, Stretch(speed=speed), max_fpr=1e-6, sealed=False)
    search.push(y)
    search.finish()
    n_windows = 0
    while search.has_next(ended=True):
        n_windows += search.advance(ended=True)
    assert count_hypotheses(search.front_end.n_frames) == (n_windows, search.n_hypotheses)


def test_a_window_pays_for_both_grids() -> None:
    n = FORMAT_1.n_period_frames
    assert count_hypotheses(100) == (1, n + 2 * n)
