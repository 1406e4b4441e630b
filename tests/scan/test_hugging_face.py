"""Data sets of Hugging Face's that are open in this process: scanned, and filtered."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sottovoce.errors import AudioFileError, LedgerError, ParameterError
from sottovoce.scan import filter_data_set, is_refused, open_sources, scan_paths
from sottovoce.scan.recording import File
from tests.scan.conftest import encode, findings, recordings, refuse

pytestmark = pytest.mark.apart

datasets = pytest.importorskip("datasets")


@pytest.fixture
def clips(dataset):
    """Bytes of a marked, an unmarked and a short recording, and of what is none."""
    names = ("anna/long.flac", "bert/long.flac", "carl/word.wav", "odd/text.wav")
    return [(dataset / name).read_bytes() for name in names]


@pytest.fixture
def from_bytes(clips):
    audio = [{"bytes": data, "path": f"{i}.flac"} for i, data in enumerate(clips)]
    columns = {"audio": audio, "speaker_id": [7, 8, 8, 9], "lang": ["en", "en", "de", "de"]}
    return datasets.Dataset.from_dict(columns).cast_column("audio", datasets.Audio())


@pytest.fixture
def from_files(dataset):
    names = ("anna/long.flac", "bert/long.flac", "carl/word.wav", "odd/gone.wav")
    paths = [str(dataset / name) for name in names]
    return datasets.Dataset.from_dict({"audio": paths}).cast_column("audio", datasets.Audio())


def by_row(found):
    return {one.id.rpartition("::")[2]: one.status for one in found}


EXPECTED = {"0": "marked", "1": "clean", "2": "undetermined", "3": "error"}


class TestStored:
    @pytest.mark.parametrize("kind", ["from_bytes", "from_files"])
    def test_every_row_has_its_status_and_the_kept_ones_remain(self, kind, request, tmp_path):
        data = request.getfixturevalue(kind)
        ledger = tmp_path / "ledger"
        assert by_row(scan_paths([data], workers=1, ledger=ledger)) == EXPECTED
        assert len(filter_data_set(data, ledger)) == 3
        kept = filter_data_set(data, ledger, strict=True)
        assert len(kept) == 2
        assert kept.features == data.features
        undecoded = datasets.Audio(decode=False)
        before = data.cast_column("audio", undecoded)
        assert list(kept.cast_column("audio", undecoded)) == [before[1], before[2]]

    def test_groups_come_from_columns(self, from_bytes):
        (source,) = open_sources([from_bytes], group_by=("lang",))
        one = recordings(source)[f"{source.name}::2"]
        assert one.groups == {"dataset": source.name, "speaker_id": "8", "lang": "de"}

    def test_the_same_set_has_the_same_ids_and_another_has_others(self, from_bytes):
        names = {open_sources([from_bytes])[0].name for _ in range(2)}
        assert len(names) == 1
        assert open_sources([from_bytes.select([0, 1])])[0].name not in names

    def test_rows_are_those_of_the_set_as_it_is_seen(self, from_bytes, clips):
        (source,) = open_sources([from_bytes.select([2, 0])])
        found = list(recordings(source).values())
        assert [one.place.data for one in found] == [clips[2], clips[0]]

    def test_a_format_does_not_matter(self, from_bytes):
        (source,) = open_sources([from_bytes.with_format("numpy", columns=["lang"])])
        assert len(recordings(source)) == 4

    def test_files_are_read_by_the_workers(self, from_files):
        (source,) = open_sources([from_files])
        assert {type(one.place) for one in recordings(source).values()} == {File}
        (gone,) = findings(source)
        assert gone.id == f"{source.name}::3"

    def test_a_set_on_disk(self, from_bytes, tmp_path):
        from_bytes.save_to_disk(str(tmp_path / "saved"))
        (source,) = open_sources([datasets.load_from_disk(str(tmp_path / "saved"))])
        kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{source.name}::0"))
        assert (kept.n_kept, kept.n_left_out) == (3, 1)
        assert len(datasets.load_from_disk(str(tmp_path / "kept"))) == 3

    def test_two_columns_of_audio(self, clips):
        cell = [{"bytes": clips[2], "path": None}]
        data = datasets.Dataset.from_dict({"near": cell, "far": cell})
        (source,) = open_sources([data])
        ids = {one.removeprefix(source.name) for one in recordings(source)}
        assert ids == {"::0::near", "::0::far"}

    def test_what_has_no_audio_says_so(self):
        (source,) = open_sources([datasets.Dataset.from_dict({"text": ["a"], "label": [1]})])
        (bad,) = findings(source)
        assert bad.status == "unsupported"
        assert "'text'" in bad.remedy


def test_a_mapping_is_scanned_split_by_split(from_bytes, tmp_path):
    data = datasets.DatasetDict(train=from_bytes.select([0, 1]), test=from_bytes.select([2]))
    found = list(scan_paths([data], workers=1, ledger=tmp_path / "ledger"))
    assert sorted(one.status for one in found) == ["clean", "marked", "undetermined"]
    kept = filter_data_set(data, tmp_path / "ledger")
    assert isinstance(kept, datasets.DatasetDict)
    assert {name: len(one) for name, one in kept.items()} == {"train": 1, "test": 1}


class TestStreamed:
    @pytest.fixture
    def streamed(self, from_bytes, tmp_path):
        path = tmp_path / "train.parquet"
        from_bytes.to_parquet(str(path))
        files = {"train": str(path)}
        return datasets.load_dataset(
            "parquet", data_files=files, streaming=True, cache_dir=str(tmp_path / "cache")
        )

    def test_it_is_scanned_and_filtered_as_it_passes(self, streamed, tmp_path):
        data = streamed["train"]
        ledger = tmp_path / "ledger"
        assert by_row(scan_paths([data], workers=1, ledger=ledger)) == EXPECTED
        kept = filter_data_set(data, ledger, strict=True)
        assert isinstance(kept, datasets.IterableDataset)
        undecoded = kept.cast_column("audio", datasets.Audio(decode=False))
        assert [one["lang"] for one in undecoded] == ["en", "de"]

    def test_a_shuffled_one_is_filtered_by_what_is_in_it(self, streamed, tmp_path):
        data = streamed["train"]
        list(scan_paths([data], workers=1, ledger=tmp_path / "ledger"))
        kept = filter_data_set(data.shuffle(seed=3), tmp_path / "ledger", strict=True)
        undecoded = kept.cast_column("audio", datasets.Audio(decode=False))
        assert sorted(one["lang"] for one in undecoded) == ["de", "en"]

    def test_its_mapping_too(self, streamed, tmp_path):
        assert by_row(scan_paths([streamed], workers=1, ledger=tmp_path / "l")) == EXPECTED
        kept = filter_data_set(streamed, tmp_path / "l")
        assert isinstance(kept, datasets.IterableDatasetDict)

    def test_one_without_features(self, clips):
        def rows():
            for data in clips:
                yield {"audio": {"bytes": data, "path": None}}

        (source,) = open_sources([datasets.IterableDataset.from_generator(rows)])
        assert len(recordings(source)) == 4


class TestMistakes:
    def test_a_set_that_was_not_scanned_is_not_filtered(self, from_bytes, tmp_path):
        list(scan_paths([from_bytes.select([2])], workers=1, ledger=tmp_path / "ledger"))
        with pytest.raises(LedgerError, match="no scan of") as caught:
            filter_data_set(from_bytes, tmp_path / "ledger")
        assert caught.value.remedy

    def test_one_set_twice_is_refused(self, from_bytes):
        with pytest.raises(ParameterError, match="two data sets"):
            open_sources([from_bytes, from_bytes])

    def test_the_command_cannot_filter_what_was_in_memory(self):
        with pytest.raises(AudioFileError, match="in the memory") as caught:
            open_sources(["dataset:parquet-train-0"])
        assert "filter_data_set" in caught.value.remedy


class TestInAPipeline:
    @pytest.mark.by_turns
    def test_filter_in_two_processes(self, from_bytes):
        undecoded = from_bytes.cast_column("audio", datasets.Audio(decode=False))
        kept = undecoded.filter(lambda one: not is_refused(one), num_proc=2)
        assert kept["speaker_id"][:] == [8, 8]

    @pytest.mark.by_turns
    def test_map_by_batches(self, from_bytes):
        undecoded = from_bytes.cast_column("audio", datasets.Audio(decode=False))
        told = undecoded.map(lambda batch: {"refused": is_refused(batch)}, batched=True)
        assert told["refused"][:] == [True, False, False, True]


def test_nothing_is_imported_for_those_who_have_paths():
    code = "import sys, sottovoce.scan; print('datasets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_short_rows_by_the_thousand_come_out_once_each():
    cells = [{"bytes": encode(i % 5, seconds=0.1), "path": None} for i in range(1000)]
    found = list(scan_paths([datasets.Dataset.from_dict({"audio": cells})], workers=2))
    assert len({one.id for one in found}) == len(found) == 1000
