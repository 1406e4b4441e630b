"""The same verdict at any level, and results that do not depend on how sound is cut."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.features import band_energies
from sottovoce.core.levels import choose_factor, measure_energies, scale_energies

SR = 16_000
LONG_S = 24

gains_db = st.floats(-600, 600)


@pytest.fixture(scope="module")
def marked(clip: tuple[np.ndarray, int]) -> np.ndarray:
    y, sr = clip
    assert sr == SR
    return sv.protect(y.astype(np.float64), sr=SR, notice=sv.Notice(owner_id=5), phase_s=1.0)


@settings(max_examples=12, deadline=None)
@given(gain_db=gains_db)
@pytest.mark.filterwarnings("error")
def test_a_mark_is_found_at_any_level(marked: np.ndarray, gain_db: float) -> None:
    y = marked[: 8 * SR]
    plain = sv.detect(y, sr=SR)
    for dtype in (np.float32, np.float64):
        other = sv.detect((y * 10 ** (gain_db / 20)).astype(dtype), sr=SR)
        assert other.verdict == plain.verdict == "protected"
        assert other.score == pytest.approx(plain.score, rel=2e-3)
        assert [voice.notice for voice in other.voices] == [voice.notice for voice in plain.voices]


@settings(max_examples=6, deadline=None)
@given(gain_db=gains_db)
def test_a_batch_says_the_same_at_any_level(marked: np.ndarray, gain_db: float) -> None:
    rows = (marked[None, : 6 * SR] * 10 ** (gain_db / 20)).astype(np.float32)
    assert sv.detect_batch(rows, sr=SR)[0].found


@settings(max_examples=6, deadline=None)
@given(gain_db=gains_db)
def test_speech_that_is_not_marked_stays_so(clip: tuple[np.ndarray, int], gain_db: float) -> None:
    y = (clip[0][: 8 * SR].astype(np.float64) * 10 ** (gain_db / 20)).astype(np.float32)
    assert not sv.detect(y, sr=SR).found


@settings(max_examples=5, deadline=None)
@given(
    levels_db=st.lists(gains_db, min_size=2, max_size=5),
    cuts=st.lists(st.integers(1, LONG_S * SR - 1), min_size=1, max_size=8, unique=True),
)
@pytest.mark.filterwarnings("error")
def test_blocks_change_nothing_where_levels_jump(
    marked: np.ndarray, levels_db: list[float], cuts: list[int]
) -> None:
    n = LONG_S * SR
    gains = np.repeat(10 ** (np.array(levels_db) / 20), -(-n // len(levels_db)))[:n]
    y = (marked[:n] * gains).astype(np.float32)
    whole = sv.detect(y, sr=SR)
    detector = sv.Detector(sr=SR)
    edges = [0, *sorted(cuts), n]
    for begin, end in itertools.pairwise(edges):
        detector.process(y[begin:end], last=end == n)
    assert detector.detection() == whole


@pytest.mark.parametrize("level", [1e-45, 1e-40, 3e38])
@pytest.mark.filterwarnings("error")
def test_the_ends_of_single_precision_give_a_verdict(
    level: float, rng: np.random.Generator
) -> None:
    y = np.sign(rng.standard_normal((2, 12 * SR))).astype(np.float32) * np.float32(level)
    detection = sv.detect(y, sr=SR)
    assert not detection.found
    assert np.isfinite(detection.score)


def test_an_offset_does_not_matter(marked: np.ndarray) -> None:
    assert sv.detect((marked + 0.25).astype(np.float32), sr=SR).found


class TestEnergies:
    STARTS = np.arange(0, 8_000, 128)

    def test_ordinary_ones_keep_every_bit(self, rng: np.random.Generator) -> None:
        for level in (1e-7, 1.0, 1e6):
            y = (rng.standard_normal((2, 10_000)) * level).astype(np.float32)
            measured = measure_energies(y, self.STARTS, sr=SR)
            assert measured.dtype == np.float32
            np.testing.assert_array_equal(measured, band_energies(y, self.STARTS, sr=SR))
            assert choose_factor(measured) == 1.0
            assert scale_energies(measured, 1.0) is measured

    @settings(max_examples=30)
    @given(power=st.integers(-100, 100))
    def test_no_power_of_two_changes_more_than_the_rounding(self, power: int) -> None:
        y = np.random.default_rng(0).standard_normal((1, 10_000)).astype(np.float32)
        plain = measure_energies(y, self.STARTS, sr=SR).astype(np.float64)
        other = measure_energies(np.ldexp(y, power), self.STARTS, sr=SR)
        np.testing.assert_allclose(other, np.ldexp(plain, 2 * power), rtol=1e-5)

    def test_silence_stays_silent(self) -> None:
        energies = measure_energies(np.zeros((1, 10_000), np.float32), self.STARTS, sr=SR)
        assert energies.dtype == np.float32
        assert not energies.any()

    def test_nothing_overflows(self) -> None:
        factor = choose_factor(np.full((1, 3, 2), 1e70))
        assert scale_energies(np.full((1, 3, 2), 1e300), factor).max() <= 1e30
