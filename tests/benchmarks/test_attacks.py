"""Every attack of the battery gives speech back, or says what it would need."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from benchmarks.attacks import ATTACKS, GROUPS
from benchmarks.attacks.adversary import cancel_sync, overwrite, random_gains, transplant
from benchmarks.data.speech import speech_dir
from benchmarks.robustness.robustness import summarise

# Their package is no part of the test environment; see benchmarks/requirements-battery.txt.
_OPTIONAL = {
    "shoebox_0.3_1m",
    "shoebox_0.6_2m",
    "loudness",
    "speex",
    "webrtc",
    "call",
    "speex_ns",
    "rnnoise",
    "dtln",
    "noise_10_dtln",
    "deepfilternet",
    "augmented",
    "augmented_readme",
    "noisereduce",
    "world",
    "world_coded",
    "hifigan",
    "codec2_3200",
    "tempo_+10_rubberband",
    "tempo_-5_rubberband",
    "pitch_+0.25",
    "pitch_-0.5",
    "pitch_+1",
    "pitch_+2",
}
_WITH_BACKGROUND = ("babble", "music", "noise_real", "talker", "vq_mel")
_HAS_SPEECH = (speech_dir() / "manifest.csv").is_file()


@pytest.fixture(scope="module")
def take(clip: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
    y, sr = clip
    return y[sr : 5 * sr], sr


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ATTACKS if not n.startswith(_WITH_BACKGROUND)])
def test_an_attack_gives_speech_back(name: str, take: tuple[np.ndarray, int]) -> None:
    y, sr = take
    before = y.copy()
    attack = ATTACKS[name]
    assert attack.group in GROUPS
    try:
        out, out_sr = attack(y, sr, np.random.default_rng(0))
    except (ImportError, FileNotFoundError):
        assert name in _OPTIONAL
        return
    np.testing.assert_array_equal(y, before)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert np.abs(out).max() > 0.01
    length_s = out.shape[-1] / out_sr
    assert 0.85 * (4 - attack.loses_s) - 0.1 <= length_s <= 4 / 0.89


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ATTACKS if n.startswith(_WITH_BACKGROUND)])
@pytest.mark.skipif(not _HAS_SPEECH, reason="backgrounds are clips of the speech set")
def test_an_attack_with_a_background_gives_speech_back(
    name: str, take: tuple[np.ndarray, int]
) -> None:
    y, sr = take
    out, out_sr = ATTACKS[name](y, sr, np.random.default_rng(0))
    assert np.isfinite(out).all()
    assert abs(out.shape[-1] / out_sr - 4) < 0.05


class TestAdversaries:
    @pytest.fixture
    def marked(self, clip: tuple[np.ndarray, int]) -> tuple[np.ndarray, int, sv.Notice]:
        y, sr = clip
        notice = sv.Notice(owner_id=77)
        return sv.protect(y, sr=sr, notice=notice, phase_s=2.0, seal_key=bytes(32)), sr, notice

    def test_another_owner_does_not_take_the_first_one_away(
        self, marked: tuple[np.ndarray, int, sv.Notice]
    ) -> None:
        y, sr, notice = marked
        out, _ = overwrite(1)(y, sr, np.random.default_rng(0))
        voices = sv.detect(out, sr=sr).voices
        assert notice in [voice.notice for voice in voices]
        assert len({voice.notice for voice in voices}) == 2

    def test_who_knows_the_pattern_can_cancel_it(
        self, marked: tuple[np.ndarray, int, sv.Notice]
    ) -> None:
        y, sr, _ = marked
        out, _ = cancel_sync()(y, sr, np.random.default_rng(0))
        assert sv.detect(out, sr=sr).score < 0.5 * sv.detect(y, sr=sr).score

    @pytest.mark.slow
    def test_random_gains_do_not(self, marked: tuple[np.ndarray, int, sv.Notice]) -> None:
        y, sr, _ = marked
        out, _ = random_gains(3, 0.3)(y, sr, np.random.default_rng(0))
        assert out.shape == y.shape
        assert sv.detect(out, sr=sr).found

    @pytest.mark.slow
    def test_a_copied_mark_is_found_but_sealed_badly(
        self, marked: tuple[np.ndarray, int, sv.Notice], clip: tuple[np.ndarray, int]
    ) -> None:
        y, sr, notice = marked
        target = np.ascontiguousarray(clip[0][::-1])
        out = transplant(y, sr, target, notice, phase_s=2.0)
        forged = sv.detect(out, sr=sr, seal_key=bytes(32)).voices[0]
        genuine = sv.detect(y, sr=sr, seal_key=bytes(32)).voices[0]
        assert forged.notice == notice
        assert forged.seal_log10_p is not None
        assert genuine.seal_log10_p is not None
        assert genuine.seal_log10_p < min(3 * forged.seal_log10_p, -6.0)


def test_rows_count_what_was_heard() -> None:
    trial = {"attack": "none", "source": "a", "marked": True, "seconds": 5.0, "log10_p": -9.0}
    lines = [
        {**trial, "found": True, "read": "right"},
        {**trial, "found": False, "read": "nothing", "log10_p": -4.0, "source": "b"},
        {**trial, "found": True, "read": "wrong", "marked": False},
        {"attack": "none", "source": "a", "worth": {"pesq": 4.0}},
        {"attack": "world", "missing": "pyworld"},
    ]
    rows, about = summarise(lines)
    assert [(row["marked"], row["n"], row["n_found"]) for row in rows] == [
        (True, 2, 1),
        (False, 1, 1),
    ]
    assert rows[0]["found_at_1e-3"] == 1.0
    assert rows[0]["read"] == 0.5
    assert rows[1]["n_wrong"] == 1
    assert about["worth"]["none"] == {"pesq": 4.0, "in_budget": True}
    assert about["missing"] == {"world": "pyworld"}
