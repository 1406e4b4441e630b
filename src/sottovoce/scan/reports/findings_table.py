"""Table of a report's strongest findings: who refuses what, and where the mark is."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from sottovoce.core.policy import describe_policy
from sottovoce.files.times import format_time
from sottovoce.scan.finding import notice_of
from sottovoce.scan.reports.html import escape, make_code, wrap_table
from sottovoce.scan.reports.svg import draw_voice
from sottovoce.scan.reports.wording import (
    NOT_READABLE,
    name_owner,
    say_count,
    typeset_p,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sottovoce.scan.finding import Finding

__all__ = ["MOST_FINDINGS", "make_findings_table"]

MOST_FINDINGS = 50
_MOST_VOICES = 6
_COLUMNS = ("Recording", "p", "Length", "When it is marked", "Owner", "What is refused")


def make_findings_table(strongest: Sequence[Finding]) -> str:
    """Return the table, with one row for each voice.

    Parameters
    ----------
    strongest : sequence of Finding
        Strongest first; 50 are shown.

    Returns
    -------
    table : str
        HTML.
    """
    shown = strongest[:MOST_FINDINGS]
    head = "".join(
        f'<th scope="col"{" class=n" if name == "Length" else ""}>{html.escape(name)}</th>'
        for name in _COLUMNS
    )
    rows = "".join(_make_rows(finding) for finding in shown)
    caption = f"{say_count(len(shown), 'recording')}, strongest evidence first"
    return wrap_table(caption, f"<thead><tr>{head}</tr></thead>{rows}", kind="findings")


def _make_rows(finding: Finding) -> str:
    voices = finding.voices[:_MOST_VOICES]
    n_hidden = len(finding.voices) - len(voices) + finding.n_more_voices
    span = f' rowspan="{len(voices) + bool(n_hidden)}"' if len(voices) > 1 else ""
    # A recording may be marked in the part that could be read, and damaged after it.
    said: list[str] = [] if finding.marked else [finding.status]
    said += [finding.message] if finding.message else []
    doubt = f"<small><bdi>{escape('; '.join(said))}</bdi></small>" if said else ""
    head = (
        f'<th scope="rowgroup"{span}>{make_code(finding.id, most=240)}{doubt}</th>'
        f'<td class="p"{span}>{typeset_p(finding.log10_p)}</td>'
        f'<td class="n"{span}>{format_time(finding.seconds)}</td>'
    )
    cells = [_make_voice(finding, voice) for voice in voices]
    if not cells:
        cells = ['<td class="when none">no voice could be followed</td><td></td><td></td>']
    if n_hidden:
        more = say_count(n_hidden, "more voice")
        cells.append(f'<td class="none" colspan="3">and {more}</td>')
    rows = "".join(f"<tr>{'' if i else head}{cell}</tr>" for i, cell in enumerate(cells))
    return f'<tbody class="finding">{rows}</tbody>\n'


def _make_voice(finding: Finding, voice: Mapping[str, Any]) -> str:
    drawing = draw_voice(voice, seconds=finding.seconds)
    track = f"<small><bdi>{escape(voice['track'])}</bdi></small>" if "track" in voice else ""
    when = (
        f'<td class="when">{track}{drawing}<div class="ends" aria-hidden="true"><span>0:00</span>'
        f"<span>{format_time(finding.seconds)}</span></div></td>"
    )
    notice = notice_of(voice)
    if notice is None:
        return f'{when}<td class="none">not readable</td><td class="none">{NOT_READABLE}</td>'
    owner = escape(name_owner(notice["owner_id"]))
    policy = escape(describe_policy(notice["policy"]), most=300)
    since = escape(notice["year"], most=20)
    return f"{when}<td>{owner}<small>since {since}</small></td><td>{policy}</td>"
