"""Lists and tables as corpora have them, written as their documentation shows."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from sottovoce.scan.opening.names import open_source
from tests.scan.conftest import all_read, encode, findings, read, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, data: bytes | str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = encode() if data is None else data
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def put_tar(path: Path, members: dict[str, bytes]) -> Path:
    import io

    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_ljspeech(tmp_path: Path) -> None:
    """No head, no folder, no suffix, and quotes that quote nothing."""
    rows = ['LJ001-0001|"Printing, in|in', "LJ001-0002|being|being", 'LJ001-0003|a "b|c']
    for row in rows:
        put(tmp_path / "wavs" / f"{row[:10]}.wav")
    source = open_source(str(put(tmp_path / "metadata.csv", "\n".join(rows) + "\n")))
    assert all_read(source, 3)
    kept = source.write_kept(
        tmp_path / "kept.csv", refused=refuse(f"{tmp_path}/wavs/LJ001-0002.wav")
    )
    assert (kept.n_kept, kept.n_left_out) == (2, 1)
    assert (tmp_path / "kept.csv").read_text() == f"{rows[0]}\n{rows[2]}\n"


@pytest.mark.parametrize("name", ["train_filelist.txt", "train_filelist.txt.cleaned"])
def test_vits(tmp_path: Path, takes: list[str], name: str) -> None:
    lines = [f"{takes[0]}|Some words.", f"{takes[1]}|14|More.", f"DUMMY1/{takes[2]}|x"]
    path = put(tmp_path / "filelists" / name, "\n".join(lines) + "\n")
    assert all_read(open_source(str(path), root=str(tmp_path)), 3)


def test_fleurs(tmp_path: Path) -> None:
    """No head either; the files are in audio/train."""
    rows = [f"{i}\t{i}17.wav\tRaw, text.\traw text\tr a w\t8000\tFEMALE" for i in range(3)]
    for i in range(3):
        put(tmp_path / "audio" / "train" / f"{i}17.wav")
    source = open_source(str(put(tmp_path / "train.tsv", "\n".join(rows) + "\n")))
    assert all_read(source, 3)
    assert len(list(source.cuts())) == 3


def test_fairseq(tmp_path: Path, takes: list[str]) -> None:
    """As wav2vec_manifest.py: the folder, and then paths with their number of samples."""
    rows = [str(tmp_path), *(f"{name}\t8000" for name in takes)]
    path = put(tmp_path / "manifest" / "train.tsv", "\n".join(rows) + "\n")
    source = open_source(str(path))
    assert all_read(source, 5)
    kept = source.write_kept(tmp_path / "kept.tsv", refused=refuse(f"{tmp_path}/{takes[0]}"))
    assert (kept.n_kept, kept.n_left_out) == (4, 1)
    assert (tmp_path / "kept.tsv").read_text().splitlines() == [rows[0], *rows[2:]]
    moved = put(tmp_path / "manifest" / "moved.tsv", "\n".join(["/gone/far", *rows[1:]]))
    assert all_read(open_source(str(moved), root=str(tmp_path)), 5)


def test_common_voice_without_suffixes(tmp_path: Path) -> None:
    """As version 1 had it, and those behind it have not."""
    put(tmp_path / "clips" / "0a1b.mp3", encode(form="FLAC"))
    put(tmp_path / "clips" / "c.mp3", encode(1, form="FLAC"))
    table = put(tmp_path / "train.tsv", "client_id\tpath\tsentence\nx\t0a1b\tA\nx\tc.mp3\tB\n")
    assert all_read(open_source(str(table)), 2)


def test_speechbrain_with_several_columns(tmp_path: Path, takes: list[str]) -> None:
    rows = "ID, duration, mix_wav, mix_wav_format, s1_wav, s2_wav\n"
    rows += f"0, 0.5, $data_root/{takes[0]}, wav, $data_root/{takes[1]}, $data_root/{takes[2]}\n"
    table = put(tmp_path / "save" / "train.csv", rows)
    assert all_read(open_source(str(table), root=str(tmp_path)), 3)


def test_data_lists_of_wenet(tmp_path: Path, takes: list[str]) -> None:
    lines = [json.dumps({"key": str(i), "wav": name, "txt": "x"}) for i, name in enumerate(takes)]
    assert all_read(open_source(str(put(tmp_path / "data.list", "\n".join(lines)))), 5)


def test_shard_lists_of_wenet(tmp_path: Path, takes: list[str]) -> None:
    for i in range(2):
        members = {"a.wav": encode(i), "a.txt": b"x"}
        put_tar(tmp_path / "shards" / f"shards_00000000{i}.tar", members)
    shards = [f"{tmp_path}/shards/shards_00000000{i}.tar" for i in range(2)]
    lines = [*shards, "s3://bucket/shards_2.tar", "gone.tar", takes[0]]
    source = open_source(str(put(tmp_path / "shards.list", "\n".join(lines) + "\n")))
    assert all_read(source, 3)
    told = findings(source)
    assert [one.status for one in told] == ["unsupported", "error"]
    assert {one.recording_id for one in source.cuts()} >= {f"{one}::a.wav" for one in shards}
    kept = source.write_kept(tmp_path / "kept.list", refused=refuse(f"{shards[0]}::a.wav"))
    assert (kept.n_kept, kept.n_left_out) == (4, 1)


def test_a_list_that_is_found_leads_to_no_shard_outside(tmp_path: Path) -> None:
    outside = put_tar(tmp_path / "a.tar", {"a.wav": encode()})
    put(tmp_path / "set" / "shards.list", f"{outside}\n")
    source = open_source(str(tmp_path / "set"))
    assert read(source) == {}
    assert [one.status for one in findings(source)] == ["unsupported"]
    assert len(recordings(open_source(str(tmp_path / "set" / "shards.list")))) == 1


@pytest.mark.parametrize(
    "name", ["tarred_audio_manifest.json", "sharded_manifests/manifest_0.json"]
)
def test_tarred_manifests_of_nemo(tmp_path: Path, name: str) -> None:
    """As convert_to_tarred_audio_dataset.py: one file for several lines, which are numbered."""
    put_tar(tmp_path / "audio_0.tar", {"a.wav": encode(0), "b.wav": encode(1)})
    names = ["a.wav", "a-sub1.wav", "b.wav", "gone.wav"]
    rows = [{"audio_filepath": one, "duration": 0.5, "text": "", "shard_id": 0} for one in names]
    rows.append({"audio_filepath": "c.wav", "duration": 0.5, "text": "", "shard_id": 1})
    path = put(tmp_path / name, "".join(json.dumps(row) + "\n" for row in rows))
    source = open_source(str(path))
    assert all_read(source, 2)
    assert list(recordings(source)) == [f"{tmp_path}/audio_0.tar::{one}.wav" for one in "ab"]
    assert [one.status for one in findings(source)] == ["error", "unsupported"]
    kept = source.write_kept(
        tmp_path / "kept.json", refused=refuse(f"{tmp_path}/audio_0.tar::a.wav")
    )
    assert (kept.n_kept, kept.n_left_out) == (3, 2)


def test_shar_of_lhotse(tmp_path: Path) -> None:
    """As its SharWriter: a placeholder in each cut, and a tar archive for each field."""
    place = {"id": "r", "sampling_rate": 16000, "num_samples": 8000, "duration": 0.5}
    place["sources"] = [{"type": "shar", "channels": [0], "source": ""}]
    cuts = [
        {"id": f"c.{i}-0", "start": 0, "duration": 0.5, "channel": 0, "type": "MonoCut"}
        | {"supervisions": [], "recording": place, "custom": {"target_recording": place, "snr": 3}}
        for i in range(3)
    ]
    for field, form in (("recording", "flac"), ("target_recording", "wav")):
        members = {}
        for i, cut in enumerate(cuts[:2] if field == "recording" else cuts):
            members[f"{cut['id']}.{form}"] = encode(i, form=form.upper())
            members[f"{cut['id']}.json"] = json.dumps(place).encode()
        put_tar(tmp_path / f"{field}.000000.tar", members)
    path = put(tmp_path / "cuts.000000.jsonl", "".join(json.dumps(one) + "\n" for one in cuts))
    source = open_source(str(path))
    assert all_read(source, 5)
    (finding,) = findings(source)
    assert (finding.status, finding.id.endswith("::c.2-0.flac")) == ("error", True)
    marked = f"{tmp_path}/target_recording.000000.tar::c.0-0.wav"
    assert [one.id for one in source.cuts() if one.recording_id == marked] == ["c.0-0"]
    kept = source.write_kept(tmp_path / "kept.jsonl", refused=refuse(marked))
    assert (kept.n_kept, kept.n_left_out) == (2, 1)
    (tmp_path / "recording.000000.tar").unlink()
    assert all_read(open_source(str(path)), 3)
    assert {one.status for one in findings(open_source(str(path)))} == {"unsupported"}
