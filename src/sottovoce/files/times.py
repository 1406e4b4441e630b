"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime

__all__ = ["format_date", "format_day", "format_seconds", "format_time"]


def format_seconds(seconds: float) -> str:
    """Return seconds to the nearest tenth, the same for a length and for its value in a result.

    Results hold milliseconds: rounding these again must not give another tenth.

    Examples
    --------
    >>> format_seconds(0.1504), format_seconds(0.15), format_seconds(24.73)
    ('0.2', '0.2', '24.7')
    """
    return f"{(round(1e3 * seconds) + 50) // 100 / 10:.1f}"


def format_day(day: date) -> str:
    """Return a day of the calendar.

    Examples
    --------
    >>> format_day(date(2026, 11, 27))
    '27 November 2026'
    """
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def format_date(text: str) -> str:
    """Return an ISO 8601 time as a date and a time in UTC; any other text as it is.

    Examples
    --------
    >>> format_date("2026-11-08T09:05:30+00:00"), format_date("2026-11-08T09:05:30+02:00")
    ('8 November 2026, 09:05 UTC', '8 November 2026, 07:05 UTC')
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    if when.tzinfo is None:
        return text
    when = when.astimezone(UTC)
    return f"{format_day(when)}, {when:%H:%M} UTC"


# Not strftime's, which depend on the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


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
