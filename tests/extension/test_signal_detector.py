"""The extension's check finds this owner's own mark, and claims no more than it may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from scipy.stats import binom

import sottovoce as sv
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.features import band_energies
from sottovoce.core.framing import frame_starts
from sottovoce.core.front_end import FrontEnd
from tests.extension.node.running import run_node, write_sound
from tests.vectors import make_format1

pytestmark = pytest.mark.browser

OWNER = 0x4F2A91C077DE
PHASE = 1_100
VECTOR = Path(__file__).parents[1] / "vectors" / "format1" / "signal.npz"


def _ask(folder, y: np.ndarray, sr: int, frames: tuple[int, int], scores=()) -> dict:
    question = {"from": write_sound(folder / "in.f32", y), "nChannels": len(y), "sampleRate": sr}
    return run_node("scores.mjs", {**question, "frames": frames, "scores": scores})


def test_energies_and_scores_are_the_golden_ones(tmp_path) -> None:
    notice = sv.Notice(**make_format1.NOTICES[1])
    marked = sv.protect(make_format1.test_signal(), sr=16_000, notice=notice, phase_s=1.0)
    answer = _ask(tmp_path, marked[None], 16_000, (100, 110))
    with np.load(VECTOR) as vector:
        np.testing.assert_allclose(answer["energies"], vector["energies"], rtol=1e-4)
        # Floors and descriptors are those of 623 frames there, of 622 here.
        np.testing.assert_allclose(answer["scores"], vector["scores"], atol=0.03)


@pytest.mark.parametrize("sr", [8_000, 16_000, 44_100, 48_000])
def test_energies_and_scores_are_those_of_the_core(clip, tmp_path, sr) -> None:
    at = np.arange(12 * sr) * (16_000 / sr)
    y = np.stack([np.interp(at + lag, np.arange(len(clip[0])), clip[0]) for lag in (0, 7)])
    y = y.astype(np.float32)
    # One frame beyond the scored ones for the context.
    answer = _ask(tmp_path, y, sr, (0, 1_260))
    energies = band_energies(y, frame_starts(0, 1_260, 0.008 * sr), sr=sr).sum(axis=0)
    np.testing.assert_allclose(answer["energies"], energies, rtol=1e-3, atol=1e-9)
    front_end = FrontEnd(sr=sr)
    front_end.push(y)
    front_end.finish()
    np.testing.assert_allclose(answer["scores"], front_end.scores(0)[:1_260], atol=2e-3)


def test_probabilities_are_those_of_the_core(clip, tmp_path) -> None:
    cases = [(z, n) for z in (-3.0, 0.0, 0.5, 1.4, 2.9, 3.0, 3.1, 6.0, 20.0, 60.0) for n in (1, 57)]
    answer = _ask(tmp_path, clip[0][None, :32_000], 16_000, (0, 1), cases)
    wanted = [float(log10_p_value(z, n_hypotheses=n)) for z, n in cases]
    np.testing.assert_allclose(answer["logs"], wanted, rtol=1e-9, atol=1e-12)


def _notice(owner_id: int) -> tuple[sv.Notice, dict]:
    fields = {"ownerId": f"{owner_id:012x}", "policy": 0x7F, "year": 2027}
    return sv.Notice(owner_id=owner_id, policy=0x7F, year=2027), fields


def _marked(y: np.ndarray, sr: int, **options) -> np.ndarray:
    """Return marked sound as the embedder gives it out: late by its delay."""
    notice, _ = _notice(OWNER)
    late = np.zeros(_delay(sr), dtype=np.float32)
    marked = sv.protect(y, sr=sr, notice=notice, phase_s=PHASE * 0.008, **options)
    return np.concatenate([late, marked])


def _delay(sr: int) -> int:
    return int(np.ceil(0.016 * sr))


def _hear(folder, y: np.ndarray, sr: int, **options) -> dict:
    question = {
        "from": write_sound(folder / "in.f32", y),
        "sampleRate": sr,
        "notice": _notice(OWNER)[1],
        "phaseFrames": PHASE,
        "delay": _delay(sr),
        **options,
    }
    return run_node("detect.mjs", [question])[0]


def _trials(rng, n: int) -> list[dict]:
    return [
        {
            "notice": _notice(int(rng.integers(1, 1 << 48)))[1],
            "phaseFrames": int(rng.integers(1_280)),
        }
        for _ in range(n)
    ]


def _assert_conservative(log10_p: list[float]) -> None:
    """With fair signs, this fails once in 100,000 runs at each level."""
    for level in (0.3, 0.1, 0.01, 0.001):
        n_least = binom.ppf(1 - 1e-5, len(log10_p), level)
        assert np.count_nonzero(np.array(log10_p) <= np.log10(level)) <= n_least


@pytest.mark.parametrize("sr", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("late_s", [0.0, 0.004, 0.05], ids=lambda late_s: f"{late_s * 1e3:g}ms")
def test_the_own_mark_is_found_in_seconds(clip, tmp_path, sr, late_s) -> None:
    """It knows where to look, so it is surer than the detector that searches everywhere."""
    y = soxr.resample(clip[0], clip[1], sr).astype(np.float32)
    marked = _marked(y, sr)
    late = np.concatenate([np.zeros(int(late_s * sr), dtype=np.float32), marked])
    answer = _hear(tmp_path, late, sr, looksS=[3, 5.9, 11])
    for verdict in answer["verdicts"]:
        assert verdict["found"]
        assert verdict["delayS"] == pytest.approx(late_s, abs=0.005)
        assert verdict["sinceS"] <= 2
        assert verdict["nHypotheses"] == 95
    for verdict, seconds in zip(answer["verdicts"][1:], (5, 10), strict=True):
        there = sv.detect(marked[: int(seconds * sr)], sr=sr).log10_p
        assert verdict["log10P"] < there < -20
    assert answer["verdicts"][0]["log10P"] < -20


def test_a_seal_is_looked_for_with_its_own_signs(clip, tmp_path, monkeypatch) -> None:
    y = soxr.resample(clip[0], clip[1], 48_000).astype(np.float32)
    key = bytes(range(32))
    monkeypatch.setattr("secrets.randbelow", lambda _: 99)
    marked = _marked(y, 48_000, seal_key=key)
    known = _hear(tmp_path, marked, 48_000, looksS=[21], sealKey=key.hex(), firstSeal=99)
    other = _hear(tmp_path, marked, 48_000, looksS=[21], sealKey=key.hex(), firstSeal=98)
    assert known["verdicts"][0]["log10POther"] < other["verdicts"][0]["log10POther"] - 20
    # Seal cells that disagree are noise; the payload still tells whose mark it is.
    assert other["verdicts"][0]["found"]


def test_stereo_and_a_late_start_are_no_hindrance(clip, tmp_path) -> None:
    marked = _marked(clip[0], 16_000)
    both = np.stack([marked, -0.5 * marked])[:, 70_001:]
    verdict = _hear(tmp_path, both, 16_000, nChannels=2, firstSample=70_001, looksS=[6])["verdicts"]
    assert verdict[0]["found"]
    assert verdict[0]["delayS"] == 0


def test_when_the_mark_ends_it_is_told_since_when(clip, tmp_path) -> None:
    y = _marked(clip[0], 16_000)[: 12 * 16_000]
    y = np.concatenate([y, clip[0][12 * 16_000 :]])
    verdicts = _hear(tmp_path, y, 16_000, looksS=[12, 14, 16, 18, 20, 22, 24])["verdicts"]
    assert verdicts[0]["sinceS"] == 1
    for verdict, gone_s in zip(verdicts[1:], (2, 4, 6, 8, 10, 12), strict=True):
        assert gone_s - 0.7 <= verdict["sinceS"] <= gone_s + 2.1
    assert _hear(tmp_path, clip[0], 16_000, looksS=[24])["verdicts"][0]["sinceS"] is None


@pytest.mark.parametrize("seconds", [3, 24])
def test_unmarked_speech_is_not_claimed(clip, tmp_path, rng, seconds) -> None:
    y = clip[0][: seconds * 16_000]
    answer = _hear(tmp_path, y, 16_000, looksS=[seconds], trials=_trials(rng, 300))
    assert not any(one["found"] for one in answer["others"])
    _assert_conservative([one["log10P"] for one in answer["others"]])
    _assert_conservative([one["log10POther"] for one in answer["others"]])


def test_sound_in_the_rhythm_of_the_cells_is_not_claimed(tmp_path, rng) -> None:
    """Every cell is the same, so that scores repeat as no speech does."""
    t = np.arange(22 * 16_000) / 16_000
    tone = np.sin(2 * np.pi * 1_000 * t) + rng.standard_normal(len(t))
    y = (0.1 * tone * (1 + 0.5 * np.sign(np.sin(2 * np.pi * t / 0.032)))).astype(np.float32)
    answer = _hear(tmp_path, y, 16_000, looksS=[22], trials=_trials(rng, 300))
    assert not any(one["found"] for one in answer["others"])
    _assert_conservative([one["log10P"] for one in answer["others"]])
    _assert_conservative([one["log10POther"] for one in answer["others"]])


@pytest.mark.parametrize("seconds", [3, 24])
def test_the_mark_of_another_is_not_claimed(clip, tmp_path, rng, seconds) -> None:
    """About one in fifteen is in step with the sync signs, which all marks share."""
    y = _marked(clip[0], 16_000, strength_db=1.6)[: seconds * 16_000]
    answer = _hear(tmp_path, y, 16_000, looksS=[seconds], trials=_trials(rng, 300))
    assert answer["verdicts"][0]["found"]
    assert not any(one["found"] for one in answer["others"])
    assert any(one["log10P"] < -6 for one in answer["others"])
    _assert_conservative([one["log10POther"] for one in answer["others"]])


def test_silence_and_odd_sound_are_not_claimed(tmp_path) -> None:
    silence = np.zeros(10 * 16_000, dtype=np.float32)
    odd = silence.copy()
    odd[::1_000] = np.nan
    odd[1::1_000] = np.inf
    odd[2::1_000] = -3e38
    for y in (silence, odd):
        (verdict,) = _hear(tmp_path, y, 16_000, looksS=[10])["verdicts"]
        assert not verdict["found"]
        assert np.isfinite(verdict["log10P"])
