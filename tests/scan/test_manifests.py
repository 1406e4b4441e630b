"""Manifests of Lhotse's and NeMo's kinds: every recording once, and no line believed."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from sottovoce.scan.ledger.id_set import IdSet
from sottovoce.scan.listings.lhotse import LhotseSource
from sottovoce.scan.listings.manifests import NemoSource
from sottovoce.scan.listings.texts import MAX_LINE_BYTES
from sottovoce.scan.plain_text import clean
from sottovoce.scan.reach.reach import Reach
from sottovoce.scan.source import SourceOptions
from tests.scan.conftest import all_read, encode, findings, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def recording(name: str, source: str, kind: str = "file") -> dict[str, Any]:
    """A recording as Lhotse writes it."""
    return {
        "id": name,
        "sources": [{"type": kind, "channels": [0], "source": source}],
        "sampling_rate": 16_000,
        "num_samples": 8_000,
        "duration": 0.5,
        "channel_ids": [0],
    }


def cut(name: str, of: dict[str, Any], start: float = 0.0, **others: Any) -> dict[str, Any]:
    """A cut as Lhotse writes it."""
    return {
        "id": name,
        "start": start,
        "duration": 0.25,
        "channel": 0,
        "supervisions": [{"id": name, "speaker": "anna", "custom": {"room": "hall"}}],
        "recording": of,
        "type": "MonoCut",
        **others,
    }


def test_recordings_of_lhotse_are_read(tmp_path: Path, takes: list[str]) -> None:
    rows = [recording(f"r{i}", name) for i, name in enumerate(takes)]
    source = LhotseSource(str(write_lines(tmp_path / "recordings.jsonl", rows)))
    assert all_read(source, 5)
    assert list(recordings(source)) == [f"{tmp_path}/{name}" for name in takes]
    assert [one.id for one in source.cuts()] == [f"r{i}" for i in range(5)]


def test_cuts_of_lhotse_are_stretches_of_recordings_read_once(
    tmp_path: Path, takes: list[str]
) -> None:
    rows = [
        cut(f"c{i}-{start}", recording(f"r{i}", takes[i]), start)
        for i in range(2)
        for start in (0.0, 0.25)
    ]
    path = tmp_path / "cuts.jsonl.gz"
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(raw))
    source = LhotseSource(str(path), options=SourceOptions(group_by=("room",)))
    assert all_read(source, 2)
    first = f"{tmp_path}/{takes[0]}"
    assert recordings(source)[first].groups == {"speaker": "anna", "room": "hall"}
    cuts = list(source.cuts())
    assert [one.id for one in cuts] == ["c0-0.0", "c0-0.25", "c1-0.0", "c1-0.25"]
    assert (cuts[1].recording_id, cuts[1].offset_s, cuts[1].duration_s) == (first, 0.25, 0.25)
    out = tmp_path / "out" / "cuts.jsonl.gz"
    kept = source.write_kept(out, refused=refuse(first))
    assert (kept.n_kept, kept.n_left_out) == (2, 2)
    assert gzip.decompress(out.read_bytes()) == b"".join(raw.splitlines(keepends=True)[2:])
    assert list(out.parent.iterdir()) == [out]


def test_mixed_cuts_use_all_that_is_mixed(tmp_path: Path, takes: list[str]) -> None:
    speech, noise = (cut(f"t{i}", recording(f"r{i}", takes[i])) for i in range(2))
    mixed = {
        "id": "mixed",
        "type": "MixedCut",
        "tracks": [
            {"cut": speech},
            {"cut": {"id": "p", "type": "PaddingCut", "duration": 1.0}, "offset": 0.5},
            {"cut": noise, "snr": 10},
        ],
    }
    source = LhotseSource(str(write_lines(tmp_path / "cuts.jsonl", [mixed])))
    assert all_read(source, 2)
    assert [one.id for one in source.cuts()] == ["mixed", "mixed"]
    kept = source.write_kept(tmp_path / "k.jsonl", refused=refuse(f"{tmp_path}/{takes[1]}"))
    assert (kept.n_kept, kept.n_left_out) == (0, 1)


def test_commands_and_addresses_of_lhotse_are_not_followed(
    tmp_path: Path, takes: list[str]
) -> None:
    witness, url = tmp_path / "ran", "https://localhost/a.wav"
    rows = [
        recording("c", f"touch {witness}", "command"),
        recording("p", f"touch {witness} |", "file"),
        recording("u", url, "url"),
        recording("m", "UklGRg==", "memory"),
        recording("ok", takes[0]),
    ]
    path = write_lines(tmp_path / "recordings.jsonl", rows)
    source = LhotseSource(str(path))
    assert all_read(source, 1)
    told = {one.id: one for one in findings(source)}
    assert list(told) == [f"{path}::c", f"{path}::p", url, f"{path}::m"]
    assert all(one.status == "unsupported" and one.remedy for one in told.values())
    assert "never executed" in told[f"{path}::c"].message
    assert "never executed" in told[f"{path}::p"].message
    assert not witness.exists()
    # Their examples are still asked for, under the ids of the findings.
    assert [one.recording_id for one in source.cuts()][:4] == list(told)
    kept = source.write_kept(tmp_path / "kept.jsonl", refused=told.__contains__)
    assert (kept.n_kept, kept.n_left_out) == (1, 4)


def test_a_manifest_of_nemo_is_read_and_copied(tmp_path: Path, takes: list[str]) -> None:
    rows = [
        {
            "audio_filepath": takes[i // 2],
            "offset": 0.1 * (i % 2),
            "duration": 0.2,
            "text": "ä",
            "speaker": i // 2,
        }
        for i in range(10)
    ]
    path = write_lines(tmp_path / "train.json", rows)
    source = NemoSource(str(path))
    assert all_read(source, 5)
    assert recordings(source)[f"{tmp_path}/{takes[1]}"].groups == {"speaker": "1"}
    cuts = list(source.cuts())
    assert len(cuts) == 10
    assert (cuts[3].offset_s, cuts[3].duration_s) == (0.1, 0.2)
    assert len({one.id for one in cuts}) == 10
    out = tmp_path / "kept.json"
    kept = source.write_kept(out, refused=refuse(f"{tmp_path}/{takes[4]}"))
    assert (kept.n_kept, kept.n_left_out) == (8, 2)
    assert out.read_bytes() == b"".join(path.read_bytes().splitlines(keepends=True)[:8])


def test_tarred_manifests_point_at_their_archives(tmp_path: Path) -> None:
    row = {"audio_filepath": "a.wav", "duration": 1.0, "shard_id": 3}
    source = NemoSource(str(write_lines(tmp_path / "tarred.json", [row])))
    (finding,) = findings(source)
    assert finding.status == "unsupported"
    assert "Scan the archives" in finding.remedy


def test_absolute_paths_addresses_and_another_root_are_followed(
    tmp_path: Path, takes: list[str]
) -> None:
    with fsspec.open("memory://clips/a.wav", "wb") as file:
        file.write(encode())
    folder = tmp_path / "manifests"
    folder.mkdir()
    names = [
        str(tmp_path / takes[0]),
        f"file://{tmp_path}/{takes[1]}",
        f"../{takes[2]}",
        "memory://clips/a.wav",
    ]
    path = write_lines(folder / "a.jsonl", [{"path": name} for name in names])
    assert all_read(NemoSource(str(path)), 4)
    assert list(recordings(NemoSource(str(path))))[3] == "memory://clips/a.wav"
    path = write_lines(folder / "b.jsonl", [{"path": takes[3]}, {"path": "memory://clips/no"}])
    assert all_read(
        NemoSource(str(path), options=SourceOptions(reach=Reach(roots=(str(tmp_path),)))), 1
    )
    gone, missing = findings(NemoSource(str(path)))
    assert (gone.id, gone.status) == (f"{folder}/{takes[3]}", "error")
    assert (missing.id, missing.status) == ("memory://clips/no", "error")


def test_a_manifest_is_read_at_an_address_and_its_paths_beside_it() -> None:
    with fsspec.open("memory://set/a/1.wav", "wb") as file:
        file.write(encode())
    with fsspec.open("memory://set/a.jsonl", "wb") as file:
        file.write(b'{"audio_filepath": "a/1.wav"}\n')
    source = NemoSource("memory://set/a.jsonl")
    assert list(recordings(source)) == ["memory://set/a/1.wav"]
    assert all_read(source, 1)


HOSTILE = {
    "nesting": b"[" * 100_000,
    "objects": b'{"a":' * 50_000,
    "list": b"[1, 2]",
    "text": b"audio.wav",
    "not UTF-8": b'{"audio_filepath": "\xff\xfe.wav"}',
    "surrogate": b'{"audio_filepath": "\\ud800.wav"}',
    "NUL": b'{"audio_filepath": "a\\u0000.wav"}',
    "null": b'{"audio_filepath": null}',
    "number": b'{"audio_filepath": 1e999, "offset": NaN}',
    "digits": b'{"offset": ' + b"9" * 10_000 + b"}",
    "no path": b"{}",
    "empty": b'{"audio_filepath": ""}',
    "long": b'{"audio_filepath": "' + b"a" * 5_000 + b'"}',
    "device": b'{"audio_filepath": "/dev/zero"}',
    "folder": b'{"audio_filepath": "/"}',
    "scheme": b'{"audio_filepath": "gopher://host/a.wav"}',
    "chain": b'{"audio_filepath": "https://zip://a::b"}',
    "sources": b'{"id": "a", "sources": [1, null, {"type": []}, {"type": "file"}]}',
    "tracks": b'{"id": {}, "tracks": [1, {"cut": 3}]}',
    "recording": b'{"recording": [], "supervisions": [3], "custom": 1}',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", [NemoSource, LhotseSource])
def test_hostile_lines_are_findings_and_the_rest_is_read(
    tmp_path: Path, takes: list[str], kind: type[NemoSource | LhotseSource], line: bytes
) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"audio_filepath": takes[0], **recording("r", takes[0])}).encode()
    path.write_bytes(line + b"\n\n" + good)
    source = kind(str(path))
    assert list(recordings(source)) == [f"{tmp_path}/{takes[0]}"]
    told = findings(source)
    assert told
    for one in told:
        assert one.status in {"error", "unsupported"}
        assert one.message
        assert one.id.encode()
        assert json.dumps(one.to_dict())
    assert (
        source.write_kept(
            tmp_path / "kept.jsonl", refused={one.id for one in told}.__contains__
        ).n_kept
        == 1
    )
    assert len(list(source.cuts())) == len(told) + 1


@pytest.mark.parametrize("form", ["lines", "document"])
def test_many_segments_of_a_recording_are_looked_up_and_judged_once(
    tmp_path: Path, takes: list[str], form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"path": takes[i % 2], "offset": i, "duration": 1} for i in range(1000)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    if form == "lines":
        write_lines(path, rows)
    looked_up, asked, find = [], [], Reach.find

    def count(reach: Reach, name: str, **others: Any) -> str | None:
        looked_up.append(name)
        return find(reach, name, **others)

    def refused(own_id: str) -> bool:
        asked.append(own_id)
        return own_id.endswith(takes[0])

    monkeypatch.setattr(Reach, "find", count)
    source = NemoSource(str(path), form=form)
    assert [one.offset_s for one in source.cuts()] == [*range(1000)]
    assert len(looked_up) == 2
    kept = source.write_kept(tmp_path / "kept.json", refused=refused)
    assert (kept.n_kept, kept.n_left_out) == (500, 500)
    assert (len(looked_up), len(asked)) == (4, 2)


def test_a_name_is_looked_up_again_when_the_manifest_is_read_again(tmp_path: Path) -> None:
    source = NemoSource(str(write_lines(tmp_path / "a.jsonl", [{"path": "new"}])))
    (tmp_path / "new.wav").touch()
    assert [one.recording_id for one in source.cuts()] == [f"{tmp_path}/new.wav"]
    (tmp_path / "new").touch()
    assert [one.recording_id for one in source.cuts()] == [f"{tmp_path}/new"]


def test_times_that_are_none_are_left_out(tmp_path: Path, takes: list[str]) -> None:
    values: list[Any] = [-1, "1", True, None, 10**400, float("nan")]
    rows = [{"path": takes[0], "offset": one, "duration": one} for one in values]
    source = NemoSource(str(write_lines(tmp_path / "a.jsonl", rows)))
    assert {(one.offset_s, one.duration_s) for one in source.cuts()} == {(0.0, None)}


def test_a_line_without_end_is_a_finding(tmp_path: Path, takes: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"path": takes[0]}).encode()
    path.write_bytes(b" " * (2 * MAX_LINE_BYTES + 5) + b"\n" + good + b"\n")
    source = NemoSource(str(path))
    (finding,) = findings(source)
    assert (finding.id, finding.message) == (f"{path}::line 1", "is longer than 16 MiB")
    assert all_read(source, 1)
    assert source.write_kept(tmp_path / "kept.jsonl", refused=refuse()).n_left_out == 1


def test_a_packed_manifest_that_is_cut_short_or_a_bomb_says_so(
    tmp_path: Path, takes: list[str]
) -> None:
    lines = b"".join(json.dumps({"path": name}).encode() + b"\n" for name in takes)
    packed = gzip.compress(lines + bytes(40 << 20))
    for data, words in ((packed, "longer than"), (packed[:200], "from here on")):
        path = tmp_path / "a.jsonl.gz"
        path.write_bytes(data)
        (finding,) = findings(NemoSource(str(path)))
        assert words in finding.message
        assert all_read(NemoSource(str(path)), 5)


def test_a_manifest_that_is_gone_is_a_finding(tmp_path: Path) -> None:
    (finding,) = findings(NemoSource(str(tmp_path / "no.jsonl")))
    assert finding.status == "error"


def test_ids_are_told_apart_and_text_is_clean() -> None:
    seen = IdSet()
    assert [seen.add(one) for one in ("a", "b", "a", "\udcff")] == [True, True, False, True]
    assert clean("a\0\udcffä") == "a\\x00\\udcffä"
    assert len(clean("x" * 10_000)) == 200
