"""From names to sources."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sottovoce.errors import AudioFileError, ParameterError, UnsupportedFormatError
from sottovoce.scan.archives.tar_source import TarSource
from sottovoce.scan.datasets.arrow import ArrowSource
from sottovoce.scan.datasets.parquet_source import ParquetSource
from sottovoce.scan.listings.kaldi import WavScpSource
from sottovoce.scan.listings.lhotse import LhotseSource
from sottovoce.scan.listings.manifests import NemoSource
from sottovoce.scan.listings.path_lists import ListSource
from sottovoce.scan.listings.path_tables import PathTableSource
from sottovoce.scan.opening.folders import FolderSource
from sottovoce.scan.opening.names import open_source, open_sources
from sottovoce.scan.stores.lone_files import FileSource
from sottovoce.scan.stores.remote_folders import RemoteFolderSource
from tests.scan.conftest import all_read, encode, findings, recordings, refuse
from tests.scan.test_archives import shard, write_tar
from tests.scan.test_tables import hugging_face_table, save_dataset

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    "a.tar": TarSource,
    "A.TAR.GZ": TarSource,
    "a.tgz": TarSource,
    "a.parquet": ParquetSource,
    "a.arrow": ArrowSource,
    "a.csv": PathTableSource,
    "a.tsv.gz": PathTableSource,
    "wav.scp": WavScpSource,
    "a.txt": ListSource,
    "a.lst": ListSource,
    "a.wav": FileSource,
    "a.unknown": FileSource,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_name_says_what_a_file_is(tmp_path: Path, name: str, kind: type) -> None:
    (tmp_path / name).write_bytes(b"")
    source = open_source(str(tmp_path / name))
    assert type(source) is kind
    assert source.name == str(tmp_path / name)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"id": "a", "sources": []}, LhotseSource),
        ({"id": "a", "recording": {}}, LhotseSource),
        ({"id": "a", "tracks": []}, LhotseSource),
        ({"audio_filepath": "a", "duration": 1}, NemoSource),
        ({"file_name": "a"}, NemoSource),
    ],
)
@pytest.mark.parametrize("before", ["", "\n", "not JSON\n"])
def test_the_first_object_says_what_a_manifest_is(
    tmp_path: Path, row: dict[str, object], kind: type, before: str
) -> None:
    (tmp_path / "a.jsonl").write_text(before + json.dumps(row))
    assert type(open_source(str(tmp_path / "a.jsonl"))) is kind


@pytest.mark.parametrize("text", ["", "[\n{}]", "{}", '{"text": "a"}', "\xff"])
def test_an_unknown_manifest_is_refused_before_the_scan(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UnsupportedFormatError) as caught:
        open_source(str(tmp_path / "a.json"))
    assert caught.value.remedy


def test_a_field_can_be_named(tmp_path: Path, takes: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"take": takes[0], "room": "hall"}))
    source = open_source(str(tmp_path / "a.jsonl"), column="take", group_by=("room",))
    assert all_read(source, 1)
    assert recordings(source)[f"{tmp_path}/{takes[0]}"].groups == {"room": "hall"}


def test_what_is_not_there_is_refused_before_the_scan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("none.wav", "none", "a\0b", "none-*.wav", "none-{0..1}.tar", "pipe"):
        with pytest.raises(AudioFileError) as caught:
            open_sources([str(tmp_path / name)])
        assert caught.value.remedy
    with pytest.raises(AudioFileError, match="does not exist"):
        open_sources(["memory://no/such/thing.tar"])
    with pytest.raises(AudioFileError, match="matches nothing"):
        open_sources(["memory://no/such/*.tar"])


def test_patterns_stand_for_what_is_there_sorted(tmp_path: Path, takes: list[str]) -> None:
    for i in range(3):
        write_tar(tmp_path / f"shard-{i:03d}.tar", shard(1))
    sources = open_sources(
        [f"{tmp_path}/shard-{{002..000}}.tar", f"{tmp_path}/takes/[13].wav", f"{tmp_path}/**/4.wav"]
    )
    assert [source.name.removeprefix(f"{tmp_path}/") for source in sources] == [
        *(f"shard-{i:03d}.tar" for i in (2, 1, 0)),
        *("takes/1.wav", "takes/3.wav", "takes/4.wav"),
    ]
    (tmp_path / "odd-[1]{2..3}.wav").write_bytes(encode())
    (odd,) = open_sources([f"{tmp_path}/odd-[1]{{2..3}}.wav"])
    assert all_read(odd, 1)
    with pytest.raises(ParameterError, match="names"):
        open_sources(["a-{0..999999999}.tar"])
    with pytest.raises(ParameterError, match="names"):
        open_sources(["a-{0..9999}-{0..9999}.tar"])


def test_a_folder_is_walked_and_data_sets_in_it_opened(tmp_path: Path, takes: list[str]) -> None:
    write_tar(tmp_path / "a.tar", shard(2))
    pq.write_table(hugging_face_table(3), tmp_path / "a.parquet")
    table = hugging_face_table(2)
    with pa.ipc.new_stream(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "list.txt").write_text("nowhere.wav\n")
    source = open_source(str(tmp_path))
    assert isinstance(source, FolderSource)
    assert all_read(source, 5 + 2 + 3 + 2)
    assert len(list(source.cuts())) == 12
    out = tmp_path.parent / "kept"
    refused = refuse(f"{tmp_path}/{takes[0]}", f"{tmp_path}/a.tar::0001.wav")
    kept = source.write_kept(out, refused=refused)
    assert (kept.n_kept, kept.n_left_out) == (10, 2)
    assert all_read(open_source(str(out)), 10)


def test_a_saved_data_set_is_one_source(tmp_path: Path) -> None:
    save_dataset(tmp_path / "set", hugging_face_table(8))
    source = open_source(str(tmp_path / "set"))
    assert isinstance(source, ArrowSource)
    assert all_read(source, 8)


def test_addresses_are_opened(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", shard(2))
    for name, data in (
        ("takes/a.wav", encode()),
        ("takes/b.flac", encode(form="FLAC")),
        ("shards/0.tar", path.read_bytes()),
        ("shards/1.tar", path.read_bytes()),
        ("notes.md", b"#"),
    ):
        with fsspec.open(f"memory://opening/{name}", "wb") as file:
            file.write(data)
    folder = open_source("memory://opening")
    assert isinstance(folder, RemoteFolderSource)
    assert all_read(folder, 6)
    assert {cut.recording_id for cut in folder.cuts()} == set(recordings(folder))
    assert all_read(open_source("memory://opening/takes/a.wav"), 1)
    for pattern in ("memory://opening/shards/*.tar", "memory://opening/shards/{0,1}.tar"):
        assert [source.name for source in open_sources([pattern])] == [
            "memory://opening/shards/0.tar",
            "memory://opening/shards/1.tar",
        ]
    refused = refuse("memory://opening/takes/a.wav", "memory://opening/shards/1.tar::0000.wav")
    kept = folder.write_kept(tmp_path / "kept.txt", refused=refused)
    assert (kept.n_kept, kept.n_left_out) == (3, 3)
    assert sorted((tmp_path / "kept.txt").read_text().split()) == [
        f"memory://opening/{name}" for name in ("shards/0.tar", "takes/b.flac")
    ]


def test_files_whose_names_are_no_utf8_are_findings(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.wav"
    with open(name, "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(encode())
    (finding,) = findings(open_source(str(tmp_path)))
    assert finding.id == f"{tmp_path}/\\udcff.wav"
    assert list(open_source(str(tmp_path)).cuts()) == []
