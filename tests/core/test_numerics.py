"""The core stands on SciPy and on NumPy alone, with the same results."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from decimal import Decimal, getcontext

import numpy as np
import pytest
import scipy.fft
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core import numerics
from sottovoce.core.framing import frame_starts, take_frames
from sottovoce.core.stretch import _fold_matrix, _fold_stretched, find_stretches

_IMPORT_NOTHING_OF_IT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "scipy":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture
def without_scipy(monkeypatch):
    monkeypatch.setattr(numerics, "_scipy", lambda _name: None)
    _fold_matrix.cache_clear()
    yield
    _fold_matrix.cache_clear()


class TestFunctions:
    @given(st.integers(1, 5_000_000))
    def test_fast_lengths_are_scipys(self, n: int) -> None:
        assert numerics._next_smooth(n) == scipy.fft.next_fast_len(n, real=True)

    @given(st.floats(-1e6, 40.0))
    def test_the_normal_distribution_is_scipys(self, x: float) -> None:
        expected = float(scipy.special.log_ndtr(x))
        assert float(numerics._log_ndtr(x)) == pytest.approx(expected, rel=1e-12, abs=1e-300)

    def test_its_far_tail_has_all_digits_at_the_seam(self) -> None:
        """Mills' ratio as a continued fraction, with fifty digits."""
        getcontext().prec = 50
        for x in (20, 21, 30):
            ratio = Decimal(x)
            for k in range(400, 0, -1):
                ratio = Decimal(x) + k / ratio
            density = -(Decimal(x) ** 2) / 2 - (2 * Decimal(math.pi)).ln() / 2
            expected = float(density - ratio.ln())
            assert float(numerics._log_ndtr(-float(x))) == pytest.approx(expected, rel=1e-14)

    def test_nothing_is_nothing(self) -> None:
        np.testing.assert_array_equal(numerics._log_ndtr([-np.inf, np.inf]), [-np.inf, 0.0])

    @pytest.mark.parametrize("n", [400, 1152, 1_000])
    def test_transforms_stay_in_single_precision(self, n: int, rng, monkeypatch) -> None:
        x = rng.standard_normal((3, n)).astype(np.float32)
        spectrum = numerics.rfft(x)
        back = numerics.irfft(spectrum.copy(), n)
        monkeypatch.setattr(numerics, "_scipy", lambda _name: None)
        own = numerics.rfft(x)
        assert (own.dtype, spectrum.dtype) == (np.complex64, np.complex64)
        np.testing.assert_allclose(own, spectrum, atol=1e-6 * np.abs(spectrum).max())
        own_back = numerics.irfft(own, n)
        assert own_back.dtype == np.float32
        np.testing.assert_allclose(own_back, back, atol=1e-6 * np.abs(x).max())


class TestResults:
    @pytest.mark.parametrize("channels", [1, 2])
    def test_marks_are_the_same(self, clip, channels, without_scipy, monkeypatch) -> None:
        y, sr = clip
        y = np.stack([y, y[::-1]])[:channels, : 12 * sr]
        own = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
        found = sv.detect(own, sr=sr)
        monkeypatch.undo()
        marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
        np.testing.assert_allclose(own, marked, atol=1e-6)
        expected = sv.detect(own, sr=sr)
        assert found.log10_p == pytest.approx(expected.log10_p, rel=1e-6)
        assert (found.verdict, found.voices[0].notice) == ("protected", sv.Notice(owner_id=7))

    def test_stretches_are_the_same(self, rng, without_scipy, monkeypatch) -> None:
        scores = rng.standard_normal((1_300, 20)).astype(np.float32)
        own = _fold_stretched(scores, 1.013)
        monkeypatch.undo()
        _fold_matrix.cache_clear()
        np.testing.assert_allclose(own, _fold_stretched(scores, 1.013), atol=1e-5)

    @pytest.mark.slow
    def test_a_changed_speed_is_found(self, clip, without_scipy) -> None:
        y, sr = clip
        marked = sv.protect(y, sr=sr, phase_s=0.0)
        at = np.arange(0, len(marked) - 1, 1.03)
        faster = np.interp(at, np.arange(len(marked)), marked).astype(np.float32)
        stretches = find_stretches(faster[None, : 20 * sr], sr=sr, least=7.0)
        assert stretches[0].speed == pytest.approx(1.03, abs=0.005)

    def test_nothing_of_scipy_is_needed(self, clip_path, tmp_path) -> None:
        program = _IMPORT_NOTHING_OF_IT + (
            "import numpy as np, sottovoce as sv\n"
            "y = np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * 0.1\n"
            "marked = sv.protect(y, sr=16_000)\n"
            "assert sv.detect(marked, sr=16_000, thorough=True).found\n"
            "assert sv.detect_batch(marked[None, :96_000], sr=16_000)[0].found\n"
            "assert not [name for name in sys.modules if name.startswith('scipy')]\n"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", program], check=True, env=environment)


class TestFrames:
    """A view of all windows would be larger than the address space of a 32-bit computer."""

    @pytest.mark.parametrize("hop", [128.0, 352.8, 1.0])
    @pytest.mark.parametrize("most", [sys.maxsize, 1])
    @pytest.mark.parametrize("shape", [(9_000,), (2, 9_000)])
    def test_frames_are_slices(self, hop, most, shape, rng, monkeypatch) -> None:
        y = rng.standard_normal(shape).astype(np.float32)
        monkeypatch.setattr("sottovoce.core.framing.sys.maxsize", most)
        for n in (0, 1, 4, 5, 20):
            starts = frame_starts(3, 3 + n, hop)
            frames = take_frames(y, starts, 500)
            assert frames.shape == (*shape[:-1], n, 500)
            for number, start in enumerate(starts):
                np.testing.assert_array_equal(frames[..., number, :], y[..., start : start + 500])

    @pytest.mark.parametrize("first", [-1, 9])
    def test_a_frame_outside_is_refused(self, first) -> None:
        with pytest.raises(IndexError, match="of 24 samples"):
            take_frames(np.zeros(24, np.float32), np.arange(first, first + 6), 12)
