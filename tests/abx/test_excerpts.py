from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce.abx.excerpts import fade, read_excerpts, read_same_excerpts
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

SR = 16_000


def write_words(path: Path, seconds: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of 0.7 s after every 0.3 s of near silence."""
    y = 0.1 * rng.standard_normal(seconds * SR).astype(np.float32)
    pause = (np.arange(len(y)) % SR) < round(0.3 * SR)
    y = np.clip(np.where(pause, 1e-3 * y, y), -0.9, 0.9).astype(np.float32)
    sf.write(path, y, SR, subtype="FLOAT")
    return y


@pytest.mark.parametrize(
    ("seconds", "n"), [(1, 1), (7, 1), (20, 2), (60, 4)], ids=lambda value: str(value)
)
def test_pieces_are_short_apart_and_of_the_file(
    tmp_path: Path, rng: np.random.Generator, seconds: int, n: int
) -> None:
    y = write_words(tmp_path / "words.wav", seconds, rng)
    excerpts = read_excerpts(tmp_path / "words.wav", n_most=4)
    assert len(excerpts) == n
    last = 0
    for excerpt in excerpts:
        start = round(excerpt.start_s * SR)
        length = excerpt.y.shape[1]
        assert start >= last
        assert length <= 12 * SR
        np.testing.assert_array_equal(excerpt.y[0], y[start : start + length])
        last = start + length


def test_cuts_lie_in_pauses(tmp_path: Path, rng: np.random.Generator) -> None:
    y = write_words(tmp_path / "words.wav", 60, rng)
    loud = np.sqrt(np.mean(y**2))
    for excerpt in read_excerpts(tmp_path / "words.wav", n_most=4):
        for edge in (excerpt.y[0, :160], excerpt.y[0, -160:]):
            assert np.sqrt(np.mean(edge**2)) < 0.01 * loud


def test_silent_parts_are_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    y = write_words(tmp_path / "words.wav", 60, rng)
    y[15 * SR : 45 * SR] = 0.0
    sf.write(tmp_path / "words.wav", y, SR, subtype="FLOAT")
    excerpts = read_excerpts(tmp_path / "words.wav", n_most=4)
    assert len(excerpts) == 2
    assert excerpts[0].start_s < 15
    assert excerpts[1].start_s >= 45


def test_one_word_in_silence_is_found(tmp_path: Path) -> None:
    y = np.zeros(40 * SR, dtype=np.float32)
    y[33 * SR : 34 * SR] = 0.1 * np.sin(np.arange(SR))
    sf.write(tmp_path / "word.wav", y, SR, subtype="FLOAT")
    (excerpt,) = read_excerpts(tmp_path / "word.wav", n_most=4)
    assert np.sum(excerpt.y**2) == pytest.approx(np.sum(y**2), rel=1e-3)


def test_fades_change_the_ends_alone() -> None:
    y = np.ones((2, SR), dtype=np.float32)
    faded = fade(y, sr=SR)
    assert (y == 1).all()
    assert (faded[:, 0] == 0).all()
    assert (faded[:, -1] == 0).all()
    assert (faded[:, 160:-160] == 1).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_fade_of_next_to_nothing(n: int) -> None:
    assert fade(np.ones((1, n), dtype=np.float32), sr=SR).shape == (1, n)


class TestTheSameOfAnotherVersion:
    def test_it_is_cut_at_the_same_places(self, tmp_path: Path, clip: tuple) -> None:
        y, sr = clip
        sf.write(tmp_path / "a.wav", y, sr, subtype="FLOAT")
        sf.write(tmp_path / "b.wav", -y, sr, subtype="FLOAT")
        own = read_excerpts(tmp_path / "a.wav", n_most=4)
        same = read_same_excerpts(tmp_path / "b.wav", own)
        assert len(own) > 1
        for one, other in zip(own, same, strict=True):
            assert one.start_s == other.start_s
            np.testing.assert_array_equal(one.y, -other.y)

    def test_what_is_no_version_of_it_is_refused(self, tmp_path: Path, clip: tuple) -> None:
        y, sr = clip
        sf.write(tmp_path / "a.wav", y, sr)
        own = read_excerpts(tmp_path / "a.wav", n_most=4)
        for other in (y[: 2 * sr], y[: 18 * sr], np.stack([y, y], axis=1)):
            sf.write(tmp_path / "b.wav", other, sr)
            with pytest.raises(ParameterError, match="shorter, or has another number"):
                read_same_excerpts(tmp_path / "b.wav", own)
