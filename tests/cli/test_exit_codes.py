"""One table of exit codes, in the code, in `--help` and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from sottovoce.cli import program
from sottovoce.cli._exit_codes import MEANINGS

DOCS = Path(__file__).parents[2] / "docs" / "json.md"


def documented():
    text = DOCS.read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (.+?) \|$", text, re.MULTILINE)
    table: dict[str, dict[int, str]] = {}
    for command, code, meaning in rows:
        table.setdefault(command.strip("`"), {})[int(code)] = meaning
    return table


@pytest.mark.parametrize("command", MEANINGS)
def test_the_docs_say_what_the_code_says(command):
    assert documented()[command] == {int(code): words for code, words in MEANINGS[command].items()}


@pytest.mark.parametrize("command", [name for name in MEANINGS if name in program.commands])
def test_help_says_what_the_code_says(command):
    said = " ".join((program.commands[command].help or "").split()).partition("Exit code: ")[2]
    expected = "; ".join(f"{int(code)} {words}" for code, words in MEANINGS[command].items())
    assert said == f"{expected}."


def test_what_nobody_foresaw_is_an_error_of_one_line(shell, take):
    done = shell("scan", "take.wav", "-o", "take.wav/scan")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: take.wav/scan: not a directory")
    assert "Check the permissions" in done.err
    (shell.folder / "sitecustomize.py").write_text(
        "import sys, sottovoce.cli\n"
        "def fail(*_, **__): raise RuntimeError('nobody foresaw it')\n"
        "sys.modules['sottovoce.cli.check'].find_sources = fail\n"
    )
    done = shell("check", "take.wav", environment={"PYTHONPATH": str(shell.folder)})
    assert done.code == 2
    assert "error: unexpected RuntimeError: nobody foresaw it" in done.err
    assert "sottovoce --debug" in done.err


@pytest.mark.slow
def test_where_no_worker_can_start_it_is_said(shell, take):
    (shell.folder / "again.wav").write_bytes(take.read_bytes())
    (shell.folder / "sitecustomize.py").write_text(
        "import os, sys\nif 'multiprocessing.spawn' in ' '.join(sys.orig_argv): os._exit(3)\n"
    )
    environment = {"PYTHONPATH": str(shell.folder)}
    for command in ("check", "protect"):
        done = shell(command, "take.wav", "again.wav", environment=environment)
        assert done.code == 2
        assert "no worker process could start" in done.err


@pytest.mark.parametrize("command", ["protect", "check"])
def test_a_file_that_may_not_be_read_stops_no_other(command, tmp_path, monkeypatch):
    (tmp_path / "a.wav").touch()
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    parent = click.Context(program, **program.context_settings)
    made = program.commands[command].make_context(command, [str(tmp_path / "a.wav")], parent)
    with made as context:
        assert context.params["inputs"] == (tmp_path / "a.wav",)
