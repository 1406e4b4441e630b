"""What is wrong with a data set where programs must know it, and not only people: `Cause`."""

from __future__ import annotations

from typing import ClassVar, Literal

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError

__all__ = ["Cause", "NoColumnError", "TooMuchError", "cause_of"]

Cause = Literal["", "too much", "no column"]
"""*too much*: it takes, or declares, more memory or time than it may, and would the next time.
*no column*: a column that was named is not there.  Empty: whatever else."""


class TooMuchError(UnreadableAudioError):
    """A data set that takes, or declares, more than it may."""

    cause: ClassVar[Cause] = "too much"


class NoColumnError(UnsupportedFormatError):
    """A table without the column that was named."""

    cause: ClassVar[Cause] = "no column"


def cause_of(err: Exception) -> Cause:
    """Return why something failed, as far as programs must know it."""
    cause: Cause = getattr(err, "cause", "")
    return cause
