"""Numbers and names as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce import Notice, Voice
from sottovoce.cli._words import describe_voice, format_chance, format_p, format_path


@given(st.floats(-1e6, 0.0))
def test_a_p_value_of_any_size_can_be_said(log10_p):
    text = format_p(log10_p)
    assert "e" not in text
    if text.startswith("p ≤ 10^"):
        assert 0.0 <= float(text.removeprefix("p ≤ 10^")) - log10_p < 1.0
    else:
        assert 10**log10_p == pytest.approx(float(text.removeprefix("p = ")), rel=0.05)


@given(st.floats(-11.9, 0.0))
def test_odds_are_never_better_than_the_probability(log10_p):
    text = format_chance(log10_p)
    digits, _, word = text.removeprefix("1 in ").partition(" ")
    n = int(digits.replace(",", "")) * {"": 1, "million": 10**6, "billion": 10**9}[word]
    assert 1.0 - 1e-6 <= 1.0 / n / 10**log10_p <= 2.0 + 1e-6


def test_a_name_cannot_write_on_the_terminal():
    assert format_path("a\x1b[2Jb\n.wav") == "a\\x1b[2Jb\\n.wav"
    assert format_path("stimme-ä.wav") == "stimme-ä.wav"
    assert format_path("bad-\udcff.wav") == "bad-\\udcff.wav"


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (None, "owner not decoded yet"),
        (Notice(), "refuses every use by machines; anonymous; since 2026"),
        (Notice(owner_id=1, year=2030, policy=4), "cloning the voice; owner 0000-0000-0001"),
    ],
)
def test_a_voice_is_told_in_words(notice, words):
    voice = Voice(log10_p=-9.0, score=8.0, offset_s=0.0, notice=notice)
    assert words in describe_voice(voice)
