from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import soundfile as sf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def take(shell, clip: tuple) -> Path:
    y, sr = clip
    path = shell.folder / "take.wav"
    sf.write(path, y[: 20 * sr], sr)
    return path


def test_a_pack_and_its_score(shell, take: Path) -> None:
    before = take.read_bytes()
    made = shell("abx", "take.wav", "--trials", 6, "--seed", 1)
    assert made.code == 0, made.err
    assert "take.abx" in made.out
    assert take.read_bytes() == before
    folder = shell.folder / "take.abx"
    key = json.loads((folder / "key.json").read_text())["key"]
    (shell.folder / "answers.json").write_text(json.dumps({"answers": key}))
    scored = shell("abx", "--score", "answers.json", "--key", "take.abx/key.json")
    assert scored.code == 0
    assert "6 of 6 right" in scored.out
    assert "the mark was heard" in scored.out
    again = shell("abx", "take.wav")
    assert again.code == 2
    assert "not empty" in again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("abx",), "no FILE"),
        (("abx", "nothing.wav"), "nothing.wav"),
        (("abx", "--score", "answers.json"), "--key"),
        (("abx", "take.wav", "--strength", "9"), "no strength"),
    ],
)
def test_what_is_wrong_is_said(shell, take: Path, words: tuple[str, ...], said: str) -> None:
    done = shell(*words)
    assert done.code == 2
    assert said in done.err
