"""Numbers, names and verdicts of a scan in words that all its reports share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.files.counts import say_count
from sottovoce.scan.finding import TRAINING
from sottovoce.scan.reports.licensed import say_licensed

if TYPE_CHECKING:
    from sottovoce.scan.finding import Status, Training
    from sottovoce.scan.reports.summary import Summary

__all__ = [
    "LIMITS",
    "MEANINGS",
    "MOST_ROWS",
    "NOT_COMPLETE",
    "NOT_READABLE",
    "format_count",
    "format_duration",
    "format_expected",
    "format_power",
    "name_owner",
    "say_count",
    "say_expected_false",
    "say_more",
    "say_training",
    "say_verdict",
    "say_why_all",
    "typeset_p",
]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

MOST_ROWS = 100
"""Rows of a table that a report shows."""

MEANINGS: dict[Status, str] = {
    "marked": "A do-not-train mark was found: p at most 10⁻⁶. Leave these out of training, whatever"
    " uses their marks name: a use that a mark does not name is not thereby allowed.",
    "suspected": "Weak evidence of a mark, p at most 10⁻³. Not a finding: among many recordings,"
    " some look like this by chance.",
    "clean": "Read to the end, long enough to tell, and no mark was found.",
    "undetermined": "No mark was found, but the recording is too short or too quiet to tell.",
    "partial": "No mark found in the readable part; nothing is known about the rest.",
    "error": "Could not be read, or decoding failed. Nothing is known about these.",
    "timeout": "Exceeded the time limit. Nothing is known about these.",
    "crashed": "The process that read it crashed. Nothing is known about these.",
    "unsupported": "Unsupported file type. Nothing is known about these.",
}
"""What each status means, in the order in which they are shown."""
_SAID: dict[Training, tuple[str, str]] = {
    "refused": ("refuses training", "refuse training"),
    "refused in part": ("refuses training some models", "refuse training some models"),
    "not readable": (
        "carries a mark that is not readable, which is treated as refusing training",
        "carry marks that are not readable, which is treated as refusing training",
    ),
    "not named": (
        "carries a mark that does not name training",
        "carry marks that do not name training",
    ),
}
"""What marks say about training, for one recording and for several."""

NOT_READABLE = "not readable; treated as refusing training"
"""Shown in place of a policy that could not be read."""

NOT_COMPLETE = "This scan is not complete: recordings not reached yet are not in these figures."
"""Shown for a scan that is running, or was interrupted."""

LIMITS = (
    "Finding no mark does not show that there is none, and never that training is allowed. A"
    " mark may be too short, too noisy or stripped, and someone who refuses may have marked"
    " nothing.",
    "A p-value is an upper bound on the probability that an unmarked recording looks as marked"
    " as this one does. It is not the probability that the recording is unmarked.",
    "The pattern is public, and anyone can write it with any owner id. A finding shows that"
    " there is a mark, not who wrote it; a signature by the owner's key shows that.",
    "A scan says nothing about the recordings that could not be read.",
)
"""What a scan does not prove."""


def format_count(n: int) -> str:
    """Return a count with thousands separators.

    Examples
    --------
    >>> format_count(1234567)
    '1,234,567'
    """
    return f"{n:,}"


def format_power(exponent: int) -> str:
    """Return a power of ten.

    Examples
    --------
    >>> format_power(-6), format_power(0)
    ('10⁻⁶', '1')
    """
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}" if exponent else "1"


def typeset_p(log10_p: float | None) -> str:
    """Return a p-value, as a power of ten where it is small.

    Examples
    --------
    >>> typeset_p(-1234.5), typeset_p(-6.0), typeset_p(-1.3), typeset_p(0.0), typeset_p(None)
    ('3.2 · 10⁻¹²³⁵', '1.0 · 10⁻⁶', '0.05', '1', 'none')
    """
    if log10_p is None or not math.isfinite(log10_p):
        return "none"
    if log10_p > -3:
        return f"{10**log10_p:.2g}"
    exponent = math.floor(log10_p)
    digits = round(10 ** (log10_p - exponent), 1)
    if digits >= 10:
        digits, exponent = 1.0, exponent + 1
    return f"{digits:.1f} · {format_power(exponent)}"


def format_expected(n: float) -> str:
    """Return an expected number, to two digits if it is small.

    Examples
    --------
    >>> format_expected(0.012345), format_expected(0.0), format_expected(12.3)
    ('0.012', '0', '12')
    >>> format_expected(1e-6), format_expected(12345.6)
    ('1.0 · 10⁻⁶', '12,346')
    """
    if 0 < n < 1e-3:
        return typeset_p(math.log10(n))
    return f"{n:,.0f}" if n >= 10 else f"{n:.2g}"


def format_duration(seconds: float) -> str:
    """Return a length of time in a suitable unit.

    Examples
    --------
    >>> format_duration(12.34), format_duration(600), format_duration(4_500_000)
    ('12.3 seconds', '10.0 minutes', '1,250.0 hours')
    """
    if seconds < 120:
        return f"{seconds:.1f} seconds"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def say_verdict(summary: Summary) -> str:
    """Return the result of a scan in one sentence, or in two if it is not complete.

    Parameters
    ----------
    summary : Summary
        Figures of the scan.

    Returns
    -------
    said : str
        Ends with a full stop.
    """
    said = [_say_found(summary), say_licensed(summary.licensed)]
    if not summary.complete:
        said.append(NOT_COMPLETE)
    return " ".join(filter(None, said))


def _say_found(summary: Summary) -> str:
    n, n_marked, n_unread = summary.n_recordings, summary.n_marked, summary.n_unread
    passed = _say_passed(summary)
    if n == 0:
        if passed or not summary.complete:
            return f"No recording was scanned{passed}."
        return "There was nothing to scan."
    # A recording that was read in part is not simply unread.
    reading = "be read to the end" if summary.statuses["partial"] else "be read"
    if n_unread == n:
        return f"None of {say_count(n, 'recording')} could {reading}{passed}."
    unread = f"; {format_count(n_unread)} could not {reading}" if n_unread else ""
    unread += passed
    if n_marked == 0:
        return f"No mark was found in {say_count(n, 'recording')}{unread}."
    marked = f"{format_count(n_marked)} of {say_count(n, 'recording')}"
    of_training = [said for said in TRAINING if summary.training[said]]
    if len(of_training) == 1:
        return f"{marked} {_SAID[of_training[0]][n_marked != 1]}{unread}."
    return f"{marked} {'carries' if n_marked == 1 else 'carry'} a do-not-train mark{unread}."


def _say_passed(summary: Summary) -> str:
    n = summary.n_not_looked_at
    were = "was" if n == 1 else "were"
    return f"; {say_count(n, 'file')} that may hold sound {were} not examined" if n else ""


def say_training(summary: Summary) -> str:
    """Return what the marks found say about training, unless they all say the same.

    Parameters
    ----------
    summary : Summary
        Figures of the scan.

    Returns
    -------
    sentence : str
        Ends with a full stop; empty if `say_verdict` says it already.
    """
    parts = [
        f"{format_count(n)} {_SAID[said][n != 1]}"
        for said in TRAINING
        if (n := summary.training[said])
    ]
    return f"Of the marked recordings, {'; '.join(parts)}." if len(parts) > 1 else ""


def say_why_all(summary: Summary) -> str:
    """Return why all marked recordings are left out; empty if all of them refuse training.

    Parameters
    ----------
    summary : Summary
        Figures of the scan.

    Returns
    -------
    sentence : str
        Ends with a full stop.
    """
    if summary.n_marked == summary.training["refused"]:
        return ""
    return (
        "All marked recordings are left out, whatever their policy: a mark does not allow what it"
        " does not name, and someone else may have written another claim over it."
    )


def say_expected_false(summary: Summary) -> str:
    """Return a sentence on how many false alarms the p-values allow.

    Parameters
    ----------
    summary : Summary
        Figures of the scan.

    Returns
    -------
    sentence : str
        Ends with a full stop.
    """
    if not summary.n_tested:
        return "No recording could be tested, so none could be reported by chance."
    expected = format_expected(summary.expected_false)
    noun = "recording" if expected == "1" else "recordings"
    return (
        f"If nothing were marked, at most {expected} {noun} would be reported by chance,"
        " on average."
    )


def name_owner(owner_id: int) -> str:
    """Return an owner id as text, or "anonymous" for 0."""
    return format_owner_id(owner_id) if owner_id else "anonymous"


def say_more(n: int, noun: str, *, shown: int = MOST_ROWS) -> str:
    """Return how many entries of a table are not shown; empty if none."""
    if n <= shown:
        return ""
    return f'<p class="soft">{say_count(n - shown, f"more {noun}")}, not shown here.</p>'
