"""Lists of paths and addresses."""

from __future__ import annotations

import os
import tracemalloc
from itertools import islice
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from sottovoce.scan.listings.path_lists import ListSource
from sottovoce.scan.recording import Cut
from tests.scan.conftest import all_read, encode, findings, recordings, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_list_is_read_and_copied_with_its_comments(tmp_path: Path, takes: list[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        "\ufeff" + f"{takes[0]}\r\n# old ones\n\n  {takes[1]}  \n{takes[0]}\n{takes[2]}"
    )
    source = ListSource(str(path))
    assert all_read(source, 3)
    assert recordings(source)[f"{tmp_path}/{takes[0]}"].groups == {"list": "a.txt"}
    assert len(list(source.cuts())) == 4
    out = tmp_path / "kept.txt"
    kept = source.write_kept(out, refused=refuse(f"{tmp_path}/{takes[0]}"))
    assert (kept.n_kept, kept.n_left_out) == (2, 2)
    assert out.read_text() == f"# old ones\n\n  {takes[1]}  \n{takes[2]}"


def test_a_text_without_any_path_is_reported_as_a_whole(tmp_path: Path, takes: list[str]) -> None:
    path = tmp_path / "README.txt"
    path.write_text("hello reader\nthis is text\n")
    first, *lines = findings(ListSource(str(path)))
    assert (first.id, first.status) == (str(path), "error")
    assert "none of its lines names an existing file" in first.message
    assert "`root`" in first.remedy
    assert [one.message for one in lines] == ["does not exist"] * 2
    path.write_text(f"hello reader\n{takes[0]}\n")
    assert [one.id for one in findings(ListSource(str(path)))] == [f"{tmp_path}/hello reader"]


def test_addresses_are_followed_to_stores_only(tmp_path: Path) -> None:
    with fsspec.open("memory://list/a.wav", "wb") as file:
        file.write(encode())
    path = tmp_path / "a.txt"
    path.write_text("memory://list/a.wav\nssh://host/a.wav\nmemory://list/b.wav\n")
    source = ListSource(str(path))
    assert all_read(source, 1)
    assert [one.status for one in findings(source)] == ["unsupported", "error"]


def test_only_regular_files_are_opened(tmp_path: Path, takes: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "link.wav").symlink_to(takes[0])
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "a.txt").write_bytes(
        b"pipe.wav\nloop.wav\nlink.wav\nzero.wav\n/\n\xff\xfe.wav\na\0b.wav\nrm -rf / |\n"
    )
    source = ListSource(str(tmp_path / "a.txt"))
    assert all_read(source, 1)
    assert list(recordings(source)) == [f"{tmp_path}/link.wav"]
    told = findings(source)
    assert len(told) == 7
    assert all(one.id.encode() and one.message for one in told)


@pytest.mark.slow
def test_an_archive_that_a_list_names_often_is_read_once_for_a_copy(tmp_path: Path) -> None:
    class Archive:
        name = f"{tmp_path}/a.tar"

        def cuts(self) -> Iterator[Cut]:
            read.append(self.name)
            yield Cut(id="one", recording_id="one")

    read: list[str] = []
    (tmp_path / "a.tar").touch()
    path = tmp_path / "a.txt"
    path.write_text("a.tar\nno.wav\n" * 100)
    source: Any = ListSource(str(path), open_inner=lambda _: Archive())
    for is_refused, n_kept in ((True, 100), (False, 200)):
        refused = {"one"}.__contains__ if is_refused else set().__contains__
        assert source.write_kept(tmp_path / "kept.txt", refused=refused).n_kept == n_kept
    assert len(read) == 2


@pytest.mark.slow
def test_a_list_of_many_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{i}.wav\n" for i in range(50_000)))
    tracemalloc.start()
    try:
        source = ListSource(str(path)).recordings()
        assert [one.id for one in islice(source, 2)] == [f"{tmp_path}/{i}.wav" for i in range(2)]
        assert sum(1 for _ in ListSource(str(path)).cuts()) == 50_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Its lines as a list of strings would have 3 MB; a module may be imported meanwhile.
    assert peak < 1_000_000
