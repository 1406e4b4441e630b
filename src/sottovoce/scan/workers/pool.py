"""Worker processes that may crash: one recording is blamed, the rest is scanned.

Small recordings go to the workers in batches.  A batch whose worker crashes or takes too long is
retried one recording at a time, so that exactly the culprit is reported.  Only pebble was found to
continue after a crash; the pools of the standard library and of joblib give up altogether.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack, suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import MissingExtraError
from sottovoce.files.worker_processes import START_S, WorkerProcesses, check_guard, one_thread_each
from sottovoce.scan.finding import TOO_MUCH_MEMORY, Finding
from sottovoce.scan.limits import Limits, limit_memory
from sottovoce.scan.search import Search
from sottovoce.scan.stores.prefetch import bring
from sottovoce.scan.workers.batches import batches_of
from sottovoce.scan.workers.examine import examine, tell_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from pebble import ProcessPool

    from sottovoce.scan.recording import Recording

__all__ = ["WorkerPool", "examine_all"]

_BATCHES_PER_WORKER = 3
"""Batches in flight: enough that no worker waits, few enough that inline bytes stay bounded."""
_TASKS_PER_PROCESS = 500
_PARENT_S = 1.0
_DEATH_S = 0.1
_TOLD_BYTES = 300


def examine_all(
    recordings: Iterable[Recording | Finding],
    *,
    workers: int,
    limits: Limits,
    search: Search | None = None,
) -> Iterator[tuple[Recording | None, Finding]]:
    """Examine recordings in worker processes, and yield each as soon as it is done.

    Parameters
    ----------
    recordings : iterable of Recording or Finding
        Consumed only as fast as the workers take them.  Findings are yielded at once, with None
        for the recording.
    workers : int >= 1
        Number of processes.
    limits : Limits
        What one recording may cost.
    search : Search or None
        What to look for; None looks for marks at their own speed.

    Returns
    -------
    results : iterator of (Recording or None, Finding)
        In the order of completion; each recording exactly once.

    Raises
    ------
    MissingExtraError
        If pebble is not installed.
    """
    with WorkerPool(workers=workers, limits=limits, search=search) as pool:
        yield from pool.examine(recordings)


class WorkerPool:
    """Processes that examine recordings; a context manager.

    Parameters
    ----------
    workers : int >= 1
        Number of processes.
    limits : Limits
        What one recording may cost.
    search : Search or None
        What to look for; None looks for marks at their own speed.

    Raises
    ------
    MissingExtraError
        If pebble is not installed.
    """

    def __init__(self, *, workers: int, limits: Limits, search: Search | None = None) -> None:
        check_guard()
        try:
            from pebble import ProcessPool
        except ImportError as err:
            purpose = "scan in worker processes"
            raise MissingExtraError("pebble", extra="scan", purpose=purpose) from err
        self._workers = workers
        self._limits = limits
        self._search = search or Search()
        self._until_closed = ExitStack()
        place = tempfile.TemporaryDirectory(prefix="sottovoce-scan-")
        self._folder = Path(self._until_closed.enter_context(place))
        self._until_closed.enter_context(one_thread_each())
        self._processes = WorkerProcesses()
        self._pool = ProcessPool(
            workers,
            max_tasks=_TASKS_PER_PROCESS,
            initializer=_start_worker,
            initargs=(
                str(self._folder),
                limits.memory_bytes,
                os.getpid(),
                self._processes.started,
            ),
            context=self._processes,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        self._processes.end(self._pool)
        self._until_closed.close()

    def examine(
        self, recordings: Iterable[Recording | Finding]
    ) -> Iterator[tuple[Recording | None, Finding]]:
        """Yield the result of each recording, as `examine_all` does."""
        queue = _Queue(self._pool, self._processes, self._folder, self._limits, self._search)
        yield from _run(queue, recordings, most=_BATCHES_PER_WORKER * self._workers)


def _run(
    queue: _Queue, recordings: Iterable[Recording | Finding], *, most: int
) -> Iterator[tuple[Recording | None, Finding]]:
    for batch in batches_of(recordings):
        if isinstance(batch, Finding):
            yield None, batch
            continue
        queue.put(batch)
        while len(queue) >= most:
            yield from queue.take()
    while len(queue):
        yield from queue.take()


class _Queue:
    """Batches in flight.

    A batch may take as long as one recording of its size: small ones take milliseconds, and one
    that hangs must not keep the others waiting for a multiple of that.
    """

    def __init__(
        self,
        pool: ProcessPool,
        processes: WorkerProcesses,
        folder: Path,
        limits: Limits,
        search: Search,
    ) -> None:
        self._pool = pool
        self._processes = processes
        self._folder = folder
        self._limits = limits
        self._search = search
        self._waiting: dict[Future[list[Finding]], list[Recording]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, batch: list[Recording]) -> None:
        """Hand a batch to the workers."""
        future = self._pool.schedule(
            _examine_batch,
            args=(batch, self._limits, self._search),
            timeout=self._limits.time_for(*batch),
        )
        self._waiting[future] = batch

    def take(self) -> Iterator[tuple[Recording, Finding]]:
        """Wait until a batch is done, and yield its results."""
        done, _ = wait(self._waiting, timeout=START_S + 1.0, return_when=FIRST_COMPLETED)
        self._processes.check()
        if not done:
            done, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
        for future in done:
            batch = self._waiting.pop(future)
            error = future.exception()
            if error is None:
                yield from zip(batch, future.result(), strict=True)
            elif len(batch) > 1:
                for recording in batch:
                    self.put([recording])
            else:
                yield batch[0], self._blame(batch[0], error)

    def _blame(self, recording: Recording, error: BaseException) -> Finding:
        if isinstance(error, TimeoutError):
            time_s = self._limits.time_for(recording)
            return Finding(
                id=recording.id,
                status="timeout",
                message=f"exceeded the time limit of {time_s:.0f} s",
                remedy="Allow it more time, or check the file on its own: sottovoce check FILE",
                groups=recording.groups,
            )
        if isinstance(error, MemoryError):
            return Finding(
                id=recording.id,
                status="error",
                message=TOO_MUCH_MEMORY,
                cause="too much",
                groups=recording.groups,
            )
        return Finding(
            id=recording.id,
            status="crashed",
            message=f"the process that read it crashed ({self._last_words(error)})",
            remedy="The file may be malicious; open it in other programs only in a sandbox.",
            groups=recording.groups,
        )

    def _last_words(self, error: BaseException) -> str:
        """Return how a worker ended, and the last line that its codec wrote."""
        code = getattr(error, "exitcode", None)
        said = ""
        with suppress(OSError):
            path = _stderr_path(self._folder, getattr(error, "pid", 0) or 0)
            said = path.read_bytes()[-_TOLD_BYTES:].decode(errors="replace").strip()
        if isinstance(code, int) and code < 0:
            with suppress(ValueError):
                code = signal.Signals(-code).name
        return ": ".join(filter(None, [str(code if code is not None else error), said]))


def _examine_batch(batch: list[Recording], limits: Limits, search: Search) -> list[Finding]:
    os.ftruncate(2, 0)
    return [
        examine(recording, limits=limits, search=search)
        if err is None
        else tell_failure(recording, err)
        for recording, err in bring(batch, most_bytes=limits.bytes)
    ]


def _stderr_path(folder: Path, process: int) -> Path:
    return folder / f"{process}.err"


def _start_worker(folder: str, memory_bytes: int, parent: int, started: Any) -> None:  # noqa: ANN401 - multiprocessing's own
    # The parent handles Ctrl-C, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Output that codecs write past Python must not reach the user's terminal.
    sink = os.open(_stderr_path(Path(folder), os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 2)
    os.close(sink)
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()
    Finalize(None, _tidy_after, args=(parent, folder), exitpriority=0)
    if memory_bytes:
        limit_memory(memory_bytes)
    started.value = 1


def _end_with(parent: int, folder: str) -> None:
    """End this worker and clean up when the scan was killed and no other process can do so."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _tidy_after(parent: int, folder: str) -> None:
    """Clean up at the end of a worker if it ends because the scan was killed."""
    # The pipes of a dead process close a moment before it stops being the parent.
    deadline_s = time.monotonic() + _DEATH_S
    while os.getppid() == parent:
        if time.monotonic() > deadline_s:
            return
        time.sleep(_DEATH_S / 10)
    shutil.rmtree(folder, ignore_errors=True)
