"""What the audio thread does with each block, without an audio server."""

from __future__ import annotations

import time

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.live.marking.engine import Engine
from sottovoce.live.marking.meters import Meter, create_meters, open_meters


@pytest.fixture
def meters(tmp_path):
    return create_meters(tmp_path / "meters")


@pytest.fixture
def engine(tmp_path, meters):
    return Engine(
        meters=open_meters(tmp_path / "meters"),
        error_path=tmp_path / "error",
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


def test_missed_blocks_are_counted_and_the_count_may_wrap_around(engine, meters):
    block, out = np.zeros(512, np.float32), np.empty(512, np.float32)
    start = 2**32 - 1024
    engine.process(block, out, start)
    engine.process(block, out, start + 512)
    time.sleep(4.2 * 512 / 48_000)
    engine.process(block, out, (start + 1024 + 3 * 512) % 2**32)
    assert meters[Meter.N_MISSED] == 3


def test_another_driver_counts_from_elsewhere_and_that_is_no_gap(engine, meters):
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
    assert "NaN" in (tmp_path / "error").read_text()
