"""Figures that come out the same each time: one style, no screen, no date in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["save", "subplot_grid", "subplots"]


def subplots(*, width: float = 7.0, height: float = 4.0) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches and its axes."""
    return plt.subplots(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG and close the figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def subplot_grid(n: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of a size in inches and `n` axes side by side."""
    figure, grid = plt.subplots(1, n, figsize=(width, height), layout="constrained", squeeze=False)
    return figure, list(grid[0])
