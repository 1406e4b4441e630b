from __future__ import annotations

import base64
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


@pytest.mark.slow
def test_a_pack_and_its_score(shell, take: Path) -> None:
    before = take.read_bytes()
    made = shell("abx", "take.wav", "--trials", 6, "--seed", 1)
    assert made.code == 0, made.err
    assert "take.abx" in made.out
    assert take.read_bytes() == before
    script = (shell.folder / "take.abx" / "key.js").read_text()
    own = json.loads(base64.b64decode(script.split('"')[1]))
    (shell.folder / "answers.json").write_text(json.dumps({**own, "answers": own["key"]}))
    for words in ((), ("--key", "take.abx")):
        scored = shell("abx", "--score", "answers.json", *words)
        assert scored.code == 0, scored.err
        assert "6 of 6 right" in scored.out
        assert "in 54 to 100 %" in scored.out
        assert "in 1.6 % of such tests (exact binomial p = 0.016)" in scored.out
        assert "a difference was heard" in scored.out
    as_json = json.loads(shell("abx", "--score", "answers.json", "--json").out)
    assert as_json["p_value"] == pytest.approx(2**-6)


@pytest.mark.slow
def test_guessing_is_called_guessing(shell) -> None:
    answers = {"answers": ["A", "B"] * 8, "key": ["A"] * 16}
    (shell.folder / "answers.json").write_text(json.dumps(answers))
    scored = shell("abx", "--score", "answers.json")
    assert "8 of 16 right" in scored.out
    assert "no evidence that a difference was heard" in scored.out


@pytest.mark.slow
def test_a_second_test_needs_force(shell, take: Path) -> None:
    assert shell("abx", "take.wav", "--trials", 5).code == 0
    again = shell("abx", "take.wav", "--trials", 5)
    assert again.code == 2
    assert "not empty" in again.err
    assert "--force" in again.err
    made = shell("abx", "take.wav", "--trials", 5, "--force", "--json")
    assert made.code == 0
    assert json.loads(made.out)["n_trials"] == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("abx",), "no FILE"),
        (("abx", "nothing.wav"), "nothing.wav"),
        (("abx", "--score", "answers.json"), "does not exist"),
        (("abx", "take.wav", "--score", "answers.json"), "takes no FILE"),
        (("abx", "take.wav", "--key", "take.abx"), "--key requires --score"),
        (("abx", "take.wav", "--strength", "9"), "invalid strength"),
    ],
)
def test_what_is_wrong_is_said(shell, take: Path, words: tuple[str, ...], said: str) -> None:
    done = shell(*words)
    assert done.code == 2
    assert said in done.err
