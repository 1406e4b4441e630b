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
