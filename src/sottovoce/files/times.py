"""Times as players show them."""

from __future__ import annotations

__all__ = ["format_time"]


def format_time(seconds: float) -> str:
    """Return a duration, or a position in a recording, to the nearest second.

    Examples
    --------
    >>> format_time(4.21), format_time(24.7), format_time(83), format_time(3 * 3600 + 62)
    ('0:04', '0:25', '1:23', '3:01:02')
    """
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
