"""Tables with audio in their cells or paths of it: Parquet and Arrow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sottovoce.errors import AudioFileError
from sottovoce.scan.datasets import table_cells
from sottovoce.scan.datasets.arrow import ArrowSource, is_saved_dataset
from sottovoce.scan.datasets.parquet_source import ParquetSource
from sottovoce.scan.datasets.table_cells import read_cell
from sottovoce.scan.finding import TOO_MUCH_MEMORY
from sottovoce.scan.opening.names import open_sources
from sottovoce.scan.recording import Cell
from sottovoce.scan.source import SourceOptions
from tests.scan.conftest import all_read, encode, findings, read, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {
    "sound": {"_type": "Audio", "sampling_rate": 16_000},
    "text": {"dtype": "string", "_type": "Value"},
}
MOST = 1 << 30


def hugging_face_table(n: int = 6, *, audio: list[Any] | None = None) -> pa.Table:
    """A table as `datasets` writes it, by its schema's metadata."""
    schema = pa.schema(
        [("sound", AUDIO), ("text", pa.string()), ("speaker_id", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
    )
    audio = audio or [{"bytes": encode(i), "path": f"{i}.wav"} for i in range(n)]
    return pa.table(
        [
            pa.array(audio, AUDIO),
            pa.array([f"text {i}" for i in range(len(audio))]),
            pa.array([i // 2 for i in range(len(audio))]),
        ],
        schema=schema,
    )


def write_parquet(path: Path, table: pa.Table, **how: Any) -> ParquetSource:
    pq.write_table(table, path, **{"row_group_size": 4, **how})
    return ParquetSource(str(path))


def test_the_cells_of_a_hugging_face_table_are_read(tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "a.parquet", hugging_face_table())
    assert all_read(source, 6)
    found = recordings(source)
    one = found[f"{tmp_path}/a.parquet::5"]
    assert one.place == Cell(f"{tmp_path}/a.parquet", 1, 1, "sound")
    assert one.groups == {"shard": "a.parquet", "speaker_id": "2"}
    assert 16_000 < one.n_bytes < 17_000
    assert [cut.id for cut in source.cuts()] == list(found)


def test_rows_may_be_asked_for_in_any_order(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    write_parquet(tmp_path / "a.parquet", hugging_face_table(12))
    for row in (0, 1, 5, 6, 11, 2, 0, 9):
        cell = read_cell(Cell(path, row // 4, row % 4, "sound"), most_bytes=MOST)
        assert cell == encode(row)
    with pytest.raises(AudioFileError, match="has no row 4 in its part 0"):
        read_cell(Cell(path, 0, 4, "sound"), most_bytes=MOST)
    with pytest.raises(AudioFileError, match=r"has no row|damaged"):
        read_cell(Cell(path, 7, 0, "sound"), most_bytes=MOST)
    with pytest.raises(AudioFileError, match="has no column 'other'"):
        read_cell(Cell(path, 0, 0, "other"), most_bytes=MOST)
    with pytest.raises(AudioFileError, match="more than 100"):
        read_cell(Cell(path, 0, 0, "sound"), most_bytes=100)


def test_a_table_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, hugging_face_table(2))
    assert read_cell(Cell(str(path), 0, 0, "sound"), most_bytes=MOST) == encode(0)
    write_parquet(path, hugging_face_table(audio=[{"bytes": encode(9), "path": None}]))
    assert read_cell(Cell(str(path), 0, 0, "sound"), most_bytes=MOST) == encode(9)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_columns_of_bytes_are_found_by_their_names(tmp_path: Path, kind: pa.DataType) -> None:
    if kind == pa.binary_view():
        pytest.importorskip("pyarrow", minversion="18")
    table = pa.table({"id": [1, 2], "FLAC": pa.array([encode(0), encode(1)], kind)})
    assert all_read(write_parquet(tmp_path / "a.parquet", table), 2)


def test_a_row_with_several_columns_of_audio_is_several_recordings(tmp_path: Path) -> None:
    audio = pa.array([{"bytes": encode(i), "path": None} for i in range(2)], AUDIO)
    source = write_parquet(tmp_path / "a.parquet", pa.table({"caller": audio, "agent": audio}))
    assert all_read(source, 4)
    assert f"{tmp_path}/a.parquet::1::agent" in recordings(source)
    out = tmp_path / "kept.parquet"
    kept = source.write_kept(out, refused=refuse(f"{tmp_path}/a.parquet::1::agent"))
    assert (kept.n_kept, kept.n_left_out) == (1, 1)


def test_columns_of_paths_lead_to_files_once(tmp_path: Path, takes: list[str]) -> None:
    table = pa.table({"path": [*takes, takes[0], "missing.wav", None], "client_id": ["a"] * 8})
    source = write_parquet(tmp_path / "a.parquet", table)
    assert all_read(source, 5)
    missing, null = findings(source)
    assert missing.id == f"{tmp_path}/missing.wav"
    assert "does not exist" in missing.message
    assert (null.id, null.message) == (f"{tmp_path}/a.parquet::7", "names no file")
    assert null.groups == {"shard": "a.parquet", "client_id": "a"}
    assert len(list(source.cuts())) == 8
    kept = source.write_kept(tmp_path / "kept.parquet", refused=refuse(f"{tmp_path}/{takes[0]}"))
    assert (kept.n_kept, kept.n_left_out) == (6, 2)


def test_cells_without_bytes_lead_to_files_in_the_tables_folder(
    tmp_path: Path, takes: list[str]
) -> None:
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "takes").symlink_to(tmp_path / "takes")
    (folder / "own.wav").write_bytes(encode())
    paths = ["own.wav", str(tmp_path / takes[0]), f"../{takes[0]}", takes[0], "/dev/zero", "a\0b"]
    table_cells = [{"bytes": None, "path": path} for path in paths]
    audio = [*table_cells, {"bytes": None, "path": None}, None]
    source = write_parquet(folder / "a.parquet", hugging_face_table(audio=audio))
    found = [(one.status, one.message) for one in read(source).values()]
    assert [status for status, _ in found] == ["undetermined"] * 2 + ["error"] * 6
    assert "outside the table's folder" in found[2][1]
    assert "outside the table's folder" in found[3][1]
    assert "not a regular file" in found[4][1]
    assert found[6][1] == found[7][1] == "is empty: neither bytes nor a path"


def test_what_takes_too_much_memory_is_not_read_again_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_parquet(tmp_path / "a.parquet", hugging_face_table(8))
    tried = []
    find = table_cells._Cursor.find

    def find_small(self: Any, group: int, row: int) -> Any:
        tried.append((group, row))
        if group == 0 and row >= 1:
            raise pa.ArrowMemoryError
        return find(self, group, row)

    monkeypatch.setattr(table_cells._Cursor, "find", find_small)
    found = list(read(source).values())
    assert [one.message == TOO_MUCH_MEMORY for one in found] == [False, *[True] * 3, *[False] * 4]
    assert tried == [(0, 0), (0, 1), (0, 1), *((1, i) for i in range(4))]


def test_a_copy_keeps_schema_metadata_codecs_and_row_groups(tmp_path: Path) -> None:
    source = write_parquet(
        tmp_path / "a.parquet",
        hugging_face_table(10),
        compression={
            "sound.bytes": "NONE",
            "sound.path": "zstd",
            "text": "gzip",
            "speaker_id": "snappy",
        },
    )
    out = tmp_path / "out" / "a.parquet"
    refused = refuse(*(f"{tmp_path}/a.parquet::{i}" for i in (1, 4, 5, 6, 7)))
    kept = source.write_kept(out, refused=refused)
    assert (kept.path, kept.n_kept, kept.n_left_out) == (str(out), 5, 5)
    copy = pq.ParquetFile(out)
    assert copy.read()["text"].to_pylist() == [f"text {i}" for i in (0, 2, 3, 8, 9)]
    assert json.loads(copy.schema_arrow.metadata[b"huggingface"])["info"]["features"] == FEATURES
    assert copy.schema_arrow.equals(pq.read_schema(tmp_path / "a.parquet"), check_metadata=True)
    groups = [copy.metadata.row_group(i) for i in range(copy.num_row_groups)]
    assert [group.num_rows for group in groups] == [3, 2]
    assert [groups[0].column(i).compression for i in range(4)] == [
        "UNCOMPRESSED",
        "ZSTD",
        "GZIP",
        "SNAPPY",
    ]
    assert all_read(ParquetSource(str(out)), 5)
    assert list(out.parent.iterdir()) == [out]


def test_a_copy_without_any_row_is_a_table(tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "a.parquet", hugging_face_table(3))
    source.write_kept(tmp_path / "kept.parquet", refused=lambda _: True)
    assert pq.read_table(tmp_path / "kept.parquet").num_rows == 0
    assert recordings(ParquetSource(str(tmp_path / "kept.parquet"))) == {}


def test_parquet_is_read_at_an_address(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", hugging_face_table())
    with fsspec.open("memory://tables/a.parquet", "wb") as file:
        file.write((tmp_path / "a.parquet").read_bytes())
    assert all_read(ParquetSource("memory://tables/a.parquet"), 6)


def test_columns_can_be_named_and_grouped_by(tmp_path: Path) -> None:
    table = pa.table({"x": [encode(0)], "y": ["no.wav"], "z": [1.5], "room": ["hall"]})
    path = tmp_path / "a.parquet"
    write_parquet(path, table)
    source = ParquetSource(
        str(path), options=SourceOptions(column=("x",), group_by=("room", "shard", "none"))
    )
    assert all_read(source, 1)
    assert recordings(source)[f"{path}::0"].groups == {"shard": "a.parquet", "room": "hall"}
    for column, words in (
        ("w", "has no column 'w'"),
        ("z", "neither sound nor paths in column 'z'"),
    ):
        (finding,) = findings(ParquetSource(str(path), options=SourceOptions(column=(column,))))
        assert words in finding.message
        assert finding.status == "unsupported"
        assert "'room'" in finding.remedy


@pytest.mark.parametrize("at", [4, -500, -20])
def test_damaged_parquet_is_a_finding(tmp_path: Path, at: int) -> None:
    write_parquet(tmp_path / "a.parquet", hugging_face_table())
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[at : at + 16 or None] = b"\xff" * 16
    (tmp_path / "a.parquet").write_bytes(data)
    source = ParquetSource(str(tmp_path / "a.parquet"))
    told = [*findings(source), *read(source).values()]
    assert all(one.status in {"error", "undetermined"} for one in told)
    assert any(one.status == "error" for one in told)
    list(source.cuts())


def test_what_is_no_parquet_is_a_finding(tmp_path: Path) -> None:
    for data in (b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1", b"text"):
        (tmp_path / "a.parquet").write_bytes(data)
        (finding,) = findings(ParquetSource(str(tmp_path / "a.parquet")))
        assert (finding.status, bool(finding.remedy)) == ("error", True)
        with pytest.raises(AudioFileError, match="not a Parquet file"):
            ParquetSource(str(tmp_path / "a.parquet")).write_kept(
                tmp_path / "out.parquet", refused=refuse()
            )


def save_dataset(folder: Path, table: pa.Table, *, rows: int = 4, split: str = "train") -> None:
    """What ``datasets.Dataset.save_to_disk`` writes."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-00002.arrow" for i in range(2)]
    for i, name in enumerate(names):
        with pa.ipc.new_stream(str(folder / name), table.schema) as writer:
            writer.write_table(table.slice(i * rows, rows), max_chunksize=3)
    state = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": "0123456789abcdef",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    info = {
        "features": FEATURES,
        "dataset_size": 1,
        "splits": {split: {"name": split, "num_examples": 8, "num_bytes": 1, "shard_lengths": [8]}},
    }
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps(info))


def read_saved(folder: Path) -> pa.Table:
    state = json.loads((folder / "state.json").read_text())
    tables = [
        pa.ipc.open_stream(folder / one["filename"]).read_all() for one in state["_data_files"]
    ]
    return pa.concat_tables(tables)


def test_a_saved_data_set_is_read_and_copied(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    save_dataset(folder, hugging_face_table(8))
    assert is_saved_dataset(str(folder))
    source = ArrowSource(str(folder))
    assert all_read(source, 8)
    second = f"{folder}/data-00001-of-00002.arrow"
    one = recordings(source)[f"{second}::3"]
    assert one.groups == {"shard": "data-00001-of-00002.arrow", "speaker_id": "3"}
    assert 16_000 < one.n_bytes < 17_000
    assert len(list(source.cuts())) == 8
    out = tmp_path / "kept"
    kept = source.write_kept(out, refused=refuse(f"{second}::0", f"{second}::3"))
    assert (kept.n_kept, kept.n_left_out) == (6, 2)
    assert read_saved(out)["text"].to_pylist() == [f"text {i}" for i in (0, 1, 2, 3, 5, 6)]
    assert read_saved(out).schema.metadata == hugging_face_table(1).schema.metadata
    info = json.loads((out / "dataset_info.json").read_text())
    assert info["splits"]["train"]["num_examples"] == 6
    assert "shard_lengths" not in info["splits"]["train"]
    state = json.loads((out / "state.json").read_text())
    assert state["_fingerprint"] != "0123456789abcdef"
    assert all_read(ArrowSource(str(out)), 6)


def test_a_dictionary_of_data_sets_is_read_and_copied(tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    save_dataset(folder / "train", hugging_face_table(8))
    save_dataset(folder / "test", hugging_face_table(8), split="test")
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert is_saved_dataset(str(folder))
    source = ArrowSource(str(folder))
    assert all_read(source, 16)
    kept = source.write_kept(
        tmp_path / "kept", refused=refuse(f"{folder}/test/data-00000-of-00002.arrow::1")
    )
    assert (kept.n_kept, kept.n_left_out) == (15, 1)
    assert read_saved(tmp_path / "kept" / "test").num_rows == 7
    assert len(recordings(ArrowSource(str(tmp_path / "kept")))) == 15


def test_the_format_of_files_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    table = hugging_face_table(5)
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    source = ArrowSource(str(path))
    assert all_read(source, 5)
    source.write_kept(tmp_path / "kept.arrow", refused=refuse(f"{path}::2"))
    with pa.OSFile(str(tmp_path / "kept.arrow")) as file:
        assert pa.ipc.open_file(file).read_all().num_rows == 4


@pytest.mark.parametrize(
    "files", [None, [{"filename": "../a.arrow"}], [{"filename": 3}], ["a"], [{"filename": "/a"}]]
)
def test_a_saved_data_set_names_no_files_but_its_own(tmp_path: Path, files: Any) -> None:
    folder = tmp_path / "set"
    save_dataset(folder, hugging_face_table(8))
    (folder / "state.json").write_text(json.dumps({"_data_files": files}))
    (finding,) = findings(ArrowSource(str(folder)))
    assert "names no files of its own" in finding.message
    assert list(ArrowSource(str(folder)).cuts()) == []


def test_damaged_arrow_is_a_finding(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    save_dataset(folder, hugging_face_table(8))
    path = folder / "data-00000-of-00002.arrow"
    data = path.read_bytes()
    for damaged in (b"", b"ARROW1", data[:200], data[: len(data) // 2], b"\xff" * 400):
        path.write_bytes(damaged)
        source = ArrowSource(str(folder))
        told = findings(source)
        assert [one.id for one in told] == [str(path)]
        assert told[0].status == "error"
        assert len(read(source)) >= 4  # the other file's


def test_a_saved_data_set_in_a_folder_is_read_as_one(tmp_path: Path) -> None:
    root = tmp_path / "data"
    saved = root / "saved"
    saved.mkdir(parents=True)
    table = hugging_face_table(3)
    file = str(saved / "data-00000-of-00001.arrow")
    with pa.OSFile(file, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "1"}
    (saved / "state.json").write_text(json.dumps(state))
    (saved / "dataset_info.json").write_text("{}")
    # Left over from an earlier save: the data set does not know it.
    (saved / "old.arrow").write_bytes(b"")
    (root / "a.wav").write_bytes(encode(9))
    (source,) = open_sources([str(root)])
    assert all_read(source, 4)
    assert not findings(source)
    first = f"{saved}/data-00000-of-00001.arrow::0"
    kept = source.write_kept(tmp_path / "kept", refused=refuse(first))
    assert (kept.n_kept, kept.n_left_out) == (3, 1)
    assert is_saved_dataset(str(tmp_path / "kept" / "saved"))
