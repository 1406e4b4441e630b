"""Sound that is lost or put in: the mark is followed, the pieces are read together, one voice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.detector import Detector
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.search import interleave
from sottovoce.core.slips import MOST_SLIP, SCORE_GAIN, follow_slips

SR = 16_000
NOTICE = sv.Notice(owner_id=0xA1B2C3D4E5F6)
OTHER = sv.Notice(owner_id=0x13579BDF0246)


def scores(offsets, rng, *, strength=0.6):
    """Return scores of a mark that is at `offsets[k]` in the stretch k of eight half frames."""
    fine = rng.standard_normal((8 * len(offsets), 20)).astype(np.float32)
    for k, offset in enumerate(offsets):
        lead = -(8 * k - offset) % 8
        cell = (8 * k + lead - offset) // 8
        fine[8 * k + lead] += np.float32(strength) * make_sync_signs()[cell % 80]
    smooth = interleave(fine[::2], fine[1::2])
    # The network's scores have about this mean for this energy.
    return np.float32(strength / (1.5 + strength**2) / SCORE_GAIN) * smooth


def slipped(y, *, size, insert, n=8, seed=0):
    """Return audio with `n` cuts or inserts of `size` samples at random places."""
    parts, position = [], 0
    for place in sorted(np.random.default_rng(seed).integers(0, len(y) - size, n).tolist()):
        begin = max(place, position)
        parts.append(y[position:begin])
        position = begin if insert else begin + size
        if insert:
            parts.append(np.zeros(size, np.float32))
    return np.concatenate([*parts, y[position:]])


# Both are true of nearly all noise, not of all: the draws are the same each time.
@given(st.integers(0, 639), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_mark_that_stays_is_not_moved(offset, seed):
    """Each of the trials slips by itself with a probability of about exp(-8), 1 in 3,000."""
    fine = scores(np.full(320, offset), np.random.default_rng(seed))
    assert follow_slips(fine, 0, offset) is None


@given(
    st.integers(0, 639),
    st.integers(-MOST_SLIP, MOST_SLIP).filter(lambda slip: abs(slip) >= 3),
    st.integers(80, 240),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_slip_is_followed_to_a_quarter_of_a_second(offset, slip, at, seed):
    offsets = offset + np.where(np.arange(320) < at, 0, slip)
    fine = scores(offsets, np.random.default_rng(seed))
    path = follow_slips(fine, 0, offset)
    assert path is not None
    # The grid is smooth: half a frame beside the mark looks nearly as good for a moment.
    far = np.abs(np.arange(320) - at) > 8
    assert np.mean(np.abs(path - offsets)[far] <= 1) > 0.95


def test_noise_and_silence_do_not_slip():
    rng = np.random.default_rng(0)
    assert follow_slips(np.zeros((2_560, 20), np.float32), 0, 5) is None
    assert follow_slips(np.zeros((24, 20), np.float32), 0, 5) is None
    # One chunk of seventy passes; that five of fifty do has a probability of 1 in 1,000.
    noise = 4.0 * rng.standard_normal((50, 2_560, 20)).astype(np.float32)
    assert sum(follow_slips(one, 0, 5) is not None for one in noise) <= 4


@pytest.mark.parametrize("insert", [False, True])
@pytest.mark.parametrize("size", [176, 800])
def test_eight_slips_in_twenty_seconds_leave_one_voice_with_its_owner(clip, size, insert):
    """11 and 50 ms; each case was lost or told as several voices before."""
    y = np.tile(clip[0], 3)[: 20 * SR]
    marked = sv.protect(y, sr=SR, notice=NOTICE, strength_db=1.6, phase_s=3.0)
    detection = sv.detect(slipped(marked, size=size, insert=insert), sr=SR)
    assert [voice.notice for voice in detection.voices] == [NOTICE]
    covered_s = sum(end - begin for begin, end in detection.voices[0].segments_s)
    assert covered_s > 0.8 * detection.duration_s


def test_people_who_take_turns_are_no_slips(clip):
    """Their offsets are 64 ms apart, and each is silent while the other one speaks."""
    y = np.tile(clip[0], 6)[: 40 * SR]
    turn = np.arange(len(y)) // (3 * SR) % 2
    lead = round(0.064 * SR)
    first = sv.protect(y * (turn == 0), sr=SR, notice=NOTICE, phase_s=0.0)
    second = sv.protect(
        np.roll(y, SR)[lead:] * (turn == 1)[lead:], sr=SR, notice=OTHER, phase_s=0.0
    )
    first[lead:] += second
    detection = sv.detect(first, sr=SR)
    assert {voice.notice for voice in detection.voices} == {NOTICE, OTHER}


@pytest.mark.parametrize("gap_s", [0.4875, 0.93, 3.4])
def test_regular_silence_does_not_make_another_voice(clip, gap_s):
    """What is heard in one superframe is silent in the next: nothing can be compared."""
    marked = sv.protect(np.tile(clip[0], 4)[: 21 * SR], sr=SR, notice=sv.Notice(), phase_s=0.0)
    heard = marked * (np.arange(len(marked)) // round(gap_s * SR) % 2 == 0)
    # An anonymous notice joins no voices, so that what is counted is what was followed.
    assert len(sv.detect(heard, sr=SR).voices) == 1


def test_who_was_read_before_is_known_again(clip):
    marked = sv.protect(clip[0], sr=SR, notice=NOTICE, phase_s=3.0)[: 4 * SR]
    assert [voice.notice for voice in sv.detect(marked, sr=SR).voices] == [None]
    for known, notice in (([OTHER, NOTICE], NOTICE), ([OTHER], None)):
        detection = sv.detect(marked, sr=SR, known=known)
        assert [voice.notice for voice in detection.voices] == [notice]
    unmarked = sv.detect(clip[0], sr=SR, known=[NOTICE])
    assert not unmarked.found


def test_the_owner_stays_read_in_a_stream_that_slips(clip):
    y = np.tile(clip[0], 6)[: 50 * SR]
    marked = sv.protect(y, sr=SR, notice=NOTICE, strength_db=1.6, phase_s=1.0)
    heard = np.concatenate([marked[: 25 * SR], slipped(marked[25 * SR :], size=176, insert=False)])
    detector = Detector(sr=SR)
    read = []
    for begin in range(0, len(heard), 5 * SR):
        detector.process(heard[begin : begin + 5 * SR])
        read.append([voice.notice for voice in detector.detection().voices])
    first = read.index([NOTICE])
    assert first <= 4
    assert all(notices == [NOTICE] for notices in read[first:])
