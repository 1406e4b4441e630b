"""One table of exit codes, in the code, in `--help` and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

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
