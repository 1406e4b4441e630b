"""`sottovoce id`, and what the program says about itself."""

from __future__ import annotations

import json
import re

import pytest

import sottovoce


@pytest.mark.slow
def test_a_key_is_made_shown_and_never_replaced(shell):
    made = shell("id", "new")
    assert made.code == 0
    owner = re.search(r"owner id ((?:[0-9a-f]{4}-?){3})", made.out).group(1)
    assert "sottovoce id words" in made.err
    assert owner in shell("id", "show").out
    again = shell("id", "new")
    assert again.code == 2
    assert "already exists" in again.err
    assert owner in shell("id", "show", "--name", "default").out


def test_named_identities_are_listed(shell):
    for name in ("book", "calls"):
        assert shell("id", "new", "--name", name).code == 0
    done = shell("id", "show", "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["name"] for line in lines] == ["book", "calls"]
    assert "PRIVATE" not in done.out
    assert len({line["owner_id"] for line in lines}) == 2


def test_with_no_key_the_way_to_one_is_told(shell):
    done = shell("id", "show")
    assert done.code == 0
    assert done.out == ""
    assert "sottovoce id new" in done.err


def test_what_lies_beside_keys_is_no_key(shell, config_folder):
    assert shell("id", "new").code == 0
    folder = config_folder / "sottovoce" / "identities"
    (folder / "._default.json").write_bytes(b"\0\5\x16\7")
    (folder / "settings.json").write_text('{"theme": 1}')
    done = shell("id", "show")
    assert done.code == 0
    assert done.out.count("owner id") == 1


def test_a_damaged_key_does_not_hide_the_others(shell, config_folder):
    assert shell("id", "new").code == 0
    (config_folder / "sottovoce" / "identities" / "book.json").write_text("{")
    done = shell("id", "show")
    assert done.code == 2
    assert "default: owner id" in done.out
    assert "book.json" in done.err


def test_a_key_that_others_can_read_is_told_with_the_command(shell, config_folder):
    assert shell("id", "new").code == 0
    path = config_folder / "sottovoce" / "seed.json"
    path.chmod(0o644)
    done = shell("id", "show")
    assert done.code == 0
    warnings = [line for line in done.err.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert f"chmod 600 {path}" in warnings[0]
    path.chmod(0o600)
    assert shell("id", "show").err == ""


def test_an_unknown_identity_is_an_error(shell):
    done = shell("id", "show", "--name", "nobody")
    assert done.code == 2
    assert "sottovoce id new --name nobody" in done.err


def test_the_version_is_told(shell):
    assert shell("--version").out == f"sottovoce {sottovoce.__version__}\n"


def test_help_has_examples(shell):
    for words in ([], ["protect"], ["check"], ["id"], ["id", "new"], ["id", "restore"]):
        done = shell(*words, "--help")
        assert done.code == 0
        assert "Examples:" in done.out
