"""Tables of text with a column of paths."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from sottovoce.scan.listings.path_tables import PathTableSource
from tests.scan.conftest import all_read, findings, recordings, refuse

if TYPE_CHECKING:
    from pathlib import Path


def write_rows(path: Path, rows: list[list[str]], **how: Any) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **how).writerows(rows)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_of_text_is_read_and_copied_as_it_is(
    tmp_path: Path, takes: list[str], delimiter: str
) -> None:
    rows = [["id", "file_name", "text"]]
    rows += [[str(i), name, f'a "b", c\n{delimiter}d'] for i, name in enumerate(takes)]
    path = write_rows(tmp_path / "a.csv", rows, delimiter=delimiter)
    source = PathTableSource(str(path))
    assert all_read(source, 5)
    assert list(recordings(source)) == [f"{tmp_path}/{name}" for name in takes]
    out = tmp_path / "kept.csv"
    kept = source.write_kept(out, refused=refuse(f"{tmp_path}/{takes[2]}"))
    assert (kept.n_kept, kept.n_left_out) == (4, 1)
    with out.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file, delimiter=delimiter)) == [*rows[:3], *rows[4:]]
    source.write_kept(out, refused=refuse())
    assert out.read_bytes() == path.read_bytes()


def test_common_voice_is_read_with_its_stray_quotes(tmp_path: Path, takes: list[str]) -> None:
    (tmp_path / "takes").rename(tmp_path / "clips")
    path = tmp_path / "validated.tsv"
    path.write_text(
        "client_id\tpath\tsentence\n"
        'anna\t0.wav\t"An open quote\n'
        "anna\t1.wav\ttext\n"
        'ben\t"2.wav"\t"text"\n'
    )
    source = PathTableSource(str(path))
    assert all_read(source, 3)
    assert recordings(source)[f"{tmp_path}/clips/1.wav"].groups == {"client_id": "anna"}
    source.write_kept(tmp_path / "kept.tsv", refused=refuse(f"{tmp_path}/clips/1.wav"))
    assert (tmp_path / "kept.tsv").read_text().count("\n") == 3


def test_packed_tables_of_text_are_read(tmp_path: Path, takes: list[str]) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("\ufeffpath\r\n".encode() + "\r\n".join(takes).encode()))
    source = PathTableSource(str(path))
    assert all_read(source, 5)
    source.write_kept(tmp_path / "kept.csv.gz", refused=refuse(f"{tmp_path}/{takes[0]}"))
    lines = gzip.decompress((tmp_path / "kept.csv.gz").read_bytes()).decode().split("\r\n")
    assert lines == ["\ufeffpath", *takes[1:]]


def test_bad_rows_are_findings_and_the_rest_is_read(tmp_path: Path, takes: list[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"path,text\n"
        + takes[0].encode()
        + b",\xff\xfe\n"
        + b"\n"
        + b"\xff\xfe.wav,a\n"
        + b"a\0.wav,a\n"
        + b"sox x -t wav - |,a\n"
        + b"ftp://host/a.wav,a\n"
        + b'"'
        + b"x" * 200_000
        + b'",a\n'
        + takes[1].encode()
        + b",a\n"
        + b'"never closed,'
        + b"y" * 200_000
        + b"\n"
        + takes[2].encode()
    )
    source = PathTableSource(str(path))
    assert list(recordings(source)) == [f"{tmp_path}/{name}" for name in takes[:3]]
    told = findings(source)
    assert [one.status for one in told] == ["error", "error", "unsupported", "unsupported"] + [
        "error"
    ] * 2
    assert [one.id for one in told[:2]] == [f"{path}::line 4", f"{path}::line 5"]
    assert "never executed" in told[2].message


def test_tables_of_text_without_paths_say_so(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", [["id", "text"], ["1", "a"]])
    (finding,) = findings(PathTableSource(str(path)))
    assert finding.message == "has no column of paths"
    assert "'id', 'text'" in finding.remedy
    path.write_bytes(b"")
    assert list(PathTableSource(str(path)).recordings()) == []
