"""Other watermarks, run on the same clips: one adapter each.

An adapter has a `name`, ``mark(y, sr, rng) -> y`` and ``score(y, sr) -> float``, which is more
where a mark is the likelier; see README.md.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, ClassVar, Protocol

import sottovoce as sv

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from benchmarks.attacks import Audio

__all__ = ["Peer", "Sottovoce", "missing_peers"]


class Peer(Protocol):
    """A watermark under test.

    Attributes
    ----------
    key : str
        In options and results, such as `perth`.
    name : str
        In tables.
    needs : dict of str
        Packages that it brings along beside NumPy and SciPy, as imported: as installed.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    needs: ClassVar[dict[str, str]]

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at the same rate."""

    def score(self, y: Audio, sr: int) -> float:
        """Return how much the audio looks marked."""


class Sottovoce:
    """Standard strength; the score is minus the logarithm of the proved p-value."""

    key: ClassVar[str] = "sottovoce"
    name: ClassVar[str] = "sottovoce"
    needs: ClassVar[dict[str, str]] = {}

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at a random phase."""
        notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
        return sv.protect(y, sr=sr, notice=notice, phase_s=float(rng.uniform(0, 10)))

    def score(self, y: Audio, sr: int) -> float:
        """Return -log10 p."""
        return -sv.detect(y, sr=sr).log10_p


def missing_peers(peers: Iterable[type[Peer]]) -> dict[str, str]:
    """Return, by key, the packages that each peer would need and that are not installed."""
    missing = {}
    for peer in peers:
        packages = [own for name, own in peer.needs.items() if not importlib.util.find_spec(name)]
        if packages:
            missing[peer.key] = "not installed: " + ", ".join(packages)
    return missing
