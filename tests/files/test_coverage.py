"""What counts as marked already: no stretch of speech may be without the mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.core.results import Detection, Voice
from sottovoce.files import protect_file
from sottovoce.files.coverage import covered_s, longest_gap_s
from sottovoce.files.listening import Listener, Loudness

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = sv.Notice(owner_id=9)


def detect(*segments: tuple[float, float], duration_s: float = 60.0) -> Detection:
    voice = Voice(log10_p=-99.0, score=30.0, offset_s=0.0, segments_s=segments, notice=NOTICE)
    return Detection(
        found=True,
        log10_p=-99.0,
        score=30.0,
        n_hypotheses=1,
        log10_e=90.0,
        voices=(voice,),
        duration_s=duration_s,
    )


def test_a_gap_is_as_long_as_what_sounds_in_it() -> None:
    levels = bytearray([70]) * 600
    levels[300:350] = bytes(50)  # a pause of 5 s
    loudness = Loudness(bytes(levels), 0.1)
    assert longest_gap_s(detect((0.0, 60.0)), NOTICE, loudness) == 0.0
    assert longest_gap_s(detect((0.0, 54.0)), NOTICE, loudness) == pytest.approx(6.0)
    assert longest_gap_s(detect((4.0, 60.0)), NOTICE, loudness) == pytest.approx(4.0)
    assert longest_gap_s(detect((0.0, 28.0), (36.0, 60.0)), NOTICE, loudness) == pytest.approx(3.0)
    assert longest_gap_s(detect(), NOTICE, loudness) == pytest.approx(55.0)


def test_what_two_voices_cover_counts_once() -> None:
    assert covered_s(detect((0.0, 20.0), (10.0, 30.0), (40.0, 41.0)), NOTICE) == 31.0


@pytest.mark.parametrize("n_block", [1_000, 16_000, 1_600_000])
def test_loudness_does_not_depend_on_blocks(n_block: int) -> None:
    sr = 16_000
    y = np.zeros((2, 5 * sr), dtype=np.float32)
    y[1, sr : 2 * sr] = 0.5
    listener = Listener(sr=sr)
    for begin in range(0, y.shape[1], n_block):
        listener.listen(y[:, begin : begin + n_block])
    listener.finish()
    assert listener.loudness.levels == bytes(10) + bytes([74]) * 10 + bytes(30)
    assert listener.sounding_s == listener.loud_s == 1.0
    assert listener.loudness.sounding_s(0.5, 1.5, floor_dbfs=-50) == pytest.approx(0.5)


@pytest.fixture(scope="module")
def minute(clip: tuple[np.ndarray, int]) -> tuple[np.ndarray, np.ndarray, int]:
    """A minute of speech, the same marked, and the sampling rate."""
    y, sr = clip
    speech = np.tile(y, 3)[: 60 * sr]
    return speech, sv.protect(speech, sr=sr, notice=NOTICE), sr


@pytest.mark.parametrize("begin_s", [0, 22, 50], ids=["beginning", "middle", "end"])
def test_ten_seconds_without_the_mark_are_marked_again(
    begin_s: int, minute: tuple[np.ndarray, np.ndarray, int], tmp_path: Path
) -> None:
    speech, marked, sr = minute
    hole = slice(begin_s * sr, (begin_s + 10) * sr)
    mixed = marked.copy()
    mixed[hole] = speech[hole]
    sf.write(tmp_path / "a.wav", mixed, sr)
    done = protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    assert done.status == "marked"
    (line,) = (line for line in done.warnings if "already carried your mark" in line)
    assert line.endswith("of 60 s already carried your mark; all of it was marked again")
    y, _ = sf.read(tmp_path / "b.wav", dtype="float32")
    assert sv.detect(y[hole], sr=sr).found


def test_six_seconds_at_the_end_are_a_tenth_and_are_marked_again(
    minute: tuple[np.ndarray, np.ndarray, int], tmp_path: Path
) -> None:
    speech, marked, sr = minute
    sf.write(tmp_path / "a.wav", np.concatenate([marked[: 54 * sr], speech[54 * sr :]]), sr)
    assert protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE).status == "marked"


@pytest.mark.parametrize("n_s", [20, 60])
def test_what_is_marked_from_beginning_to_end_is_copied(
    n_s: int, minute: tuple[np.ndarray, np.ndarray, int], tmp_path: Path
) -> None:
    _, marked, sr = minute
    sf.write(tmp_path / "a.wav", marked[: n_s * sr], sr)
    done = protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    assert done.status == "already"
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
