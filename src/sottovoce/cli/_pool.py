"""Work in several processes: in order, one failure at a time, safe to interrupt."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sottovoce.errors import SottovoceError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.synchronize import Event
    from types import FrameType

__all__ = ["Failure", "run_batch"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one file of a batch failed.

    Attributes
    ----------
    message : str
        What is wrong.
    remedy : str
        What the person can do about it; may be empty.
    """

    message: str
    remedy: str = ""


def run_batch(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    debug: bool = False,
) -> Generator[Result | Failure, None, None]:
    """Call `work` on each item; yield results and failures in the order of the items.

    Parameters
    ----------
    work : callable
        Takes an item; picklable.
    items : sequence
        Picklable items.
    jobs : int >= 1
        Processes; 1 works in this one.
    debug : bool
        Let unexpected errors out instead of turning them into failures.

    Returns
    -------
    outcomes : generator
        One for each item.

    Notes
    -----
    When the iterator is closed or interrupted, running work gets a KeyboardInterrupt, so that
    it can put away what it has half written, and waiting work is dropped.
    """
    guarded = functools.partial(_guard, work, debug=debug)
    if jobs == 1 or len(items) < 2:
        yield from map(guarded, items)
        return
    done = 0
    try:
        for outcome in _run_pool(guarded, items, jobs=jobs):
            yield outcome
            done += 1
    except BrokenProcessPool:
        # Some file killed its process.  Each of the rest gets a process of its own, so that
        # only the guilty one fails.
        for item in items[done:]:
            yield _run_alone(guarded, item)


def _guard(work: Callable[[Item], Result], item: Item, *, debug: bool) -> Result | Failure:
    try:
        return work(item)
    except SottovoceError as err:
        if debug:
            raise
        return Failure(message=str(err), remedy=err.remedy)
    except MemoryError:
        return Failure(message="not enough memory", remedy="Try it with --jobs 1.")
    except Exception as err:
        # One file that hits a fault of ours must not stop the batch.
        if debug:
            raise
        return Failure(
            message=f"unexpected {type(err).__name__}: {err}",
            remedy="Please report it with what 'sottovoce --debug …' prints.",
        )


def _run_alone(work: Callable[[Item], Result | Failure], item: Item) -> Result | Failure:
    try:
        return next(_run_pool(work, [item], jobs=1))
    except BrokenProcessPool:
        return Failure(
            message="the process that worked on it died",
            remedy="The file may be damaged, or memory ran out.",
        )


def _run_pool(
    work: Callable[[Item], Result], items: Sequence[Item], *, jobs: int
) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"  # the children read it before NumPy starts its threads
    pool = ProcessPoolExecutor(
        min(jobs, len(items)), mp_context=context, initializer=_start_worker, initargs=(stop,)
    )
    finished = False
    try:
        # The children inherit the mask: an interrupt while they start would end them with a
        # traceback.
        _hear_interrupts(heard=False)
        try:
            futures = [pool.submit(_run_in_worker, work, item) for item in items]
        finally:
            _hear_interrupts(heard=True)
        for future in futures:
            yield future.result()
        finished = True
    finally:
        if not finished:
            stop.set()
            # A terminal sends the signal to all; `kill` only to this process.
            for process in multiprocessing.active_children():
                if process.pid is not None:
                    with suppress(ProcessLookupError):  # it ended meanwhile
                        os.kill(process.pid, signal.SIGINT)
        pool.shutdown(wait=True, cancel_futures=True)


def _hear_interrupts(*, heard: bool) -> None:
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        how = signal.SIG_UNBLOCK if heard else signal.SIG_BLOCK
        signal.pthread_sigmask(how, {signal.SIGINT})


class _Worker:
    """What a worker process keeps from one item to the next."""

    stop: Event


def _start_worker(stop: Event) -> None:
    _Worker.stop = stop
    signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(_signal: int, _frame: FrameType | None) -> None:
    # The terminal's signal and the parent's may both come; the second must not break into the
    # tidying up after the first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run_in_worker(work: Callable[[Item], Result], item: Item) -> Result:
    try:
        _hear_interrupts(heard=True)
        if _Worker.stop.is_set():
            raise KeyboardInterrupt
        return work(item)
    finally:
        _hear_interrupts(heard=False)
