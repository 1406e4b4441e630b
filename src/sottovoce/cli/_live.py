"""`LiveBoard`: a display that changes in place on a capable terminal; elsewhere, only lines."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from sottovoce.cli import _output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from rich.live import Live

__all__ = ["LiveBoard", "show_in_place"]

_SHAPES = "●█░╭─╮│╰╯"


class LiveBoard:
    """A display that a command keeps updating; a context manager.

    Parameters
    ----------
    refresh_per_second : float
        How often it is drawn.
    drawn : bool
        Whether to draw it, where that is possible.
    """

    def __init__(self, *, refresh_per_second: float, drawn: bool = True) -> None:
        self._refresh_per_second = refresh_per_second
        self._drawn = drawn
        self._stack = ExitStack()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start, on a terminal with a display that changes in place."""
        if self._drawn and _can_draw():
            live = show_in_place(refresh_per_second=self._refresh_per_second)
            self._live = self._stack.enter_context(live)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the display."""
        self._stack.close()


@contextmanager
def show_in_place(*, refresh_per_second: float = 4.0, stderr: bool = False) -> Iterator[Live]:
    """Show a display that changes in place; lines that are written meanwhile appear above it.

    Parameters
    ----------
    refresh_per_second : float
        How often it is drawn.
    stderr : bool
        Whether it is on stderr instead of stdout.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=stderr)
    live = Live(console=console, refresh_per_second=refresh_per_second, transient=True)
    with _output.lines_above(console), live:
        yield live


def _can_draw() -> bool:
    """Return whether stdout is a terminal that can redraw and can show the shapes."""
    if not sys.stdout.isatty() or os.environ.get("TERM") in ("", "dumb", "unknown"):
        return False
    try:
        _SHAPES.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
