"""How long it took to hear a mark, counted from where somebody begins to speak."""

from __future__ import annotations

import io
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.live.listening.speech_onset import SpeechOnset
from sottovoce.live.listening.watcher import SourceWatcher

CLIP = Path(__file__).parents[2] / "examples" / "data" / "sense_and_sensibility.flac"
SR = 16_000
LOUD = np.full(SR // 10, 0.01, np.float32)
QUIET = np.zeros(SR // 10, np.float32)


def push(talk, block, seconds):
    for _ in range(round(10 * seconds)):
        talk.push(block)


def test_silence_before_the_first_word_does_not_count():
    talk = SpeechOnset(sr=SR)
    push(talk, QUIET, 5)
    talk.mark_found()
    assert talk.latency_s is None
    push(talk, LOUD, 3)
    talk.mark_found()
    push(talk, LOUD, 3)
    talk.mark_found()
    assert talk.latency_s == pytest.approx(3.0)


def test_a_pause_counts_and_a_silence_begins_anew():
    talk = SpeechOnset(sr=SR)
    push(talk, LOUD, 1)
    push(talk, QUIET, 1.9)
    push(talk, LOUD, 1)
    assert talk.n_samples == pytest.approx(3.9 * SR)
    talk.mark_found()
    push(talk, QUIET, 2)
    assert talk.latency_s is not None
    push(talk, LOUD, 0.5)
    assert talk.latency_s is None
    assert talk.n_samples == pytest.approx(0.5 * SR)


def watch(sound):
    """Return every look at a sound that is there at once."""
    hearings = []

    class Watcher(SourceWatcher):
        def _look(self, n_forgotten):
            super()._look(n_forgotten)
            hearings.append(self.hearing)

    data = io.BytesIO(sound.astype(np.float32).tobytes())
    process = SimpleNamespace(stdout=data, kill=lambda: None, wait=lambda: None)
    watcher = Watcher(lambda **_: process, window_s=20.0, every_s=2.0, brief=False)
    watcher.start()
    deadline = time.monotonic() + 30
    while len(hearings) < len(sound) // (2 * SR) and time.monotonic() < deadline:
        time.sleep(0.01)
    watcher.stop()
    return hearings


def test_a_marked_voice_is_found_after_so_many_seconds_and_a_second_one_too():
    y, _ = sf.read(CLIP, dtype="float32")
    marked = sv.protect(y, sr=SR, notice=sv.Notice(owner_id=7), strength_db=1.6)
    silence = np.zeros(3 * SR, np.float32)
    # The first talk is still in the window when the second begins, which is not marked at first.
    sound = np.concatenate([silence, marked[: 8 * SR], silence, y[: 6 * SR], marked[8 * SR :]])
    looks = {2 * (i + 1): hearing.latency_s for i, hearing in enumerate(watch(sound))}
    first = next(at_s for at_s, latency_s in looks.items() if latency_s is not None)
    assert 3 < first < 11
    assert looks[first] == pytest.approx(first - 3, abs=0.2)
    assert looks[14] == looks[first]
    assert looks[16] is looks[18] is looks[20] is None
    second = next(at_s for at_s in looks if at_s > 16 and looks[at_s] is not None)
    assert looks[second] == pytest.approx(second - 14, abs=0.2)
    assert second > 20


def test_without_a_mark_there_is_no_latency():
    y, _ = sf.read(CLIP, dtype="float32")
    assert {hearing.latency_s for hearing in watch(y[: 12 * SR])} == {None}
