"""The check of what goes out says soon that the mark has stopped, and finds it after a gap."""

from __future__ import annotations

import numpy as np
import pytest

import sottovoce as sv
from tests.extension.node.running import run_node, write_sound

pytestmark = pytest.mark.browser

SR = 16_000
DELAY = int(np.ceil(0.016 * SR))
PHASE = 1_100
OWNER = 0x4F2A91C077DE
NEVER = {"beginS": 1_000, "samples": 0}


def _watch(folder, y: np.ndarray, moved=NEVER) -> list[dict]:
    notice = {"ownerId": f"{OWNER:012x}", "policy": 0x7F, "year": 2027}
    question = {"from": write_sound(folder / "in.f32", y), "sampleRate": SR, "delay": DELAY}
    return run_node(
        "check.mjs", {**question, "notice": notice, "phaseFrames": PHASE, "moved": moved}
    )


@pytest.fixture(scope="module")
def sounds(clip):
    """The clip twice, and what the embedder makes of it at the weakest strength."""
    y = np.resize(clip[0], 30 * SR)
    notice = sv.Notice(owner_id=OWNER, policy=0x7F, year=2027)
    marked = sv.protect(y, sr=SR, notice=notice, phase_s=PHASE * 0.008, strength_db=0.8)
    late = np.zeros(DELAY, dtype=np.float32)
    return tuple(np.concatenate([late, one]).astype(np.float32) for one in (y, marked))


def test_a_mark_that_stops_is_missed_within_three_seconds(sounds, tmp_path) -> None:
    plain, marked = sounds
    stops_s = 14
    readings = _watch(tmp_path, np.concatenate([marked[: stops_s * SR], plain[stops_s * SR :]]))
    assert not any(one["isMissing"] for one in readings[:stops_s])
    assert all(one["isMissing"] for one in readings[stops_s + 3 : stops_s + 12])
    assert readings[-1]["foundS"] < stops_s + 3


def test_silence_is_not_taken_for_a_mark_that_has_stopped(sounds, tmp_path) -> None:
    _, marked = sounds
    y = np.concatenate([marked[: 8 * SR], np.zeros(25 * SR, dtype=np.float32)])
    readings = _watch(tmp_path, y)
    assert readings[7]["foundS"] is not None
    assert not any(one["isMissing"] for one in readings)


def test_the_mark_is_found_again_after_blocks_were_missed(sounds, tmp_path) -> None:
    """They last longer than the delays that are searched."""
    _, marked = sounds
    begin, n = 12 * SR - 12 * SR % 4_096, 3 * 4_096
    y = np.concatenate([marked[:begin], np.zeros(n, dtype=np.float32), marked[begin:]])
    moved = {"beginS": (begin + n) / SR, "samples": n}
    readings = _watch(tmp_path, y, moved)
    assert not any(one["isMissing"] for one in readings)
    assert readings[-1]["foundS"] > 25


def test_sound_that_was_never_marked_is_missed(sounds, tmp_path) -> None:
    plain, _ = sounds
    readings = _watch(tmp_path, plain)
    assert all(one["foundS"] is None for one in readings)
    assert readings[12]["isMissing"]
