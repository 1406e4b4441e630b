"""Ids that were met: what a set would say, in less memory."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sottovoce.scan.ledger.id_set import IdSet


@given(st.lists(st.text(max_size=4) | st.sampled_from(("a", "b\udcff", "")), max_size=60))
def test_it_says_what_a_set_would_say(ids):
    met, known = IdSet(), set()
    for one in ids:
        assert met.add(one) == (one not in known)
        known.add(one)
        assert len(met) == len(known)


def test_none_is_lost_when_it_grows():
    met = IdSet()
    ids = [f"clips/{number:06}.wav" for number in range(20_000)]
    assert all(met.add(one) for one in ids)
    assert not any(met.add(one) for one in ids)
    assert len(met) == 20_000


def test_it_keeps_less_than_forty_bytes_for_each():
    tracemalloc.start()
    met = IdSet()
    for number in range(50_000):
        met.add(str(number))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 40 * len(met)


LONE = ["a\udc80", "a\udcff", "a\ud800", "a\udfff", "a"]
"""Names of files that are no valid Unicode, and of other systems' that never were."""


def test_names_that_are_no_unicode_are_told_apart():
    ids = IdSet()
    assert all(ids.add(name) for name in LONE)
    assert not any(ids.add(name) for name in LONE)
    assert all(name in ids for name in LONE)
    assert "b\ud800" not in ids


@given(st.lists(st.text(max_size=20), max_size=3000))
def test_another_process_gets_the_same(names):
    ids = IdSet()
    for name in names:
        ids.add(name)
    again = IdSet.from_bytes(ids.to_bytes())
    assert len(again) == len(ids) == len(set(names))
    assert all(name in again for name in names)
    assert not any(again.add(name) for name in names)
