"""The list of what is measured, and that of what is shown."""

from __future__ import annotations

from benchmarks import run
from benchmarks.tables import report


def test_all_that_is_measured_has_its_part_of_the_page_in_the_same_order():
    assert list(run._ALL) == list(report.SECTIONS)
