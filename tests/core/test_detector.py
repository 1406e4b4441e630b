from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.evidence import pool_independent
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError
from tests.strategies import SAMPLING_RATES, signals

NOTICE = sv.Notice(owner_id=0x4F2A91C077DE, policy=0x0F, year=2027)


def resample(y: np.ndarray, sr: float, new_sr: float) -> np.ndarray:
    import soxr

    return soxr.resample(y, sr, new_sr).astype(np.float32)


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    return clip[0]


class TestFound:
    def test_speech_is_found_marked_and_not_unmarked(self, speech: np.ndarray, sr: int) -> None:
        y = resample(speech[: 12 * 16_000], 16_000, sr)
        assert sv.detect(y, sr=sr).verdict == "not found"
        detection = sv.detect(sv.protect(y, sr=sr, notice=NOTICE)[123:], sr=sr)
        assert detection.verdict == "protected"
        assert len(detection.voices) == 1
        assert detection.log10_p <= detection.voices[0].log10_p < -6

    def test_the_payload_is_read(self, speech: np.ndarray) -> None:
        voice = sv.detect(sv.protect(speech, sr=16_000, notice=NOTICE), sr=16_000).voices[0]
        assert voice.notice == NOTICE

    def test_the_offset_is_the_phase(self, speech: np.ndarray) -> None:
        marked = sv.protect(speech, sr=16_000, phase_s=1.0)[1_600:]
        voice = sv.detect(marked, sr=16_000).voices[0]
        assert voice.offset_s == pytest.approx((-1.0 - 0.1) % FORMAT_1.period_s, abs=0.008)

    def test_gain_and_polarity_change_nothing(self, speech: np.ndarray) -> None:
        marked = sv.protect(speech[:160_000], sr=16_000)
        plain = sv.detect(marked, sr=16_000)
        for gain in (-1.0, 1e-4, 0.25, 8.0, 1e4):
            other = sv.detect((gain * marked).astype(np.float32), sr=16_000)
            assert other.score == pytest.approx(plain.score, rel=1e-3)

    def test_channels_of_opposite_polarity_do_not_cancel(self, speech: np.ndarray) -> None:
        marked = sv.protect(speech[:160_000], sr=16_000)
        assert sv.detect(np.stack([marked, -marked]), sr=16_000).found

    def test_two_voices_at_once_are_both_found(self, speech: np.ndarray) -> None:
        n = len(speech) // 2
        owners = (11, 22)
        halves = (speech[:n], np.roll(speech[n : 2 * n], 4_000))
        mixed = sum(
            sv.protect(half, sr=16_000, notice=sv.Notice(owner_id=owner), phase_s=phase_s)
            for half, owner, phase_s in zip(halves, owners, (0.3, 1.9), strict=True)
        )
        detection = sv.detect(np.asarray(mixed), sr=16_000)
        assert len(detection.voices) == 2

    def test_the_segment_says_where_the_mark_is(self, speech: np.ndarray) -> None:
        y = np.tile(speech, 3)
        marked = y.copy()
        span = slice(20 * 16_000, 45 * 16_000)
        marked[span] = sv.protect(y[span], sr=16_000)
        begin, end = sv.detect(marked, sr=16_000).voices[0].segments_s[0]
        assert begin == pytest.approx(20, abs=3)
        assert end == pytest.approx(45, abs=3)

    @pytest.mark.slow
    def test_the_seal_is_found_with_its_key_only(self, speech: np.ndarray) -> None:
        key = bytes(range(32))
        marked = sv.protect(speech, sr=16_000, notice=NOTICE, seal_key=key)[777:]
        voice = sv.detect(marked, sr=16_000, seal_key=key).voices[0]
        assert voice.notice == NOTICE
        assert voice.seal_log10_p is not None
        assert voice.seal_log10_p < -6
        other = sv.detect(marked, sr=16_000, seal_key=bytes(32)).voices[0]
        assert other.seal_log10_p is not None
        assert other.seal_log10_p > -3
        assert sv.detect(marked, sr=16_000).voices[0].seal_log10_p is None

    @pytest.mark.parametrize("factor", [0.93, 1.06])
    def test_changed_speed_is_found_by_a_thorough_search(
        self, speech: np.ndarray, factor: float
    ) -> None:
        marked = resample(sv.protect(speech, sr=16_000), 16_000 * factor, 16_000)
        assert not sv.detect(marked, sr=16_000).found
        detection = sv.detect(marked, sr=16_000, thorough=True)
        assert detection.verdict == "protected"
        assert detection.voices[0].speed == pytest.approx(factor, abs=0.003)


class TestNotFound:
    @given(signals(max_samples=40_000), st.sampled_from(SAMPLING_RATES))
    def test_arbitrary_arrays_give_a_verdict(self, y: np.ndarray, sr: int) -> None:
        detection = sv.detect(y, sr=sr)
        assert not detection.found
        assert detection.log10_p <= 0.0
        assert detection.duration_s == pytest.approx(y.shape[-1] / sr)

    @pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e30])
    def test_absurd_levels_give_a_verdict(self, scale: float, rng: np.random.Generator) -> None:
        y = (rng.standard_normal(32_000) * scale).astype(np.float32)
        assert not sv.detect(y, sr=16_000).found

    def test_sound_that_repeats_with_the_period_is_not_found(
        self, rng: np.random.Generator
    ) -> None:
        """The normaliser is taken after folding: loops of one period must not look marked."""
        period = round(FORMAT_1.period_s * 16_000)
        for _ in range(20):
            loop = rng.standard_normal(period) * np.repeat(rng.gamma(0.5, size=64), period // 64)
            y = np.tile(loop, 8).astype(np.float32) * 0.1
            assert not sv.detect(y, sr=16_000).found

    def test_silence_is_not_found(self) -> None:
        detection = sv.detect(np.zeros(160_000, dtype=np.float32), sr=16_000)
        assert detection.log10_p == 0.0
        assert detection.voices == ()


class TestBlocks:
    @pytest.mark.parametrize("size", [999, 16_000, 163_840, 400_000])
    def test_blocks_give_the_verdict_of_one_shot(self, speech: np.ndarray, size: int) -> None:
        marked = sv.protect(np.tile(speech, 2), sr=16_000, notice=NOTICE)
        whole = sv.detect(marked, sr=16_000)
        detector = sv.Detector(sr=16_000)
        for start in range(0, len(marked), size):
            detector.process(marked[start : start + size])
        detector.process(marked[:0], last=True)
        assert detector.detection() == whole

    def test_the_running_verdict_turns_when_the_mark_begins(self, speech: np.ndarray) -> None:
        detector = sv.Detector(sr=16_000)
        detector.process(speech[: 8 * 16_000])
        assert not detector.detection().found
        detector.process(sv.protect(speech, sr=16_000))
        assert detector.detection().found

    def test_every_early_look_is_paid_for(self, speech: np.ndarray) -> None:
        detector = sv.Detector(sr=16_000)
        detector.process(speech[:64_000])
        first = detector.detection().n_hypotheses
        second = detector.detection().n_hypotheses
        assert second > first

    def test_memory_does_not_grow(self, rng: np.random.Generator) -> None:
        import tracemalloc

        detector = sv.Detector(sr=16_000)
        block = rng.standard_normal(160_000).astype(np.float32)
        for _ in range(8):
            detector.process(block)
        tracemalloc.start()
        for _ in range(30):
            detector.process(block)
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert grown < 6e6

    def test_nothing_has_come_in(self) -> None:
        assert sv.Detector(sr=16_000).detection().verdict == "not found"


class TestBatch:
    def test_rows_get_the_verdict_of_detect(self, speech: np.ndarray) -> None:
        clips = speech[: 20 * 16_000].reshape(10, -1).copy()
        clips[3] = sv.protect(clips[3], sr=16_000, strength_db=3.0)
        for row, detection in zip(clips, sv.detect_batch(clips, sr=16_000), strict=True):
            alone = sv.detect(row, sr=16_000)
            assert detection.verdict == alone.verdict
            assert detection.score == pytest.approx(alone.score, rel=1e-3)
            assert detection.n_hypotheses == alone.n_hypotheses
            assert detection.log10_e == pytest.approx(alone.log10_e, abs=1e-3)

    def test_clips_too_short_alone_prove_their_mark_together(self, speech: np.ndarray) -> None:
        """Cut after marking into pieces of 0.4 s, few of which are found by themselves."""
        pieces = {}
        for name, y in (("marked", sv.protect(speech, sr=16_000)), ("unmarked", speech)):
            clips = y[: 60 * 6_400].reshape(60, -1)
            pieces[name] = sv.detect_batch(clips, sr=16_000)
        assert sum(d.found for d in pieces["marked"]) < 20
        pooled = {k: pool_independent([d.log10_e for d in v]) for k, v in pieces.items()}
        assert pooled["marked"] > 6
        assert pooled["unmarked"] < 2

    def test_long_clips_and_tiny_ones(self, rng: np.random.Generator) -> None:
        long = rng.standard_normal((2, 200_000)).astype(np.float32)
        assert len(sv.detect_batch(long, sr=16_000)) == 2
        assert not any(d.found for d in sv.detect_batch(long[:, :50], sr=16_000))

    @pytest.mark.parametrize("shape", [(5,), (3, 0), (2, 2, 2)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ParameterError, match="n_clips"):
            sv.detect_batch(np.zeros(shape, dtype=np.float32), sr=16_000)


def test_results_go_to_json(speech: np.ndarray) -> None:
    import json

    detection = sv.detect(sv.protect(speech, sr=16_000, notice=NOTICE), sr=16_000)
    fields = json.loads(json.dumps(detection.to_dict()))
    assert fields["verdict"] == "protected"
    assert set(fields["voices"][0]) == {
        "log10_p",
        "score",
        "offset_s",
        "speed",
        "pitch",
        "segments_s",
        "notice",
        "payload",
    }
    assert fields["voices"][0]["notice"]["owner_id"] == NOTICE.owner_id
    assert fields["voices"][0]["payload"] == fields["voices"][0]["notice"]
    assert fields["seconds"] == fields["duration_s"]


@pytest.mark.parametrize("max_fpr", [0.0, 1.0, -1.0, 5e-324])
def test_impossible_rates_of_false_alarm_are_refused(max_fpr: float) -> None:
    with pytest.raises(ParameterError, match="max_fpr="):
        sv.Detector(sr=16_000, max_fpr=max_fpr)


def test_a_block_may_be_used_again_by_its_owner(speech: np.ndarray) -> None:
    """An audio callback fills one array over and over."""
    marked = sv.protect(speech[:160_000], sr=16_000)
    detector, block = sv.Detector(sr=16_000), np.empty(1_000, dtype=np.float32)
    for start in range(0, len(marked), 1_000):
        block[:] = marked[start : start + 1_000]
        detector.process(block)
        block[:] = 0.0
    detector.process(block[:0], last=True)
    assert detector.detection() == sv.detect(marked, sr=16_000)
