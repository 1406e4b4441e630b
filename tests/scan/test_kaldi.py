"""Kaldi's data folders: no command run, and all their files kept in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pytest

from sottovoce.scan.listings.kaldi import WavScpSource
from sottovoce.scan.opening.names import open_source
from sottovoce.scan.reach.reach import Reach
from tests.scan.conftest import all_read, encode, findings, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path, takes: list[str]) -> Path:
    """A data folder with an utterance for each of five recordings, by two speakers."""
    speakers = ["anna", "anna", "ben", "ben", "ben"]
    utterances = [f"{speaker}-{i}" for i, speaker in enumerate(speakers)]
    write(tmp_path / "wav.scp", [f"{u} {n}" for u, n in zip(utterances, takes, strict=True)])
    write(tmp_path / "utt2spk", [f"{u} {s}" for u, s in zip(utterances, speakers, strict=True)])
    write(tmp_path / "spk2utt", ["anna anna-0 anna-1", "ben ben-2 ben-3 ben-4"])
    write(tmp_path / "text", [f"{u} some words" for u in utterances])
    return tmp_path


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_recordings_are_read_with_their_speakers(data: Path, takes: list[str]) -> None:
    source = WavScpSource(str(data / "wav.scp"))
    assert all_read(source, 5)
    assert recordings(source)[f"{data}/{takes[2]}"].groups == {"speaker": "ben"}
    (data / "utt2spk").unlink()
    assert recordings(source)[f"{data}/{takes[2]}"].groups == {"speaker": "ben"}
    assert [(one.id, one.recording_id) for one in source.cuts()][:2] == [
        ("anna-0", f"{data}/{takes[0]}"),
        ("anna-1", f"{data}/{takes[1]}"),
    ]


def test_a_copy_is_consistent(data: Path, takes: list[str]) -> None:
    source = WavScpSource(str(data / "wav.scp"))
    out = data / "out" / "kept"
    refused = refuse(*(f"{data}/{takes[i]}" for i in (0, 1, 3)))
    kept = source.write_kept(out, refused=refused)
    assert (kept.path, kept.n_kept, kept.n_left_out) == (str(out), 2, 3)
    assert lines_of(out / "wav.scp") == [f"ben-2 {takes[2]}", f"ben-4 {takes[4]}"]
    assert lines_of(out / "text") == ["ben-2 some words", "ben-4 some words"]
    assert lines_of(out / "utt2spk") == ["ben-2 ben", "ben-4 ben"]
    assert lines_of(out / "spk2utt") == ["ben ben-2 ben-4"]
    assert [path.name for path in out.parent.iterdir()] == ["kept"]
    assert all_read(WavScpSource(str(out / "wav.scp"), reach=Reach(roots=(str(data),))), 2)


def test_segments_are_examples_and_leave_with_their_recording(
    tmp_path: Path, takes: list[str]
) -> None:
    write(tmp_path / "wav.scp", [f"rec{i}\t{takes[i]}" for i in range(3)])
    write(
        tmp_path / "segments",
        ["u1 rec0 0.0 0.2", "u2 rec0 0.2 0.4", "u3 rec1 0.1 0.3", "u4 rec9 0 1", "u5 rec2 x -1"],
    )
    write(tmp_path / "utt2spk", ["u1 anna", "u2 ben", "u3 ben", "u4 ben", "u5 ben"])
    write(tmp_path / "reco2dur", [f"rec{i} 0.5" for i in range(3)])
    path = tmp_path / "wav.scp"
    source = WavScpSource(str(path))
    assert all_read(source, 3)
    found = recordings(source)
    # Two people speak in the first.
    assert [one.groups for one in found.values()] == [{}, {"speaker": "ben"}, {"speaker": "ben"}]
    cuts = {one.id: one for one in source.cuts()}
    assert cuts["u2"].recording_id == f"{tmp_path}/{takes[0]}"
    assert (cuts["u2"].offset_s, cuts["u2"].duration_s) == (0.2, 0.2)
    assert cuts["u4"].recording_id == f"{path}::rec9"
    assert (cuts["u5"].offset_s, cuts["u5"].duration_s) == (0.0, None)
    kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{tmp_path}/{takes[0]}"))
    assert (kept.n_kept, kept.n_left_out) == (3, 2)
    assert lines_of(tmp_path / "kept" / "reco2dur") == ["rec1 0.5", "rec2 0.5"]
    assert lines_of(tmp_path / "kept" / "spk2utt") == ["ben u3 u4 u5"]


def test_commands_are_never_run(tmp_path: Path, takes: list[str]) -> None:
    witness = tmp_path / "ran"
    write(
        tmp_path / "wav.scp",
        [
            f"a touch {witness} |",
            f"b touch {witness}|",
            f"c | touch {witness}",
            "d -",
            f"e {takes[0]}",
        ],
    )
    source = WavScpSource(str(tmp_path / "wav.scp"))
    assert all_read(source, 1)
    told = findings(source)
    assert [one.id for one in told] == [f"{tmp_path}/wav.scp::{name}" for name in "abcd"]
    assert {one.status for one in told} == {"unsupported"}
    assert all("never executed" in one.message and one.remedy for one in told[:3])
    ids = {one.id for one in told}
    kept = source.write_kept(tmp_path / "kept", refused=ids.__contains__)
    assert (kept.n_kept, kept.n_left_out) == (1, 4)
    assert not witness.exists()


def test_bad_lines_are_findings_and_the_rest_is_read(tmp_path: Path, takes: list[str]) -> None:
    (tmp_path / "wav.scp").write_bytes(
        b"\n\xff\xfe \xff.wav\nalone\nnul a\0b\nmissing no.wav\nlink /dev/stdin\nfolder /\n"
        + f"good {takes[0]}\ntwice {takes[0]}".encode()
    )
    (tmp_path / "segments").write_bytes(b"\xff\nu\n\n")
    (tmp_path / "utt2spk").write_bytes(b"good \xff\xfe\nalone\n")
    source = WavScpSource(str(tmp_path / "wav.scp"))
    assert all_read(source, 1)
    told = findings(source)
    assert len(told) == 6
    assert all(one.id.encode() and one.message for one in told)
    assert [one.recording_id for one in source.cuts()] == [f"{tmp_path}/wav.scp::"] * 2


def test_a_data_folder_is_read_at_an_address(tmp_path: Path) -> None:
    for name, data in (
        ("1.wav", encode()),
        ("wav.scp", b"a 1.wav\n"),
        ("utt2spk", b"a anna\n"),
    ):
        with fsspec.open(f"memory://kaldi/{name}", "wb") as file:
            file.write(data)
    source = WavScpSource("memory://kaldi/wav.scp")
    assert all_read(source, 1)
    assert recordings(source)["memory://kaldi/1.wav"].groups == {"speaker": "anna"}
    source.write_kept(tmp_path / "kept", refused=refuse())
    assert lines_of(tmp_path / "kept" / "wav.scp") == ["a 1.wav"]


def test_what_a_command_decodes_is_read_and_the_command_not_run(
    tmp_path: Path, takes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    write(
        tmp_path / "wav.scp",
        [
            f"a flac -c -d -s {tmp_path}/{takes[0]} |",
            f"b sph2pipe -f wav {takes[1]} | sox -t wav - -r 8k -t wav - |",
            f"c sox {takes[2]} {takes[3]} -t wav - |",
        ],
    )
    source = WavScpSource(str(tmp_path / "wav.scp"))
    assert all_read(source, 2)
    assert list(recordings(source)) == [f"{tmp_path}/{name}" for name in takes[:2]]
    assert [one.status for one in findings(source)] == ["unsupported"]
    kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{tmp_path}/{takes[0]}"))
    assert (kept.n_kept, kept.n_left_out) == (2, 1)


def test_recordings_in_archives_are_read_where_they_begin(tmp_path: Path) -> None:
    """Written as `wav-copy` writes (a file behind its name), and as kaldiio 2.18 does."""
    flac, wav = encode(1, form="FLAC"), encode(2)
    size = len(flac).to_bytes(2, "little")
    ark = tmp_path / "data.ark"
    ark.write_bytes(b"a " + wav + b"b AUDIO\x02" + size + flac + b"c \0BFM features" + wav[:20])
    starts = [2, len(wav) + 4, len(wav) + len(flac) + 14, 10**6]
    write(
        tmp_path / "wav.scp",
        [f"{'abcd'[i]} {ark.name}:{start}" for i, start in enumerate(starts)]
        + [f"e {ark.name}:2[0:100]", f"f missing.ark:{starts[0]}"],
    )
    source = WavScpSource(str(tmp_path / "wav.scp"))
    assert all_read(source, 2)
    assert list(recordings(source)) == [f"{ark}:{start}" for start in starts[:2]]
    assert [one.status for one in findings(source)] == [
        "unsupported",
        "error",
        "unsupported",
        "error",
    ]
    assert [one.recording_id for one in source.cuts()][:2] == list(recordings(source))
    kept = source.write_kept(tmp_path / "kept", refused=refuse(f"{ark}:{starts[0]}"))
    assert kept.n_left_out == 1


def test_an_archive_outside_of_the_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "w.ark").write_bytes(b"a " + encode())
    (tmp_path / "set").mkdir()
    write(tmp_path / "set" / "wav.scp", [f"a {tmp_path}/w.ark:2"])
    (finding,) = findings(open_source(str(tmp_path / "set")))
    assert (finding.status, "is outside" in finding.message) == ("unsupported", True)
    assert all_read(open_source(str(tmp_path / "set" / "wav.scp")), 1)
