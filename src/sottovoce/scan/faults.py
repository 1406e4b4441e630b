"""`Cause`: reasons for a failure that programs, and not only people, must distinguish."""

from __future__ import annotations

from typing import ClassVar, Literal

from sottovoce.errors import UnreadableAudioError, UnsupportedFormatError

__all__ = ["Cause", "NoColumnError", "TooMuchError", "cause_of"]

Cause = Literal["", "too much", "no column"]
"""*too much*: it needs, or declares, more memory or time than allowed, and would do so again.
*no column*: a column that was named does not exist.  Empty: any other reason."""


class TooMuchError(UnreadableAudioError):
    """A data set that exceeds a limit, or declares that it would."""

    cause: ClassVar[Cause] = "too much"


class NoColumnError(UnsupportedFormatError):
    """A table without the column that was named."""

    cause: ClassVar[Cause] = "no column"


def cause_of(err: Exception) -> Cause:
    """Return the cause of an error, if it is one that programs distinguish."""
    cause: Cause = getattr(err, "cause", "")
    return cause
