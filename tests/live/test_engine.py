"""What the audio thread does with each block, without an audio server."""

from __future__ import annotations

import gc
import json
import sys
import time
import tracemalloc

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.live.marking.audio_process import keep_error
from sottovoce.live.marking.engine import Engine, make_settings
from sottovoce.live.marking.meters import Meter, create_meters, open_meters

MOST_BORROWED_BYTES = 80_000
"""Of a block of 512 samples: frames, their spectra, and what is added to them."""
MOST_KEPT_BYTES = 8_192
"""How much more may wait for the next hop than before."""
MOST_FAULTS = 5
"""In five seconds of sound: pages that the system maps while a block is marked."""


@pytest.fixture
def meters(tmp_path):
    return create_meters(tmp_path / "meters")


@pytest.fixture
def engine(tmp_path, meters):
    return Engine(
        meters=open_meters(tmp_path / "meters"),
        sr=48_000.0,
        notice=sv.Notice(owner_id=7),
        strength_db=1.6,
    )


def test_what_it_counts_is_seen_by_who_watches(engine, meters):
    block, out = np.full(512, 0.1, np.float32), np.empty(512, np.float32)
    for i in range(200):
        engine.process(block, out, 512 * i)
    assert meters[Meter.N_BLOCKS] == 200
    assert meters[Meter.N_MISSED] == 0
    assert meters[Meter.BLOCK] == 512
    assert meters[Meter.DELAY] == 768
    assert meters[Meter.MEAN_SQUARE] == pytest.approx(0.01, rel=0.01)
    assert 0 < meters[Meter.BUSY_S] < 10


def test_settings_come_as_json_and_the_seal_with_them(tmp_path, meters, clip):
    key, notice = bytes(range(32)), sv.Notice(owner_id=7)
    settings = json.loads(json.dumps(make_settings(notice, strength_db=1.6, seal_key=key)))
    y, sr = clip
    y = np.resize(y, 45 * sr)  # the first 20 s have no seal
    sealed = Engine.from_settings({**settings, "block": 1}, meters=meters, sr=sr)
    bare = Engine.from_settings(make_settings(notice, strength_db=1.6), meters=meters, sr=sr)
    for engine, holds in ((sealed, True), (bare, False)):
        out = np.empty_like(y)
        for begin in range(0, len(y), 512):
            engine.process(y[begin : begin + 512], out[begin : begin + 512], begin)
        (voice,) = sv.detect(out, sr=sr, seal_key=key).voices
        assert voice.notice.owner_id == 7
        assert voice.seal.holds == holds


def test_missed_blocks_are_counted_and_the_count_may_wrap_around(engine, meters):
    block, out = np.zeros(512, np.float32), np.empty(512, np.float32)
    start = 2**32 - 1024
    engine.process(block, out, start)
    engine.process(block, out, start + 512)
    time.sleep(4.2 * 512 / 48_000)
    engine.process(block, out, (start + 1024 + 3 * 512) % 2**32)
    assert meters[Meter.N_MISSED] == 3


def test_another_driver_counts_from_elsewhere_and_that_is_no_gap(engine, meters, monkeypatch):
    # A computer that is busy between two blocks would have had time for one more.
    monkeypatch.setattr(time, "perf_counter", lambda: 1.0)
    block, out = np.zeros(512, np.float32), np.empty(512, np.float32)
    for frame in (1_000_000, 5, 3_000_000_000):
        engine.process(block, out, frame)
    assert meters[Meter.N_MISSED] == 0


def test_two_channels_that_meet_are_halved(engine, meters):
    engine.gain = 0.5
    block, out = np.full(48_000, 0.2, np.float32), np.empty(48_000, np.float32)
    engine.process(block, out, 0)
    assert meters[Meter.MEAN_SQUARE] == pytest.approx(0.01, rel=1e-3)


def test_an_error_leaves_the_voice_and_a_reason(engine, meters, tmp_path):
    block = np.full(512, np.nan, np.float32)
    out = np.full(512, 7.0, np.float32)
    engine.process(block, out, 0)
    assert np.isfinite(out).all()
    assert meters[Meter.N_UNMARKED] == 1
    assert "NaN" in engine.error
    keep_error(engine, tmp_path / "error")
    deadline_s = time.monotonic() + 5
    while not (tmp_path / "error").is_file() or "NaN" not in (tmp_path / "error").read_text():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_the_audio_thread_opens_no_file(engine, monkeypatch):
    block, out = np.full(512, np.nan, np.float32), np.empty(512, np.float32)
    engine.process(np.zeros(512, np.float32), out, 0)
    opened = []
    armed = [True]
    sys.addaudithook(
        lambda event, _: opened.append(event) if armed[0] and event == "open" else None
    )
    for i in range(1, 20):
        engine.process(block if i % 3 == 0 else np.zeros(512, np.float32), out, 512 * i)
    armed[0] = False
    assert opened == []


def test_a_block_borrows_little_and_gives_it_back(engine):
    """What is allocated comes from transforms, and is given back before the block is over."""
    sound = np.random.default_rng(0).normal(scale=0.05, size=512 * 240).astype(np.float32)
    out = np.empty(512, np.float32)
    blocks = sound.reshape(240, 512)
    kept = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for i, block in enumerate(blocks):
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            engine.process(block, out, 512 * i)
            after, peak = tracemalloc.get_traced_memory()
            assert i < 60 or peak - before <= MOST_BORROWED_BYTES
            kept.append(after)
    finally:
        tracemalloc.stop()
        gc.enable()
    assert max(kept[120:]) - max(kept[60:120]) <= MOST_KEPT_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the faults of a thread")
def test_a_block_asks_the_system_for_no_memory(engine):
    import resource

    sound = np.random.default_rng(0).normal(scale=0.05, size=512 * 3000).astype(np.float32)
    out = np.empty(512, np.float32)
    blocks = sound.reshape(-1, 500, 512)
    faults = []
    gc.collect()
    gc.disable()
    try:
        for number, batch in enumerate(blocks):
            before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
            for i, block in enumerate(batch, 500 * number):
                engine.process(block, out, 512 * i)
            faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
    finally:
        gc.enable()
    # A system short of memory takes pages away at any time, and gives them back with a fault.
    assert min(faults[1:]) <= MOST_FAULTS
