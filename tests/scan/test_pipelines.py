"""Examples that pass by, in the shapes in which data sets hold them."""

from __future__ import annotations

import numpy as np
import pytest

from sottovoce.errors import ParameterError
from sottovoce.scan import examine_example, is_refused, without_refused


@pytest.fixture
def marked_bytes(dataset):
    return (dataset / "anna" / "long.flac").read_bytes()


@pytest.fixture
def clean_bytes(dataset):
    return (dataset / "bert" / "long.flac").read_bytes()


class TestShapes:
    def test_bytes_path_and_array_give_the_same_verdict(self, marked_bytes, dataset, marked):
        path = str(dataset / "anna" / "long.flac")
        y, sr = marked
        shapes = [
            {"bytes": marked_bytes, "path": "anna.flac"},
            {"bytes": None, "path": path},
            {"array": y, "sampling_rate": sr},
            {"array": np.stack([y, y]), "sampling_rate": sr},
            marked_bytes,
            path,
        ]
        for audio in shapes:
            finding = examine_example({"audio": audio})
            assert finding.marked
            assert finding.log10_p < -30

    def test_another_column(self, marked_bytes):
        assert is_refused({"sound": marked_bytes}, column="sound")

    @pytest.mark.parametrize(
        ("example", "column"),
        [({"text": "x"}, "audio"), ({"audio": 7}, None), ({"audio": 7}, "audio")],
    )
    def test_what_holds_no_audio_is_an_error_that_helps(self, example, column):
        with pytest.raises(ParameterError) as caught:
            is_refused(example, column=column)
        assert caught.value.remedy


class TestAnswers:
    def test_marked_is_refused_and_unmarked_is_not(self, marked_bytes, clean_bytes):
        assert is_refused({"audio": marked_bytes}) is True
        assert is_refused({"audio": clean_bytes}) is False

    def test_a_batch_has_an_answer_for_each(self, marked_bytes, clean_bytes):
        batch = {"audio": [{"bytes": marked_bytes}, {"bytes": clean_bytes}, {"bytes": b"x"}]}
        assert is_refused(batch) == [True, False, True]
        assert is_refused(batch, strict=False) == [True, False, False]

    def test_what_cannot_be_read_is_refused(self, tmp_path):
        assert is_refused({"audio": b"no sound"})
        assert is_refused({"audio": str(tmp_path / "gone.flac")})
        assert not is_refused({"audio": b"no sound"}, strict=False)


def test_samples_of_a_web_dataset_pass_if_nothing_in_them_is_refused(marked_bytes, clean_bytes):
    samples = [
        {"__key__": "a", "flac": clean_bytes, "txt": b"one"},
        {"__key__": "b", "near.flac": clean_bytes, "far.flac": marked_bytes},
        {"__key__": "c", "json": b"{}"},
    ]
    assert [sample["__key__"] for sample in without_refused(samples)] == ["a"]
