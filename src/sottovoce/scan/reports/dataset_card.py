"""A section for the card of a data set: what was searched for, what was found, how to repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.core.policy import describe_policy
from sottovoce.files.escaping import escape_markdown, make_markdown_code
from sottovoce.files.kinds import describe_kinds
from sottovoce.files.times import format_date
from sottovoce.files.writing import atomic_path
from sottovoce.scan.reports.licensed import say_warnings
from sottovoce.scan.reports.wording import (
    LIMITS,
    NOT_READABLE,
    format_count,
    format_duration,
    name_owner,
    say_expected_false,
    say_training,
    say_verdict,
    say_why_all,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.scan.reports.run_info import RunInfo
    from sottovoce.scan.reports.summary import Summary

__all__ = ["write_card"]

_MOST_ROWS = 20
_MOST_COMMANDS = 100


def write_card(path: Path, *, job: RunInfo, summary: Summary) -> None:
    """Write a Markdown section for the card of a data set, atomically.

    Parameters
    ----------
    path : pathlib.Path
        The Markdown file; paste its text into a README.
    job : RunInfo
        What was scanned, how and when.
    summary : Summary
        Its figures.

    Raises
    ------
    AudioFileError
        If the file cannot be written.

    Notes
    -----
    The same arguments give the same bytes.  The section contains no ids of recordings.
    """
    parts = [
        "## Do-not-train marks",
        f"**{say_verdict(summary)}**",
        say_training(summary),
        _tell_totals(job, summary),
        say_expected_false(summary),
        _tell_refusals(summary),
        _tell_licensed(summary),
        _tell_exclusion(job, summary),
        "### How to repeat it",
        _tell_job(job),
        "### What this does not show",
        "\n".join(f"- {limit}" for limit in LIMITS),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _escape(text: object, *, most: int = 160) -> str:
    return escape_markdown(text, most=most)


def _code(text: object, *, most: int = 160) -> str:
    return make_markdown_code(text, most=most)


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {a} | {b} |" for a, b in [head, ("---", "---:"), *rows]]
    return "\n".join(lines)


def _tell_totals(job: RunInfo, summary: Summary) -> str:
    rows = [
        ("Recordings", format_count(summary.n_recordings)),
        ("Audio read", format_duration(summary.seconds)),
        *((_CARD_STATUSES[name], format_count(summary.statuses[name])) for name in _CARD_STATUSES),
        ("Not read to the end", format_count(summary.n_unread)),
    ]
    if summary.not_looked_at:
        kinds = describe_kinds(summary.not_looked_at, show=_escape)
        rows.append(("Files not examined", kinds))
    if summary.may_hold_sound:
        kinds = describe_kinds(summary.may_hold_sound, show=_escape)
        rows.append(("Of these, files that may hold sound", kinds))
    if job.ended:
        rows.append(("Scanned on", _escape(format_date(job.ended), most=40)))
    rows.append(("Detector", _escape(job.detector)))
    return _table(("", ""), rows)


_CARD_STATUSES = {
    "marked": "Marked (p ≤ 10⁻⁶)",
    "suspected": "Suspected (p ≤ 10⁻³), not a finding",
    "clean": "No mark found",
    "undetermined": "Too short or too quiet to tell",
}


def _tell_refusals(summary: Summary) -> str:
    by_count = sorted(summary.owners.items(), key=lambda item: (-item[1], item[0]))
    rows = [(_escape(name_owner(owner)), format_count(n)) for owner, n in by_count[:_MOST_ROWS]]
    if len(by_count) > _MOST_ROWS:
        rows.append((f"{format_count(len(by_count) - _MOST_ROWS)} more owners", ""))
    if summary.n_unread_owner:
        rows.append(("owner not readable", format_count(summary.n_unread_owner)))
    if not rows:
        return ""
    policies = sorted(summary.policies.items(), key=lambda item: (-item[1], item[0]))
    refused = [
        (_escape(describe_policy(policy), most=300), format_count(n))
        for policy, n in policies[:_MOST_ROWS]
    ]
    if summary.n_unread_owner:
        refused.append((NOT_READABLE, format_count(summary.n_unread_owner)))
    tables = [_table(("Owner", "Recordings"), rows)]
    if refused:
        tables.append(_table(("What is refused", "Recordings"), refused))
    return "\n\n".join(tables)


def _tell_licensed(summary: Summary) -> str:
    """Return the grants that released something; the sentence about them is in the verdict."""
    if summary.licensed is None:
        return ""
    counts = summary.licensed.by_serial
    rows = [
        (
            f"{_escape(name_owner(one.owner_id))}, granted to {_escape(one.grantee)} until"
            f" {one.last_day.isoformat()} (serial {_code(one.serial)}, revocation known up to"
            f" {one.revocation_known_to.isoformat()})",
            format_count(counts[one.serial]),
        )
        for one in summary.licensed.permissions
        if counts.get(one.serial)
    ]
    if not rows:
        return ""
    more = len(rows) - _MOST_ROWS
    if more > 0:
        rows = [*rows[:_MOST_ROWS], (f"{format_count(more)} more grants", "")]
    warnings = "".join(f"\n- {_escape(one, most=400)}" for one in say_warnings(summary.licensed))
    return f"### Licensed\n\n{_table(('Grant', 'Recordings'), rows)}\n{warnings}".rstrip()


def _tell_exclusion(job: RunInfo, summary: Summary) -> str:
    said = []
    if job.exclude_list:
        said.append(f"Recordings to leave out of training are listed in {_code(job.exclude_list)}.")
        said.append(say_why_all(summary))
    if job.filtered_copy:
        said.append(f"{_code(job.filtered_copy)} is the data set without them.")
    return " ".join(filter(None, said))


def _tell_job(job: RunInfo) -> str:
    versions = ", ".join(f"{_escape(name)} {_escape(v)}" for name, v in job.versions.items())
    with_versions = f", with {versions}" if versions else ""
    lines = job.command.splitlines() or ["sottovoce scan"]
    command = "\n".join(f"- {_code(line, most=2000)}" for line in lines[:_MOST_COMMANDS])
    if len(lines) == 1:
        command = command.removeprefix("- ")
    elif len(lines) > _MOST_COMMANDS:
        command += f"\n- and {len(lines) - _MOST_COMMANDS:,} more"
    return f"{command}\n\n{_escape(job.detector)}{with_versions}."
