from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from scipy import stats

from sottovoce.abx.score import score_answers
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

KEY = list("ABBABAABBABA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack's folder, as far as its key goes."""
    text = base64.b64encode(json.dumps({"pack": "c0ffee", "key": KEY}).encode()).decode()
    (tmp_path / "key.js").write_text(f'abxKey("{text}");\n')
    return tmp_path


def save(folder: Path, answers: list, **more: object) -> Path:
    path = folder / "answers.json"
    path.write_text(json.dumps({"pack": "c0ffee", "answers": answers, "key": KEY, **more}))
    return path


def flip(letters: list[str]) -> list[str]:
    return ["B" if letter == "A" else "A" for letter in letters]


@pytest.mark.parametrize("n_right", range(len(KEY) + 1))
def test_figures_are_those_of_the_binomial(folder: Path, n_right: int) -> None:
    answers = save(folder, KEY[:n_right] + flip(KEY[n_right:]))
    result = score_answers(answers)
    test = stats.binomtest(n_right, len(KEY), 0.5, alternative="greater")
    interval = stats.binomtest(n_right, len(KEY)).proportion_ci(0.95, "exact")
    assert (result.n_trials, result.n_right) == (len(KEY), n_right)
    assert result.p_value == pytest.approx(test.pvalue)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))


def test_an_answer_that_was_not_given_is_wrong(folder: Path) -> None:
    result = score_answers(save(folder, [*KEY[:11], None]))
    assert (result.n_trials, result.n_right) == (12, 11)


def test_the_packs_own_key_is_believed(folder: Path) -> None:
    answers = save(folder, KEY, key=flip(KEY))
    assert score_answers(answers).n_right == 0
    assert score_answers(answers, key=folder).n_right == 12
    assert score_answers(answers, key=folder / "key.js").n_right == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("[]", "no list"),
        ("{}", "no list"),
        ('{"answers": 3}', "no list"),
        ('{"answers": ["A"]}', "no answer key"),
        ('{"answers": ["A"], "key": ["A", "B"]}', "no answer key"),
        ('{"answers": [null, null], "key": ["A", "B"]}', "no answers"),
        ('{"answers": [], "key": []}', "no answer"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "answers.json").write_text(text)
    with pytest.raises(ParameterError, match=said):
        score_answers(tmp_path / "answers.json")


@pytest.mark.parametrize("more", [{"pack": "another"}, {"answers": ["A"]}])
def test_the_key_of_another_test(folder: Path, more: dict) -> None:
    with pytest.raises(ParameterError, match="was not saved by the test"):
        score_answers(save(folder, **{"answers": KEY, **more}), key=folder)


@pytest.mark.parametrize("text", ["", 'abxKey("????");', 'abxKey("e30=");', 'abxKey("A");'])
def test_a_key_that_is_none(folder: Path, text: str) -> None:
    (folder / "key.js").write_text(text)
    with pytest.raises(ParameterError, match="is not an answer key"):
        score_answers(save(folder, KEY), key=folder)


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParameterError, match="not a text file"):
        score_answers(tmp_path / "answers.json")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"answers\.json: does not exist"):
        score_answers(tmp_path / "answers.json")
