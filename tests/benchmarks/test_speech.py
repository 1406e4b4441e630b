"""What the figures stand on: halves that share nobody, attacks that do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.attacks import ATTACKS, TRAINING_ATTACKS, random_crop
from benchmarks.data.speech import load_clips, speech_dir
from benchmarks.harness.harness import rng_for, wilson
from training.examples import RandomSigns

needs_speech = pytest.mark.skipif(
    not (speech_dir() / "manifest.csv").is_file(),
    reason="the speech clips are not here; SOTTOVOCE_SPEECH says where they are",
)


@needs_speech
def test_no_person_is_in_both_halves() -> None:
    halves = {half: {c.person for c in load_clips(half)} for half in ("tune", "report")}
    assert halves["tune"].isdisjoint(halves["report"])
    assert len(halves["report"]) >= 25


@needs_speech
def test_training_hears_permissive_speech_of_the_tuning_half_only() -> None:
    clips = load_clips("tune", permissive=True)
    assert clips
    assert not [c for c in clips if "GPL" in c.licence or "-SA" in c.licence]


@pytest.mark.parametrize("name", ["none", "mp3_32", "opus_16", "gsm", "noise_white_10", "room_0.3"])
def test_attacks_keep_speech_in_its_place(name: str, clip: tuple[np.ndarray, int]) -> None:
    """The envelope of what comes out follows that of what went in, within 8 ms."""
    y, sr = clip[0][:80_000], clip[1]
    out, new_sr = ATTACKS[name].apply(y, sr, rng_for(1, name))
    assert abs(len(out) / new_sr - len(y) / sr) < 0.1

    def envelope(x: np.ndarray, rate: int) -> np.ndarray:
        edges = np.round(np.arange(600) * 0.008 * rate).astype(int)
        return np.log(np.add.reduceat(x[: edges[-1]] ** 2, edges[:-1]) + 1e-5)

    a, b = envelope(y, sr), envelope(out, new_sr)
    likeness = [np.corrcoef(a[5:-5], np.roll(b, lag)[5:-5])[0, 1] for lag in range(-4, 5)]
    assert abs(int(np.argmax(likeness)) - 4) <= 1


def test_training_attacks_give_finite_mono_audio(clip: tuple[np.ndarray, int]) -> None:
    y, sr = clip[0][:40_000], clip[1]
    for name in ("noise_white", "room", "opus", "telephone", "denoise_gate"):
        out, new_sr = TRAINING_ATTACKS[name](y, sr, rng_for(2, name))
        assert np.isfinite(out).all()
        assert new_sr >= 8_000


def test_a_crop_takes_at_most_what_was_allowed(rng: np.random.Generator) -> None:
    y = np.arange(16_000, dtype=np.float32)
    for _ in range(20):
        cropped, _ = random_crop(y, 16_000, rng, longest_s=0.04)
        assert 0 <= cropped[0] <= 640


def test_training_signs_are_in_step_with_the_frames_they_label(rng: np.random.Generator) -> None:
    """Cell i of the random signs begins i - 1 cells after the first sample."""
    signs = RandomSigns(rng, 10)
    first = 1280
    np.testing.assert_array_equal(signs.frames(first, first + 4)[0], signs.cells[1])
    np.testing.assert_array_equal(signs.frames(first, first + 4)[3], -signs.cells[1])


def test_the_interval_of_wilson() -> None:
    """Against the example of Newcombe (1998): 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
