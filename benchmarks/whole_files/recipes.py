"""All recipes by the name of their file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.whole_files import cuts, damage, formats, headers, joins, streams, tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.whole_files.sound import Made, Workshop

__all__ = ["RECIPES", "make"]

RECIPES: dict[str, Callable[[Workshop], Made]] = {
    **formats.RECIPES,
    **headers.RECIPES,
    **streams.RECIPES,
    **joins.RECIPES,
    **tracks.RECIPES,
    **cuts.RECIPES,
    **damage.RECIPES,
}


def make(ws: Workshop) -> Made:
    """Make the file that a workshop is named after."""
    try:
        return RECIPES[ws.name](ws)
    finally:
        ws.clean()
