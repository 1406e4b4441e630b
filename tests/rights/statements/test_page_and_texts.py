"""What people get to read: a page to publish and short texts, with nothing active in them."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError
from sottovoce.rights.statements import (
    LANGUAGES,
    Declaration,
    make_page,
    make_statement,
    make_texts,
    verify_statements,
)
from sottovoce.rights.statements.wordings import NO_ADVICE, TEXTS, TITLES, USE_WORDS
from tests.rights.people import DAY, first, follow, key, thumb

HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J{owner}\"'&"


def stand(*tokens: str, owner_key: str | None = None):
    return verify_statements(tokens, owner_key=owner_key, today=DAY)


def hostile():
    declaration = Declaration(
        name=HOSTILE,
        pseudonym=HOSTILE,
        contact="mailto:a@b.example?subject=<script>",
        links=("https://a.example/\"onmouseover='x'", "did:web:a.example"),
    )
    return stand(make_statement(declaration, key=key("owner"), issued=DAY))


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_page_shows_hostile_text_as_text():
    page = make_page(hostile())
    assert all(line.isprintable() for line in page.split("\n"))
    tags = Tags(page).found
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "form", "link"}
    assert not [name for _, found in tags for name in found if name.startswith("on")]
    links = [found["href"] for tag, found in tags if tag == "a"]
    assert len(links) == 2  # a did: is shown and leads nowhere
    assert all(link.startswith(("https://", "mailto:")) for link in links)


def test_the_pages_policy_allows_its_own_style_and_nothing_else():
    page = make_page(stand(first()))
    policy = next(
        found["content"]
        for _, found in Tags(page).found
        if found.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_the_statements_can_be_taken_out_of_the_page():
    second = follow(first())
    page = make_page(stand(first(), second))
    tokens = re.search(r"<pre>(.*?)</pre>", page, re.S).group(1).split()
    assert tokens == [first(), second]


def test_a_use_that_is_not_refused_is_not_called_allowed():
    token = make_statement(
        Declaration(refused=Use.CLONE, on_request=Use.CLONE), key=key("owner"), issued=DAY
    )
    page = make_page(stand(token))
    assert page.count("not mentioned") == 6
    assert "but you may ask" in page
    assert "allowed" not in page


def test_nothing_is_published_or_said_in_a_conflict():
    one = follow(first())
    two = follow(first(), declaration=Declaration(name="two"))
    for make in (make_page, make_texts):
        with pytest.raises(ParameterError):
            make(stand(first(), one, two))
        with pytest.raises(ParameterError):
            make(stand("a.b.c"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_and_use(language):
    assert USE_WORDS[language].keys() == USE_WORDS["en"].keys()
    assert TEXTS[language].keys() == TITLES[language].keys() == TEXTS["en"].keys()
    texts = {one.kind: one for one in make_texts(stand(first()), language=language)}
    for kind in ("chat", "e-mail", "rider"):
        for words in USE_WORDS[language].values():
            assert words in texts[kind].text
    assert "A. Speaker" in texts["display name"].text
    assert thumb("owner") in texts["rider"].text
    assert texts["rider"].note == NO_ADVICE[language]
    assert [texts["rider"].text.count(f"\n{n}. ") for n in range(1, 7)] == [1] * 6


def test_a_contract_names_the_person_and_a_call_the_pseudonym():
    declaration = Declaration(name="Ada Byron", pseudonym="Lovelace")
    token = make_statement(declaration, key=key("owner"), issued=DAY)
    texts = {one.kind: one.text for one in make_texts(stand(token))}
    assert "between Ada Byron" in texts["rider"]
    assert texts["display name"].startswith("Lovelace")


def test_hostile_names_are_escaped_in_texts():
    for text in make_texts(hostile()):
        assert all(line.isprintable() for line in text.text.split("\n"))
        if "script" in text.text:
            assert "{owner}" in text.text  # filled in once only


def test_an_unknown_language_is_an_error():
    with pytest.raises(ParameterError, match="language"):
        make_texts(stand(first()), language="tlh")
