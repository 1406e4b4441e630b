"""The section of a report about files that were not examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.files.kinds import describe_kinds
from sottovoce.scan.reports.html import escape, make_section, make_table
from sottovoce.scan.reports.wording import format_count, say_count

if TYPE_CHECKING:
    from sottovoce.scan.reports.summary import Summary

__all__ = ["say_what_to_unpack", "tell_passed"]

_MOST_ROWS = 100


def tell_passed(summary: Summary) -> str:
    """Return the section as HTML; empty if every file was examined."""
    if not summary.not_looked_at:
        return ""
    sounding = summary.may_hold_sound
    by_kind = sorted(
        summary.not_looked_at.items(), key=lambda one: (-sounding.get(one[0], 0), -one[1], one[0])
    )
    rows = [
        (escape(kind, most=60), format_count(n), format_count(sounding.get(kind, 0)))
        for kind, n in by_kind[:_MOST_ROWS]
    ]
    table = make_table(
        "Files that were not examined",
        ("Kind", "Files", "That may hold sound"),
        rows,
        numbers=(1, 2),
    )
    n_more = len(by_kind) - len(rows)
    more = f'<p class="soft">{say_count(n_more, "more kind")}, not shown here.</p>'
    return make_section(
        "passed",
        "Not examined",
        "<p>These files are neither recordings nor data sets that can be read here. The scan says"
        " nothing about them.</p>",
        table,
        more if n_more > 0 else "",
    )


def say_what_to_unpack(summary: Summary) -> str:
    """Return what to do about files that may hold sound, as HTML; empty if there are none."""
    n = summary.n_not_looked_at
    if not n:
        return ""
    kinds = describe_kinds(summary.may_hold_sound, show=lambda kind: escape(kind, most=60))
    were = "was" if n == 1 else "were"
    return (
        f"Unpack or convert {say_count(n, 'file')} that may hold sound and {were} not examined"
        f" ({kinds}), then scan again, or leave them out."
    )
