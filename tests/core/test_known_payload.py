"""Payloads that are known beforehand: matched in two seconds, and never another owner's."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.coding import encode, make_data_signs
from sottovoce.core.evidence import threshold
from sottovoce.core.known_payload import bound_spread, make_usual_notices, score_known
from sottovoce.core.owner_code import (
    decoy_owner_ids,
    find_owner_bits,
    make_base_symbols,
    make_owner_symbols,
    near_owner_ids,
)
from sottovoce.core.pattern import make_sync_signs
from sottovoce.core.payload import notice_to_bits
from sottovoce.errors import ParameterError, PayloadError
from tests import reference
from tests.strategies import notices

SR = 16_000
OWNER = 0x4F2A91C077DE
NOTICE = sv.Notice(owner_id=OWNER, year=2026)
USUAL = make_usual_notices(OWNER, last_year=2026)
SEEDS = st.integers(0, 2**32 - 1)
# Ids are hashes of keys: those that differ in a few bits only are nobody's by chance.
HASHED_OWNERS = st.binary(max_size=8).map(
    lambda key: int.from_bytes(hashlib.sha256(key).digest()[:6], "big")
)


def sums_of(notice, rng, *, strength=0.5, n_bands=20, shift=0):
    """Return the sum of cells of one superframe that carries a notice."""
    signs = make_data_signs(encode(notice_to_bits(notice))) + make_sync_signs()
    noise = rng.standard_normal(signs.shape).astype(np.float32)
    return np.roll(noise + np.float32(strength) * signs, shift, axis=0)[..., :n_bands]


def cells_of(notice, rng, **options):
    return sv.SoftCells.from_sums(sums_of(notice, rng, **options))


class TestOwnerCode:
    """Code words of owner ids are those of the encoder."""

    @given(notices())
    def test_words_are_those_of_the_encoder(self, notice):
        ids = np.array([notice.owner_id], dtype=np.uint64)
        own = make_base_symbols(int(notice.policy), notice.year) * make_owner_symbols(ids)[0]
        expected = encode(notice_to_bits(notice))[find_owner_bits()]
        np.testing.assert_array_equal(own, expected)

    def test_places_are_those_of_the_reference(self):
        assert find_owner_bits().tolist() == reference.owner_bits()

    def test_decoys_are_those_of_the_reference(self):
        few, many = decoy_owner_ids(3).tolist(), decoy_owner_ids(10_000).tolist()
        assert few == many[:3] == [reference.decoy_owner(number) for number in range(3)]
        assert len(set(many)) == 10_000
        # Each bit is a fair coin: 6 standard deviations of 100 ones per 200.
        ones = np.array([[owner >> bit & 1 for bit in range(48)] for owner in many]).sum(axis=0)
        assert np.all(np.abs(ones - 5_000) < 300)

    @given(st.integers(0, 2**48 - 1))
    def test_near_ids_differ_in_a_digit_or_two_exchanged(self, owner):
        digits = f"{owner:012x}"
        near = [f"{other:012x}" for other in near_owner_ids(owner).tolist()]
        assert len(near) == len(set(near))
        assert 180 <= len(near) <= 191
        for other in near:
            at = [k for k in range(12) if digits[k] != other[k]]
            swapped = len(at) == 2 and sorted(digits) == sorted(other) and at[1] == at[0] + 1
            assert len(at) == 1 or swapped


class TestSoftCells:
    """What is kept of a voice, and what comes back."""

    @given(SEEDS, st.integers(1, 20), st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
    def test_bytes_come_back(self, seed, n_bands, scale):
        sums = sums_of(NOTICE, np.random.default_rng(seed), n_bands=n_bands) * np.float32(scale)
        cells = sv.SoftCells.from_sums(sums)
        data = cells.to_bytes()
        assert len(data) == 2 + 128 * n_bands
        assert sv.SoftCells.from_bytes(data) == cells

    @pytest.mark.slow
    @given(SEEDS)
    def test_rounding_moves_no_score_by_much(self, seed):
        sums = sums_of(NOTICE, np.random.default_rng(seed))
        exact = slow_scores(sums, NOTICE)
        np.testing.assert_allclose(score_known(sv.SoftCells.from_sums(sums), [NOTICE])[0], exact,
                                   atol=0.1)  # fmt: skip

    def test_silence_is_silent(self):
        silent = sv.SoftCells.from_sums(np.zeros((4, 80, 20), np.float32))
        assert not silent.to_weights().any()
        assert sv.match_known(silent, USUAL) is None
        assert sv.pool_known([silent, silent], USUAL) is None

    @given(SEEDS)
    def test_weights_have_unit_length(self, seed):
        cells = cells_of(NOTICE, np.random.default_rng(seed))
        lengths = (cells.to_weights().astype(np.float64) ** 2).sum(axis=(1, 2))
        np.testing.assert_allclose(lengths, 1.0, rtol=1e-5)

    @given(st.binary(max_size=3_000))
    def test_hostile_bytes_are_refused_or_harmless(self, data):
        try:
            cells = sv.SoftCells.from_bytes(data)
        except PayloadError:
            return
        assert cells.to_bytes() == data

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "begin with version"),
            (b"\x01", "begin with version"),
            (b"\x02\x14" + bytes(2_560), "begin with version"),
            (b"\x01\x00", "0 bands"),
            (b"\x01\x15" + bytes(2_688), "21 bands"),
            (b"\x01\x14" + bytes(2_559), "take 2560 bytes, not 2559"),
            (b"\x01\x14" + bytes(2_561), "take 2560 bytes, not 2561"),
            (b"\x01\x14" + bytes(2_559) + b"\x80", "never written"),
        ],
    )
    def test_what_was_never_written_is_refused(self, data, words):
        with pytest.raises(PayloadError, match=words):
            sv.SoftCells.from_bytes(data)


def slow_scores(sums, notice):
    bits = reference.payload_bits(1, 0, int(notice.policy), notice.year, notice.owner_id)
    cells = {at: float(sums[at]) for at in np.ndindex(*sums.shape)}
    return reference.known_scores(cells, reference.encode(bits))


class TestScores:
    """Scores are those of a second implementation, and of unit variance."""

    @given(notices(), SEEDS, st.integers(0, 3))
    @settings(max_examples=5, deadline=None)
    def test_scores_are_those_of_the_reference(self, notice, seed, shift):
        rng = np.random.default_rng(seed)
        n_bands = int(rng.integers(1, 21))
        cells = cells_of(notice, rng, n_bands=n_bands, shift=shift)
        # The values of the cells, put back in their places.
        places = [at for at in np.ndindex(4, 80, n_bands) if not make_sync_signs()[at[1:]]]
        sums = np.zeros((4, 80, n_bands))
        for at, value in zip(places, np.frombuffer(cells.values, np.int8), strict=True):
            sums[at] = value
        fast = score_known(cells, [notice])[0]
        np.testing.assert_allclose(fast, slow_scores(sums, notice), atol=1e-4)

    def test_scores_of_random_owners_keep_under_the_bound(self):
        rng = np.random.default_rng(0)
        cells = cells_of(sv.Notice(owner_id=99, year=2026), rng, strength=0.1)
        ids = rng.integers(1, 2**48, 20_000).tolist()
        z = score_known(cells, [sv.Notice(owner_id=owner, year=2026) for owner in ids])
        assert abs(z.mean()) < 0.05
        assert 0.8 < z.std() < 1.2
        # At 1e-3 a share of 1e-3 is allowed for each of the four; 3 standard deviations.
        assert np.mean(z >= threshold(1e-3)) < 1e-3 + 3 * (1e-3 / 80_000) ** 0.5


class TestMatch:
    """Which notices are matched, and which never are."""

    @pytest.mark.slow
    @given(HASHED_OWNERS, SEEDS, st.integers(0, 3))
    def test_the_right_owner_is_first(self, owner, seed, shift):
        rng = np.random.default_rng(seed)
        others = [sv.Notice(owner_id=int(x), year=2026) for x in rng.integers(1, 2**48, 50)]
        notice = sv.Notice(owner_id=owner, year=2026)
        match = sv.match_known(cells_of(notice, rng, shift=shift), [*others, notice])
        assert match is not None
        assert match.notice == notice
        assert match.alignments == (shift,)
        assert match.n_owners == len({one.owner_id for one in [*others, notice]})
        assert match.other_p == pytest.approx(match.n_owners / 10_000)

    @given(HASHED_OWNERS, HASHED_OWNERS, SEEDS, st.sampled_from([0.1, 0.3, 1.0]))
    def test_another_owner_never(self, owner, other, seed, strength):
        assume(owner != other)
        mark = sv.Notice(owner_id=other, year=2026)
        cells = cells_of(mark, np.random.default_rng(seed), strength=strength)
        assert sv.match_known(cells, make_usual_notices(owner, last_year=2026)) is None

    @pytest.mark.slow
    @given(SEEDS)
    def test_however_loud_the_other_mark(self, seed):
        """The cells of a bit agree, so that scores have eight times the variance of noise."""
        rng = np.random.default_rng(seed)
        mark = sv.Notice(owner_id=int(rng.integers(2**48)), year=2026)
        asked = [sv.Notice(owner_id=int(x), year=2026) for x in rng.integers(0, 2**48, 2_000)]
        assert sv.match_known(cells_of(mark, rng, strength=20.0), asked) is None

    @given(SEEDS)
    def test_noise_never(self, seed):
        noise = np.random.default_rng(seed).standard_normal((4, 80, 20)).astype(np.float32)
        cells = sv.SoftCells.from_sums(noise)
        assert sv.match_known(cells, USUAL) is None
        assert sv.pool_known([cells] * 5, USUAL) is None

    def test_an_id_with_a_wrong_digit_is_no_match(self):
        cells = cells_of(NOTICE, np.random.default_rng(0), strength=0.5)
        for wrong in near_owner_ids(OWNER).tolist():
            assert sv.match_known(cells, [sv.Notice(owner_id=wrong, year=2026)]) is None

    def test_a_wrong_policy_costs_score_and_never_wins_against_the_right_one(self):
        mark = sv.Notice(owner_id=OWNER, policy=0x22, year=2031)
        cells = cells_of(mark, np.random.default_rng(1))
        right, *wrong = score_known(cells, [mark, *USUAL]).max(axis=1)
        assert max(wrong) < 0.9 * right
        match = sv.match_known(cells, [*USUAL, mark])
        assert match is not None
        assert match.notice == mark

    def test_everything_tried_is_paid_for(self):
        cells = cells_of(NOTICE, np.random.default_rng(2))
        alone = sv.match_known(cells, [NOTICE])
        usual = sv.match_known(cells, [*USUAL, *USUAL])
        again = sv.match_known(cells, USUAL, n_looks=10)
        assert alone is not None
        assert usual is not None
        assert again is not None
        assert usual.log10_p - alone.log10_p == pytest.approx(np.log10(len(USUAL)))
        assert again.log10_p - usual.log10_p == pytest.approx(1.0)

    def test_nothing_asked_is_nothing_found(self):
        assert sv.match_known(cells_of(NOTICE, np.random.default_rng(0)), []) is None

    @pytest.mark.parametrize("counts", [{"n_looks": 0}, {"n_ids": 9_999}])
    def test_impossible_counts_are_refused(self, counts):
        cells = cells_of(NOTICE, np.random.default_rng(0))
        with pytest.raises(ParameterError, match=next(iter(counts))):
            sv.match_known(cells, USUAL, **counts)
        with pytest.raises(ParameterError, match=next(iter(counts))):
            sv.pool_known([cells], USUAL, **counts)

    @pytest.mark.slow
    def test_the_rank_among_decoys_is_uniform(self):
        """Chi-square over ten bins for 400 marks of other owners: 33.7 has a chance of 1e-4."""
        rng = np.random.default_rng(3)
        decoys = [sv.Notice(owner_id=x, year=2026) for x in decoy_owner_ids(99).tolist()]
        ranks = []
        for _ in range(400):
            cells = cells_of(sv.Notice(owner_id=int(rng.integers(2**48)), year=2026), rng)
            asked = sv.Notice(owner_id=int(rng.integers(2**48)), year=2026)
            z = score_known(cells, [asked, *decoys]).max(axis=1)
            ranks.append(int((z[1:] >= z[0]).sum()))
        counts = np.bincount(np.array(ranks) // 10, minlength=10)
        assert ((counts - 40) ** 2 / 40).sum() < 33.7


class TestPool:
    """Many clips of one owner."""

    def test_weak_clips_add_up(self):
        rng = np.random.default_rng(0)
        clips = [cells_of(NOTICE, rng, strength=0.07, shift=i % 4) for i in range(20)]
        assert not any(sv.match_known(cells, USUAL) for cells in clips)
        match = sv.pool_known(clips, USUAL)
        assert match is not None
        assert match.notice == NOTICE
        assert len(match.alignments) == 20
        assert sv.pool_known(clips, make_usual_notices(99, last_year=2026)) is None

    @given(SEEDS, st.integers(1, 5))
    def test_copies_of_a_clip_count_once(self, seed, n):
        cells = cells_of(NOTICE, np.random.default_rng(seed))
        assert bound_spread(np.stack([cells.to_weights()] * n)) == pytest.approx(n**2, rel=1e-4)

    @given(SEEDS, st.integers(2, 4))
    @settings(max_examples=10)
    def test_the_spread_bounds_every_choice_of_alignments(self, seed, n):
        rng = np.random.default_rng(seed)
        common = rng.standard_normal((4, 80, 20)).astype(np.float32)
        weights = np.stack(
            [
                sv.SoftCells.from_sums(common * (rng.random() < 0.5) + sums_of(NOTICE, rng))
                .to_weights()
                .astype(np.float64)
                for _ in range(n)
            ]
        )
        bound = bound_spread(weights.astype(np.float32))
        for choice in itertools.product(range(4), repeat=n):
            total = sum(weights[i, start] for i, start in enumerate(choice))
            assert (total**2).sum() <= bound

    @pytest.mark.slow
    def test_the_mean_of_its_e_value_is_at_most_one(self):
        """Over random owner ids, for clips that resemble each other: 4 standard errors."""
        from sottovoce.core.known_payload import _pooled_log_e

        rng = np.random.default_rng(5)
        clips = [cells_of(NOTICE, rng, strength=0.0) for _ in range(3)]
        weights = np.stack([cells.to_weights() for cells in [*clips, clips[0]]])
        symbols = rng.choice([-1.0, 1.0], (20_000, 288, 8)).astype(np.float32)
        scores = np.einsum("kbc,iabc->kia", symbols, weights, optimize=True)
        e = np.exp(_pooled_log_e(scores, bound_spread(weights)))
        assert e.mean() <= 1.0 + 4 * e.std() / len(e) ** 0.5

    def test_an_empty_pool_is_refused(self):
        with pytest.raises(ParameterError, match="clips is empty"):
            sv.pool_known([], USUAL)


class TestDetect:
    """The same through `detect`."""

    @pytest.fixture
    def short(self, clip):
        """Two seconds in which nothing is decoded."""
        return sv.protect(clip[0], sr=SR, notice=NOTICE, phase_s=3.0)[: 2 * SR]

    def test_cells_are_kept_only_if_asked(self, short):
        (voice,) = sv.detect(short, sr=SR).voices
        assert (voice.notice, voice.matched, voice.cells) == (None, None, None)
        (voice,) = sv.detect(short, sr=SR, keep_cells=True).voices
        assert voice.cells is not None
        assert "cells" not in voice.to_dict()
        match = sv.match_known(sv.SoftCells.from_bytes(voice.cells.to_bytes()), USUAL)
        (known,) = sv.detect(short, sr=SR, known=USUAL).voices
        assert known.matched == match
        assert known.notice == NOTICE
        assert known.to_dict()["matched"]["rank"] == 1

    def test_what_is_decoded_is_not_matched(self, clip):
        marked = sv.protect(clip[0], sr=SR, notice=NOTICE, phase_s=3.0)
        (voice,) = sv.detect(marked, sr=SR, known=USUAL, keep_cells=True).voices
        assert (voice.notice, voice.matched, voice.cells) == (NOTICE, None, None)

    def test_another_owner_and_unmarked_sound_are_not_matched(self, clip, short):
        others = make_usual_notices(0xCDC0062A0DF7, last_year=2026)
        (voice,) = sv.detect(short, sr=SR, known=others).voices
        assert (voice.notice, voice.matched) == (None, None)
        assert not sv.detect(clip[0][: 3 * SR], sr=SR, known=USUAL).found

    def test_stereo(self, clip):
        two = np.stack([clip[0], 0.5 * np.roll(clip[0], 40)])
        marked = sv.protect(two, sr=SR, notice=NOTICE, phase_s=3.0)[:, : 2 * SR]
        (voice,) = sv.detect(marked, sr=SR, known=USUAL).voices
        assert voice.notice == NOTICE

    def test_at_8_khz_the_upper_bands_are_missing(self, clip):
        import soxr

        y = soxr.resample(clip[0], SR, 8_000)
        marked = sv.protect(y, sr=8_000, notice=NOTICE, phase_s=3.0)[: 3 * 8_000]
        (voice,) = sv.detect(marked, sr=8_000, known=USUAL, keep_cells=True).voices
        assert voice.notice == NOTICE
        if voice.cells is not None:
            assert voice.cells.n_bands < 20

    def test_looks_at_a_stream_are_paid_for(self, short):
        detector = sv.Detector(sr=SR, known=USUAL)
        detector.process(short)
        first = detector.detection().voices[0].matched
        second = detector.detection().voices[0].matched
        assert first is not None
        assert second is not None
        assert second.log10_p - first.log10_p == pytest.approx(np.log10(2))
