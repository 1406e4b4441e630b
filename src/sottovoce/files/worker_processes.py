"""Worker processes of a pool that can be ended at any moment, also while they start.

Pebble takes its locks away before it ends its processes; one that is still starting then fails
with a traceback, and an interrupt while one starts makes the pool forget it.  Both were seen on
busy computers.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["WorkerProcesses", "hear_interrupts"]

_END_S = 1.0
"""For a process to end by itself, before it is killed."""


class WorkerProcesses(SpawnContext):
    """The `context` of a pebble pool: knows every process that the pool has started.

    Processes start with SIGINT blocked, so that Ctrl-C cannot break into their start; they
    unblock it themselves where they want to hear it (`hear_interrupts`).

    Examples
    --------
    >>> from pebble import ProcessPool
    >>> processes = WorkerProcesses()
    >>> pool = ProcessPool(2, context=processes)
    >>> processes.end(pool)
    """

    def __init__(self) -> None:
        super().__init__()
        self._processes: list[_WorkerProcess] = []
        self._lock = threading.Lock()
        self._is_ended = False

    def Process(self, *args: Any, **kwargs: Any) -> _WorkerProcess:  # type: ignore[override]  # noqa: ANN401, N802 - multiprocessing's own
        """Return a new process, which is not started yet."""
        return _WorkerProcess(*args, workers=self, **kwargs)

    @property
    def ids(self) -> list[int]:
        """Process ids of those that are alive."""
        with self._lock:
            alive = [one for one in self._processes if one.is_alive()]
        return [one.pid for one in alive if one.pid is not None]

    def begin(self, process: _WorkerProcess) -> None:
        """Start a process; an interrupt cannot break into it."""
        failures: list[OSError] = []
        # An interrupt is raised in the main thread only.
        thread = threading.Thread(target=self._begin, args=(process, failures), daemon=True)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    def _begin(self, process: _WorkerProcess, failures: list[OSError]) -> None:
        hear_interrupts(heard=False)  # which the process inherits
        with self._lock:
            if self._is_ended:
                failures.append(OSError("the pool has been ended"))
                return
            self._processes = [one for one in self._processes if one.is_alive()]
            try:
                process.spawn()
            except OSError as err:
                failures.append(err)
                return
            self._processes.append(process)

    def end(self, pool: ProcessPool) -> None:
        """End the pool and all its processes, whatever they are doing."""
        pool.stop()  # type: ignore[no-untyped-call]  # pebble's is not annotated
        with self._lock:
            self._is_ended = True
        # While their locks exist: see the module.
        for process in self._processes:
            process.terminate()
        deadline_s = time.monotonic() + _END_S
        for process in self._processes:
            process.join(max(0.0, deadline_s - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        pool.join()


class _WorkerProcess(SpawnProcess):
    """A process that its `WorkerProcesses` know."""

    def __init__(self, *args: Any, workers: WorkerProcesses, **kwargs: Any) -> None:  # noqa: ANN401 - multiprocessing's own
        super().__init__(*args, **kwargs)
        self._workers: WorkerProcesses | None = workers

    def start(self) -> None:
        """Start it under the eyes of its `WorkerProcesses`."""
        workers, self._workers = self._workers, None  # which cannot be sent to it
        if workers is not None:
            workers.begin(self)

    def spawn(self) -> None:
        """Start it at once."""
        super().start()


def hear_interrupts(*, heard: bool) -> None:
    """Let SIGINT through in this thread and in the processes that it starts, or hold it back."""
    with suppress(AttributeError):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK if heard else signal.SIG_BLOCK, {signal.SIGINT})
