"""Other watermarks, run on the same clips: one adapter each.

An adapter marks, ``mark(y, sr, rng) -> y``, and scores, ``score(y, sr) -> float``, which is more
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
        The packages that it is made of and directly needs, as imported: as installed.
    rules : tuple of str
        When it counts as found: "one_percent", and "proved" where its score bounds a p-value.
    searches : tuple of bool
        What `stretched` of `score` makes a difference for.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    needs: ClassVar[dict[str, str]]
    rules: ClassVar[tuple[str, ...]]
    searches: ClassVar[tuple[bool, ...]]

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at the same rate."""

    def score(self, y: Audio, sr: int, *, stretched: bool = False) -> float:
        """Return how much the audio looks marked; `stretched` means that speed may have changed."""


class Sottovoce:
    """Standard strength; the score is minus the logarithm of the proved p-value."""

    key: ClassVar[str] = "sottovoce"
    name: ClassVar[str] = "sottovoce"
    needs: ClassVar[dict[str, str]] = {
        name: name
        for name in (
            *("click", "cryptography", "librosa", "numpy"),
            *("platformdirs", "rich", "scipy", "soundfile"),
        )
    }
    rules: ClassVar[tuple[str, ...]] = ("proved", "one_percent")
    searches: ClassVar[tuple[bool, ...]] = (False, True)

    def mark(self, y: Audio, sr: int, rng: np.random.Generator) -> Audio:
        """Return mono audio with the mark, at a random phase."""
        notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
        return sv.protect(y, sr=sr, notice=notice, phase_s=float(rng.uniform(0, 10)))

    def score(self, y: Audio, sr: int, *, stretched: bool = False) -> float:
        """Return -log10 p, of the thorough search if the audio may have been stretched."""
        return -sv.detect(y, sr=sr, thorough=stretched).log10_p


def missing_peers(peers: Iterable[type[Peer]]) -> dict[str, str]:
    """Return, by key, the packages that each peer would need and that are not installed."""
    missing = {}
    for peer in peers:
        packages = [own for name, own in peer.needs.items() if not importlib.util.find_spec(name)]
        if packages:
            missing[peer.key] = "not installed: " + ", ".join(packages)
    return missing
