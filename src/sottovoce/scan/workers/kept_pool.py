"""`keep_pool`: one worker for successive batches, which lives as long as its process."""

from __future__ import annotations

import atexit
import os
import threading

from sottovoce.scan.limits import Limits
from sottovoce.scan.search import Search
from sottovoce.scan.workers.pool import WorkerPool

__all__ = ["keep_pool"]

_pools: dict[int, tuple[tuple[Limits, bool], WorkerPool]] = {}
"""By process: a fork inherits its parent's pool, and must neither use it nor collect it."""
_lock = threading.Lock()


def keep_pool(limits: Limits | None = None, *, thorough: bool = False) -> WorkerPool:
    """Return the worker of this process; a new one if other limits are requested.

    Parameters
    ----------
    limits : Limits or None
        What one recording may cost.
    thorough : bool
        As in `sottovoce.detect`.
    """
    process, wanted = os.getpid(), (limits or Limits(), thorough)
    with _lock:
        kept = _pools.get(process)
        if kept is None:
            atexit.register(_close, process)
        elif kept[0] != wanted:
            _pools.pop(process)[1].close()
            kept = None
        if kept is None:
            kept = (
                wanted,
                WorkerPool(workers=1, limits=wanted[0], search=Search(thorough=thorough)),
            )
            _pools[process] = kept
        return kept[1]


def _close(process: int) -> None:
    # A fork inherits its parent's exit handlers.
    if process == os.getpid() and process in _pools:
        _pools.pop(process)[1].close()
