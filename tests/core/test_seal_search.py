"""A seal is found without the public mark, and nothing else is."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import scipy.signal

import sottovoce as sv
from benchmarks.attacks.adversary import cancel_sync
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.pattern import derive_seal_bits
from sottovoce.core.seal import LEAST_AGREEMENT, LEAST_SHARE, SealMatch, heed_payload
from sottovoce.core.seal_search import USUAL_STRETCHES, SealSearch, find_first_number
from sottovoce.core.seal_signs import N_STARTS, ShownSeal
from sottovoce.core.stretch import Stretch
from sottovoce.errors import ParameterError
from tests.reference import seal_score

KEY, OTHER = bytes(range(32)), bytes(32)
NOTICE = sv.Notice(owner_id=0x4F2A91C077DE)


FIRST = 40_000
NEARBY = range(FIRST - 200, FIRST + 300)
"""A search of all numbers takes a minute; one of these pays for these."""


def search(y, sr, *keys, step=None, starts=NEARBY) -> list[SealMatch]:
    found = SealSearch(sr=sr, keys=keys, starts=starts)
    for begin in range(0, y.shape[-1], step or y.shape[-1]):
        found.process(y[..., begin : begin + (step or y.shape[-1])])
    found.finish()
    return found.matches()


@pytest.fixture(scope="module")
def cancelled(clip):
    """15 s of the clip, sealed; then the public signs written upside down."""
    y, sr = clip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sottovoce.core.protector.secrets.randbelow", lambda n: FIRST)
        marked = sv.protect(y, sr=sr, notice=NOTICE, phase_s=3.0, seal_key=KEY)
    removed, _ = cancel_sync()(marked, sr, np.random.default_rng(0))
    assert not sv.detect(removed, sr=sr).found
    return removed[: 15 * sr], sr


@pytest.mark.by_turns
@pytest.mark.slow
def test_it_is_found_where_the_public_mark_was_cancelled(cancelled) -> None:
    y, sr = cancelled
    best, foreign = search(y, sr, KEY, OTHER, starts=range(N_STARTS))
    assert best.first_number in (FIRST, FIRST + 1)
    assert (best.key_number, foreign.key_number) == (0, 1)
    assert best.log10_p < -15
    assert best.holds
    assert best.agreement > LEAST_AGREEMENT
    assert (best.share, best.to_dict()["public_mark"]) == (None, False)
    ((start, stop),) = best.segments_s
    assert start < 2
    assert stop > 13
    assert foreign.log10_p > -3
    assert not foreign.holds


def test_blocks_of_any_size_and_channels_give_the_same(cancelled) -> None:
    y, sr = cancelled
    (whole,) = search(y, sr, KEY)
    for other in (search(y, sr, KEY, step=7_919), search(np.stack([y, 0 * y]), sr, KEY)):
        assert other[0].first_number == whole.first_number
        assert other[0].score == pytest.approx(whole.score, rel=1e-4)


def test_who_shows_the_signs_of_a_file_alone_proves_the_same(cancelled) -> None:
    y, sr = cancelled
    (best,) = search(y, sr, KEY, starts=range(N_STARTS))
    first = find_first_number(best)
    shown = ShownSeal(first_number=first, signs=derive_seal_bits(KEY, range(first, first + 3)))
    found = SealSearch(sr=sr, keys=[shown], starts=range(first, first + 1), n_starts=N_STARTS)
    found.process(y, last=True)
    (match,) = found.matches()
    assert match.log10_p == pytest.approx(best.log10_p, abs=1e-3)
    assert (match.first_number, match.offset_s) == (best.first_number, best.offset_s)
    forged = ShownSeal(first_number=first, signs=derive_seal_bits(OTHER, range(3)))
    found = SealSearch(sr=sr, keys=[forged], starts=range(first, first + 1), n_starts=N_STARTS)
    found.process(y, last=True)
    assert found.matches()[0].log10_p > -1


@pytest.mark.slow
def test_a_usual_change_of_speed_is_searched_and_paid_for(cancelled) -> None:
    y, sr = cancelled
    faster = scipy.signal.resample_poly(y, 100, 105).astype(np.float32)
    stretch = Stretch(1.05, 1.05)
    assert stretch in USUAL_STRETCHES
    found = SealSearch(sr=sr, keys=[KEY], stretch=stretch, n_stretches=25, starts=NEARBY)
    found.process(faster, last=True)
    (best,) = found.matches()
    assert best.holds
    assert (best.speed, best.pitch) == (1.05, 1.05)
    assert abs(find_first_number(best) - FIRST) <= 1
    (missed,) = search(faster, sr, KEY)
    assert not missed.is_likely


@pytest.mark.slow
def test_the_score_is_that_of_the_definition(cancelled) -> None:
    """A second implementation, with loops, at the place and number that were found."""
    y, sr = cancelled
    (best,) = search(y, sr, KEY)
    front_end = FrontEnd(sr=sr)
    front_end.push(y[None])
    front_end.finish()
    chunks = range(front_end.n_chunks(ended=True))
    fine = [front_end.fine_scores(chunk, front_end.scores(chunk)) for chunk in chunks]
    # Row g sits on the cell that begins two rows earlier.
    score = seal_score(
        np.concatenate(fine).tolist(),
        rate=2,
        offset=round(best.offset_s / 0.004) + 2,
        key=KEY,
        first_number=best.first_number,
    )
    assert score == pytest.approx(best.score, rel=1e-4)


def test_too_little_sound_is_nothing(clip) -> None:
    y, sr = clip
    assert search(y[: sr // 20], sr, KEY) == []
    assert SealSearch(sr=sr, keys=[KEY]).matches() == []


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ParameterError, match="seal key"):
        SealSearch(sr=16_000, keys=[b"short"])


def test_a_seal_counts_by_its_share_and_by_its_agreement() -> None:
    likely = {"log10_p": -9.0, "score": 9.0}
    assert SealMatch(**likely, agreement=0.1).holds
    assert not SealMatch(**likely, agreement=0.001).holds
    assert SealMatch(**likely, agreement=LEAST_AGREEMENT).holds
    assert not SealMatch(**likely, agreement=LEAST_AGREEMENT - 1e-4).holds
    assert SealMatch(**likely, agreement=0.1, share=LEAST_SHARE).holds
    assert not SealMatch(**likely, agreement=0.1, share=LEAST_SHARE - 1e-3).holds
    # Whoever weakens the payload, against which the share is measured, gains nothing.
    assert not SealMatch(**likely, agreement=0.02, share=1.1).holds
    assert SealMatch(**likely, agreement=0.05).may_be_guessed
    assert SealMatch(**likely, agreement=0.05, share=0.9).may_be_guessed, (
        "a payload can be weakened"
    )
    assert not SealMatch(**likely, agreement=0.07).may_be_guessed
    assert not SealMatch(log10_p=-5.0, score=5.0, agreement=0.1, share=1.0).holds


def test_a_seal_that_is_too_weak_for_the_payload_beside_it_does_not_count_alone() -> None:
    likely = {"log10_p": -9.0, "score": 9.0, "agreement": 0.05}
    alone = SealMatch(**likely)
    weak, chance = (
        SealMatch(**likely, share=0.4),
        SealMatch(log10_p=-1.0, score=3.0, agreement=0.01, share=0.1),
    )
    assert alone.holds
    assert not heed_payload(alone, [weak]).holds
    assert heed_payload(alone, [weak, SealMatch(**likely, share=0.9)]).holds
    # Beside it lies a mark of the owner without a seal: that says nothing of this one.
    assert heed_payload(alone, [chance]) == heed_payload(alone, []) == alone


def test_another_owner_is_not_tested_for(clip) -> None:
    """Keys by owner ids: only the one whom the payload names."""
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=NOTICE, phase_s=3.0, seal_key=KEY)
    (own,) = sv.detect(marked, sr=sr, seal_key={NOTICE.owner_id: KEY, 7: OTHER}).voices
    assert own.seal is not None
    assert own.seal.holds
    assert own.seal.share == pytest.approx(1.0, abs=0.4)
    (other,) = sv.detect(marked, sr=sr, seal_key={7: KEY}).voices
    assert other.seal is None
    wrong = hashlib.sha256(KEY).digest()
    (forged,) = sv.detect(marked, sr=sr, seal_key={NOTICE.owner_id: wrong}).voices
    assert forged.seal is not None
    assert not forged.seal.holds
