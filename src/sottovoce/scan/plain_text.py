"""Text from outside, made acceptable to any database."""

from __future__ import annotations

__all__ = ["clean"]

_MOST_CHARACTERS = 200


def clean(text: str, *, most: int = _MOST_CHARACTERS) -> str:
    """Return text that any database accepts: UTF-8, and of bounded length."""
    return text[:most].encode("utf-8", errors="backslashreplace").decode().replace("\0", "\\x00")
