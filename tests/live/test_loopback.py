"""What PortAudio's thread does with each block, and what a state says, without an audio server."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import sottovoce as sv
from sottovoce.live.loopback.process import LoopbackCallback
from sottovoce.live.marking.engine import Engine
from sottovoce.live.marking.meters import Meter, create_meters

CLEAN = SimpleNamespace(input_overflow=False, output_underflow=False)
LATE = SimpleNamespace(input_overflow=False, output_underflow=True)


@pytest.fixture
def meters(tmp_path):
    return create_meters(tmp_path / "meters")


@pytest.fixture
def engine(tmp_path, meters):
    return Engine(
        meters=meters,
        sr=48_000.0,
        notice=sv.Notice(owner_id=7),
        strength_db=1.6,
    )


def make_blocks(n=480):
    rng = np.random.default_rng(0)
    heard = 0.1 * rng.standard_normal((n, 1)).astype(np.float32)
    return heard, np.full((n, 2), 7.0, np.float32)


def test_both_channels_get_the_voice(engine, meters):
    callback = LoopbackCallback(engine, meters)
    for _ in range(5):
        heard, out = make_blocks()
        callback(heard, out, len(heard), None, CLEAN)
    assert meters[Meter.N_BLOCKS] == 5
    assert meters[Meter.N_MISSED] == 0
    assert np.abs(out[:, 0]).max() > 0.1
    np.testing.assert_array_equal(out[:, 0], out[:, 1])


def test_what_portaudio_missed_is_counted(engine, meters):
    callback = LoopbackCallback(engine, meters)
    heard, out = make_blocks()
    callback(heard, out, len(heard), None, LATE)
    assert meters[Meter.N_MISSED] == 1


def test_an_error_outside_the_marking_leaves_the_voice_too(meters):
    def fail(*_words):
        raise RuntimeError("no")

    callback = LoopbackCallback(SimpleNamespace(process=fail), meters)
    heard, out = make_blocks()
    callback(heard, out, len(heard), None, CLEAN)
    np.testing.assert_array_equal(out[:, :1], heard)
    np.testing.assert_array_equal(out[:, 1:], heard)
    assert meters[Meter.N_UNMARKED] == 1
