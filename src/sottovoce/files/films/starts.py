"""When a stream begins."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

__all__ = ["start_of"]


def start_of(stream: Any) -> Fraction:  # noqa: ANN401 - PyAV is imported late
    """Return when a stream begins to sound, in seconds; what a player drops does not."""
    return Fraction((stream.start_time or 0) * stream.time_base)
