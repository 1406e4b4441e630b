"""Progress of a scan: a line that changes on a terminal, a line every half minute in a log."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from sottovoce.cli import _output
from sottovoce.cli._live import show_in_place
from sottovoce.files.times import format_time

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live

    from sottovoce.scan import Finding

__all__ = ["ScanProgress"]

_LINE_S = 30.0
_SHOW_S = 0.2


class ScanProgress:
    """Count findings and show them on stderr.

    Parameters
    ----------
    total : int or None
        Number of recordings; None if there were too many to count.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._stack = ExitStack()
        self._live: Live | None = None
        self._began_s = self._shown_s = time.monotonic()
        self._n = self._n_marked = self._n_unread = self._n_resumed = 0
        self._seconds = 0.0

    def __enter__(self) -> Self:
        """Start; on a terminal, with a line that changes in place."""
        if sys.stderr.isatty():
            self._live = self._stack.enter_context(show_in_place(stderr=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the line, and leave the last figures."""
        self._stack.close()
        if self._n:
            _output.explain(self.describe())

    def show(self, finding: Finding, *, n_resumed: int, examined_s: float) -> None:
        """Count one finding; `examined_s` is the sound that was read so far in this run."""
        # Recordings known before took no time, and say nothing about the speed.
        self._n_resumed, self._seconds = n_resumed, examined_s
        self._n += 1
        self._n_marked += finding.marked
        self._n_unread += finding.unread
        period_s = _LINE_S if self._live is None else _SHOW_S
        if time.monotonic() - self._shown_s >= period_s:
            self._shown_s = time.monotonic()
            if self._live is None:
                _output.explain(self.describe())
            else:
                self._live.update(self.describe())

    def describe(self) -> str:
        """Return the figures in a line."""
        from sottovoce.scan.reports.wording import format_duration, say_count

        wall_s = max(time.monotonic() - self._began_s, 1e-3)
        n_new = self._n - self._n_resumed
        parts = [say_count(self._n, "recording")]
        if self._total is not None:
            parts = [f"{self._n:,} of {say_count(self._total, 'recording')}"]
        if self._seconds:
            parts.append(f"{format_duration(self._seconds)} of sound")
            speed = self._seconds / wall_s
            parts.append(f"{speed:,.{0 if speed >= 10 else 1}f} times real time")
        parts.append(f"{self._n_marked:,} marked")
        if self._n_unread:
            parts.append(f"{self._n_unread:,} not read")
        if self._n_resumed:
            parts.append(f"{self._n_resumed:,} already known")
        if self._total is not None and n_new and self._n < self._total:
            parts.append(f"{format_time((self._total - self._n) * wall_s / n_new)} left")
        return ", ".join(parts)
