"""What the page's worker calls to let eyes and ears compare an original and its marked version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.abx.excerpts import fade, read_excerpts, read_same_excerpts
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.files.reading import read_info
from sottovoce.page.bridge import answer
from sottovoce.page.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["draw", "excerpt"]

_MOST_EXCERPTS = 4


def draw(source: str, marked: str, target: str, tell: Callable[[float], None]) -> str:
    """Write what the pictures of both show.

    Parameters
    ----------
    source, marked, target : str
        Paths in the worker's file system: the original, its marked version, and a new file for
        `Pictures.to_bytes`.
    tell : callable
        Called with the share of the work that is done, 0 to 1.

    Returns
    -------
    answer : str
        JSON: `Pictures.to_dict`; or ``error`` and ``remedy``.
    """

    def work() -> dict[str, Any]:
        pictures = Pictures(source, marked, tell)
        Path(target).write_bytes(pictures.to_bytes())
        return pictures.to_dict()

    return answer(work, source)


def excerpt(
    source: str, marked: str, target: str, options: str, tell: Callable[[float], None]
) -> str:
    """Write the excerpts of both that a blind test lets a listener compare.

    Parameters
    ----------
    source, marked, target : str
        As for `draw`; the new file holds float32 samples, little-endian: of each excerpt first the
        channels of the original, then those of the marked version.
    options : str
        JSON with ``strength``, the name of a preset.
    tell : callable
        As for `draw`.

    Returns
    -------
    answer : str
        JSON: ``sr``, ``n_channels``, the ``lengths`` of the excerpts in samples and the
        ``strength_db``; or ``error`` and ``remedy``.
    """

    def work() -> dict[str, Any]:
        info = read_info(source)
        originals = read_excerpts(source, n_most=_MOST_EXCERPTS)
        tell(0.7)
        both = zip(originals, read_same_excerpts(marked, originals), strict=True)
        with Path(target).open("wb") as file:
            for pair in both:
                for one in pair:
                    file.write(fade(one.y, sr=info.sr).astype("<f4").tobytes())
        return {
            "sr": info.sr,
            "n_channels": info.n_channels,
            "lengths": [one.y.shape[1] for one in originals],
            "strength_db": STRENGTHS_DB[json.loads(options)["strength"]],
        }

    return answer(work, source)
