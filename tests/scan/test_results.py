"""Tables that say the same in three formats."""

from __future__ import annotations

import csv
import dataclasses
import json

import pyarrow.parquet
import pytest

from sottovoce.scan.finding import Finding
from sottovoce.scan.release import NOT_MARKED
from sottovoce.scan.reports.results_table import (
    FORMATS,
    open_exclude_list,
    read_findings,
    remove_results,
    write_results,
)

VOICE = {
    "log10_p": -30.0,
    "segments_s": [[0.0, 5.0]],
    "notice": {"owner_id": 7, "policy": 127, "year": 2026},
    "evidence": [[2.5, 7.0]],
}
FINDINGS = [
    Finding(
        id="a,b\n“c”.wav",
        status="marked",
        log10_p=-30.0,
        log10_e=12.0,
        score=14.0,
        seconds=10.0,
        sound_s=9.0,
        sr=16_000,
        n_channels=1,
        format="WAV PCM_16",
        voices=(VOICE,),
        n_more_voices=3,
        tracks=({"name": "track 1", "status": "marked", "log10_p": -30.0, "owner_ids": [7]},),
        groups={"speaker": "s1"},
    ),
    Finding(id="b", status="error", message="is cut short", remedy="Get a complete copy."),
    Finding(id="c", status="error", message="took more memory than it may", cause="too much"),
]


def undecided(findings):
    """Findings without any grant."""
    return ((one, NOT_MARKED) for one in findings)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_findings_give_the_same_bytes(kind, tmp_path):
    for name in ("one", "two"):
        write_results(undecided(FINDINGS), tmp_path / name, kind=kind)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_findings_come_back(kind, tmp_path):
    path = tmp_path / f"results.{kind}"
    write_results(undecided(FINDINGS), path, kind=kind)
    assert list(read_findings(path)) == FINDINGS


def test_what_a_release_wrote_that_knew_less_is_read(tmp_path):
    path = tmp_path / "results.jsonl"
    finding = dataclasses.replace(FINDINGS[0], tracks=(), n_more_voices=0)
    write_results(undecided([finding]), path, kind="jsonl")
    fields = json.loads(path.read_text())
    for name in ("tracks", "n_more_voices", "cause"):
        del fields[name]
    del fields["voices"][0]["notice"]
    path.write_text(json.dumps(fields) + "\n")
    assert list(read_findings(path)) == [finding]


def test_csv_is_read_by_other_programs(tmp_path):
    write_results(undecided(FINDINGS), tmp_path / "r.csv", kind="csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [finding.id for finding in FINDINGS]
    assert json.loads(rows[0]["owner_ids"]) == [7]
    assert json.loads(rows[0]["owners"]) == ["0000-0000-0007"]
    assert rows[1]["log10_p"] == ""


def test_parquet_has_columns_to_query(tmp_path):
    write_results(undecided(FINDINGS), tmp_path / "r.parquet", kind="parquet")
    table = pyarrow.parquet.read_table(tmp_path / "r.parquet")
    assert table["owner_ids"].to_pylist() == [[7], [], []]
    assert table["owners"].to_pylist() == [["0000-0000-0007"], [], []]
    assert table["log10_p"].to_pylist() == [-30.0, None, None]


def test_no_results_are_a_table_too(tmp_path):
    for kind in FORMATS:
        write_results(undecided([]), tmp_path / kind, kind=kind)
        assert (tmp_path / kind).is_file()


@pytest.mark.parametrize("kind", FORMATS)
def test_another_format_takes_the_place_of_the_old_one(kind, tmp_path):
    for old in FORMATS:
        write_results(undecided(FINDINGS), tmp_path / f"results.{old}", kind=old)
    remove_results(tmp_path, but=kind)
    assert [path.name for path in tmp_path.iterdir()] == [f"results.{kind}"]


def test_tables_of_others_stay(tmp_path):
    contents = {
        "results.parquet": b"PAR1",
        "results.csv": b"id,status,score\n",
        "results.jsonl": b'{"id": 1}\n',
    }
    for content in (None, b"", b"\xff\xfe", b"7\n", b"[" * 100_000):
        for name, own in contents.items():
            (tmp_path / name).write_bytes(own if content is None else content)
        for kind in FORMATS:
            remove_results(tmp_path, but=kind)
        assert {path.name for path in tmp_path.iterdir()} == set(contents)


def test_the_list_of_what_must_go_has_a_line_for_each(tmp_path):
    with open_exclude_list(tmp_path / "x.txt") as add:
        for finding in FINDINGS:
            add(finding)
        assert not (tmp_path / "x.txt").exists()
    lines = (tmp_path / "x.txt").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == FINDINGS[0].id
    assert lines[1] == "b"


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    findings = [
        Finding(id=f"{start}cmd|' /C calc'!A0", status="error", message="=1+1", log10_p=-3.0)
        for start in "=+-@\t"
    ]
    write_results(undecided(findings), tmp_path / "results.csv", kind="csv")
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(findings)
    for row in rows:
        assert row["id"].startswith("'")
        assert row["message"] == "'=1+1"
        assert row["log10_p"] == "-3.0"
