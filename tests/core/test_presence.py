"""Whose voice it is that sounds: presence by the owner's data, jumps, two voices at one offset."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.coding import encode, make_data_signs, make_interleaver
from sottovoce.core.pattern import make_roles, make_scrambling_signs, make_sync_signs
from sottovoce.core.payload import Notice, notice_to_bits
from sottovoce.core.payload_reading import PayloadReading, make_code, match_payload

SR = 16_000
OWNERS = st.integers(1, 2**48 - 1)
# Ids are hashes of keys: those that differ in a few bits only are nobody's by chance.
HASHED_OWNERS = st.binary(max_size=8).map(
    lambda key: int.from_bytes(hashlib.sha256(key).digest()[:6], "big")
)


def superframe(notice, rng, *, strength=0.5):
    """Return the sum of cells of one superframe that carries a notice."""
    signs = make_data_signs(encode(notice_to_bits(notice))) + make_sync_signs()
    noise = rng.standard_normal(signs.shape).astype(np.float32)
    return noise + np.float32(strength) * signs


def reading_of(notice, alignment=0):
    return PayloadReading(notice, alignment, -50.0, 10.0)


@given(OWNERS)
@settings(max_examples=20)
def test_data_signs_carry_the_code_word_in_every_cell(owner):
    symbols = encode(notice_to_bits(Notice(owner_id=owner)))
    signs = make_data_signs(symbols)
    assert not signs[:, make_roles() == 0].any()
    clear = (signs * make_scrambling_signs()).reshape(-1)[make_interleaver()]
    np.testing.assert_array_equal(clear, np.repeat(symbols[:, None], 8, axis=1))


@given(OWNERS, st.integers(0, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_same_payload_is_recognised_at_any_alignment(owner, shift, seed):
    notice = Notice(owner_id=owner)
    sums = np.roll(superframe(notice, np.random.default_rng(seed)), shift, axis=0)
    matched = match_payload(sums, reading_of(notice))
    assert matched is not None
    assert matched.alignment == shift
    np.testing.assert_array_equal(
        make_code(matched).reshape(4, 80, -1),
        np.roll(make_data_signs(encode(notice_to_bits(notice))), shift, axis=0),
    )


@given(HASHED_OWNERS, HASHED_OWNERS, st.integers(0, 2**32 - 1), st.sampled_from([0.2, 1.0, 10.0]))
@settings(max_examples=50, deadline=None)
def test_another_owner_is_not_taken_for_the_same_however_strong(owner, other, seed, strength):
    assume(owner != other)
    sums = superframe(Notice(owner_id=other), np.random.default_rng(seed), strength=strength)
    assert match_payload(sums, reading_of(Notice(owner_id=owner))) is None


def test_noise_is_no_payload():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sums = rng.standard_normal((4, 80, 20)).astype(np.float32)
        assert match_payload(sums, reading_of(Notice(owner_id=77))) is None


@pytest.mark.parametrize("phase_s", [0.0, 2.0, 4.0, 7.0])
def test_jumps_of_a_buffer_leave_one_voice_with_its_owner(clip, phase_s):
    notice = sv.Notice(owner_id=0xA1B2C3D4E5F6)
    marked = sv.protect(np.tile(clip[0], 3), sr=SR, notice=notice, phase_s=phase_s)
    parts = np.array_split(marked, 6)
    # 20 ms are dropped or said twice between the parts.
    late = [np.zeros(320, np.float32)] * 3
    jumpy = np.concatenate(
        [parts[0], parts[1][320:], late[0], parts[2], parts[3][320:], late[1], late[2], *parts[4:]]
    )
    detection = sv.detect(jumpy, sr=SR)
    assert [voice.notice for voice in detection.voices] == [notice]
    covered_s = sum(end - begin for begin, end in detection.voices[0].segments_s)
    # One of the parts may be missed, where the pattern begins badly for it.
    assert covered_s > 0.7 * len(jumpy) / SR


def test_a_lost_connection_that_comes_back_later_is_the_same_voice(clip):
    notice = sv.Notice(owner_id=0x123456)
    marked = sv.protect(np.tile(clip[0], 4), sr=SR, notice=notice, phase_s=0.0)
    n = len(marked) // 2
    jumped = np.concatenate([marked[:n], np.zeros(round(1.3 * SR), np.float32), marked[n + 7777 :]])
    detection = sv.detect(jumped, sr=SR)
    assert [voice.notice for voice in detection.voices] == [notice]


@pytest.mark.parametrize("apart_s", [0.0, 0.02, 0.04])
def test_two_owners_at_nearly_one_offset_are_told_apart(clip, apart_s):
    """They take turns of half a minute, and each is reported where he speaks."""
    notices = [sv.Notice(owner_id=0x1111_2222_3333), sv.Notice(owner_id=0xABCD_0000_9876)]
    y = np.tile(clip[0], 2)
    n, lead = len(y), round(apart_s * SR)
    silence = np.zeros(n, np.float32)
    first = sv.protect(np.concatenate([y, silence]), sr=SR, notice=notices[0], phase_s=0.0)
    # The second begins its pattern so much later.
    later = np.concatenate([silence[lead:], y])
    second = np.concatenate(
        [silence[:lead], sv.protect(later, sr=SR, notice=notices[1], phase_s=0.0)]
    )
    detection = sv.detect(first + second[: len(first)], sr=SR)
    found = {voice.notice.owner_id: voice for voice in detection.voices if voice.notice}
    assert set(found) == {notice.owner_id for notice in notices}
    middle_s = n / SR
    assert all(end <= middle_s + 4 for _, end in found[notices[0].owner_id].segments_s)
    assert all(begin >= middle_s - 4 for begin, _ in found[notices[1].owner_id].segments_s)


@pytest.mark.parametrize("hole_s", [0.0, 3.0, 5.0])
def test_speech_without_the_mark_is_told_as_a_hole(clip, hole_s):
    """A hole of 5 s was bridged before, as one period without the mark is in a pause."""
    y = np.tile(clip[0], 5)[: 40 * SR]
    marked = sv.protect(y, sr=SR, notice=sv.Notice(owner_id=0x123456), phase_s=1.0)
    begin, end = round(17.3 * SR), round((17.3 + hole_s) * SR)
    marked[begin:end] = y[begin:end]
    (voice,) = sv.detect(marked, sr=SR).voices
    covered_s = sum(b - a for a, b in voice.segments_s)
    assert covered_s == pytest.approx(40 - hole_s, abs=1.3)


def test_silence_is_no_hole(clip):
    marked = sv.protect(np.tile(clip[0], 3)[: 24 * SR], sr=SR, notice=sv.Notice(owner_id=5))
    marked[10 * SR : round(12.4 * SR)] = 0
    (voice,) = sv.detect(marked, sr=SR).voices
    assert len(voice.segments_s) == 1
