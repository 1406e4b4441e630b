"""The section for the card of a data set."""

from __future__ import annotations

import dataclasses
import re

import pytest

from sottovoce.scan.reports.dataset_card import write_card
from sottovoce.scan.reports.summary import summarise
from tests.scan.reporting import JOB, MIXED


class TestCard:
    """A section for a data set's card."""

    @pytest.fixture
    def card(self, tmp_path):
        def write(findings, *, job=JOB):
            write_card(tmp_path / "c.md", job=job, summary=summarise(findings))
            return (tmp_path / "c.md").read_text(encoding="utf-8")

        return write

    def test_it_says_totals_date_detector_and_limits(self, card):
        text = card(MIXED)
        assert text.startswith(
            "## Do-not-train marks\n\n**5 of 29 recordings carry a do-not-train mark;"
        )
        for said in (
            "| Recordings | 29 |",
            "| Scanned on | 1 March 2026, 11:30 UTC |",
            "sottovoce 1.2.3, format 1",
            "`sottovoce scan takes/ more.tar -o report`",
            "`exclude.txt`",
            "| 4f2a-91c0-77de | 3 |",
            "| anonymous | 1 |",
            "| owner not readable | 1 |",
            "does not show that there is none",
        ):
            assert said in text

    def test_a_scan_of_nothing_has_a_card(self, card):
        assert "There was nothing to scan." in card([])

    def test_markdown_in_foreign_text_is_no_markdown(self, card):
        text = "[x](https://a.example) <b>`` | *y* www.b.example @z\n# new"
        job = dataclasses.replace(JOB, command=text, exclude_list=text, detector=text)
        written = card(MIXED, job=job)
        assert written.count("\n# ") == 0
        # In a code span with a fence that is longer than any run within, all stands as it is.
        outside = re.sub(r"``` .*? ```", "", written)
        assert "``` [x]" in written
        assert r"\[x\](https\://a.example) \<b\>\`\` \| \*y\* www\.b.example \@z" in outside
        assert "<b>" not in outside
        assert "https://" not in outside
