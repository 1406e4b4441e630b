"""Where names are looked for, and that nothing leads further than it may."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rig.listings import COMMANDS, LISTINGS, make_listing
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.opening.names import open_source
from tests.scan.conftest import all_read, encode, findings, read, recordings, told

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, data: bytes | str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode() if data is None else data
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


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


@pytest.mark.parametrize("kind", [*LISTINGS, *COMMANDS])
def test_a_listing_in_a_folder_may_not_leave_it_but_for_roots(tmp_path: Path, kind: str) -> None:
    outside = put(tmp_path / "outside" / "a.wav")
    put(tmp_path / "outside" / "a.wav.tar", tar({"a.wav": encode()}))
    listing = make_listing(tmp_path / "set", kind, str(outside))
    found = str(listing.parent)
    (finding,) = told(open_source(found))
    assert finding.status == "unsupported"
    assert "is outside of it" in finding.message
    assert all_read(open_source(found, root=str(outside.parent)), 1)
    assert all_read(open_source(str(listing)), 1)  # its user named it


@pytest.mark.parametrize("kind", [*LISTINGS, *COMMANDS])
def test_it_may_not_leave_by_a_link_unless_links_are_followed(tmp_path: Path, kind: str) -> None:
    put(tmp_path / "outside" / "a.wav")
    put(tmp_path / "outside" / "a.wav.tar", tar({"a.wav": encode()}))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / ".cache").symlink_to("../outside")
    listing = make_listing(tmp_path / "set", kind, str(tmp_path / "set" / ".cache" / "a.wav"))
    assert {one.status for one in told(open_source(str(listing.parent)))} == {"unsupported"}
    assert all_read(open_source(str(listing.parent), follow_links=True), 1)


def test_two_dots_behind_a_link_lead_nowhere(tmp_path: Path) -> None:
    put(tmp_path / "outside" / "deep" / "a.wav")
    put(tmp_path / "outside" / "b.wav")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / ".link").symlink_to("../outside/deep")
    put(tmp_path / "set" / "all.txt", ".link/a.wav\n.link/../b.wav\n")
    source = open_source(str(tmp_path / "set"), follow_links=True)
    assert list(recordings(source)) == [f"{tmp_path}/set/.link/a.wav"]
    assert [one.status for one in findings(source)] == ["unsupported"]


@pytest.mark.parametrize("link", ["audio_0.tar", "recording.000000.tar"])
def test_archives_beside_a_listing_are_no_links_out(tmp_path: Path, link: str) -> None:
    archive = put(tmp_path / "outside" / "a.tar", tar({"c.wav": encode()}))
    (tmp_path / "set").mkdir()
    nemo = {"audio_filepath": "c.wav", "duration": 0.5, "shard_id": 0}
    shar = {"id": "c", "recording": {"id": "c", "sources": [{"type": "shar", "source": ""}]}}
    name, line = ("m.json", nemo) if link == "audio_0.tar" else ("cuts.000000.jsonl", shar)
    put(tmp_path / "set" / name, json.dumps(line) + "\n")
    (tmp_path / "set" / link).symlink_to(archive)
    assert read(open_source(str(tmp_path / "set"))) == {}
    assert all_read(open_source(str(tmp_path / "set" / name)), 1)


def test_a_saved_set_in_a_folder_has_no_part_elsewhere(tmp_path: Path) -> None:
    part = make_listing(tmp_path / "outside", "cells.arrow", "")
    audio = pa.array([{"bytes": encode()}], pa.struct({"bytes": pa.binary()}))
    table = pa.table({"audio": audio})
    with pa.OSFile(str(part), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    saved = tmp_path / "set" / "saved"
    put(saved / "state.json", json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    put(saved / "dataset_info.json", "{}")
    (saved / "data.arrow").symlink_to(part)
    (finding,) = told(open_source(str(tmp_path / "set")))
    assert finding.status == "unsupported"
    for name, root in ((tmp_path / "set", part.parent), (saved, None)):
        assert all_read(open_source(str(name), root=root and str(root)), 1)


def test_what_is_found_in_a_store_names_nothing_of_this_computer(tmp_path: Path) -> None:
    outside = put(tmp_path / "a.wav")
    table = make_listing(tmp_path, "cells.parquet", str(outside))
    with fsspec.open("memory://reach/t.parquet", "wb") as file:
        file.write(table.read_bytes())
    (finding,) = told(open_source("memory://reach"))
    assert finding.status == "unsupported"
    assert all_read(open_source("memory://reach", root=str(tmp_path)), 1)
    assert all_read(open_source("memory://reach/t.parquet"), 1)


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
