"""The sections of a report, in reading order: results, actions and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.core.evidence import FOUND_FPR
from sottovoce.files.times import format_date
from sottovoce.scan.finding import UNREAD
from sottovoce.scan.reports.findings_table import MOST_FINDINGS, make_findings_table
from sottovoce.scan.reports.html import escape, make_code, make_items, make_section, make_table
from sottovoce.scan.reports.licensed import make_licensed_section
from sottovoce.scan.reports.not_examined_section import say_what_to_unpack, tell_passed
from sottovoce.scan.reports.owners_section import tell_owners
from sottovoce.scan.reports.seals_section import tell_seals
from sottovoce.scan.reports.svg import draw_histogram
from sottovoce.scan.reports.wording import (
    LIMITS,
    MEANINGS,
    MOST_ROWS,
    format_count,
    format_duration,
    format_expected,
    say_count,
    say_expected_false,
    say_more,
    say_training,
    say_why_all,
    typeset_p,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.reports.run_info import RunInfo
    from sottovoce.scan.reports.summary import Group, Summary

__all__ = ["make_sections"]

_MOST_UNREAD = 200
_MOST_INPUTS = 20
_KEY = (
    '<ul class="key">'
    '<li><svg viewBox="0 0 22 10" aria-hidden="true"><rect class="other" width="22" height="10"/>'
    "</svg>nothing found</li>"
    '<li><svg viewBox="0 0 22 10" aria-hidden="true"><rect class="suspected" width="22"'
    ' height="10"/></svg>p at most 10⁻³</li>'
    '<li><svg viewBox="0 0 22 10" aria-hidden="true"><rect class="bar marked" width="22"'
    ' height="10"/></svg>p at most 10⁻⁶</li>'
    '<li><svg viewBox="0 0 22 10" aria-hidden="true"><line class="bound" x2="22" y1="5" y2="5"/>'
    "</svg>upper bound on the number expected if nothing is marked</li></ul>"
)


def make_sections(
    job: RunInfo,
    summary: Summary,
    *,
    strongest: Sequence[Finding],
    unread: Sequence[Finding],
) -> list[tuple[str, str, str]]:
    """Return each section's name, its title in the list of contents, and its HTML.

    Parameters
    ----------
    job : RunInfo
        The scan.
    summary : Summary
        Its figures.
    strongest, unread : sequence of Finding
        Strongest findings first; and recordings that were not read to their end.

    Returns
    -------
    sections : list of (str, str, str)
        Sections that are not empty.
    """
    sections = [
        ("totals", "Totals", _tell_totals(summary)),
        ("actions", "What to do", _tell_actions(job, summary)),
        ("licensed", "Licensed", make_licensed_section(summary.licensed)),
        ("evidence", "Evidence", _tell_evidence(summary)),
        ("findings", "Findings", _tell_findings(summary, strongest)),
        ("groups", "Groups", _tell_groups(summary)),
        ("owners", "Owners", tell_owners(summary)),
        ("seals", "Seals", tell_seals(summary)),
        ("unread", "Not read", _tell_unread(summary, unread)),
        ("passed", "Not examined", tell_passed(summary)),
        ("formats", "Formats", _tell_formats(summary)),
        ("scan", "How to repeat it", _tell_job(job)),
    ]
    return [one for one in sections if one[2]]


def _tell_totals(summary: Summary) -> str:
    named = {status: f"{status}" for status in MEANINGS}
    named["marked"] = '<strong class="refused">marked</strong>'
    rows = [
        (named[status], format_count(summary.statuses[status]), MEANINGS[status])
        for status in MEANINGS
        if summary.statuses[status] or status in ("marked", "clean")
    ]
    table = make_table(
        f"{say_count(summary.n_recordings, 'recording')} by status",
        ("Status", "Recordings", "What it means"),
        rows,
        numbers=(1,),
    )
    return make_section("totals", "Totals", table)


def _tell_actions(job: RunInfo, summary: Summary) -> str:
    statuses = summary.statuses
    steps = []
    if summary.n_refused:
        steps.append(_say_how_to_leave_out(job, summary.n_refused))
        steps[-1] += f" {say_training(summary)} {say_why_all(summary)}".rstrip()
    pooled = [group for group in summary.groups if group.n_marked < group.n_recordings]
    if pooled:
        steps.append(
            f"Review {say_count(len(pooled), 'group')} under <a href=#groups>Groups</a>: some"
            " of their recordings are marked, or all together show evidence of a mark, and"
            " others of that voice may be too short to show it alone. If a group is one"
            " speaker, leave it out as a whole, or ask."
        )
    if summary.n_unread:
        steps.append(
            f"Repair or leave out {say_count(summary.n_unread, 'recording')} under"
            " <a href=#unread>Not read</a>. Nothing is known about them, so they are not cleared."
        )
    if unpack := say_what_to_unpack(summary):
        steps.append(unpack)
    if statuses["undetermined"]:
        steps.append(
            f"Too short or too quiet to tell: {say_count(statuses['undetermined'], 'recording')}."
            " If they are cuts of longer recordings, scan those instead."
        )
    if statuses["suspected"]:
        steps.append(
            f"Weak evidence of a mark: {say_count(statuses['suspected'], 'recording')}. This is"
            " not a finding; longer originals, if any exist, will settle it."
        )
    steps.append(
        "Keep respecting what is stated elsewhere: contracts, opt-outs, metadata. Finding no"
        " mark does not allow anything."
    )
    return make_section("actions", "What to do", make_items(steps, kind="ol"))


def _say_how_to_leave_out(job: RunInfo, n_marked: int) -> str:
    what = f"Leave {say_count(n_marked, 'recording')} out of training."
    ways = []
    if job.exclude_list:
        ways.append(f"{make_code(job.exclude_list)} lists them, one id per line")
    if job.filtered_copy:
        ways.append(f"{make_code(job.filtered_copy)} is the data set without them")
    if ways:
        return f"{what} {'; '.join(ways)}."
    return (
        f"{what} <code>sottovoce scan</code> writes a list of their ids, or a copy of the data"
        " set without them; its help has examples."
    )


def _tell_evidence(summary: Summary) -> str:
    if not summary.n_tested:
        return ""
    n = summary.n_tested
    parts = [
        "<p>Each recording that could be read has a p-value: an upper bound on the probability"
        " that an unmarked recording looks as marked as this one does. It is proved for any"
        " audio, and"
        f" {say_count(n, 'recording')} {'was' if n == 1 else 'were'} tested. A recording is"
        f" reported at p ≤ 10⁻⁶. <strong>{say_expected_false(summary)}</strong>"
        f" This scan reports {format_count(summary.n_marked)}.</p>",
        f'<div class="wide">{draw_histogram(summary.histogram, n_tested=n)}</div>',
        _KEY,
        _tell_histogram(summary),
        "<h3>False discoveries</h3>",
        _say_false_discoveries(summary),
        "<h3>What this does not say</h3>",
        make_items(LIMITS),
        '<p class="soft">The proof, and what it assumes: docs/evidence.md of sottovoce;'
        " sections 7 and 9 are about many files and about what a p-value does not say.</p>",
    ]
    return make_section("evidence", "Evidence", *parts)


def _tell_histogram(summary: Summary) -> str:
    rows, n = [], summary.n_tested
    for i, (lower, count) in enumerate(summary.histogram):
        upper = lower - summary.histogram[0][0]
        if count:
            beyond = sum(one for _, one in summary.histogram[i:])
            allowed = format_expected(n * 10.0**upper)
            rows.append(
                (typeset_p(upper), format_count(count), format_count(beyond), f"≤ {allowed}")
            )
    table = make_table(
        "Recordings by p-value, in steps of half a power of ten",
        ("p at most", "In this step", "This or stronger", "Expected if nothing is marked"),
        rows,
        numbers=(0, 1, 2, 3),
    )
    return f"<details><summary>The figures in this chart</summary>{table}</details>"


def _say_false_discoveries(summary: Summary) -> str:
    n_bh, n_by = summary.n_reported_bh, summary.n_reported_by
    return (
        f"<p>For a list in which at most {100 * summary.q:g} in 100 entries are expected to be"
        " false, instead of a fixed threshold, report <strong>"
        f"{say_count(n_bh, 'recording')}</strong> (Benjamini and Hochberg, q = {summary.q:g})."
        " That holds if the p-values are independent"
        " of each other, or positively dependent, which is plausible and not proved: all"
        " recordings share one pattern, and copies stand or fall together. <strong>Without any"
        f" assumption</strong> it is {say_count(n_by, 'recording')} (Benjamini and Yekutieli).</p>"
    )


def _tell_findings(summary: Summary, strongest: Sequence[Finding]) -> str:
    if not strongest:
        return ""
    table = make_findings_table(strongest)
    legend = (
        "<p>Each bar is the recording from beginning to end, one for each voice: marked"
        " segments are red, to within about 2.5 seconds, and the line is the local strength of"
        " the evidence.</p>"
    )
    n_more = summary.n_marked - sum(one.marked for one in strongest[:MOST_FINDINGS])
    more = (
        f'<p class="soft">{say_count(n_more, "more marked recording")}, not shown here.</p>'
        if n_more > 0
        else ""
    )
    return make_section("findings", "The strongest findings", legend, table, more)


def _tell_groups(summary: Summary) -> str:
    if not summary.groups:
        return ""
    n = summary.n_groups
    explained = (
        "<p>Clips that are each too short to show a mark may show together that a marked voice is"
        f" among them. {say_count(n, 'group')} of recordings {'was' if n == 1 else 'were'}"
        " examined, and both p-values account for all of them."
        " The first is proved, however the recordings of a group are related. The"
        " second is sharper but needs a condition: the recordings were made independently of each"
        " other, so none is a copy or an excerpt of another, and unmarked ones score on average"
        " as unmarked speech did when it was measured. That is well supported and not proved:"
        " docs/evidence.md, section 6.</p>"
    )
    table = make_table(
        "Groups in which a mark was found, or evidence of one across several recordings",
        ("Group", "Recordings", "Marked individually", "Length", "p, proved", "p, conditional"),
        [_make_group_row(group, n) for group in summary.groups[:MOST_ROWS]],
        numbers=(1, 2, 3, 4, 5),
    )
    return make_section(
        "groups", "Groups of recordings", explained, table, say_more(len(summary.groups), "group")
    )


def _make_group_row(group: Group, n_groups: int) -> tuple[str, ...]:
    return (
        f"{escape(group.kind, most=40)} {make_code(group.name)}",
        format_count(group.n_recordings),
        format_count(group.n_marked),
        format_duration(group.seconds),
        typeset_p(group.log10_p(n_groups)),
        typeset_p(group.log10_p_mixture(n_groups)),
    )


def _tell_unread(summary: Summary, unread: Sequence[Finding]) -> str:
    n = max(summary.n_unread, len(unread))
    if not n:
        return ""
    shown = unread[:_MOST_UNREAD]
    kinds = ", ".join(
        f"{format_count(summary.statuses[status])} {status}"
        for status in MEANINGS
        if status in UNREAD and summary.statuses[status]
    )
    table = make_table(
        f"{say_count(len(shown), 'recording')} that could not be read to the end",
        ("Recording", "Status", "Reason", "Remedy"),
        [
            (
                make_code(one.id),
                escape(one.status),
                f"<bdi>{escape(one.message, most=300)}</bdi>",
                f"<bdi>{escape(one.remedy, most=300)}</bdi>",
            )
            for one in shown
        ],
    )
    return make_section(
        "unread",
        "Not read",
        f"<p>By status: {kinds}. Nothing is known about the unread parts of these recordings.</p>"
        if kinds
        else "",
        table if shown else "",
        say_more(n, "recording", shown=len(shown)),
    )


def _tell_formats(summary: Summary) -> str:
    if not summary.formats:
        return ""
    rows = [
        (escape(name, most=60), format_count(n))
        for name, n in list(summary.formats.items())[:MOST_ROWS]
    ]
    table = make_table("How recordings are stored", ("Format", "Recordings"), rows, numbers=(1,))
    return make_section("formats", "Formats", table, say_more(len(summary.formats), "format"))


def _tell_job(job: RunInfo) -> str:
    inputs = [make_code(one) for one in job.inputs[:_MOST_INPUTS]]
    if len(job.inputs) > _MOST_INPUTS:
        inputs.append(f"and {format_count(len(job.inputs) - _MOST_INPUTS)} more")
    versions = [f"{escape(name, most=40)} {escape(v, most=40)}" for name, v in job.versions.items()]
    facts = {
        "Scanned": "<br>".join(inputs),
        "Detector": escape(job.detector),
        "Libraries": ", ".join(versions),
        "Began": escape(format_date(job.began), most=40),
        "Ended": escape(format_date(job.ended), most=40),
        "Took": f"{format_duration(job.wall_s)} with {say_count(job.n_workers, 'worker')}",
        "Reported at": f"p ≤ {format_expected(FOUND_FPR)}",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items() if value)
    command = f"<pre>{make_code(job.command, most=20_000)}</pre>" if job.command else ""
    return make_section("scan", "How to repeat it", command, f'<dl class="plain">{listed}</dl>')
