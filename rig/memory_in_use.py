"""Memory that this process and those under it take together, as Linux counts it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

__all__ = ["PeakMemory"]

_SAMPLE_S = 0.2


class PeakMemory:
    """The most memory in use while the context lasts: proportional set sizes, sampled.

    A page that several processes share counts once.

    Parameters
    ----------
    own : bool
        Whether this process counts, or only those under it.

    Attributes
    ----------
    before_bytes, peak_bytes : int
        At the beginning of the context, and the most since.
    """

    def __init__(self, *, own: bool) -> None:
        self._own = own

    def __enter__(self) -> Self:
        self.before_bytes = self.peak_bytes = self._measure()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, self._measure())

    def _measure(self) -> int:
        total = _own_bytes(os.getpid()) if self._own else 0
        waiting = _children(os.getpid())
        while waiting:
            process = waiting.pop()
            with suppress(OSError):  # it has ended
                waiting += _children(process)
                total += _own_bytes(process)
        return total


def _own_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found
