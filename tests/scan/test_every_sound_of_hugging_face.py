"""Every sound of a row of `datasets` counts: lists and structs of any depth."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sottovoce.scan import open_sources
from tests.scan.conftest import read, refuse
from tests.scan.test_every_sound import cell, lengths

datasets = pytest.importorskip("datasets")


def as_data_set(rows, features):
    # Not by `from_list`, which would encode them with torchcodec.
    table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
    return datasets.Dataset(datasets.table.InMemoryTable(table))


class TestHuggingFace:
    FEATURES = datasets.Features(
        text=datasets.Value("string"),
        audio=datasets.Audio(),
        turns=[{"who": datasets.Value("string"), "clip": datasets.Audio()}],
        negatives=datasets.List(datasets.Audio()),
    )

    @pytest.fixture
    def data(self):
        rows = [
            {
                "text": str(i),
                "audio": cell(10 * i),
                "turns": [{"who": "a", "clip": cell(10 * i + 1)}],
                "negatives": [cell(10 * i + 2), cell(10 * i + 3)],
            }
            for i in range(2)
        ]
        return as_data_set(rows, self.FEATURES)

    IDS = frozenset(
        f"{i}{rest}"
        for i in range(2)
        for rest in ("", "::turns[0].clip", "::negatives[0]", "::negatives[1]")
    )

    def test_an_open_set(self, data):
        (source,) = open_sources([data])
        assert set(lengths(source)) == self.IDS

    def test_a_streamed_one_is_not_decoded(self, data):
        (source,) = open_sources([data.to_iterable_dataset()])
        assert set(lengths(source)) == self.IDS

    def test_a_saved_one_and_its_parquet(self, data, tmp_path):
        data.save_to_disk(str(tmp_path / "saved"))
        data.to_parquet(str(tmp_path / "a.parquet"))
        for name in ("saved", "a.parquet"):
            (source,) = open_sources([tmp_path / name])
            assert {
                one.rpartition(".arrow::")[2].rpartition(".parquet::")[2] for one in read(source)
            } == self.IDS

    def test_a_row_is_refused_for_any_of_them(self, data):
        (source,) = open_sources([data])
        kept = source.select(refuse(f"{source.name}::1::negatives[1]"))
        assert kept["text"][:] == ["0"]

    def test_pictures_are_none(self):
        png = {"bytes": b"\x89PNG\r\n\x1a\n" + bytes(50), "path": "a.png"}
        features = datasets.Features(audio=datasets.Audio(), face=datasets.Image())
        (source,) = open_sources([as_data_set([{"audio": cell(0), "face": png}], features)])
        assert set(lengths(source)) == {"0"}
