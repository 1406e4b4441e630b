"""Copies of folders: nothing in them names what is gone, and nothing from outside is in them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sottovoce.errors import ParameterError
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.ledger.refusals import Refusals
from sottovoce.scan.opening import apart
from sottovoce.scan.opening.apart import Apart
from sottovoce.scan.opening.names import open_source
from tests.scan.conftest import encode, recordings, refuse
from tests.scan.test_archives import member, write_tar

if TYPE_CHECKING:
    from sottovoce.scan.source import Kept


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three takes of a corpus, of which the second is to go."""
    place = tmp_path / "corpus"
    (place / "clips").mkdir(parents=True)
    for i in range(3):
        (place / "clips" / f"{i}.wav").write_bytes(encode(i))
    return place


def copy(folder: Path, *gone: str, name: str = "") -> tuple[Kept, Path]:
    """Copy a folder without recordings that are named as from it."""
    source = open_source(name or str(folder))
    ids = [f"{source.name}/{one}" for one in gone]
    out = folder.parent / "kept"
    known = set(recordings(source))
    kept = source.write_kept(out, refused=lambda one: one in ids or one not in known)
    assert not list(folder.parent.rglob("*.part"))
    return kept, out


@pytest.mark.parametrize(
    ("name", "lines", "gone"),
    [
        ("metadata.csv", ["file_name,text", "clips/0.wav,a", "clips/1.wav,b", "clips/2.wav,c"], 2),
        ("validated.tsv", ["client_id\tpath", "x\t0.wav", "x\t1.wav", "y\t2.wav"], 2),
        ("metadata.jsonl", [json.dumps({"file_name": f"clips/{i}.wav"}) for i in range(3)], 1),
        ("nemo.json", [json.dumps({"audio_filepath": f"./clips/{i}.wav"}) for i in range(3)], 1),
        ("sub/up.json", [json.dumps({"audio_filepath": f"../clips/{i}.wav"}) for i in range(3)], 1),
        ("train.txt", [f"clips/{i}.wav|words" for i in range(3)], 1),
        ("list.lst", ["# takes", *(f"clips/{i}.wav" for i in range(3))], 2),
    ],
)
def test_a_listing_loses_the_rows_of_what_is_gone(folder, name, lines, gone):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    kept, out = copy(folder, "clips/1.wav")
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 1)
    assert (out / name).read_text().splitlines() == [*lines[:gone], *lines[gone + 1 :]]
    assert not (out / "clips" / "1.wav").exists()
    assert path.read_text().splitlines() == lines


def test_a_listing_that_names_nothing_that_is_gone_is_the_same_file(folder):
    (folder / "metadata.csv").write_text("file_name\r\nclips/0.wav\r\n")
    kept, out = copy(folder, "clips/1.wav")
    assert kept.n_fitted == 0
    assert (out / "metadata.csv").samefile(folder / "metadata.csv")


@pytest.mark.parametrize(
    "text", ['{"path": "model.bin"}', '{"file_name": "x"}\n{"file_name": "y"}', "a,b\n1,2\n", "{"]
)
@pytest.mark.parametrize("name", ["config.json", "notes.txt", "table.csv"])
def test_what_does_not_list_its_sound_stays_as_it_is(folder, name, text):
    (folder / name).write_text(text)
    _, out = copy(folder, "clips/1.wav")
    assert (out / name).read_text() == text


@pytest.mark.parametrize("spelling", ["{}/", "./{}", "{}/../{}"])
def test_however_the_folder_is_spelled(folder, spelling, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "metadata.csv").write_text("file_name\nclips/0.wav\nclips/1.wav\n")
    source = open_source(spelling.format("corpus", "corpus"))
    ids = {one.partition("clips/")[2]: one for one in recordings(source)}
    kept = source.write_kept(folder.parent / "kept", refused=lambda one: one == ids["1.wav"])
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 1)
    assert (folder.parent / "kept" / "metadata.csv").read_text() == "file_name\nclips/0.wav\n"


def test_an_example_of_its_own_leaves_with_its_recording(folder):
    for i in range(2):
        fields = {"audio_filepath": f"{i}.wav", "text": "x"}
        (folder / "clips" / f"{i}.json").write_text(json.dumps(fields, indent=1))
    _, out = copy(folder, "clips/1.wav")
    assert sorted(one.name for one in (out / "clips").iterdir()) == ["0.json", "0.wav", "2.wav"]


def test_what_a_listing_names_outside_is_not_in_the_copy(folder, tmp_path):
    (tmp_path / "outside.wav").write_bytes(encode(7))
    rows = ["file_name", "clips/0.wav", str(tmp_path / "outside.wav"), "clips/gone.wav"]
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    kept, out = copy(folder)
    assert (kept.n_kept, kept.n_left_out) == (3, 0)
    assert (kept.n_fitted, kept.n_fitted_rows) == (1, 2)  # told, although no file was left out
    assert kept.has_links
    assert (out / "metadata.csv").read_text() == "file_name\nclips/0.wav\n"


def test_nothing_outside_is_linked_or_copied(folder, tmp_path):
    (tmp_path / "id_rsa").write_text("secret")
    (tmp_path / "private.wav").write_bytes(encode(8))
    (folder / "LICENSE.txt").symlink_to(tmp_path / "id_rsa")
    (folder / "song.wav").symlink_to(tmp_path / "private.wav")
    (folder / "key.wav").symlink_to(tmp_path / "id_rsa")
    (folder / "all").symlink_to(tmp_path)
    (folder / "README.md").write_text("Read me.")
    os.mkfifo(folder / "pipe.wav")
    out = tmp_path / "kept"
    kept = open_source(str(folder)).write_kept(out, refused=refuse())
    names = {str(one.relative_to(out)) for one in out.rglob("*") if not one.is_dir()}
    assert names == {"README.md", *(f"clips/{i}.wav" for i in range(3))}
    assert not any(one.is_symlink() for one in out.rglob("*"))
    assert kept.n_kept == 3
    assert sum(kept.not_copied.values()) == 5


def test_nemo_loads_what_is_kept_of_its_archives(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = []
    for shard in range(2):
        names = [f"{shard}_{i}.wav" for i in range(3)]
        write_tar(folder / f"audio_{shard}.tar", [member(one, encode(shard)) for one in names])
        rows += [{"audio_filepath": one, "shard_id": shard, "duration": 0.5} for one in names]
    (folder / "tarred_audio_manifest.json").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    kept, out = copy(folder, "audio_1.tar::1_0.wav")
    assert (kept.n_kept, kept.n_left_out) == (5, 1)
    lines = (out / "tarred_audio_manifest.json").read_text().splitlines()
    named = {(r["shard_id"], r["audio_filepath"]) for r in map(json.loads, lines)}
    held = set()
    for shard in range(2):
        with tarfile.open(out / f"audio_{shard}.tar") as archive:
            held |= {(shard, one) for one in archive.getnames()}
    assert named == held
    assert (1, "1_0.wav") not in held
    assert len(held) == 5


def test_a_list_of_archives_that_were_shortened_stays(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_tar(folder / "a.tar", [member("0.wav", encode(0)), member("1.wav", encode(1))])
    (folder / "shards.list").write_text("a.tar\n")
    kept, out = copy(folder, "a.tar::0.wav")
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (1, 1, 0)
    assert (out / "shards.list").read_text() == "a.tar\n"


def test_kaldis_files_stay_in_step(folder):
    data = folder
    (data / "wav.scp").write_text("".join(f"r{i} clips/{i}.wav\n" for i in range(3)))
    (data / "segments").write_text("".join(f"u{i} r{i} 0.0 0.5\n" for i in range(3)))
    (data / "text").write_text("".join(f"u{i} words\n" for i in range(3)))
    (data / "utt2spk").write_text("u0 anna\nu1 ben\nu2 anna\n")
    (data / "spk2utt").write_text("anna u0 u2\nben u1\n")
    (data / "feats.scp").write_text("".join(f"u{i} feats.ark:{i}\n" for i in range(3)))
    (data / "README").write_text("Read me.")
    kept, out = copy(folder, "clips/1.wav")
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 1)
    for name in ("segments", "text", "utt2spk", "feats.scp"):
        keys = [line.split()[0] for line in (out / name).read_text().splitlines()]
        assert keys == ["u0", "u2"], name
    assert (out / "wav.scp").read_text() == "r0 clips/0.wav\nr2 clips/2.wav\n"
    assert (out / "spk2utt").read_text() == "anna u0 u2\n"
    assert (out / "README").read_text() == "Read me."


def test_kaldis_files_stay_as_they_are_where_nothing_goes(folder):
    texts = {
        "wav.scp": "r0 clips/0.wav\nr1 clips/1.wav\n",
        "utt2spk": "r0 ben\nr1 anna\n",
        "spk2utt": "ben r0\nanna r1\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    kept, out = copy(folder, "clips/2.wav")
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 0)
    for name in texts:
        assert (out / name).samefile(folder / name)


@pytest.mark.parametrize("name", ["cuts.000000.jsonl.gz", "recording.000000.tar"])
def test_a_shard_that_cannot_be_copied_is_told(tmp_path, name):
    folder = tmp_path / "corpus"
    shar(folder, 0, ["a", "b", "c"])
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    source = open_source(str(folder))
    out = tmp_path / "kept"
    kept = source.write_kept(out, refused=refuse(f"{folder}/recording.000000.tar::a.flac"))
    # Not one file of it: the others would be read out of step.
    assert not [one.name for one in out.iterdir() if name not in one.name]
    assert kept.not_copied == {"unreadable": 1}


def test_a_list_of_kaldis_by_another_name_is_a_file(folder):
    (folder / "train.scp").write_text("r0 clips/0.wav\nr1 clips/1.wav\n")
    (folder / "utt2spk").write_text("r0 ben\nr1 anna\nx9 carl\n")
    kept, out = copy(folder, "clips/1.wav")
    assert kept.n_fitted == 1
    assert (out / "train.scp").read_text() == "r0 clips/0.wav\n"
    assert (out / "utt2spk").samefile(folder / "utt2spk")  # other lists may share it


@pytest.mark.parametrize("text", ['{"text": "hi"}\n', "", '{"lr": 1}\n'])
def test_what_is_called_as_cuts_are_takes_nothing_with_it(folder, text):
    write_tar(folder / "audio.000000.tar", [member("0.wav", encode(0))])
    (folder / "cuts.000000.jsonl").write_text(text)
    (folder / "notes.000000.jsonl").write_text('{"a": 1}\n')
    kept, out = copy(folder, "clips/1.wav")
    assert (kept.n_kept, kept.n_left_out, kept.not_copied) == (3, 1, {})
    names = {"audio.000000.tar", "clips", "cuts.000000.jsonl", "notes.000000.jsonl"}
    assert {one.name for one in out.iterdir()} == names
    assert (out / "cuts.000000.jsonl").read_text() == text


def test_manifests_of_lhotse_in_parts_are_no_shard(folder):
    def recording(i: int) -> dict[str, object]:
        return {"id": f"r{i}", "sources": [{"type": "file", "source": f"clips/{i}.wav"}]}

    parts = {
        "recordings": [recording(i) for i in range(3)],
        "cuts": [{"id": f"c{i}", "recording": recording(i)} for i in range(3)],
        "supervisions": [{"id": f"s{i}", "recording_id": f"r{i}"} for i in range(3)],
    }
    for name, rows in parts.items():
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"{name}.000000.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    kept, out = copy(folder, "clips/1.wav")
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 2)
    found = {
        name: [
            json.loads(line)["id"]
            for line in gzip.decompress((out / f"{name}.000000.jsonl.gz").read_bytes()).splitlines()
        ]
        for name in parts
    }
    assert found == {
        "recordings": ["r0", "r2"],
        "cuts": ["c0", "c2"],
        "supervisions": ["s0", "s1", "s2"],
    }


def test_a_row_through_a_link_leaves_where_the_link_does(folder):
    (folder / "train").symlink_to("clips")
    rows = ["file_name", "train/0.wav", "train/1.wav", "clips/2.wav"]
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    kept, out = copy(folder, "clips/1.wav")
    assert kept.n_fitted == 1
    left = (out / "metadata.csv").read_text().splitlines()[1:]
    assert all((out / one).is_file() for one in left)
    assert left == ["clips/2.wav"]


def test_what_is_gone_is_found_behind_many_that_never_were_there(folder):
    rows = ["path", *(f"gone/{i}.wav" for i in range(1100)), "clips/0.wav", "clips/1.wav"]
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    _, out = copy(folder, "clips/1.wav")
    assert (out / "train.csv").read_text() == "path\nclips/0.wav\n"


def shar(folder: Path, number: int, ids: list[str], *, packed: bool = False) -> None:
    """Write a shard as Lhotse does: cuts, two fields in archives, one in lines."""
    folder.mkdir(parents=True, exist_ok=True)
    cuts, lines = [], []
    archives: dict[str, list[tuple[str, bytes]]] = {"recording": [], "target_recording": []}
    for i, own in enumerate(ids):

        def recording(field: str, own: str = own) -> dict[str, object]:
            source = {"type": "shar", "channels": [0], "source": ""}
            return {"id": f"{own}-{field}", "sources": [source], "sampling_rate": 16000,
                    "num_samples": 8000, "duration": 0.5, "channel_ids": [0]}  # fmt: skip

        cuts.append({"id": own, "start": 0, "duration": 0.5, "channel": 0, "type": "MonoCut",
                     "recording": recording("recording"),
                     "custom": {"target_recording": recording("target_recording")}})  # fmt: skip
        lines.append({"cut_id": own, "text": "x"})
        for field, members in archives.items():
            members += [(f"{own}.flac", encode(50 * number + i, form="FLAC"))]
            members += [(f"{own}.json", json.dumps(recording(field)).encode())]
    texts = {"cuts": cuts, "text": lines}
    for name, rows in texts.items():
        with gzip.open(folder / f"{name}.{number:06d}.jsonl.gz", "wt") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
    for field, members in archives.items():
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w:gz" if packed else "w") as archive:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        suffix = ".tar.gz" if packed else ".tar"
        (folder / f"{field}.{number:06d}{suffix}").write_bytes(raw.getvalue())


@pytest.mark.parametrize("packed", [False, True])
def test_cuts_and_archives_of_shar_stay_in_step(tmp_path, packed):
    folder = tmp_path / "corpus"
    # "1e" and no cut at all are what a careless eye takes "1e.1@2" for.
    ids = ["a.b-0", "a.b-1", "sub/c-2", "d@3", "e.1@2", "e"]
    for number in range(2):
        shar(folder / "train", number, [f"{number}{one}" for one in ids], packed=packed)
    suffix = ".tar.gz" if packed else ".tar"
    # One by its own recording, one by what goes with it.
    kept, out = copy(
        folder,
        f"train/recording.000000{suffix}::0a.b-1.flac",
        f"train/target_recording.000001{suffix}::1sub/c-2.flac",
        f"train/recording.000001{suffix}::1e.1@2.flac",
    )
    assert (kept.n_kept, kept.n_left_out) == (9, 3)
    for number, gone in ((0, {"0a.b-1"}), (1, {"1sub/c-2", "1e.1@2"})):
        wanted = [f"{number}{one}" for one in ids if f"{number}{one}" not in gone]
        for name, key in (("cuts", "id"), ("text", "cut_id")):
            with gzip.open(out / "train" / f"{name}.{number:06d}.jsonl.gz", "rt") as file:
                assert [json.loads(line)[key] for line in file] == wanted
        for field in ("recording", "target_recording"):
            with tarfile.open(out / "train" / f"{field}.{number:06d}{suffix}") as archive:
                names = archive.getnames()
            assert names == [f"{one}.{end}" for one in wanted for end in ("flac", "json")]


def test_one_shard_is_copied_with_its_archives(tmp_path):
    shar(tmp_path / "corpus", 0, ["a", "b"])
    shar(tmp_path / "corpus", 1, ["c"])
    source = open_source(str(tmp_path / "corpus" / "cuts.000000.jsonl.gz"))
    gone = f"{tmp_path}/corpus/recording.000000.tar::a.flac"
    kept = source.write_kept(tmp_path / "kept", refused=refuse(gone))
    assert (kept.n_kept, kept.n_left_out) == (1, 1)
    assert sorted(one.name for one in (tmp_path / "kept").iterdir()) == [
        "cuts.000000.jsonl.gz",
        "recording.000000.tar",
        "target_recording.000000.tar",
        "text.000000.jsonl.gz",
    ]


def test_a_shard_in_a_store_is_not_copied_in_part():
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe(
        "/shar/cuts.000000.jsonl",
        b'{"id": "a", "recording": {"sources": [{"type": "shar"}]}}\n{}\n',
    )
    source = open_source("memory://shar/cuts.000000.jsonl")
    with pytest.raises(ParameterError):
        source.write_kept(None, refused=refuse())


def test_tables_with_quotes_are_tables_still(folder):
    rows = [["file_name", "text"], ["clips/1.wav", 'a "b"\nc'], ["clips/2.wav", "d,e"]]
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    _, out = copy(folder, "clips/1.wav")
    with (out / "metadata.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [rows[0], rows[2]]


# `datasets` asks for PyTorch, gigabytes of it, before it takes a path as a path.
_LOAD_FOLDER = """
import datasets
datasets.Audio.encode_example = lambda self, path: {"bytes": None, "path": path}
data = datasets.load_dataset("audiofolder", data_dir="kept", split="train", cache_dir="cache")
data = data.cast_column("audio", datasets.Audio(decode=False))
assert sorted(data["text"]) == ["words 0", "words 2"], data["text"]
assert sorted(row["path"][-5:] for row in data["audio"]) == ["0.wav", "2.wav"]
"""
_SAVE_SPLITS = """
import datasets
from tests.scan.conftest import encode

def split(name):
    rows = {"text": [f"{name} {i}" for i in range(3)]}
    rows["audio"] = [{"bytes": encode(i), "path": None} for i in range(3)]
    return datasets.Dataset.from_dict(rows).cast_column("audio", datasets.Audio(decode=False))

datasets.DatasetDict({name: split(name) for name in ("train", "test")}).save_to_disk("corpus")
"""
_LOAD_SPLITS = """
import datasets
old, new = (datasets.load_from_disk(name) for name in ("corpus", "kept"))
assert new["train"]["text"][:] == ["train 0", "train 2"]
assert new["test"]["text"][:] == old["test"]["text"][:]
assert new["train"]["audio"][1]["bytes"] == old["train"]["audio"][2]["bytes"]
"""


@pytest.mark.apart
class TestHuggingFace:
    """Copies that `datasets` loads, every row of them; in a Python of its own."""

    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_an_audio_folder(self, folder: Path, form: str) -> None:
        rows = [{"file_name": f"clips/{i}.wav", "text": f"words {i}"} for i in range(3)]
        with (folder / f"metadata.{form}").open("w", newline="") as file:
            if form == "csv":
                writer = csv.DictWriter(file, ["file_name", "text"])
                writer.writeheader()
                writer.writerows(rows)
            else:
                file.writelines(f"{json.dumps(row)}\n" for row in rows)
        copy(folder, "clips/1.wav")
        run_python(_LOAD_FOLDER, folder.parent)

    def test_saved_splits(self, tmp_path: Path) -> None:
        run_python(_SAVE_SPLITS, tmp_path)
        source = open_source(str(tmp_path / "corpus"))
        gone = next(one for one in recordings(source) if "train" in one and one.endswith("::1"))
        kept = source.write_kept(tmp_path / "kept", refused=refuse(gone))
        assert (kept.n_kept, kept.n_left_out) == (5, 1)
        run_python(_LOAD_SPLITS, tmp_path)


def run_python(code: str, folder: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_listing_is_fitted_without_a_question_for_each_row(folder, monkeypatch):
    (folder / "metadata.csv").write_text(
        "file_name\n" + "".join(f"clips/{i}.wav\n" for i in range(3))
    )
    ledger = folder.parent / "out" / "ledger.sqlite"
    with Ledger(ledger, detector="d") as book:
        book.begin_run({})
        for i, status in enumerate(("clean", "marked", "clean")):
            book.put(Finding(id=str(folder / "clips" / f"{i}.wav"), status=status), stamp="1")
    asked = []
    answer = apart._Child.receive

    def receive(self, time_s):
        what, value = answer(self, time_s)
        asked.append(what)
        return what, value

    monkeypatch.setattr(apart._Child, "receive", receive)
    refused = Refusals(ledger, frozenset({"", "marked"}))
    with Apart() as own:
        kept = open_source(str(folder), apart=own).write_kept(
            folder.parent / "kept", refused=refused
        )
    assert (kept.n_kept, kept.n_left_out, kept.n_fitted) == (2, 1, 1)
    text = (folder.parent / "kept" / "metadata.csv").read_text()
    assert text == "file_name\nclips/0.wav\nclips/2.wav\n"
    assert asked.count("done") >= 1
    assert "ask" not in asked


def test_a_data_set_that_cannot_be_copied_is_counted_and_the_rest_is_copied(folder):
    (folder / "a.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    kept, out = copy(folder, "clips/1.wav")
    assert kept.n_kept == 2
    assert kept.not_copied == {"unreadable": 1}
    assert {path.name for path in out.rglob("*") if path.is_file()} == {"0.wav", "2.wav"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_copy_left_behind_that_was_killed_is_in_nobodys_way(folder, kind):
    (folder / "wav.scp").write_text("".join(f"u{i} clips/{i}.wav\n" for i in range(3)))
    for name in ("", "wav.scp"):
        part = folder.parent / "kept.part"
        if kind == "file":
            part.write_text("half")
        else:
            (part / "x").mkdir(parents=True)
        kept, out = copy(folder, "clips/1.wav", name=str(folder / name) if name else "")
        assert kept.n_kept + kept.n_left_out == 3
        shutil.rmtree(out)


def test_a_link_to_a_folder_inside_is_counted(folder):
    (folder / "again").symlink_to(folder / "clips")
    kept, out = copy(folder, "clips/1.wav")
    assert kept.not_copied == {"link to a folder here": 1}
    assert not (out / "again").exists()
