"""The page says in English what the command says."""

from __future__ import annotations

import json
import re

import pytest

from sottovoce.core.policy import Use, describe_policy, parse_policy
from sottovoce.page import build

ENGLISH = json.loads((build._WEB / "strings" / "en.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("use", [use for use in Use if use != Use.LICENCE])
def test_uses_have_the_commands_words(use: Use) -> None:
    words = ENGLISH[f"use.{int(use)}"]
    assert ENGLISH["refuses.some"].replace("{uses}", words) == describe_policy(use)


def test_all_uses_have_the_commands_words() -> None:
    assert ENGLISH["refuses.all"] == describe_policy(0x7F)


@pytest.mark.parametrize("language", build._LANGUAGES)
def test_every_language_has_every_word(language: str) -> None:
    assert build._read_strings(language).keys() == ENGLISH.keys()


def test_each_use_can_be_chosen_in_the_commands_words() -> None:
    page = (build._WEB / "index.html").read_text(encoding="utf-8")
    boxes = re.findall(r'name="use" value="([^"]+)"> <span data-text="use.(\w+)"', page)
    assert {words for _, words in boxes} == {"1", "2", "4", "8", "16", "32", "64", "licence"}
    for name, words in boxes:
        assert parse_policy(name) == (Use.LICENCE if words == "licence" else int(words))
