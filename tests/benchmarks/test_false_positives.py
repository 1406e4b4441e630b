"""The check of the bound itself: decoys are searched as the detector searches, nulls are null."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from benchmarks.data import unmarked_audio
from benchmarks.data.unmarked_audio import Recording, join_short, load_recordings
from benchmarks.evidence.decoys import (
    P_LEVELS,
    Tally,
    binomial_excess,
    clopper_pearson,
    make_windows,
    search_decoys,
    search_window,
)
from benchmarks.evidence.nulls import NULLS, SR_HZ, make_null, modulate
from sottovoce.core.evidence import log10_p_value
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.search import offset_scores, sync_spectra
from sottovoce.core.windows import price_hypotheses
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from pathlib import Path

TRUE = (f"{FORMAT_1.name} sync",)


@pytest.mark.parametrize("seconds", [0.1, 4.0, 5.5, 15.0, 45.0])
def test_windows_are_those_of_the_detector(
    seconds: float, clip: tuple[np.ndarray, int], rng: np.random.Generator
) -> None:
    """Scores and counts for the true pattern make, to the last digit, what `detect` says."""
    y, sr = np.resize(clip[0], round(seconds * clip[1])), clip[1]
    y = (y + 0.01 * rng.standard_normal(len(y))).astype(np.float32)
    detection = sv.detect(y, sr=sr)
    best = {False: 0.0, True: 0.0}
    n_hypotheses = {False: 0, True: 0}
    for window in make_windows(y, sr):
        short = window.kind == "short"
        score = float(search_window(window, sync_spectra(TRUE))[0][0])
        best[short] = max(best[short], score)
        n_hypotheses[short] += window.n_hypotheses
    paid = dict(zip((False, True), price_hypotheses(*n_hypotheses.values()), strict=True))
    log10_p = {kind: float(log10_p_value(best[kind], n_hypotheses=n)) for kind, n in paid.items()}
    assert min(log10_p.values()) == pytest.approx(detection.log10_p, abs=1e-4)
    score = max(best[kind] for kind, p in log10_p.items() if p == min(log10_p.values()))
    assert score == pytest.approx(detection.score, rel=1e-5)


def test_a_window_of_marked_audio_shows_the_mark_and_no_decoy(
    clip: tuple[np.ndarray, int],
) -> None:
    marked = sv.protect(clip[0], sr=clip[1], phase_s=0.3)
    window = next(make_windows(marked, clip[1]))
    assert search_window(window, sync_spectra(TRUE))[0][0] > 7
    tally = search_decoys([window], n_decoys=500, name="marked")
    assert binomial_excess(tally) > 1e-6


@pytest.mark.parametrize("name", NULLS)
def test_audio_made_to_break_a_detector_does_not(name: str) -> None:
    """100 decoys a window: an excess by chance happens once in a million runs."""
    y = make_null(name)
    assert y.dtype == np.float32
    assert len(y) >= 60 * SR_HZ
    assert np.abs(y).max() <= 1.0
    assert sv.detect(y, sr=SR_HZ).verdict == "not found"
    windows = list(make_windows(y, SR_HZ))
    tally = search_decoys(windows, n_decoys=100, name=f"test {len(name)}")
    assert {window.kind for window in windows} == {"ordinary", "long", "short"}
    assert tally.n_trials == 100 * 7 + 20 * 23
    assert binomial_excess(tally) > 1e-6


def test_nulls_are_the_same_for_a_seed_and_not_for_another() -> None:
    name = "noise, gated at random by chips"
    np.testing.assert_array_equal(make_null(name, seed=1), make_null(name, seed=1))
    assert (make_null(name, seed=1) != make_null(name, seed=2)).any()


def test_nulls_repeat_when_they_say_so() -> None:
    period = round(FORMAT_1.period_s * SR_HZ)
    for name in ("speech, looped every period", "music, one bar, looped"):
        y = make_null(name)
        np.testing.assert_array_equal(y[:period], y[7 * period : 8 * period])


def test_a_secret_mark_is_found_by_who_knows_its_signs() -> None:
    """What is hidden from the public pattern is strong, so that the null has teeth."""
    y = make_null("noise, secret signs, every period")
    window = next(make_windows(y, SR_HZ))
    plain = next(make_windows(make_null("noise, clipped at full scale"), SR_HZ))
    assert np.abs(window.plain).mean() > 2 * np.abs(plain.plain).mean()


def test_away_from_a_mark_its_own_pattern_scores_as_unmarked_audio_does(
    rng: np.random.Generator,
) -> None:
    """30 marks of a decoy's signs, searched for the same; offsets within 1.5 cells are left out.

    Of some 28,000 scores the bound allows 0.4 % at 3 or more; Gaussian ones have 0.13 %.
    """
    scores = []
    for number in range(30):
        signs = make_sync_signs(f"own pattern {number}")
        cells = np.where(signs == 0, rng.choice([-1, 1], signs.shape), signs).astype(np.int8)
        noise = (0.1 * rng.standard_normal(20 * SR_HZ)).astype(np.float32)
        marked = modulate(noise, np.tile(cells, (8, 1)), strength_db=1.6)
        window = next(make_windows(marked, SR_HZ))
        fine = window.fine()
        assert fine is not None
        for folded in (window.plain, fine):
            spectra = sync_spectra((f"own pattern {number}",))
            z = offset_scores(folded[None], spectra=spectra)[0, :, 0]
            n_steps = len(z) // FORMAT_1.n_cells
            away = (np.arange(len(z)) - z.argmax() + len(z) // 2) % len(z) - len(z) // 2
            assert z.max() > 10
            scores.append(z[np.abs(away) > 1.5 * n_steps])
    z = np.concatenate(scores)
    assert len(z) > 27_000
    for level in (2.0, 2.5, 3.0):
        assert (z >= level).mean() <= 10.0 ** float(log10_p_value(level))


def test_tallies_add_up() -> None:
    windows = list(make_windows(make_null("dithered silence"), SR_HZ))[:2]
    total = Tally()
    for number, window in enumerate(windows):
        total.add(search_decoys([window], n_decoys=30, name=f"sum {number}"))
    assert total.n_trials == total.at_or_under[0] == 60
    assert total.n_scores == 2 * 30 * 320
    assert total.scores_at_or_over[0] == pytest.approx(total.n_scores / 2, rel=0.1)
    assert (np.diff(total.at_or_under) <= 0).all()
    assert (np.diff(total.scores_at_or_over) <= 0).all()
    assert len(total.smallest) == 5


def test_an_excess_is_seen() -> None:
    """Twice what the bound allows at 1e-3 among a million trials."""
    tally = Tally(n_trials=1_000_000)
    tally.at_or_under = np.floor(10.0**P_LEVELS * 1e6).astype(np.int64)
    assert binomial_excess(tally) == 1.0
    tally.at_or_under[P_LEVELS == -3.0] = 2_000
    assert binomial_excess(tally) < 1e-100


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    """None of n: the upper end is 1 - 0.025^(1/n); and the published 10 of 100."""
    assert clopper_pearson(0, 50) == pytest.approx((0.0, 1 - 0.025 ** (1 / 50)))
    assert clopper_pearson(10, 100) == pytest.approx((0.0490, 0.1762), abs=1e-4)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOTTOVOCE_CACHE", str(tmp_path))
    return unmarked_audio.cache_dir()


def test_nothing_fetched_names_the_command(cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match="unmarked_audio fetch"):
        load_recordings()
    assert not cache.exists()


def test_no_apt_is_said_plainly(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cache))
    with pytest.raises(SystemExit, match=r"apt-get.*Debian"):
        unmarked_audio.fetch()


def test_short_clips_are_joined_and_counted_apart(cache: Path) -> None:
    """Eight clips of 3 s in one folder and one of 12 s: one recording of 24 s more."""
    (cache / "manifests").mkdir(parents=True)
    rows = []
    for number in range(9):
        seconds = 12 if number == 8 else 3
        name = f"{number}.flac"
        sf.write(cache / name, np.full(8_000 * seconds, number / 10), 8_000, subtype="PCM_16")
        rows.append(
            {
                "package": "prompts",
                "version": "1",
                "path": f"usr/share/{name}",
                "kind": "speech",
                "files": [name],
                "sr": 8_000,
                "seconds": float(seconds),
            }
        )
    text = json.dumps({"recordings": rows, "left_out": []})
    (cache / "manifests" / "prompts.json").write_text(text, encoding="utf-8")
    own = load_recordings()
    assert [one.joined for one in own] == [False] * 9
    (joined,) = join_short(own)
    assert isinstance(joined, Recording)
    assert joined.joined
    assert len(joined.files) == 8
    y, sr = joined.load()
    assert (len(y), sr) == (8_000 * 24, 8_000)
    assert joined.seconds == pytest.approx(24.0)
