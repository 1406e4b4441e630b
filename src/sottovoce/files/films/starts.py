"""Start time of a stream."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

__all__ = ["start_of"]


def start_of(stream: Any) -> Fraction:  # noqa: ANN401 - PyAV is imported late
    """Return when a stream starts to play, in seconds, not counting what a player drops."""
    return Fraction((stream.start_time or 0) * stream.time_base)
