"""Other watermarks, run on the same clips: one adapter each.

An adapter has a `name`, ``mark(y, sr, rng) -> y`` and ``score(y, sr) -> float``, which is more
where a mark is the likelier; see README.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import sottovoce as sv

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.attacks import Audio

__all__ = ["Peer", "Sottovoce"]


class Peer(Protocol):
    """A watermark under test."""

    name: str

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at the same rate."""

    def score(self, y: Audio, sr: int) -> float:
        """Return how much the audio looks marked."""


class Sottovoce:
    """Standard strength; the score is minus the logarithm of the proved p-value."""

    name = "sottovoce"

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at a random phase."""
        notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
        return sv.protect(y, sr=sr, notice=notice, phase_s=float(rng.uniform(0, 10)))

    def score(self, y: Audio, sr: int) -> float:
        """Return -log10 p."""
        return -sv.detect(y, sr=sr).log10_p
