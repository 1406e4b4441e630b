from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf
from scipy import stats

from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.abx import score_answers, write_abx_pack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pack(tmp_path: Path, clip_path: Path) -> Path:
    folder = tmp_path / "pack"
    about = write_abx_pack(clip_path, folder, strength_db=1.18, n_trials=12, seed=3)
    assert (about.n_trials, about.n_excerpts) == (12, 3)
    return folder


def trials_of(folder: Path) -> list[dict[str, str]]:
    page = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r"const pack = (\{.*\});", page)
    assert found is not None
    return json.loads(found.group(1))["trials"]


def test_x_is_what_the_key_says(pack: Path) -> None:
    key = json.loads((pack / "key.json").read_text())["key"]
    trials = trials_of(pack)
    assert len(key) == len(trials) == 12
    assert set(key) == {"A", "B"}
    for letter, trial in zip(key, trials, strict=True):
        a, b, x = (sf.read(pack / trial[name])[0] for name in ("a", "b", "x"))
        assert not np.array_equal(a, b)
        np.testing.assert_array_equal(x, a if letter == "A" else b)


def test_the_page_needs_no_network_and_does_not_know_the_key(pack: Path) -> None:
    page = (pack / "index.html").read_text(encoding="utf-8")
    assert "http" not in page
    assert "/*TRIALS*/" not in page
    assert '"key"' not in page.split("<script>")[1].split("const $")[0]


def test_the_same_seed_makes_the_same_test(pack: Path, tmp_path: Path, clip_path: Path) -> None:
    write_abx_pack(clip_path, tmp_path / "two", strength_db=1.18, n_trials=12, seed=3)
    names = sorted(path.name for path in pack.iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (pack / name).read_bytes()


def test_a_name_cannot_leave_the_script(tmp_path: Path, clip_path: Path) -> None:
    odd = tmp_path / "a'b\" <script>.flac"
    odd.write_bytes(clip_path.read_bytes())
    write_abx_pack(odd, tmp_path / "odd", strength_db=1.18, n_trials=5, seed=1)
    assert trials_of(tmp_path / "odd")


def test_scores_are_those_of_the_binomial(pack: Path, tmp_path: Path) -> None:
    key = json.loads((pack / "key.json").read_text())["key"]
    wrong = {"A": "B", "B": "A"}
    given = [*key[:9], wrong[key[9]], wrong[key[10]], None]
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"answers": given}))
    result = score_answers(answers, pack / "key.json")
    assert (result.n_trials, result.n_right) == (11, 9)
    test = stats.binomtest(9, 11, 0.5, alternative="greater")
    assert result.p_value == pytest.approx(test.pvalue)
    interval = stats.binomtest(9, 11).proportion_ci(0.95, "exact")
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("n_right", [0, 11])
def test_the_ends_of_the_scale(tmp_path: Path, n_right: int) -> None:
    (tmp_path / "key").write_text(json.dumps({"key": ["A"] * 11}))
    given = ["A"] * n_right + ["B"] * (11 - n_right)
    (tmp_path / "answers").write_text(json.dumps({"answers": given}))
    result = score_answers(tmp_path / "answers", tmp_path / "key")
    interval = stats.binomtest(n_right, 11).proportion_ci(0.95, "exact")
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))


class TestRefusals:
    def test_a_folder_with_something_in_it(self, pack: Path, clip_path: Path) -> None:
        before = sorted(path.name for path in pack.iterdir())
        with pytest.raises(ParameterError, match="not empty"):
            write_abx_pack(clip_path, pack, strength_db=1.18)
        assert sorted(path.name for path in pack.iterdir()) == before

    def test_silence(self, tmp_path: Path) -> None:
        sf.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
        with pytest.raises(ParameterError, match="no sound"):
            write_abx_pack(tmp_path / "silence.wav", tmp_path / "pack", strength_db=1.18)
        assert [path.name for path in tmp_path.iterdir()] == ["silence.wav"]

    def test_too_few_trials(self, tmp_path: Path, clip_path: Path) -> None:
        with pytest.raises(ParameterError, match="5 to 100"):
            write_abx_pack(clip_path, tmp_path / "pack", strength_db=1.18, n_trials=2)

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"answers": 3}', '{"answers": [null, null]}']
    )
    def test_answers_that_are_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "answers").write_text(text)
        (tmp_path / "key").write_text('{"key": ["A", "B"]}')
        with pytest.raises(ParameterError):
            score_answers(tmp_path / "answers", tmp_path / "key")

    def test_the_key_of_another_test(self, tmp_path: Path) -> None:
        (tmp_path / "answers").write_text('{"answers": ["A"]}')
        (tmp_path / "key").write_text('{"key": ["A", "B"]}')
        with pytest.raises(ParameterError, match="1 answers"):
            score_answers(tmp_path / "answers", tmp_path / "key")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(AudioFileError, match="cannot be read"):
            score_answers(tmp_path / "answers", tmp_path / "key")
