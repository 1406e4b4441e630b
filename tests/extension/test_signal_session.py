"""The worklet and the check of what it sends: meters, verdicts, and no silence whatever happens."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from tests.extension.node.running import run_node, write_sound

pytestmark = pytest.mark.browser

FIELDS = {"ownerId": "4f2a91c077de", "policy": 0x7F, "year": 2027}


@pytest.fixture(scope="module")
def hear(clip, tmp_path_factory):
    y = soxr.resample(clip[0], clip[1], 48_000).astype(np.float32)
    sound = write_sound(tmp_path_factory.mktemp("sound") / "in.f32", y[None])
    question = {"from": sound, "notice": FIELDS, "phaseFrames": 1_100, "firstSeal": 99}
    question["sealKey"] = bytes(range(32)).hex()
    return lambda **options: run_node("session.mjs", {**question, **options})


def test_a_session_is_found_marked_every_second(hear) -> None:
    answer = hear(lateBlocks=7)
    meters, verdicts = answer["meters"], answer["verdicts"]
    assert len(meters) == pytest.approx(4 * 24.7, abs=2)
    last = meters[-1]
    assert (last["unmarked"], last["reason"], last["repaired"], last["delay"]) == (0, "", 0, 768)
    assert last["unsealedS"] == 0
    assert last["blocks"] == last["samples"] / 128
    assert last["contextFrame"] == last["samples"] + 5_000 * 128
    assert all(-60 < meter["rmsDb"] < meter["peakDb"] < 0 for meter in meters[4:-4])
    assert len(verdicts) >= 20
    assert all(verdict["found"] for verdict in verdicts[2:])
    assert all(verdict["sinceS"] <= 5 for verdict in verdicts[2:])
    # Seven blocks are 19 ms.
    assert {round(verdict["delayS"] * 125) for verdict in verdicts[4:]} <= {2, 3}


def test_an_embedder_that_cannot_be_made_lets_the_sound_pass(hear) -> None:
    answer = hear(lateBlocks=0)
    assert answer["isPassed"]
    meter = answer["bad"][0]
    assert meter["blocks"] == meter["unmarked"] > 0
    assert meter["reason"] == "error: strength 9 dB is outside 0 to 3 dB"
