"""Text from outside: what is shown of it can do nothing where it is shown."""

from __future__ import annotations

import csv
import html
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.files.escaping import (
    escape_csv,
    escape_html,
    escape_lines,
    escape_markdown,
    make_harmless,
    make_markdown_code,
)

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egpj.$x^2$<script>alert(1)</script>`|[a](http://b)\"'&\n"


@pytest.mark.slow
@given(text=st.text())
def test_a_terminal_gets_printable_text_only(text: str) -> None:
    assert make_harmless(text).isprintable()
    assert all(line.isprintable() for line in escape_lines(text).split("\n"))


@given(text=st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert make_harmless(text) == text
    assert escape_lines(text) == text


@given(text=st.text())
def test_a_page_gets_no_markup(text: str) -> None:
    escaped = escape_html(text)
    assert not set(escaped) & set("<>\"'")
    assert html.unescape(escaped) == make_harmless(text)


@given(text=st.text(alphabet="`ab |", max_size=30))
def test_a_code_span_is_not_left(text: str) -> None:
    span = make_markdown_code(text)
    fence = re.match("`+", span)[0]
    assert span.endswith(fence)
    inner = span[len(fence) : -len(fence)]
    assert len(fence) not in [len(run) for run in re.findall("`+", inner)]


def test_markdown_shows_the_characters_themselves() -> None:
    escaped = escape_markdown(HOSTILE)
    for mark in "<>[]|`$&":
        assert not re.search(rf"(?<!\\){re.escape(mark)}", escaped)
    assert "http://" not in escaped
    assert "www." not in escape_markdown("www.example.com")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "  =", "\uff1d"])
def test_a_cell_that_begins_a_formula_is_quoted(start: str) -> None:
    assert escape_csv(f"{start}cmd|' /C calc'!A0").startswith("'")


@given(value=st.one_of(st.floats(), st.integers(), st.none(), st.booleans()))
def test_numbers_stay_numbers(value: object) -> None:
    assert escape_csv(value) is value


def test_a_quoted_cell_is_read_back() -> None:
    file = io.StringIO()
    csv.writer(file).writerow([escape_csv("=1+1"), escape_csv("a,b")])
    assert next(csv.reader([file.getvalue()])) == ["'=1+1", "a,b"]


def test_the_middle_of_a_long_path_goes_first() -> None:
    shown = make_harmless("/data/" + "x" * 500 + "/take.wav", most=40)
    assert len(shown) == 40
    assert shown.startswith("/data/")
    assert shown.endswith("take.wav")
