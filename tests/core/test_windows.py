"""Hypotheses are counted as they are tried."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.stretch import Stretch
from sottovoce.core.windows import WindowSearch, count_hypotheses
from sottovoce.core.wire_format import FORMAT_1


@pytest.mark.parametrize("seconds", [0.5, 5.0, 10.3, 20.6, 35.0, 41.0, 84.0])
@pytest.mark.parametrize("speed", [1.0, 1.125])
def test_count_is_what_a_search_counts(seconds: float, speed: float) -> None:
    y = np.random.default_rng(0).normal(0, 0.1, (1, int(seconds * 8_000))).astype(np.float32)
    search = WindowSearch(8_000, Stretch(speed=speed), max_fpr=1e-6, sealed=False, short=True)
    search.push(y)
    search.finish()
    n_windows = 0
    while search.has_next(ended=True):
        n_windows += search.advance(ended=True)
    counts = (n_windows, search.n_hypotheses, search.n_short_hypotheses)
    assert count_hypotheses(search.front_end.n_frames) == counts


def test_a_window_pays_for_both_grids() -> None:
    n = FORMAT_1.n_period_frames
    assert count_hypotheses(100) == (1, n + 2 * n, 0)


class TestCutUpSpeech:
    """Pieces of a marked recording, each with an offset of its own."""

    @pytest.fixture
    def pieces(self, clip: tuple[np.ndarray, int]) -> np.ndarray:
        y, n = clip
        marked = sv.protect(y, sr=n, notice=sv.Notice(owner_id=5), phase_s=1.0)
        cuts = [marked[round(a * n) : round((a + 4.3) * n)] for a in (0.1, 9.5, 5.03)]
        return np.concatenate(cuts)

    def test_short_windows_find_what_no_long_one_holds(self, pieces: np.ndarray) -> None:
        detection = sv.detect(pieces, sr=16_000)
        assert detection.found
        assert detection.log10_p == pytest.approx(
            float(log10_p_value(detection.score, n_hypotheses=detection.n_hypotheses)), abs=1e-3
        )

    def test_a_batch_says_the_same(self, pieces: np.ndarray) -> None:
        n = 9 * 16_000
        rng = np.random.default_rng(0)
        rows = np.stack([pieces[:n], rng.normal(0, 0.1, n).astype(np.float32)])
        for row, detection in zip(rows, sv.detect_batch(rows, sr=16_000), strict=True):
            alone = sv.detect(row, sr=16_000)
            assert detection.found == alone.found
            assert detection.n_hypotheses == alone.n_hypotheses
            assert detection.log10_p == pytest.approx(alone.log10_p, abs=1e-3)
