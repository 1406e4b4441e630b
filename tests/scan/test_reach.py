"""Where names are looked for, and that nothing leads further than it may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.opening import open_source
from tests.scan.conftest import all_read, encode, findings, read, recordings

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, data: bytes | str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode() if data is None else data
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_name_is_tried_as_it_is_then_beside_the_listing_then_under_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of NeMo's `get_full_path`."""
    monkeypatch.chdir(tmp_path)
    listing = put(tmp_path / "lists" / "all.jsonl", '{"audio_filepath": "wavs/a.wav"}\n')
    root = tmp_path / "root"
    put(root / "wavs" / "a.wav")
    for where in (root, tmp_path / "lists"):
        put(where / "wavs" / "a.wav")
        source = open_source(str(listing), root=[str(tmp_path / "empty"), str(root)])
        assert list(recordings(source)) == [f"{where}/wavs/a.wav"]
    put(tmp_path / "wavs" / "a.wav")
    assert list(recordings(open_source(str(listing)))) == ["wavs/a.wav"]


@pytest.mark.parametrize("name", ["$data_folder/a.wav", "${root}/a.wav", "{data_root}/a.wav"])
def test_placeholders_stand_for_a_root(tmp_path: Path, name: str) -> None:
    listing = put(tmp_path / "lists" / "train.csv", f"ID,duration,wav\n1,0.5,{name}\n")
    put(tmp_path / "root" / "a.wav")
    assert all_read(open_source(str(listing), root=str(tmp_path / "root")), 1)
    (finding,) = findings(open_source(str(listing)))
    assert "placeholder" in finding.message


def test_a_listing_in_a_folder_may_not_leave_it_but_for_roots(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "a.wav")
    listing = put(tmp_path / "set" / "all.jsonl", json.dumps({"audio": str(outside)}) + "\n")
    (finding,) = findings(open_source(str(tmp_path / "set")))
    assert finding.status == "unsupported"
    assert all_read(open_source(str(tmp_path / "set"), root=str(tmp_path / "outside")), 1)
    assert all_read(open_source(str(listing)), 1)  # its user named it


@pytest.mark.parametrize("embedded", [False, True])
def test_a_table_in_a_folder_may_not_leave_it_either(tmp_path: Path, embedded: bool) -> None:
    outside = put(tmp_path / "outside" / "a.wav")
    (tmp_path / "set").mkdir()
    table = tmp_path / "set" / "t.parquet"
    values = [{"bytes": None, "path": str(outside)}] if embedded else [str(outside)]
    pq.write_table(pa.table({"audio": values}), table)

    def statuses(name: Path, **how: str) -> list[str]:
        source = open_source(str(name), **how)
        told = [one.status for one in findings(source)]
        return told + [one.status for one in read(source).values()]

    assert statuses(tmp_path / "set") in (["unsupported"], ["error"])
    assert statuses(table) == ["undetermined"]
    assert statuses(tmp_path / "set", root=str(tmp_path / "outside")) == ["undetermined"]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A snapshot of the kind that `huggingface_hub` keeps: links to blobs, two folders above."""
    hub = tmp_path / "hub" / "datasets--a--b"
    snapshot = hub / "snapshots" / "0f1e"
    (snapshot / "data").mkdir(parents=True)
    put(hub / "blobs" / "11")
    (hub / "blobs").mkdir(exist_ok=True)
    pq.write_table(
        pa.table({"audio": [{"bytes": encode(1), "path": "x.wav"}]}), hub / "blobs" / "22"
    )
    (snapshot / "a.wav").symlink_to("../../blobs/11")
    (snapshot / "data" / "t.parquet").symlink_to("../../../blobs/22")
    return snapshot


def test_links_out_of_a_folder_are_followed_only_where_that_is_asked_for(cache: Path) -> None:
    source = open_source(str(cache))
    assert recordings(source) == {}
    left = [one for one in source.recordings() if isinstance(one, LeftOut)]
    assert [one.kind for one in left] == ["link"]
    assert [one.status for one in findings(source)] == ["unsupported"]
    assert all_read(open_source(str(cache), follow_links=True), 2)
    assert all_read(open_source(str(cache), root=str(cache.parent.parent / "blobs")), 2)
    assert recordings(open_source(str(cache), root=str(cache / "data"))) == {}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path / "outside" / "a.wav")
    (tmp_path / "set").mkdir()
    for name in ("one", "two"):
        (tmp_path / "set" / name).symlink_to("../outside")
    (tmp_path / "outside" / "up").symlink_to("..")
    assert recordings(open_source(str(tmp_path / "set"))) == {}
    assert len(recordings(open_source(str(tmp_path / "set"), follow_links=True))) == 1
