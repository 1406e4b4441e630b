"""Memory that the processes under this one take together, as Linux counts it."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

__all__ = ["PeakMemory", "memory_mb"]

_SAMPLE_S = 0.2


def memory_mb() -> float:
    """Return the proportional set size of all descendants of this process, in MB.

    A page that several processes share counts once.
    """
    waiting, total = _children(os.getpid()), 0
    while waiting:
        process = waiting.pop()
        with suppress(OSError):
            waiting += _children(process)
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total * 1024 / 1e6


def _children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


class PeakMemory:
    """The most memory in use while the context lasts.

    Attributes
    ----------
    before_mb, peak_mb : float
        At its beginning, and the most since.
    """

    def __enter__(self) -> Self:
        self.before_mb = self.peak_mb = memory_mb()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_SAMPLE_S):
            self.peak_mb = max(self.peak_mb, memory_mb())
