"""Worker processes of a pool that can be ended at any moment, even while they start.

Pebble removes its locks before it ends its processes; one that is still starting then fails with a
traceback, and an interrupt while one starts makes the pool forget it.  Both were observed on busy
computers.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import current_process
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ParameterError, SottovoceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pebble import ProcessPool

__all__ = ["START_S", "WorkerProcesses", "check_guard", "hear_interrupts", "one_thread_each"]

START_S = 20.0
"""Seconds within which a worker must have started, or an error is raised."""
_UNGUARDED = 78
"""Exit code of a worker whose script would start workers of its own: EX_CONFIG of *sysexits.h*."""

_VARIABLES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Otherwise each thread uses 64 MiB of a limited address space.
    "MALLOC_ARENA_MAX": "2",
    # Arrow's own reserves a gigabyte of it in advance, which a page of that size then lacks.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
_END_S = 1.0
"""Seconds for a process to end by itself, before it is killed."""


class WorkerProcesses(SpawnContext):
    """The `context` of a pebble pool, which records every process that the pool has started.

    Processes start with SIGINT blocked, so that Ctrl-C cannot break into their start; they
    unblock it themselves if they want to receive it (`hear_interrupts`).

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
        self._exit_codes: set[int] = set()
        self._started = self.RawValue("b", 0)
        self._begun_s = time.monotonic()
        self._has_warned = False

    @property
    def started(self) -> Any:  # noqa: ANN401 - multiprocessing's own
        """A shared value that an initializer sets to 1: the process has started."""
        return self._started

    def check(self) -> None:
        """Raise an error if no worker has started and the reason is known.

        Raises
        ------
        ParameterError
            If the script starts workers while they import it.
        SottovoceError
            If all processes ended before they had started.
        """
        if self._started.value:
            return
        with self._lock:
            alive = self._forget_dead()
            codes = set(self._exit_codes)
        if _UNGUARDED in codes:
            raise ParameterError(
                'the script starts worker processes outside of `if __name__ == "__main__":`, and'
                " each of them runs the script again",
                remedy="Start them below that line, for example in a function `main`.",
            )
        if codes and not alive:
            said = ", ".join(map(str, sorted(codes)))
            raise SottovoceError(
                f"no worker process could start (exit code {said})",
                remedy="Their output on stderr says why; memory may have run out.",
            )
        if not self._has_warned and time.monotonic() - self._begun_s > START_S:
            self._has_warned = True
            warnings.warn(
                f"no worker process has started within {START_S:.0f} s: the computer is busy, or"
                " something blocks them",
                RuntimeWarning,
                stacklevel=2,
            )

    def _forget_dead(self) -> bool:
        """Keep the live processes and the others' exit codes; return whether any are alive."""
        for process in self._processes:
            if not process.is_alive() and process.exitcode is not None:
                self._exit_codes.add(process.exitcode)
        self._processes = [one for one in self._processes if one.is_alive()]
        return bool(self._processes)

    def Process(self, *args: Any, **kwargs: Any) -> _WorkerProcess:  # type: ignore[override]  # noqa: ANN401, N802 - multiprocessing's own
        """Return a new process, which is not started yet."""
        return _WorkerProcess(*args, workers=self, **kwargs)

    @property
    def ids(self) -> list[int]:
        """Process ids of the live processes."""
        with self._lock:
            alive = [one for one in self._processes if one.is_alive()]
        return [one.pid for one in alive if one.pid is not None]

    def begin(self, process: _WorkerProcess) -> None:
        """Start a process; an interrupt cannot disturb this."""
        failures: list[OSError] = []
        # An interrupt is raised in the main thread only.
        thread = threading.Thread(target=self._begin, args=(process, failures), daemon=True)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    def _begin(self, process: _WorkerProcess, failures: list[OSError]) -> None:
        hear_interrupts(heard=False)  # the process inherits this
        with self._lock:
            if self._is_ended:
                failures.append(OSError("the pool has been shut down"))
                return
            self._forget_dead()
            try:
                process.spawn()
            except OSError as err:
                failures.append(err)
                return
            self._processes.append(process)

    def end(self, pool: ProcessPool) -> None:
        """Stop the pool and all its processes, whatever they are doing."""
        pool.stop()  # type: ignore[no-untyped-call]  # pebble's is not annotated
        with self._lock:
            self._is_ended = True
        # While their locks exist: see the module docstring.
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
    """A process recorded in its `WorkerProcesses`."""

    def __init__(self, *args: Any, workers: WorkerProcesses, **kwargs: Any) -> None:  # noqa: ANN401 - multiprocessing's own
        super().__init__(*args, **kwargs)
        self._workers: WorkerProcesses | None = workers

    def start(self) -> None:
        """Start it through its `WorkerProcesses`."""
        workers, self._workers = self._workers, None  # which cannot be sent to it
        if workers is not None:
            workers.begin(self)

    def spawn(self) -> None:
        """Start it at once."""
        super().start()


def check_guard() -> None:
    """End this process if it is a worker that runs the script which started it.

    A worker of a script without ``if __name__ == "__main__":`` gets here while it starts.  Its
    parent, which sees the exit code, tells the user (`WorkerProcesses.check`).
    """
    if getattr(current_process(), "_inheriting", False):
        os._exit(_UNGUARDED)


def hear_interrupts(*, heard: bool) -> None:
    """Unblock SIGINT in this thread and in the processes that it starts, or block it."""
    with suppress(AttributeError):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK if heard else signal.SIG_BLOCK, {signal.SIGINT})


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limit started processes to one thread each, so that they do not compete for cores."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
