"""Work in several processes: in order, with failures kept apart, safe to interrupt.

A worker that dies costs the item that it worked on and nothing else; another takes its place.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sottovoce.cli import _output
from sottovoce.errors import ParameterError, SottovoceError
from sottovoce.files.worker_processes import WorkerProcesses, hear_interrupts, one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future
    from types import FrameType

__all__ = ["Failure", "run_batch"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_IN_FLIGHT_PER_WORKER = 2
"""So that no worker waits for its next item."""
_STALL_S = 60.0
"""Without any item in progress: a worker died while taking one, and the item was lost with it."""
_LOOK_S = 1.0
_TIDY_S = 20.0
_MOST_STARTS = 2
_MOST_BREAKS = 8
"""In a row, without a single item done: the fault is not in one item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one file of a batch failed.

    Attributes
    ----------
    message : str
        What is wrong.
    remedy : str
        What the user can do about it; may be empty.
    """

    message: str
    remedy: str = ""


def run_batch(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    debug: bool = False,
    tidy: Callable[[Item, int], None] | None = None,
) -> Generator[Result | Failure, None, None]:
    """Call `work` on each item; yield results and failures in the order of the items.

    Parameters
    ----------
    work : callable
        Takes an item; picklable.
    items : sequence
        Picklable items.
    jobs : int >= 1
        Processes.  A single item is worked on in this one, and so are all of them with `debug`
        and one job.
    debug : bool
        Whether to let unexpected errors through instead of turning them into failures.
    tidy : callable or None
        Called with an item and the id of the process that died while processing it.

    Returns
    -------
    outcomes : generator
        One for each item.

    Notes
    -----
    When the iterator is closed or interrupted, running work gets a KeyboardInterrupt, so that
    it can remove its partial files, and waiting work is dropped.
    """
    guarded = functools.partial(_guard, work, debug=debug)
    if len(items) < 2 or (debug and jobs == 1):
        yield from map(guarded, items)
        return
    with one_thread_each():
        crew = _Crew(guarded, items, jobs=min(jobs, len(items)), tidy=tidy)
        try:
            yield from crew.run()
        finally:
            crew.close()


def _guard(work: Callable[[Item], Result], item: Item, *, debug: bool) -> Result | Failure:
    try:
        return work(item)
    except SottovoceError as err:
        if debug:
            raise
        return Failure(message=str(err), remedy=_output.name_flags(err.remedy))
    except MemoryError:
        return Failure(message="not enough memory", remedy="Try again with --jobs 1.")
    except Exception as err:
        # A file that triggers a bug of ours must not stop the batch.
        if debug:
            raise
        return Failure(
            message=f"unexpected {type(err).__name__}: {err}",
            remedy="Please report it with the output of 'sottovoce --debug …'.",
        )


class _Crew:
    """A pool of processes, replaced if it breaks altogether."""

    def __init__(
        self,
        work: Callable[[Any], Any],
        items: Sequence[Any],
        *,
        jobs: int,
        tidy: Callable[[Any, int], None] | None,
    ) -> None:
        self._work = work
        self._items = items
        self._jobs = jobs
        self._tidy = tidy
        self._todo = deque(range(len(items)))
        self._waiting: dict[Future[Any], int] = {}
        self._aborted: list[int] = []
        self._done: dict[int, Any] = {}
        self._n_breaks = 0
        self._open()

    def _open(self) -> None:
        # Late, so that `--help` and a single file are quick.
        from pebble import ProcessPool

        self._workers = WorkerProcesses()
        # Not guarded by a lock: a worker could be killed while it holds it.
        self._stop = self._workers.RawValue("b", 0)
        self._pool = ProcessPool(
            self._jobs,
            initializer=_start_worker,
            initargs=(self._stop, self._workers.started),
            context=self._workers,
        )

    def run(self) -> Iterator[Any]:
        """Yield the outcome of each item, in order."""
        for index in range(len(self._items)):
            while index not in self._done:
                self._hand_out()
                self._collect()
            yield self._done.pop(index)

    def close(self) -> None:
        """End the processes; work that is not done gets a KeyboardInterrupt first."""
        workers = self._workers.ids
        if self._waiting:
            self._stop.value = 1
            # A terminal sends the signal to all; `kill` only to this process.
            for process in workers:
                with suppress(ProcessLookupError):  # it ended meanwhile
                    os.kill(process, signal.SIGINT)
            wait([future for future in self._waiting if future.running()], timeout=_TIDY_S)
        self._workers.end(self._pool)
        for index in self._waiting.values():
            for process in workers:
                self._tidy_after(index, process)
        self._waiting.clear()

    def _hand_out(self) -> None:
        # The pool broke since, or a worker died while it started: `_collect` finds out.
        with suppress(RuntimeError, OSError):
            while self._todo and len(self._waiting) < _IN_FLIGHT_PER_WORKER * self._jobs:
                index = self._todo[0]
                future = self._pool.schedule(_run_in_worker, args=(self._work, self._items[index]))
                self._waiting[future] = self._todo.popleft()

    def _collect(self) -> None:
        """Wait until some items are done, and keep their outcomes."""
        from pebble import ProcessExpired

        finished = self._wait()
        is_broken = not finished and not any(future.running() for future in self._waiting)
        for future in finished:
            index = self._waiting.pop(future)
            error = future.exception()
            if error is None:
                self._done[index] = future.result()
                self._n_breaks = 0
            elif isinstance(error, BrokenProcessPool):
                self._aborted.append(index)
                is_broken = True
            elif isinstance(error, ProcessExpired):
                self._tidy_after(index, error.pid)
                self._done[index] = _blame(error.exitcode)
            else:
                raise error
        if is_broken:
            self._mend()

    def _wait(self) -> set[Future[Any]]:
        """Return futures that are done; none if nothing has happened for a long time.

        Raises
        ------
        SottovoceError
            If no worker can start.
        """
        deadline_s = time.monotonic() + _STALL_S
        finished: set[Future[Any]] = set()
        while self._waiting and not finished and time.monotonic() < deadline_s:
            finished, _ = wait(self._waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            try:
                self._workers.check()
            except ParameterError:
                raise
            except SottovoceError:
                # One worker killed while it starts proves nothing; a few in a row do.
                if self._n_breaks >= _MOST_STARTS:
                    raise
                return set()
        return finished

    def _mend(self) -> None:
        """Make a new pool for the rest; pebble's breaks if a worker dies before any has work."""
        self._n_breaks += 1
        begun = list(self._waiting.values()) + self._aborted
        workers = self._workers.ids
        self._workers.end(self._pool)
        for index in begun:
            for process in workers:
                self._tidy_after(index, process)
        self._todo = deque(sorted({*self._todo, *begun}))
        self._waiting.clear()
        self._aborted.clear()
        if self._n_breaks <= _MOST_BREAKS:
            self._open()
            return
        while self._todo:
            self._done[self._todo.popleft()] = _blame(None)

    def _tidy_after(self, index: int, process: int) -> None:
        if self._tidy is not None:
            self._tidy(self._items[index], process)


def _blame(exit_code: int | None) -> Failure:
    reason = ""
    if exit_code is not None:
        reason = f" (exit code {exit_code})"
        if exit_code < 0:
            with suppress(ValueError):
                reason = f" ({signal.Signals(-exit_code).name})"
    return Failure(
        message=f"the process working on it died{reason}",
        remedy="Try this file again with --jobs 1: memory may have run out.  If it fails again,"
        " the file is probably damaged.",
    )


class _Worker:
    """What a worker process keeps from one item to the next."""

    stop: Any


def _start_worker(stop: Any, started: Any) -> None:  # noqa: ANN401 - multiprocessing's own
    _Worker.stop = stop
    started.value = 1
    signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(_signal: int, _frame: FrameType | None) -> None:
    # The terminal's signal and the parent's may both arrive; the second must not interrupt the
    # clean-up after the first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run_in_worker(work: Callable[[Item], Result], item: Item) -> Result:
    try:
        hear_interrupts(heard=True)
        if _Worker.stop.value:
            raise KeyboardInterrupt
        return work(item)
    finally:
        hear_interrupts(heard=False)
