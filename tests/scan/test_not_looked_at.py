"""What a scan passes without looking at it is told, in every place where it tells anything."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile

import numpy as np
import pytest

from sottovoce.scan import Ledger, Scan, merge_ledgers, open_sources, write_outputs
from sottovoce.scan.left_out import LeftOut, NotLookedAt
from sottovoce.scan.recording import Recording
from tests.scan.conftest import encode, findings, read, recordings, refuse


def left_out(source):
    return {one.id: one for one in source.recordings() if isinstance(one, LeftOut)}


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(100, dtype=np.float32))
    return file.getvalue()


class TestFolders:
    def test_sound_is_known_by_its_first_bytes(self, tmp_path):
        names = ["noext", "a.sph", "b.dat", "c.wav.1", "d.txt"]
        for i, name in enumerate(names):
            form = "NIST" if name.endswith(".sph") else "WAV"
            (tmp_path / name).write_bytes(encode(i, form=form))
        (source,) = open_sources([tmp_path])
        found = read(source)
        assert sorted(found) == sorted(f"{tmp_path}/{name}" for name in names)
        assert all(one.seconds == 0.5 for one in found.values())

    def test_what_is_not_sound_is_counted_by_kind(self, tmp_path):
        files = {
            "a.npy": npy(),
            "b.ark": b"utt1 \0BFM " + bytes(90),
            "c.md": b"Notes",
            "LICENSE": "Müller".encode(),
            "d.png": b"\x89PNG\r\n\x1a\n" + bytes(40),
            "e.7z": b"7z\xbc\xaf\x27\x1c",
            "f.bin": bytes(range(256)),
            "g.jsonl.gz": gzip.compress(b'{"a": 1}\n'),
            "h": b"",
            ".hidden": b"x",
            ".cache/x": encode(),
            ".data/x": b"PK\x03\x04",
            "i.json": b'{"a": "' + b"UklGR" * 1000,
            ".git/x": b"x",
        }
        for name, data in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
        (tmp_path / "a.wav").write_bytes(encode())
        os.mkfifo(tmp_path / "pipe")
        (source,) = open_sources([tmp_path])
        found = left_out(source)
        kinds = {name.removeprefix(f"{tmp_path}/"): one.kind for name, one in found.items()}
        assert kinds == {
            "a.npy": ".npy",
            "b.ark": ".ark",
            "c.md": ".md",
            "LICENSE": "without suffix",
            "d.png": ".png",
            "e.7z": ".7z",
            "f.bin": ".bin",
            "g.jsonl.gz": ".gz",
            "h": "empty",
            ".hidden": "hidden",
            ".cache": "hidden sound",
            ".data": "hidden sound",
            "i.json": ".json",
            ".git": "hidden",
            "pipe": "special",
        }
        holding = {one.kind for one in found.values() if one.may_hold_sound}
        assert holding == {".npy", ".ark", ".7z", ".bin", ".json", "hidden sound"}

    def test_links_that_lead_out_are_told_and_not_opened(self, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "a.dat").write_bytes(encode())
        folder = tmp_path / "set"
        folder.mkdir()
        (folder / "there").symlink_to(outside)
        (folder / "a.dat").symlink_to(outside / "a.dat")
        (folder / "gone").symlink_to(outside / "gone")
        (folder / "self").symlink_to(folder)
        (source,) = open_sources([folder])
        found = {one.id.rpartition("/")[2]: one for one in left_out(source).values()}
        assert {name: one.kind for name, one in found.items()} == {
            "there": "link",
            "a.dat": "link",
            "gone": "broken link",
            "self": "link to a folder here",
        }
        assert found["there"].may_hold_sound
        assert not found["self"].may_hold_sound
        assert not recordings(source)

    def test_a_copy_holds_other_files_and_no_link_that_leads_out(self, tmp_path):
        folder = tmp_path / "set"
        folder.mkdir()
        (tmp_path / "secret").write_text("x")
        (folder / "LICENSE").symlink_to(tmp_path / "secret")
        (folder / "notes.md").write_text("x")
        (folder / "a.dat").write_bytes(encode())
        (folder / "b.dat").write_bytes(encode(1))
        (source,) = open_sources([folder])
        kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{folder}/a.dat"))
        assert (kept.n_kept, kept.n_left_out) == (1, 1)
        assert sorted(one.name for one in (tmp_path / "kept").iterdir()) == ["b.dat", "notes.md"]


class TestListingsInFolders:
    def test_a_folder_of_listings_is_scanned_through_them(self, tmp_path):
        folder = tmp_path / "set"
        (folder / "wavs").mkdir(parents=True)
        (folder / "wavs" / "a.raw_").write_bytes(b"")
        (tmp_path / "elsewhere.wav").write_bytes(encode())
        lines = [{"audio_filepath": "gone.wav"}, {"audio_filepath": f"{tmp_path}/elsewhere.wav"}]
        (folder / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        (folder / "README.txt").write_text("Speech of 3 people.\n")
        (folder / "meta.csv").write_text("id,text\n1,hello\n")
        (source,) = open_sources([folder])
        told = {one.id: one for one in findings(source)}
        assert set(told) == {f"{folder}/gone.wav", f"{tmp_path}/elsewhere.wav"}
        assert told[f"{tmp_path}/elsewhere.wav"].status == "unsupported"
        assert "outside" in told[f"{tmp_path}/elsewhere.wav"].message
        assert {one.kind for one in left_out(source).values()} == {".txt", ".csv", ".raw_"}

    def test_an_address_that_a_found_listing_names_is_not_asked_for(self, tmp_path, monkeypatch):
        from sottovoce.scan.listings import listed_recordings

        def fail(url):
            raise AssertionError(url)

        monkeypatch.setattr(listed_recordings, "stamp_of", fail)
        (tmp_path / "a.jsonl").write_text('{"audio_filepath": "http://127.0.0.1:1/a.wav"}\n')
        (source,) = open_sources([tmp_path])
        (told,) = findings(source)
        assert told.status == "unsupported"

    def test_with_sound_beside_them_they_are_only_counted(self, tmp_path):
        (tmp_path / "a.jsonl").write_text('{"audio_filepath": "a.wav"}\n')
        (tmp_path / "a.wav").write_bytes(encode())
        (source,) = open_sources([tmp_path])
        assert list(recordings(source)) == [f"{tmp_path}/a.wav"]
        assert [one.kind for one in left_out(source).values()] == [".jsonl"]


def zip_of(path, items, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in items:
            archive.writestr(name, data)
    return path


class TestZip:
    @pytest.mark.parametrize("packing", [0, 8, 12])
    def test_members_are_read_in_place(self, tmp_path, packing):
        items = [("u/a.wav", encode(0)), ("../b.bin", encode(1)), ("c.json", b"{}")]
        path = zip_of(tmp_path / "a.zip", items, packing)
        (source,) = open_sources([path])
        found = read(source)
        assert set(found) == {f"{path}::u/a.wav", f"{path}::../b.bin"}
        assert all(one.seconds == 0.5 for one in found.values())
        assert [one.kind for one in left_out(source).values()] == [".json"]

    def test_one_in_a_folder_is_read_as_well(self, tmp_path):
        zip_of(tmp_path / "a.zip", [("a.wav", encode())])
        zip_of(tmp_path / "shard-0", [("a.wav", encode())])
        zip_of(tmp_path / "a.docx", [("word.xml", b"<a/>")])
        (source,) = open_sources([tmp_path])
        assert set(read(source)) == {f"{tmp_path}/a.zip::a.wav", f"{tmp_path}/shard-0::a.wav"}

    def test_large_archives_and_something_in_front(self, tmp_path):
        path = tmp_path / "a.zip"
        with (
            zipfile.ZipFile(path, "w") as archive,
            archive.open("a.wav", "w", force_zip64=True) as file,
        ):
            file.write(encode())
        path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
        (source,) = open_sources([path])
        assert [one.seconds for one in read(source).values()] == [0.5]

    def test_a_bomb_takes_no_memory(self, tmp_path):
        path = zip_of(tmp_path / "a.zip", [("a.wav", bytes(40 << 20))])
        raw = bytearray(path.read_bytes())
        # The list declares 100 bytes.
        at = raw.rfind(b"PK\x01\x02") + 24
        raw[at : at + 4] = (100).to_bytes(4, "little")
        path.write_bytes(raw)
        (source,) = open_sources([path])
        (told,) = read(source).values()
        assert told.status == "error"
        assert "more than it declares" in told.message

    @pytest.mark.slow
    def test_too_large_a_member_is_a_row(self, tmp_path):
        path = zip_of(tmp_path / "a.zip", [("a.wav", bytes(600 << 20))])
        (source,) = open_sources([path])
        (told,) = findings(source)
        assert (told.status, told.id) == ("unsupported", f"{path}::a.wav")

    def test_members_that_share_their_bytes_are_refused(self, tmp_path):
        path = zip_of(tmp_path / "a.zip", [("a.wav", encode(seconds=5))], 0)
        raw = path.read_bytes()
        start, end = raw.rfind(b"PK\x01\x02"), raw.rfind(b"PK\x05\x06")
        entry, tail = raw[start:end], bytearray(raw[end:])
        tail[8:12] = (5).to_bytes(2, "little") * 2
        tail[12:16] = (5 * len(entry)).to_bytes(4, "little")
        path.write_bytes(raw[:start] + entry * 5 + tail)
        (source,) = open_sources([path])
        (told,) = findings(source)
        assert "members overlap" in told.message

    def test_encrypted_and_damaged_ones_are_told(self, tmp_path):
        path = zip_of(tmp_path / "a.zip", [("a.wav", encode())], 0)
        raw = bytearray(path.read_bytes())
        raw[raw.rfind(b"PK\x01\x02") + 8] |= 1
        (tmp_path / "b.zip").write_bytes(raw)
        (tmp_path / "c.zip").write_bytes(raw[: len(raw) // 2])
        statuses = [
            findings(*open_sources([tmp_path / name]))[0].status for name in ("b.zip", "c.zip")
        ]
        assert statuses == ["unsupported", "error"]

    def test_members_that_cannot_be_unpacked_are_told(self, tmp_path):
        path = zip_of(tmp_path / "a.zip", [("a.dat", encode()), ("b.wav", encode())], 14)
        (source,) = open_sources([path])
        assert [one.status for one in findings(source)] == ["unsupported"]
        assert [one.may_hold_sound for one in left_out(source).values()] == [True]

    def test_a_copy_lacks_what_is_refused(self, tmp_path):
        items = [("a.wav", encode(0)), ("a.json", b"{}"), ("b.wav", encode(1)), ("d/", b"")]
        path = zip_of(tmp_path / "a.zip", items)
        (source,) = open_sources([path])
        kept = source.write_kept(tmp_path / "kept.zip", refused=refuse(f"{path}::a.wav"))
        with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
            assert archive.namelist() == ["b.wav", "d/"]
            assert archive.read("b.wav") == encode(1)
        assert (kept.n_kept, kept.n_left_out) == (1, 1)


class TestPackedAlone:
    def test_a_wav_gz_is_read(self, tmp_path):
        (tmp_path / "a.wav.gz").write_bytes(gzip.compress(encode()))
        (tmp_path / "b.gz").write_bytes(gzip.compress(encode(1)))
        (source,) = open_sources([tmp_path])
        assert [one.seconds for one in read(source).values()] == [0.5, 0.5]
        (alone,) = open_sources([tmp_path / "a.wav.gz"])
        assert [one.seconds for one in read(alone).values()] == [0.5]

    def test_a_bomb_is_an_error(self, tmp_path, monkeypatch):
        monkeypatch.setattr("sottovoce.scan.stores.packing.MOST_UNPACKED_BYTES", 1 << 20)
        (tmp_path / "a.wav.gz").write_bytes(gzip.compress(encode() + bytes(8 << 20)))
        (source,) = open_sources([tmp_path])
        (told,) = read(source).values()
        assert told.status == "error"
        assert "at most" in told.message

    def test_it_was_written_when_its_file_was(self, tmp_path):
        path = tmp_path / "a.wav.gz"
        path.write_bytes(gzip.compress(encode()))
        (source,) = open_sources([path])
        assert [one.modified_s for one in source.recordings()] == [path.stat().st_mtime]

    def test_one_that_is_sound_by_its_name_only_is_a_row(self, tmp_path):
        (tmp_path / "a.wav.gz").write_bytes(gzip.compress(bytes(1000)))
        (source,) = open_sources([tmp_path])
        assert [one.status for one in read(source).values()] == ["error"]

    def test_one_that_is_cut_short_is_an_error(self, tmp_path):
        (tmp_path / "a.wav.gz").write_bytes(gzip.compress(encode())[:-2000])
        (source,) = open_sources([tmp_path])
        assert [one.status for one in read(source).values()] == ["error"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_members_of_any_name_whose_bytes_are_sound(tmp_path, mode):
    path = tmp_path / "a.tar"
    with tarfile.open(path, mode) as archive:
        for name, data in [
            ("000.audio", encode(0, seconds=2)),
            ("001.wav", encode(1)),
            ("001.pth", b"\x80\x02" + bytes(20)),
            ("002.json", b"{}"),
        ]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    (source,) = open_sources([path])
    assert [one.seconds for one in read(source).values()] == [2.0, 0.5]
    assert {one.kind: one.may_hold_sound for one in left_out(source).values()} == {
        ".pth": True,
        ".json": False,
    }
    source.write_kept(tmp_path / "kept.tar", refused=refuse(f"{path}::000.audio"))
    with tarfile.open(tmp_path / "kept.tar") as archive:
        assert archive.getnames() == ["001.wav", "001.pth", "002.json"]


class TestOutputs:
    def scan(self, folder, out, **how):
        with Ledger(out / "ledger.sqlite", detector="d") as ledger:
            list(Scan(open_sources([folder]), ledger=ledger, workers=1, **how).run())
            return write_outputs(ledger, out)

    def test_every_file_that_a_scan_writes_tells_of_it(self, tmp_path):
        folder, out = tmp_path / "set", tmp_path / "out"
        folder.mkdir()
        (folder / "a.npy").write_bytes(npy())
        (folder / "b.<b>&x").write_bytes(bytes(range(200)))
        (folder / "c.md").write_text("x")
        summary = self.scan(folder, out)
        told = json.loads((out / "summary.json").read_text())
        assert told["not_looked_at"] == {".npy": 1, ".<b>&x": 1, ".md": 1}
        assert told["may_hold_sound"] == summary.may_hold_sound == {".npy": 1, ".<b>&x": 1}
        for name in ("report.html", "card.md"):
            text = (out / name).read_text()
            assert "2 files that may hold sound were not examined" in text
            assert ".npy" in text
            assert "<b>" not in text

    def test_parts_add_up_and_what_is_scanned_twice_counts_once(self, tmp_path):
        jobs = [
            {"inputs": ["a"], "shard": [1, 2], "not_looked_at": {".npy": 2}},
            {"inputs": ["a"], "shard": [2, 2], "not_looked_at": {".npy": 1, ".md": 1}},
            {"inputs": ["a"], "shard": [1, 2], "not_looked_at": {".npy": 2}},
        ]
        assert NotLookedAt.of_jobs(jobs).kinds == {".npy": 3, ".md": 1}

    def test_shards_that_are_merged_tell_all(self, tmp_path):
        folder = tmp_path / "set"
        folder.mkdir()
        for i in range(6):
            (folder / f"{i}.npy").write_bytes(npy())
        for i in (1, 2):
            self.scan(folder, tmp_path / f"part-{i}", shard=(i, 2))
        with Ledger(tmp_path / "whole" / "ledger.sqlite") as ledger:
            merge_ledgers([tmp_path / f"part-{i}" / "ledger.sqlite" for i in (1, 2)], ledger)
            summary = write_outputs(ledger, tmp_path / "whole")
        assert summary.may_hold_sound == {".npy": 6}


def test_a_recording_stays_what_it_was(tmp_path):
    (tmp_path / "a.wav").write_bytes(encode())
    (source,) = open_sources([tmp_path])
    assert all(isinstance(one, Recording) for one in source.recordings())
