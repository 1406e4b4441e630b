from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.embedding import FULL_SCALE, FrameEmbedder, SignSource, band_depths_db
from sottovoce.core.framing import band_matrix
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError
from tests import reference
from tests.strategies import SAMPLING_RATES, notices, signals


def cut(y: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    """Cut along time into blocks of the given sizes, over and over."""
    blocks, start = [], 0
    for size in itertools.cycle(sizes):
        if start >= y.shape[-1]:
            return blocks
        blocks.append(y[..., start : start + size])
        start += size
    return blocks


class TestBlocks:
    """Any way of cutting the signal gives the same samples, to the bit."""

    @given(
        y=signals(),
        sr=st.sampled_from(SAMPLING_RATES),
        sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=5),
        sealed=st.booleans(),
    )
    def test_blocks_of_changing_sizes(
        self, y: np.ndarray, sr: int, sizes: list[int], sealed: bool
    ) -> None:
        # Sealed signs depend on a random first superframe, so only its cells may be compared.
        protector = sv.Protector(sr=sr, phase_s=1.7, seal_key=bytes(32) if sealed else None)
        whole = protector.process(y, last=True)
        protector.reset()
        parts = [protector.process(block) for block in cut(y, sizes)]
        parts.append(protector.process(y[..., :0], last=True))
        np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)

    @pytest.mark.parametrize("size", [1, 17, 509, 100_000])
    def test_real_speech(self, clip: tuple[np.ndarray, int], size: int) -> None:
        y, sr = clip[0][: 2 * clip[1]], clip[1]
        whole = sv.protect(y, sr=sr, phase_s=0.5)
        protector = sv.Protector(sr=sr, phase_s=0.5)
        parts = [protector.process(block) for block in cut(y, [size])]
        parts.append(protector.process(y[:0], last=True))
        np.testing.assert_array_equal(np.concatenate(parts), whole)

    def test_latency_is_16_ms(self, sr: int) -> None:
        protector = sv.Protector(sr=sr)
        block = np.zeros(sr // 100, dtype=np.float32)
        n_in = n_out = 0
        for _ in range(50):
            n_in += len(block)
            n_out += len(protector.process(block))
            assert n_in - n_out <= np.ceil(protector.latency_s * sr) + 1
        assert protector.latency_s <= 0.020


class TestShape:
    @given(y=signals(), sr=st.sampled_from(SAMPLING_RATES))
    def test_shape_dtype_and_input_are_kept(self, y: np.ndarray, sr: int) -> None:
        before = y.copy()
        marked = sv.protect(y, sr=sr)
        assert marked.shape == y.shape
        assert marked.dtype == y.dtype
        np.testing.assert_array_equal(y, before)

    @given(y=signals(), sr=st.sampled_from(SAMPLING_RATES))
    def test_peaks_stay_under_full_scale_or_where_they_were(self, y: np.ndarray, sr: int) -> None:
        marked = sv.protect(y, sr=sr, strength_db=3.0)
        assert (np.abs(marked) <= np.maximum(np.abs(y), FULL_SCALE) * (1 + 1e-6)).all()

    def test_a_rate_that_is_no_integer(self, rng: np.random.Generator) -> None:
        y = rng.standard_normal(30_000).astype(np.float32) * 0.1
        assert sv.protect(y, sr=12_345.6).shape == y.shape


class TestSound:
    def test_silence_stays_silence(self, sr: int) -> None:
        y = np.zeros(sr, dtype=np.float32)
        assert not sv.protect(y, sr=sr).any()

    def test_digital_silence_within_speech_stays_so(self, rng: np.random.Generator) -> None:
        y = rng.standard_normal(16_000).astype(np.float32) * 0.1
        y[4_000:8_000] = 0.0
        # A hop of 8 ms that is wholly silent stays so; the two at the edges are only partly.
        assert not sv.protect(y, sr=16_000)[4_096:7_936].any()

    def test_channels_get_the_same_gains(self, rng: np.random.Generator) -> None:
        y = rng.standard_normal(16_000).astype(np.float32) * 0.1
        both = sv.protect(np.stack([y, -0.5 * y]), sr=16_000, phase_s=0.0)
        np.testing.assert_allclose(both[1], -0.5 * both[0], atol=1e-7)

    def test_a_downmix_of_marked_channels_is_the_marked_downmix(
        self, rng: np.random.Generator
    ) -> None:
        y = rng.standard_normal((2, 16_000)).astype(np.float32) * 0.05
        marked = sv.protect(y, sr=16_000, phase_s=0.0).mean(axis=0)
        np.testing.assert_allclose(
            marked, sv.protect(y.mean(axis=0), sr=16_000, phase_s=0.0), atol=1e-6
        )

    def test_nothing_outside_the_bands_is_touched(self) -> None:
        y = np.sin(2 * np.pi * 10_000 * np.arange(48_000) / 48_000).astype(np.float32) * 0.5
        assert np.abs(sv.protect(y, sr=48_000) - y)[960:-960].max() < 2e-4

    @pytest.mark.parametrize("strength_db", [0.8, 1.18, 1.6])
    def test_the_mark_is_as_strong_as_asked(
        self, strength_db: float, rng: np.random.Generator
    ) -> None:
        """White noise in the band changes by the root-mean-square gain, within 10 %.

        Sine windows overlap two frames, which smooths the gain where it changes; that and the
        share of the spectrum outside the bands take about 2 dB off the plain figure.
        """
        y = rng.standard_normal(160_000).astype(np.float32) * 0.1
        difference = sv.protect(y, sr=16_000, strength_db=strength_db) - y
        ratio = np.sqrt((difference**2).mean() / (y**2).mean())
        assert 0.7 < ratio / (10 ** (strength_db / 20) - 1) < 0.95

    def test_depths_have_the_root_mean_square_asked_for(self) -> None:
        assert np.sqrt((band_depths_db(1.18) ** 2).mean()) == pytest.approx(1.18)

    def test_speech_normalised_to_full_scale_does_not_clip(
        self, clip: tuple[np.ndarray, int]
    ) -> None:
        y = clip[0] / np.abs(clip[0]).max()
        protector = sv.Protector(sr=clip[1], strength_db=1.6, phase_s=0.0)
        marked = protector.process(y, last=True)
        assert np.abs(marked).max() <= 1.0
        assert 0.0 < protector.limited_s < 0.05 * len(y) / clip[1]

    @settings(max_examples=8)
    @given(signals(max_channels=1, max_samples=300), notices())
    def test_samples_match_the_reference(self, y: np.ndarray, notice: sv.Notice) -> None:
        y = np.atleast_2d(y)[0].astype(np.float64) * 0.2
        y = np.clip(y, -0.5, 0.5)
        role, table = reference.roles(), _bit_of_cell()
        coded = reference.encode(reference.payload_bits(**notice.to_dict()))
        first = 1280 + 3
        signs = []
        for frame in range(first, first + len(y) // 64 + 2):
            cell = frame // 4 % 320
            signs.append(
                [
                    reference.cell_sign(cell // 80, cell % 80, band, coded, role, table)
                    * reference.CHIPS[frame % 4]
                    for band in range(20)
                ]
            )
        expected = reference.protect(y.tolist(), 8_000, signs, 1.18)
        marked = sv.protect(y, sr=8_000, notice=notice, phase_s=4 * 0.008)
        np.testing.assert_allclose(marked, expected, atol=2e-6)


_TABLE: dict[tuple[int, int, int], int] = {}


def _bit_of_cell() -> dict[tuple[int, int, int], int]:
    if not _TABLE:
        _TABLE.update(reference.bit_of_cell())
    return _TABLE


def test_cell_signs_match_the_reference() -> None:
    notice = sv.Notice(owner_id=0x0123456789AB, policy=0x5A, year=2031)
    coded = reference.encode(reference.payload_bits(**notice.to_dict()))
    signs = SignSource(notice).superframe(0)
    role = reference.roles()
    for period, cell, band in itertools.product(range(4), range(0, 80, 9), range(20)):
        expected = reference.cell_sign(period, cell, band, coded, role, _bit_of_cell())
        assert signs[period, cell, band] == expected


def test_two_files_do_not_start_at_the_same_phase(rng: np.random.Generator) -> None:
    y = rng.standard_normal(8_000).astype(np.float32) * 0.1
    copies = {sv.protect(y, sr=16_000).tobytes() for _ in range(5)}
    assert len(copies) > 1


class TestRefusals:
    @pytest.mark.parametrize("sr", [0, -1, 7_999, 192_001, float("nan"), float("inf")])
    def test_rates_out_of_range(self, sr: float) -> None:
        with pytest.raises(ParameterError, match="sr="):
            sv.protect(np.zeros(100, dtype=np.float32), sr=sr)

    @pytest.mark.parametrize("strength_db", [0.0, -1.0, 3.1, float("nan")])
    def test_strengths_out_of_range(self, strength_db: float) -> None:
        with pytest.raises(ParameterError, match="strength_db="):
            sv.Protector(sr=16_000, strength_db=strength_db)

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            (np.zeros(0, dtype=np.float32), r"shape \(0,\)"),
            (np.zeros((0, 10), dtype=np.float32), r"shape \(0, 10\)"),
            (np.zeros((2, 2, 9), dtype=np.float32), r"shape \(2, 2, 9\)"),
            (np.zeros((900, 2), dtype=np.float32), "transpose"),
            (np.zeros(10, dtype=np.int16), "int16"),
            (np.array([0.0, np.nan]), "NaN"),
            (np.array([0.0, np.inf]), "infinity"),
        ],
    )
    def test_what_is_no_audio(self, y: np.ndarray, message: str) -> None:
        with pytest.raises(ParameterError, match=message):
            sv.protect(y, sr=16_000)
        with pytest.raises(ParameterError, match=message):
            sv.detect(y, sr=16_000)

    def test_channels_that_change(self) -> None:
        protector = sv.Protector(sr=16_000)
        protector.process(np.zeros((2, 100), dtype=np.float32))
        with pytest.raises(ParameterError, match="3 channels, the stream 2"):
            protector.process(np.zeros((3, 100), dtype=np.float32))

    def test_a_signal_that_has_ended(self) -> None:
        protector = sv.Protector(sr=16_000)
        protector.process(np.zeros(100, dtype=np.float32), last=True)
        with pytest.raises(ParameterError, match="ended"):
            protector.process(np.zeros(100, dtype=np.float32))


def test_the_seal_may_begin_later_and_until_then_there_is_none() -> None:
    key, notice = bytes(range(32)), sv.Notice(owner_id=7)
    late = sv.Protector(sr=16_000, notice=notice, phase_s=4.0, seal_key=key, seal_after_s=20.0)
    bare = sv.Protector(sr=16_000, notice=notice, phase_s=4.0)
    n = FORMAT_1.n_superframe_frames
    sealed = [
        not (late._signs.frames(i * n, (i + 1) * n) == bare._signs.frames(i * n, (i + 1) * n)).all()
        for i in range(6)
    ]
    # The first sample lies in superframe 1, 4 s after its beginning; superframe 4 begins at 26.7 s.
    assert sealed == [False, False, False, False, True, True]


def test_a_seal_that_begins_later_is_found(clip) -> None:
    y, sr = clip
    y, key = np.resize(y, 60 * sr), bytes(range(32))
    late = sv.Protector(
        sr=sr, notice=sv.Notice(owner_id=7), phase_s=4.0, seal_key=key, seal_after_s=20.0
    )
    (voice,) = sv.detect(late.process(y, last=True), sr=sr, seal_key=key).voices
    assert voice.notice.owner_id == 7
    assert voice.seal.holds
    assert voice.seal.share > 0.8
    assert voice.seal.log10_p < -20


@pytest.mark.parametrize("sr", [8_000, 16_000, 22_050, 44_100, 48_000, 88_200, 192_000])
def test_a_bin_between_two_bands_belongs_to_both(sr) -> None:
    """Also between the highest two, where some rates have a bin."""
    embedder = FrameEmbedder(sr=sr, strength_db=1.18)
    shares = band_matrix(sr, embedder.n_fft)[embedder._first_bin : embedder._last_bin]
    found = np.zeros_like(shares)
    rows = np.arange(len(shares))
    found[rows, embedder._lower] += embedder._lower_share
    found[rows, embedder._upper] += embedder._upper_share
    assert (found == shares).all()


@pytest.mark.parametrize("phase_s", [0.0, 3.0, 10.232])
def test_it_tells_where_in_the_pattern_it_begins(phase_s: float) -> None:
    assert sv.Protector(sr=16_000, phase_s=phase_s).phase_s == pytest.approx(phase_s)
    drawn = sv.Protector(sr=16_000).phase_s
    assert sv.Protector(sr=16_000, phase_s=drawn).phase_s == pytest.approx(drawn)
