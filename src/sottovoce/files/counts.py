"""Counts as people read them."""

from __future__ import annotations

__all__ = ["say_count"]


def say_count(n: int, noun: str) -> str:
    """Return a count and its noun, with a plural s where needed.

    Examples
    --------
    >>> say_count(1, "recording"), say_count(2000, "recording")
    ('1 recording', '2,000 recordings')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
