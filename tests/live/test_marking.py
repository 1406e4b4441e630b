"""`BlockMarker`: as many samples out as in, always the same delay, never silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.live.marking.block_marker import BlockMarker

NOTICE = sv.Notice(owner_id=0x4F2A91C077DE)
OPTIONS = {"notice": NOTICE, "strength_db": 1.6, "phase_s": 0.0}


@pytest.fixture(scope="module")
def sound():
    return np.random.default_rng(0).normal(scale=0.05, size=30_000).astype(np.float32)


def send(marker, sound, sizes):
    parts, at = [], 0
    while at < len(sound):
        for size in sizes:
            parts.append(marker.process(sound[at : at + size]))
            assert len(parts[-1]) == len(sound[at : at + size])
            at += size
    return np.concatenate(parts)[: len(sound)]


@pytest.mark.slow
@given(
    sizes=st.lists(st.integers(1, 2_048), min_size=1, max_size=5),
    sr=st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]),
)
def test_any_blocks_give_the_samples_of_the_file_path_one_delay_later(sound, sizes, sr):
    marker = BlockMarker(sr=sr, **OPTIONS)
    live = send(marker, sound, sizes)
    whole = sv.protect(sound, sr=sr, **OPTIONS)
    assert marker.delay == int(np.ceil(0.016 * sr))
    np.testing.assert_array_equal(live[marker.delay :], whole[: len(sound) - marker.delay])
    assert not live[: marker.delay].any()
    assert marker.n_unmarked == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_cannot_be_marked_goes_out_as_it_is_and_marking_begins_again(sound, bad):
    broken = sound.copy()
    broken[10_000] = bad
    marker = BlockMarker(sr=16_000, **OPTIONS)
    live = send(marker, broken, [512])
    assert marker.n_unmarked >= 1
    assert "Parameter" in marker.last_error
    assert np.isfinite(live).all()
    n = marker.delay
    # Marked or not, it is the same voice: a mark of 1.6 dB never doubles or silences a sample.
    late = np.nan_to_num(broken[:-n], posinf=0, neginf=0)
    error = np.delete(live[n:] - late, 10_000)
    assert np.sqrt(np.mean(error**2)) < 0.4 * np.sqrt(np.mean(late**2))
    again = live[n + 16_000 :] - sound[16_000:-n]
    assert np.sqrt(np.mean(again**2)) > 0.05 * np.sqrt(np.mean(sound**2))


def test_a_marker_that_always_fails_still_lets_the_voice_through(sound, monkeypatch):
    marker = BlockMarker(sr=16_000, **OPTIONS)

    def fail(block):
        raise MemoryError("none left")

    monkeypatch.setattr(marker._protector, "process", fail)
    live = send(marker, sound, [128, 512])
    np.testing.assert_array_equal(live[marker.delay :], sound[: len(sound) - marker.delay])
    assert marker.last_error == "MemoryError('none left')"
