"""Signed texts of the user: private, whole, and never replaced."""

from __future__ import annotations

import errno
import os
import stat
import threading

import pytest

from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.own_files import (
    list_own_grants,
    read_own_statements,
    write_once,
    write_own_grant,
    write_own_statement,
)
from sottovoce.rights.statements import read_statements, write_statements

OWNER = 0x4F2A91C077DE


def test_statements_come_back_in_their_order(tmp_path):
    assert read_own_statements(OWNER, folder=tmp_path) == []
    for seq in (2, 1, 10):
        path = write_own_statement(f"token{seq}", owner_id=OWNER, seq=seq, folder=tmp_path)
    assert read_own_statements(OWNER, folder=tmp_path) == ["token1", "token2", "token10"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(list(path.parent.iterdir())) == 3


def test_a_statement_is_never_replaced(tmp_path):
    write_own_statement("one", owner_id=OWNER, seq=1, folder=tmp_path)
    with pytest.raises(StatementError, match="already exists"):
        write_own_statement("two", owner_id=OWNER, seq=1, folder=tmp_path)
    assert read_own_statements(OWNER, folder=tmp_path) == ["one"]


def test_of_several_that_write_at_once_one_wins(tmp_path):
    start = threading.Barrier(4)
    refused = []

    def write(text):
        start.wait()
        try:
            write_once(tmp_path / "a", text)
        except StatementError:
            refused.append(text)

    threads = [threading.Thread(target=write, args=[bytes([65 + i])]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert (tmp_path / "a").read_bytes() not in refused
    assert len(list(tmp_path.iterdir())) == 1


def test_where_there_are_no_links_nothing_is_replaced_either(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    write_once(tmp_path / "a", b"one")
    with pytest.raises(StatementError, match="already exists"):
        write_once(tmp_path / "a", b"two")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one"]


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StatementError, match="cannot be stored"):
        write_once(tmp_path / "file" / "a", b"")


def test_a_serial_cannot_leave_the_folder(tmp_path):
    for serial in ("../aaaaaaaaaaaaa", "", "a" * 17):
        with pytest.raises(ParameterError, match="serial"):
            write_own_grant(b"", serial=serial, folder=tmp_path)
    path = write_own_grant(b"{}", serial="a" * 16, folder=tmp_path)
    path.with_name("other.grant").touch()
    assert list_own_grants(folder=tmp_path) == [path]


def test_files_with_statements_come_back(tmp_path):
    write_statements(tmp_path / "a.jws", ["a.b.c", "d.e.f"])
    assert read_statements(tmp_path / "a.jws") == ("a.b.c", "d.e.f")
    (tmp_path / "b.grant").write_text('{"statements": ["a.b.c"], "grant": "x"}')
    assert read_statements(tmp_path / "b.grant") == ("a.b.c",)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"statements":[1]}', b'{"statements":3}'])
def test_a_file_without_statements_is_refused(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(StatementError, match="not a file with statements"):
        read_statements(tmp_path / "a")
