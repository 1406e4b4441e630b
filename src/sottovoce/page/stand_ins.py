"""Give the page's substitutes for libraries the names of those that they stand in for."""

from __future__ import annotations

import sys

from sottovoce.page import av, soundfile
from sottovoce.page.av import error, stream

__all__ = ["install"]


def install() -> None:
    """Make ``import av`` and ``import soundfile`` find the page's own, in the worker alone."""
    sys.modules.update(
        {"av": av, "av.error": error, "av.stream": stream, "soundfile": soundfile},
    )
