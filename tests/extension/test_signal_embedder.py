"""The extension marks live sound as `Protector` and `BlockMarker` do, at every rate."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

import sottovoce as sv
from sottovoce.core.protector import Protector
from sottovoce.live.marking.block_marker import BlockMarker
from tests.extension.node.running import read_sound, run_node, write_sound

pytestmark = pytest.mark.browser

NOTICE = sv.Notice(owner_id=0x4F2A91C077DE, policy=0x0F, year=2027)
FIELDS = {"ownerId": "4f2a91c077de", "policy": 0x0F, "year": 2027}
KEY = bytes(range(32))
FIRST_SEAL = 4_711
PHASE = 1_100
TOLERANCE = 1e-5
CASES = [(sr, n) for sr in (16_000, 44_100, 48_000) for n in (1, 2)]


class _KnownStart(Protector):
    """A `Protector` whose first seal is known."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self._signs._first_superframe = FIRST_SEAL


def _speech(clip, sr: int, n_channels: int, seconds: float) -> np.ndarray:
    y = np.tile(clip[0], 3)[: int(seconds * clip[1])]
    y = soxr.resample(y, clip[1], sr).astype(np.float32)
    # Loud at the end, so that the mark has to make way for peaks, and some lie over full scale.
    y *= np.linspace(0.5, 3.0, len(y), dtype=np.float32)
    return np.stack([y, 0.6 * np.roll(y, sr // 100)][:n_channels])


def _reference(y: np.ndarray, sr: int, *, is_sealed: bool) -> np.ndarray:
    protector = _KnownStart(
        sr=sr,
        notice=NOTICE,
        strength_db=1.6,
        phase_s=PHASE * 0.008,
        seal_key=KEY if is_sealed else None,
    )
    return protector.process(y, last=True)


def _job(folder, y: np.ndarray, sr: int, **options) -> dict:
    return {
        "from": write_sound(folder / "in.f32", y),
        "to": str(folder / "out.f32"),
        "sampleRate": sr,
        "nChannels": len(y),
        "strengthDb": 1.6,
        "phaseFrames": PHASE,
        "notice": FIELDS,
        **options,
    }


def _mark(folder, y: np.ndarray, sr: int, **options) -> tuple[np.ndarray, dict]:
    (answer,) = run_node("embed.mjs", [_job(folder, y, sr, **options)])
    return read_sound(folder / "out.f32", len(y)), answer


@pytest.mark.parametrize("is_sealed", [False, True], ids=["plain", "sealed"])
@pytest.mark.parametrize(("sr", "n_channels"), CASES)
def test_a_minute_is_that_of_the_protector(clip, tmp_path, sr, n_channels, is_sealed) -> None:
    y = _speech(clip, sr, n_channels, 60.0)
    seal = {"sealKey": KEY.hex(), "firstSeal": FIRST_SEAL} if is_sealed else {}
    marked, answer = _mark(tmp_path, y, sr, **seal)
    expected = _reference(y, sr, is_sealed=is_sealed)
    delay = int(np.ceil(Protector.latency_s * sr))
    assert answer["delay"] == delay
    assert (answer["unmarked"], answer["repaired"], answer["unsealedS"]) == (0, 0, 0)
    assert answer["limitedS"] > 0
    worst = np.abs(marked[:, delay:] - expected[:, :-delay]).max()
    assert worst <= TOLERANCE
    assert not marked[:, :delay].any()
    assert np.abs(marked[:, delay:] - y[:, :-delay]).max() > 0.01


@pytest.mark.parametrize("sr", [8_000, 22_050, 45_375, 96_000, 192_000])
def test_any_rate_and_any_blocks_give_the_sound_of_the_block_marker(
    clip, tmp_path, rng, sr
) -> None:
    """45,375 Hz has a transform of odd length."""
    y = _speech(clip, sr, 1, 3.0)
    sizes = [int(size) for size in rng.integers(1, 3_000, 50)]
    marked, answer = _mark(tmp_path, y, sr, sizes=sizes)
    marker = BlockMarker(sr=sr, notice=NOTICE, strength_db=1.6, phase_s=PHASE * 0.008)
    assert answer["delay"] == marker.delay
    np.testing.assert_allclose(marked[0], marker.process(y[0]), rtol=0, atol=TOLERANCE)


def test_the_mark_is_found_and_read(clip, tmp_path) -> None:
    y = _speech(clip, 48_000, 1, 20.0)
    marked, _ = _mark(tmp_path, y, 48_000, sealKey=KEY.hex(), firstSeal=FIRST_SEAL)
    (voice,) = sv.detect(marked[0], sr=48_000, seal_key=KEY).voices
    assert voice.notice == NOTICE
    assert voice.log10_p < -20
    assert voice.seal.holds
    assert not sv.detect(y[0], sr=48_000).found


def test_hostile_sound_is_neither_lost_nor_an_error() -> None:
    answers = run_node("hostile.mjs", None)
    whole = {"unmarked": 0, "reason": "", "repaired": 0, "n": 100, "isFinite": True, "delay": 768}
    assert answers["plain"] > 0.01
    for name in ("nan", "infinity"):
        assert answers[name].pop("later") > 0.01
        assert answers[name] == {**whole, "repaired": 6}
    loud = answers["loud"]
    assert (loud["reason"], loud["isFinite"], loud["around"]) == ("overflow", True, 0)
    assert 1 <= loud["unmarked"] <= 3
    assert loud["later"] > 0.01
    assert answers["denormal"] == whole
    assert answers["silence"] == 0
    assert answers["gaps"] == {**whole, "n": 90}
    assert answers["stereo"].pop("apart") == 0
    assert answers["stereo"].pop("later") > 0.01
    assert answers["stereo"] == answers["unmixed"] == whole
    assert answers["many"] == {**whole, "unmarked": 100, "reason": "channels"}
    assert answers["empty"] == {**whole, "n": 101}
    assert answers["long"] > 0.01
    broken = answers["broken"]
    assert (broken["reason"], broken["isFinite"], broken["during"]) == ("error: broken", True, 0)
    assert broken["unmarked"] > 10
    assert broken["later"] > 0.01
    assert answers["refused"] == ["RangeError"] * 6


def test_a_block_takes_no_memory() -> None:
    """Less than a byte on average is what the measurement itself takes; a number has 12 or more."""
    for answer in run_node("allocation.mjs", None, flags=["--expose-gc"]):
        assert answer["heap"] < 1
        assert answer["buffers"] <= 0
