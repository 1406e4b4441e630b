"""Files that are one value: every example once, and a copy that is the same value without some.

Lhotse's files are written as its `save_to_json` and `save_to_yaml` do (the modules json and yaml,
of its dictionaries), SpeechBrain's as its recipes do (`json.dump` with an indent of 2),
GigaSpeech's and Emilia's as their repositories show.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sottovoce.errors import MissingExtraError
from sottovoce.scan.finding import Finding
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.listings import documents
from sottovoce.scan.listings.documents import parts_of, write_parts
from sottovoce.scan.opening.names import open_source
from tests.scan.conftest import all_read, encode, findings, recordings, refuse
from tests.scan.test_manifests import cut, recording

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, value: Any, *, indent: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=indent)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["cuts.json", "cuts.json.gz", "cuts.yaml"])
@pytest.mark.parametrize("indent", [None, 2])
def test_cuts_of_lhotse_in_one_value_are_read(
    tmp_path: Path, takes: list[str], name: str, indent: int | None
) -> None:
    cuts = [cut(f"c{i}", recording(f"r{i}", one)) for i, one in enumerate(takes)]
    path = tmp_path / name
    if name.endswith(".yaml"):
        path.write_text(yaml.dump(cuts, sort_keys=False, allow_unicode=True, indent=indent))
    else:
        put(path, cuts, indent=indent)
    source = open_source(str(path))
    assert all_read(source, 5)
    assert [one.id for one in source.cuts()] == [f"c{i}" for i in range(5)]
    assert recordings(source)[f"{tmp_path}/{takes[0]}"].groups == {"speaker": "anna"}
    out = tmp_path / "out" / name
    kept = source.write_kept(out, refused=refuse(*(f"{tmp_path}/{takes[i]}" for i in (0, 2))))
    assert (kept.n_kept, kept.n_left_out) == (3, 2)
    text = gzip.decompress(out.read_bytes()) if name.endswith("gz") else out.read_bytes()
    read = yaml.safe_load(text) if name.endswith("yaml") else json.loads(text)
    assert read == [cuts[i] for i in (1, 3, 4)]


@pytest.mark.parametrize("indent", [None, 2])
def test_examples_of_speechbrain_are_members(
    tmp_path: Path, takes: list[str], indent: int | None
) -> None:
    rows = {
        f"utt{i}": {"wav": "{data_root}/" + one, "length": 0.5, "words": 'a "b", {c}'}
        for i, one in enumerate(takes)
    }
    path = put(tmp_path / "save" / "train.json", rows, indent=indent)
    assert recordings(open_source(str(path))) == {}  # nothing says where the data are
    source = open_source(str(path), root=str(tmp_path))
    assert all_read(source, 5)
    assert [one.id for one in source.cuts()] == list(rows)
    out = tmp_path / "kept.json"
    source.write_kept(out, refused=refuse(f"{tmp_path}/{takes[0]}", f"{tmp_path}/{takes[4]}"))
    assert json.loads(out.read_text()) == {f"utt{i}": rows[f"utt{i}"] for i in (1, 2, 3)}


def test_mixtures_of_speechbrain_have_several_recordings(tmp_path: Path, takes: list[str]) -> None:
    row = {"mix_wav": takes[0], "s1_wav": takes[1], "s2_wav": takes[2], "duration": 0.5}
    source = open_source(str(put(tmp_path / "train.json", {"a": row}, indent=2)))
    assert all_read(source, 3)


def test_recordings_of_gigaspeech_are_in_a_member(tmp_path: Path) -> None:
    rows = []
    for i in range(3):
        path = f"audio/podcast/P000{i}/POD000000000{i}.opus"
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(encode(i))
        segments = [{"sid": f"POD{i}_S1", "begin_time": 0.1, "text_tn": "A <COMMA>"}]
        rows.append(
            {"title": "x", "url": f"https://host/{i}.mp3", "path": path, "aid": f"POD{i}"}
            | {"segments": segments, "md5": "0"}
        )
    whole = {"dataset": "GigaSpeech", "language": "EN", "version": "v1.0.0", "audios": rows}
    source = open_source(str(put(tmp_path / "GigaSpeech.json", whole, indent=2)))
    assert all_read(source, 3)
    out = tmp_path / "kept.json"
    source.write_kept(out, refused=refuse(f"{tmp_path}/{rows[1]['path']}"))
    assert json.loads(out.read_text()) == whole | {"audios": [rows[0], rows[2]]}


@pytest.mark.parametrize("indent", [None, 4])
def test_what_emilia_says_of_one_recording_leads_to_it(tmp_path: Path, indent: int | None) -> None:
    name = "EN_B00000/EN_B00000_S00000_W000000"
    row = {"id": "EN_B00000_S00000_W000000", "wav": f"{name}.mp3", "text": "x", "dnsmos": 3.3}
    path = put(tmp_path / f"{name}.json", row, indent=indent)
    (tmp_path / f"{name}.mp3").write_bytes(encode())
    assert all_read(open_source(str(path)), 1)
    assert list(recordings(open_source(str(path)))) == [f"{tmp_path}/{name}.mp3"]


def test_an_array_of_paths_is_a_list(tmp_path: Path, takes: list[str]) -> None:
    assert all_read(open_source(str(put(tmp_path / "files.json", takes, indent=1))), 5)


def test_what_is_wrong_with_one_example_costs_that_example(
    tmp_path: Path, takes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_LINE_BYTES", 4096)
    monkeypatch.setattr(documents, "_CHUNK", 100)
    good = json.dumps({"audio": takes[0]})
    deep = "[" * 1000 + "]" * 1000
    long = json.dumps({"audio": takes[1], "text": ["x" * 80] * 100})
    path = tmp_path / "data.json"
    path.write_text(f"[{good}, null, {long}, {deep}, 7,\n{json.dumps(takes[2])} , {good}")
    source = open_source(str(path))
    assert all_read(source, 2)
    assert len(findings(source)) == 5
    assert "longer than" in findings(source)[1].message
    assert "expected" in findings(source)[-1].message


def test_aliases_in_yaml_are_not_expanded(tmp_path: Path, takes: list[str]) -> None:
    bomb = "- a: &a [x, x]\n  b: &b [*a, *a]\n  audio: " + takes[0] + "\n"
    (tmp_path / "a.yaml").write_text(f"- audio: {takes[1]}\n  text: R&B *loud*\n{bomb}- {{\n")
    source = open_source(str(tmp_path / "a.yaml"))
    assert all_read(source, 1)
    assert ["aliases" in one.message for one in findings(source)] == [True, False]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_document_that_is_kept_whole_stays_as_it_is(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_CHUNK", chunk)
    path = tmp_path / "a.json"
    for value in (
        [],
        {},
        [{"a": '"]},{[\\'}, {}],
        {"a": [{}, {"b": 1}], "c": -1.5e3, "d": {"e": []}},
    ):
        for indent in (None, 1):
            put(path, value, indent=indent)
            file = io.BytesIO()
            write_parts(((part, True) for part in parts_of(str(path))), file)
            assert file.getvalue() == path.read_bytes()
            for end in range(len(file.getvalue())):  # cut short anywhere, it is told
                path.write_bytes(file.getvalue()[:end])
                assert list(parts_of(str(path)))[-1].problem


def test_a_configuration_in_a_folder_is_no_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a list where PyYAML is not installed."""
    (tmp_path / "config.yaml").write_text("sr: 16000\naudio: x\n")
    (tmp_path / "list.yaml").write_text("- audio: a.wav\n")
    kinds = {one.id: type(one) for one in open_source(str(tmp_path)).recordings()}
    assert kinds == {f"{tmp_path}/config.yaml": LeftOut, f"{tmp_path}/a.wav": Finding}
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert {type(one) for one in open_source(str(tmp_path)).recordings()} == {LeftOut}
    with pytest.raises(MissingExtraError, match="pyyaml"):
        open_source(f"{tmp_path}/list.yaml")


def test_a_flat_example_is_found_in_one_search_and_a_long_text_in_few_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, asked = [], []
    pattern = documents._TOKEN

    class Counting:
        def search(self, text: bytes, at: int) -> Any:
            searched.append(len(text) - at)
            return pattern.search(text, at)

    class File(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size)
            return super().read(size)

    monkeypatch.setattr(documents, "_TOKEN", Counting())
    rows = [{"path": f'{i}"{{[.wav', "offset": i, "text": "\\"} for i in range(1000)]
    parts = list(parts_of(str(put(tmp_path / "a.json", rows))))
    assert [part.value for part in parts if part.is_example] == rows
    assert not searched
    text = json.dumps([{"audio": "x" * (15 << 20)}]).encode()
    assert [len(part.raw) for part in documents._Json(File(text)).parts()] == [
        1,
        len(text) - 2,
        1,
        0,
    ]
    # One read after the other, the string would be searched sixteen times: 120 MiB.
    assert sum(searched) < 50 << 20
    assert max(asked) <= 4 << 20
