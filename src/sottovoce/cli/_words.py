"""Numbers, names and marks in words that need no documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import describe_policy
from sottovoce.files.escaping import make_harmless

if TYPE_CHECKING:
    from sottovoce import Notice, Voice

__all__ = [
    "describe_notice",
    "describe_voice",
    "format_p",
    "format_path",
    "make_notice",
    "make_voice",
]


def describe_voice(voice: Voice) -> str:
    """Return what the mark of a voice says."""
    if voice.notice is None:
        return "marked; owner not readable yet (needs more sound)"
    return describe_notice(voice.notice)


def describe_notice(notice: Notice) -> str:
    """Return who refuses what, and since when."""
    who = f"owner {format_owner_id(notice.owner_id)}" if notice.owner_id else "anonymous"
    return f"{describe_policy(notice.policy)}; {who}; since {notice.year}"


def format_path(path: object) -> str:
    """Return a path that is safe to show: control characters and stray bytes escaped."""
    return make_harmless(path)


def make_notice(notice: Notice | None) -> dict[str, int | str] | None:
    """Return the fields of a notice for JSON, with the owner id also as people write it."""
    if notice is None:
        return None
    return {**notice.to_dict(), "owner": format_owner_id(notice.owner_id)}


def make_voice(voice: Voice) -> dict[str, Any]:
    """Return the fields of a voice for JSON; for one release the notice as `payload` as well."""
    notice = make_notice(voice.notice)
    return {**voice.to_dict(), "notice": notice, "payload": notice}


def format_p(log10_p: float) -> str:
    """Return a p-value that may be far too small for a float.

    Examples
    --------
    >>> format_p(-1234.5), format_p(-1.3)
    ('3e-1235', '0.05')
    """
    if log10_p > -3:
        return f"{10**log10_p:.2g}"
    exponent = int(log10_p // 1)
    digit = round(10 ** (log10_p - exponent))
    return f"1e{exponent + 1}" if digit == 10 else f"{digit}e{exponent}"
