"""Sealed speech, and its seal at the true numbers.

A search over all numbers takes long.  The true ones are known here, and those around them; what is
found pays for all that a key's owner would have searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sottovoce as sv
from sottovoce.core.embedding import SignSource
from sottovoce.core.seal_search import USUAL_STRETCHES, SealSearch
from sottovoce.core.seal_signs import N_STARTS
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.attacks import Audio
    from sottovoce.core.seal import SealMatch
    from sottovoce.core.stretch import Stretch

__all__ = ["mark_sealed", "numbers_around", "search_seal"]

_N_AROUND = 3


def mark_sealed(
    y: Audio,
    sr: int,
    notice: sv.Notice,
    *,
    key: bytes,
    phase_s: float,
    strength_db: float,
    rng: np.random.Generator,
) -> tuple[Audio, int]:
    """Mark and seal speech; return it with the number of the pattern's first superframe."""
    protector = sv.Protector(
        sr=sr, notice=notice, strength_db=strength_db, phase_s=phase_s, seal_key=key
    )
    # The protector draws a number that nobody could draw again.
    number = int(rng.integers(FORMAT_1.n_seal_starts))
    protector._signs = SignSource(notice, seal_key=key, first_superframe=number)
    return protector.process(y, last=True), number


def numbers_around(number: int) -> range:
    """Return the true number of the first superframe, and those around it."""
    return range(max(number - _N_AROUND, 0), number + _N_AROUND)


def search_seal(
    y: Audio, sr: int, key: bytes, starts: range, stretch: Stretch | None = None
) -> SealMatch:
    """Search some numbers, and pay for all; for all usual stretches, too, where one is given."""
    search = SealSearch(
        sr=sr,
        keys=[key],
        starts=starts,
        n_starts=N_STARTS,
        stretch=stretch,
        n_stretches=1 if stretch is None else len(USUAL_STRETCHES),
    )
    search.process(y)
    search.finish()
    return search.matches()[0]
