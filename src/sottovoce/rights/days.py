"""Days of statements and grants: calendar days, as contracts count them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sottovoce.errors import ParameterError

__all__ = ["add_years", "parse_day", "present_day"]


def present_day() -> date:
    """Return the present day, in UTC."""
    return datetime.now(tz=UTC).date()


def parse_day(text: str) -> date:
    """Parse a day such as 2026-11-27.

    Raises
    ------
    ParameterError
        If it is anything else, or no day of the calendar.
    """
    try:
        day = date.fromisoformat(text)
        if day.isoformat() != text:
            raise ValueError(text)  # noqa: TRY301 - fromisoformat knows other spellings
    except ValueError as err:
        raise ParameterError(
            f"{text!r} is not a day", remedy="Write it as year, month and day: 2026-11-27."
        ) from err
    return day


def add_years(day: date, n_years: int) -> date:
    """Return the same day some years later; 1 March in place of a missing 29 February.

    Raises
    ------
    ParameterError
        If the calendar ends before it.

    Examples
    --------
    >>> add_years(date(2028, 2, 29), 1)
    datetime.date(2029, 3, 1)
    """
    if day.year + n_years > date.max.year:
        raise ParameterError(f"{day} is too far in the future", remedy="Check the year.")
    try:
        return day.replace(year=day.year + n_years)
    except ValueError:
        return date(day.year + n_years, 3, 1)
