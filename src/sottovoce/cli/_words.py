"""Numbers, names and marks in words that need no documentation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sottovoce.files.escaping import make_harmless
from sottovoce.files.notices import describe_notice

if TYPE_CHECKING:
    from sottovoce import Voice

__all__ = [
    "describe_voice",
    "format_chance",
    "format_p",
    "format_path",
]

_POWERS_FROM = 12
_LARGE = ((9, " billion"), (6, " million"), (0, ""))


def describe_voice(voice: Voice) -> str:
    """Return what the mark of a voice says."""
    if voice.notice is None:
        return "marked; owner not decoded yet (needs more sound)"
    return describe_notice(voice.notice)


def format_path(path: object) -> str:
    """Return a path that is safe to show: control characters and stray bytes escaped."""
    return make_harmless(path)


def format_p(log10_p: float) -> str:
    """Return what is known of a p-value; a small one is rounded up to a power of ten.

    Examples
    --------
    >>> format_p(-1234.5), format_p(-6.0), format_p(-1.3)
    ('p ≤ 10^-1234', 'p ≤ 10^-6', 'p = 0.05')
    """
    if log10_p > -3:
        return f"p = {10**log10_p:.2g}"
    return f"p ≤ 10^{math.ceil(log10_p)}"


def format_chance(log10_p: float) -> str:
    """Return a probability as odds, rounded up to one digit.

    Examples
    --------
    >>> format_chance(-1234.5), format_chance(-7.0), format_chance(-3.5), format_chance(-0.01)
    ('1 in 10^1234', '1 in 10 million', '1 in 3,000', '1 in 1')
    """
    exponent = math.floor(-log10_p)
    if exponent >= _POWERS_FROM:
        return f"1 in 10^{exponent}"
    digit = math.floor(10 ** (-log10_p - exponent) + 1e-9)
    unit, word = next((unit, word) for unit, word in _LARGE if exponent >= unit)
    return f"1 in {digit * 10 ** (exponent - unit):,}{word}"
