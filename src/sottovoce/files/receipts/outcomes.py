"""The outcome by which a protected file is counted."""

from __future__ import annotations

__all__ = ["COUNTED", "is_left", "name_outcome"]

COUNTED = ("marked", "copied", "already marked", "without sound", "failed")
"""The outcomes by which files are counted, in the order of the last line."""


def is_left(source: str, path: str, *, in_place: bool) -> bool:
    """Return whether a file that needs no mark stayed where it is instead of being copied.

    Parameters
    ----------
    source, path : str
        As in `Protected`.
    in_place : bool
        Whether files are replaced.
    """
    return in_place or source == path


def name_outcome(status: str, *, left: bool) -> str:
    """Return the outcome by which a file is counted: one of `COUNTED`.

    Parameters
    ----------
    status : str
        Status of `Protected`, or ``"error"``.
    left : bool
        The result of `is_left`.
    """
    if status == "already":
        return "already marked" if left else "copied"
    return {"silent": "without sound", "error": "failed"}.get(status, status)
