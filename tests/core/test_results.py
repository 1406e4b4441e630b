"""What a detection says of itself."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.core.results import merge_pieces
from sottovoce.errors import ParameterError


def make(*, found: bool, log10_p: float) -> sv.Detection:
    return sv.Detection(
        found=found,
        log10_p=log10_p,
        score=0.0,
        n_hypotheses=1,
        log10_e=0.0,
        voices=(),
        duration_s=1.0,
    )


@given(found=st.booleans(), log10_p=st.floats(-300, 0))
def test_found_is_what_the_verdict_says(found: bool, log10_p: float) -> None:
    detection = make(found=found, log10_p=log10_p)
    assert (detection.verdict == "protected") == found
    assert (detection.verdict == "suspected") == (not found and 10.0**log10_p <= 1e-3)


def test_the_rate_that_is_allowed_moves_both(clip: tuple[np.ndarray, int]) -> None:
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=0.3)
    usual = sv.detect(marked, sr=sr)
    exponent = usual.log10_p
    assert usual.verdict == "protected"
    strict = sv.detect(marked, sr=sr, max_fpr=10.0 ** (exponent - 20))
    assert (strict.found, strict.verdict) == (False, "suspected")
    lax = [sv.detect(marked[: 2 * sr], sr=sr, max_fpr=rate) for rate in (1e-6, 0.999)]
    assert [one.found for one in lax] == [one.verdict == "protected" for one in lax]


@pytest.mark.parametrize("detect", [sv.detect, sv.detect_batch])
@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        ([0.0] * 16_000, "np.asarray(y, dtype=np.float32)"),
        ("take.wav", "soundfile.read"),
        (np.zeros(16_000, dtype=np.int16), "/ 32768"),
        (np.zeros(16_000, dtype=np.int32), "/ 2147483648"),
        (np.zeros(16_000, dtype=np.uint8), "silence at 0.0"),
        (np.zeros(16_000, dtype=np.complex64), "float32"),
    ],
)
def test_what_is_not_floating_point_is_told_what_to_do(detect, y, remedy) -> None:
    with pytest.raises(ParameterError) as caught:
        detect(y, sr=16_000)
    assert remedy in caught.value.remedy


def test_public_names_are_those_of_the_package() -> None:
    named = [getattr(sv, name) for name in sv.__all__ if name != "STRENGTHS_DB"]
    assert {one.__module__ for one in named} == {"sottovoce"}
    detection = make(found=False, log10_p=-1.0)
    assert pickle.loads(pickle.dumps(detection)) == detection  # noqa: S301 - our own


def match_of(notice: sv.Notice) -> sv.KnownMatch:
    return sv.KnownMatch(
        notice=notice, log10_p=-9.0, rank=1, n_ids=10_000, n_owners=2, alignments=(0,)
    )


def test_a_voice_is_decoded_if_any_part_of_it_is() -> None:
    notice = sv.Notice(owner_id=7, year=2026)
    cells = sv.SoftCells(1, bytes(128))
    matched = sv.Voice(
        log10_p=-9.0, score=8.0, offset_s=0.0, notice=notice, matched=match_of(notice), cells=cells
    )
    decoded = sv.Voice(log10_p=-8.0, score=7.0, offset_s=1.0, notice=notice)
    for voices in ([matched, decoded], [decoded, matched]):
        (voice,) = merge_pieces(voices)
        assert (voice.notice, voice.matched, voice.cells) == (notice, None, None)
    (voice,) = merge_pieces([matched, matched])
    assert (voice.matched, voice.cells) == (match_of(notice), cells)
    assert pickle.loads(pickle.dumps(voice)) == voice  # noqa: S301 - our own
    assert voice.to_dict()["matched"] == {
        "log10_p": -9.0,
        "rank": 1,
        "n_ids": 10_000,
        "n_owners": 2,
        "other_p": 2e-4,
    }
    assert match_of(notice).other_p == 2e-4
