"""The report of a scan as one self-contained HTML page, for those accountable for the data.

Text from a data set is treated as hostile: it is bounded, made harmless and escaped before it gets
into the page (`sottovoce.scan.reports.html`), and the page forbids itself scripts and requests.
"""

from __future__ import annotations

import base64
import hashlib
import html
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from sottovoce.files.times import format_date
from sottovoce.files.writing import atomic_path
from sottovoce.scan.reports.html import escape
from sottovoce.scan.reports.sections import make_sections
from sottovoce.scan.reports.wording import format_count, say_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.reports.run_info import RunInfo
    from sottovoce.scan.reports.summary import Summary

__all__ = ["write_report"]


def write_report(
    path: Path,
    *,
    job: RunInfo,
    summary: Summary,
    strongest: Sequence[Finding],
    unread: Sequence[Finding],
) -> None:
    """Write the report of a scan, atomically.

    Parameters
    ----------
    path : pathlib.Path
        The HTML file.
    job : RunInfo
        What was scanned, how and when.
    summary : Summary
        Its figures.
    strongest : sequence of Finding
        Strongest findings, strongest first; 50 are shown.
    unread : sequence of Finding
        Recordings that were not read to their end; 200 are shown.  Their total is taken
        from `summary`.

    Raises
    ------
    AudioFileError
        If the file cannot be written.

    Notes
    -----
    The same arguments give the same bytes.
    """
    sections = make_sections(job, summary, strongest=strongest, unread=unread)
    style = _read("page.css").strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    verdict = say_verdict(summary)
    page = Template(_read("page.html")).substitute(
        # Only the style sheet above is let through: no script, no request, no other style.
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'",
        title=html.escape(f"Do-not-train marks: {verdict}"),
        style=style,
        when=f", {escape(format_date(job.ended), most=40)}" if job.ended else "",
        verdict=_stress(verdict, summary),
        figures=_make_figures(summary),
        contents="".join(f'<a href="#{name}">{title}</a>' for name, title, _ in sections),
        sections="\n".join(section for _, _, section in sections),
        detector=escape(job.detector),
    )
    with atomic_path(path) as part:
        part.write_text(page, encoding="utf-8", newline="\n")


def _read(name: str) -> str:
    return (resources.files("sottovoce.scan.reports") / name).read_text("utf-8")


def _stress(verdict: str, summary: Summary) -> str:
    """Return the verdict as HTML, with the number of marked recordings emphasised."""
    text = html.escape(verdict)
    if not summary.n_marked:
        return text
    count = format_count(summary.n_marked)
    return f"<strong>{count}</strong>{text.removeprefix(count)}"


def _make_figures(summary: Summary) -> str:
    hours = summary.seconds / 3600
    figures = {
        "recordings": format_count(summary.n_recordings),
        "hours of audio read": f"{hours:,.1f}" if hours >= 0.95 else f"{hours:.2g}",
        "carry a mark": format_count(summary.n_marked),
        "too short or too quiet to tell": format_count(summary.statuses["undetermined"]),
        "not read to the end": format_count(summary.n_unread),
    }
    refused = "carry a mark" if summary.n_marked else ""
    listed = "".join(
        f"<div><dt>{name}</dt><dd{' class=refused' if name == refused else ''}>{value}</dd></div>"
        for name, value in figures.items()
    )
    return f'<dl class="figures">{listed}</dl>'
