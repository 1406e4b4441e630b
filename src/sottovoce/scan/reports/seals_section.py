"""The section of a report on the seals that its reader searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.scan.reports.html import escape, make_code, make_section, make_table
from sottovoce.scan.reports.wording import (
    MOST_ROWS,
    format_count,
    name_owner,
    say_count,
    say_more,
    typeset_p,
)

if TYPE_CHECKING:
    from sottovoce.scan.reports.summary import Summary

__all__ = ["tell_seals"]

_MEANING = (
    "<p>A seal is secret, so nobody but its owner can search for it. Where it is found and the"
    " public mark is missing, the recording was protected by that owner, and the mark was removed"
    " or lost. These recordings have the status that everybody else sees, which says nothing about"
    " seals. The p-values account for every number, place and key, and those of groups for all"
    " groups; a copy counts once. “Too weak” is said where chance is excluded, but a guess at the"
    " seal, made from other recordings, is not.</p>"
)


def tell_seals(summary: Summary) -> str:
    """Return the section; empty if no seal was searched for."""
    seals = summary.seals
    if seals is None:
        return ""
    owners = make_table(
        f"{say_count(seals.n_searched, 'recording')} without a mark of these owners, searched",
        ("Owner", "Recordings with the seal"),
        [(escape(name_owner(one)), format_count(n)) for one, n in seals.owners.items()],
        numbers=(1,),
    )
    recordings = make_table(
        "Recordings with a seal",
        ("Recording", "Owner", "p, proved"),
        [
            (make_code(one), escape(name_owner(owner_id)), typeset_p(log10_p))
            for one, owner_id, log10_p in seals.strongest[:MOST_ROWS]
        ],
        numbers=(2,),
    )
    groups = make_table(
        "Groups whose recordings carry a seal together",
        ("Group", "Recordings", "Owner", "p, proved", "Counts"),
        [
            (
                f"{escape(one.kind, most=40)} {make_code(one.name) if one.name else ''}",
                format_count(one.n_recordings),
                escape(name_owner(one.owner_id)),
                typeset_p(one.log10_p),
                "yes" if one.holds else "too weak",
            )
            for one in seals.groups[:MOST_ROWS]
        ],
        numbers=(1, 3),
    )
    return make_section(
        "seals",
        "Seals",
        _MEANING,
        owners,
        *((recordings, say_more(seals.n_sealed, "recording")) if seals.strongest else ()),
        *((groups, say_more(len(seals.groups), "group")) if seals.groups else ()),
        _say_passed(seals.n_groups_passed),
    )


def _say_passed(n: int) -> str:
    if not n:
        return ""
    return f'<p class="soft">{say_count(n, "further recording")} not tested with their group.</p>'
