"""The section of a report on owners: as read, and as matched over the clips of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.core.policy import describe_policy
from sottovoce.scan.reports.html import escape, make_code, make_section, make_table
from sottovoce.scan.reports.wording import (
    MOST_ROWS,
    NOT_READABLE,
    format_count,
    name_owner,
    say_count,
    say_more,
    typeset_p,
)

if TYPE_CHECKING:
    from sottovoce.scan.owner_pools import PooledOwner
    from sottovoce.scan.reports.summary import Summary

__all__ = ["tell_owners"]

_POOLED = (
    "<p>The owners in the last table were looked for, and not read: the unread recordings of each"
    " group agree with their marks together, though each alone may say too little. The p-value"
    " accounts for all groups and for recordings that resemble each other; the last column bounds"
    " the probability that marks of other owners put one of those that were looked for first in"
    " any group. Not every recording of a group need carry the mark, so no recording is released on"
    " this ground.</p>"
)


def tell_owners(summary: Summary) -> str:
    """Return the section; empty if nobody refuses anything."""
    if not summary.owners and not summary.n_unread_owner:
        return ""
    by_count = sorted(summary.owners.items(), key=lambda item: (-item[1], item[0]))
    rows = [(escape(name_owner(one)), format_count(n)) for one, n in by_count[:MOST_ROWS]]
    if summary.n_unread_owner:
        rows.append(("owner not readable", format_count(summary.n_unread_owner)))
    owners = make_table("Who refuses", ("Owner", "Recordings"), rows, numbers=(1,))
    by_count = sorted(summary.policies.items(), key=lambda item: (-item[1], item[0]))
    rows = [(escape(describe_policy(one)), format_count(n)) for one, n in by_count[:MOST_ROWS]]
    if summary.n_unread_owner:
        rows.append((NOT_READABLE, format_count(summary.n_unread_owner)))
    policies = (
        make_table("What is refused", ("Policy", "Recordings"), rows, numbers=(1,)) if rows else ""
    )
    pooled = make_table(
        "Owners of short clips, matched over all unread recordings of a group",
        ("Group", "Recordings", "Owner", "p, proved", "Chance of another owner"),
        [_make_pooled_row(one) for one in summary.pooled_owners[:MOST_ROWS]],
        numbers=(1, 3, 4),
    )
    explained = (
        "<p>As stated by the marks. Anyone can write a mark with any owner id; the holder of the"
        " key behind an owner id can prove it. Not every policy names training; the second"
        " table has them in full. A recording with several voices may count more than once.</p>"
    )
    return make_section(
        "owners",
        "Owners and what they refuse",
        explained,
        owners,
        say_more(len(summary.owners), "owner"),
        policies,
        *((pooled, _POOLED) if summary.pooled_owners else ()),
        say_more(len(summary.pooled_owners), "group"),
        _say_passed(summary.n_groups_not_pooled),
    )


def _say_passed(n: int) -> str:
    if not n:
        return ""
    return f'<p class="soft">{say_count(n, "further group")} not tested together.</p>'


def _make_pooled_row(one: PooledOwner) -> tuple[str, ...]:
    return (
        f"{escape(one.kind, most=40)} {make_code(one.name)}",
        format_count(one.n_recordings),
        escape(name_owner(one.owner_id)),
        typeset_p(one.log10_p),
        f"{one.other_p:.2g}",
    )
