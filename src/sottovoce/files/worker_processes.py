"""Worker processes of a pool that can be ended at any moment, also while they start.

Pebble takes its locks away before it ends its processes; one that is still starting then fails
with a traceback, and an interrupt while one starts makes the pool forget it.  Both were seen on
busy computers.
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
"""Within which one worker must have started, or it is told that none has."""
_UNGUARDED = 78
"""Exit code of a worker whose script would start workers of its own: EX_CONFIG of *sysexits.h*."""

_VARIABLES = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Otherwise each thread takes 64 MiB of an address space that is limited.
    "MALLOC_ARENA_MAX": "2",
    # Arrow's own takes a gigabyte of it beforehand, which a page of as much then lacks.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
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
        self._exit_codes: set[int] = set()
        self._started = self.RawValue("b", 0)
        self._begun_s = time.monotonic()
        self._has_warned = False

    @property
    def started(self) -> Any:  # noqa: ANN401 - multiprocessing's own
        """A shared value that an initializer sets to 1: the process has started."""
        return self._started

    def check(self) -> None:
        """Say why no worker has started, if that is known.

        Raises
        ------
        ParameterError
            If the script starts workers while they import it.
        SottovoceError
            If those that were begun have all ended before they had started.
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
        """Keep the processes that are alive, and how the others ended; say if there are any."""
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


def check_guard() -> None:
    """End this process if it is a worker that runs the script which started it.

    A worker of a script without ``if __name__ == "__main__":`` comes here while it starts.  Its
    parent, which sees the exit code, tells the person (`WorkerProcesses.check`).
    """
    if getattr(current_process(), "_inheriting", False):
        os._exit(_UNGUARDED)


def hear_interrupts(*, heard: bool) -> None:
    """Let SIGINT through in this thread and in the processes that it starts, or hold it back."""
    with suppress(AttributeError):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK if heard else signal.SIG_BLOCK, {signal.SIGINT})


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep the matrix products of processes that are started from fighting for cores."""
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
