"""`Apart`: data sets listed and copied by a separate process, which may crash.

The scan's own process sees only the results: places and names.  A table, an archive or a manifest
that exceeds its limits of memory or time, or kills the process, becomes one finding; the next one
is listed by a new process.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import AudioFileError, SottovoceError
from sottovoce.files.worker_processes import START_S, WorkerProcesses, check_guard, one_thread_each
from sottovoce.scan.faults import TooMuchError
from sottovoce.scan.finding import TOO_MUCH_MEMORY, Finding, Status
from sottovoce.scan.limits import Limits
from sottovoce.scan.opening.listing_process import serve_listings
from sottovoce.scan.reach.addresses import is_remote
from sottovoce.scan.source import tell_unreadable
from sottovoce.scan.stores.store import local_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.left_out import LeftOut
    from sottovoce.scan.recording import Cut, Recording
    from sottovoce.scan.source import Kept, Source

__all__ = ["Apart", "ApartSource", "UnlistedSource"]

_LISTING_BYTES = 1280 << 20
"""Address space limit for listing: metadata, labels, a line, a member of a packed archive."""
_REMOTE_MIB = 256
"""Assumed size of a remote file, for its time limit: asking for it would take another request."""
_END_S, _LOOK_S = 1.0, 1.0
_MOST_STARTS = 6
"""Multiple of `START_S` that a process may take to start, on a computer that is very busy."""
_REMEDY = "Download it again, or allow more (`memory_bytes`, `time_s`) if you trust it."


class _LostError(Exception):
    """The process died, or was terminated."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class _ExhaustedError(TooMuchError):
    """A data set exceeded its limits."""

    def __init__(self, name: str, message: str, status: Status, remedy: str) -> None:
        super().__init__(message, path=name, remedy=remedy)
        self._finding = Finding(
            id=name, status=status, message=message, remedy=remedy, cause=self.cause
        )

    def tell(self) -> Finding:
        return self._finding


class _Child:
    """One process, and the connection to it."""

    def __init__(self, folder: str) -> None:
        check_guard()
        self._processes = WorkerProcesses()
        # Two one-way pipes: with a pair of sockets, the death of the other end hides what it sent
        # before.
        self._answers, answers = self._processes.Pipe(duplex=False)
        requests, self._requests = self._processes.Pipe(duplex=False)
        self._process = self._processes.Process(
            target=serve_listings,
            args=(requests, answers, folder, os.getpid(), self._processes.started),
            daemon=True,
        )
        with one_thread_each():
            self._process.start()
        requests.close()
        answers.close()
        self._begun_s = time.monotonic()

    def send(self, what: object) -> None:
        """Send something; `receive` notices if the process is gone."""
        with suppress(OSError):
            self._requests.send(what)

    def receive(self, time_s: float) -> tuple[str, Any]:
        """Return the next message from it.

        Raises
        ------
        _LostError
            If it dies, or is silent for `time_s` seconds.
        """
        deadline_s = time.monotonic() + time_s
        while not self._answers.poll(min(_LOOK_S, max(0.0, deadline_s - time.monotonic()))):
            self._processes.check()
            waited_s = time.monotonic() - self._begun_s
            if not self._processes.started.value and waited_s < _MOST_STARTS * START_S:
                # The time to start is not the data set's fault.
                deadline_s = time.monotonic() + time_s
            if time.monotonic() >= deadline_s:
                self.end()
                raise _LostError("took too long to list", "timeout")
        try:
            what, value = self._answers.recv()
        except (EOFError, OSError):
            self._process.join(_END_S)
            self._processes.check()
            raise _LostError("killed the process that lists it", "crashed") from None
        return what, value

    def end(self) -> None:
        """Terminate it, whatever it is doing."""
        self._requests.close()
        self._answers.close()
        self._process.terminate()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class Apart:
    """Processes that list and copy; a context manager.

    Parameters
    ----------
    limits : Limits
        What one data set may cost: memory up to a separate bound, and the time between two items
        found in it.
    remedy : str
        What to do if that is not enough.

    Attributes
    ----------
    known : callable
        Takes the name of a data set and its stamp, and returns a known finding about it as a
        whole, or None if it must be opened.
    stamps : dict of str to str
        Stamps of data sets whose only finding says that they cannot be listed.
    """

    def __init__(self, *, limits: Limits | None = None, remedy: str = _REMEDY) -> None:
        self._limits = limits or Limits()
        self._remedy = remedy
        self._stack = ExitStack()
        self._idle: list[_Child] = []
        self._folder = ""
        self.known: Callable[[str, str], Finding | None] = lambda _name, _stamp: None
        self.stamps: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        while self._idle:
            self._idle.pop().end()
        self._stack.close()
        self._folder = ""

    def stamp(self, name: str) -> str:
        """Return a stamp that changes with a local data set or its limits; empty for others."""
        if is_remote(name):
            return ""
        try:
            status = Path(name).stat()
        except (OSError, ValueError):
            return ""
        limits = self._limits
        return f"{local_stamp(status)} listed within {limits.memory_bytes} B, {limits.time_s} s"

    def open(self, opener: Callable[[str], Source | None], name: str) -> Source | None:
        """Return the source that a name means; one that says why if opening it exceeds a limit.

        Parameters
        ----------
        opener : callable
            Called with the name, in the other process; its errors are raised here.
        name : str
            Path or address.

        Returns
        -------
        source : Source or None
            None if it names no data set.
        """
        try:
            ((_, source),) = self._answers(name, "open", (opener, name))
        except _ExhaustedError as err:
            return UnlistedSource(err.tell())
        opened: Source | None = source
        return opened

    def each(self, source: Source, method: str) -> Iterator[Any]:
        """Yield what a method of a source yields."""
        for what, value in self._answers(source.name, "list", (source, method)):
            if what == "items":
                yield from value

    def write(self, source: Source, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write a source without refused recordings; see `Source.write_kept`.

        Raises
        ------
        AudioFileError
            If it was not written.
        """
        known = refused if getattr(refused, "can_travel", False) else None
        asked = (source, out, known)
        answers = self._answers(source.name, "write", asked, copies=True, refused=refused)
        for what, value in answers:
            if what == "done":
                kept: Kept = value
                return kept
        raise AudioFileError("was not copied", path=source.name)

    def _answers(
        self,
        name: str,
        what: str,
        arguments: tuple[Any, ...],
        *,
        copies: bool = False,
        refused: Callable[[str], bool] = bool,
    ) -> Iterator[tuple[str, Any]]:
        """Yield the answers of a process to a request, then release the process."""
        child = self._idle.pop() if self._idle else _Child(self._own_folder())
        memory_bytes = self._limits.memory_bytes
        if not copies and memory_bytes:
            memory_bytes = min(memory_bytes, _LISTING_BYTES)
        is_whole = False
        try:
            child.send((memory_bytes, what, arguments))
            while True:
                kind, value = child.receive(self._time_for(name))
                if kind == "error":
                    is_whole = True
                    raise value
                if kind == "exhausted":
                    raise _ExhaustedError(name, TOO_MUCH_MEMORY, "error", self._remedy)
                if kind == "ask":
                    child.send(refused(value))
                    continue
                is_whole = kind == "done"
                yield kind, value
                if is_whole:
                    return
                child.send("more")
        except _LostError as err:
            raise _ExhaustedError(name, err.message, err.status, self._remedy) from err
        finally:
            if is_whole:
                self._idle.append(child)
            else:
                child.end()

    def _time_for(self, name: str) -> float:
        size = _REMOTE_MIB << 20
        if not is_remote(name):
            with suppress(OSError, ValueError):
                size = Path(name).stat().st_size
        return self._limits.time_s + self._limits.time_per_mib_s * size / (1 << 20)

    def _own_folder(self) -> str:
        if not self._folder:
            place = tempfile.TemporaryDirectory(
                prefix="sottovoce-list-", ignore_cleanup_errors=True
            )
            self._folder = self._stack.enter_context(place)
        return self._folder


class ApartSource:
    """A source that is listed and copied in a separate process.

    Parameters
    ----------
    source : Source
        Sent to that process unchanged.
    apart : Apart
        Processes to use.
    """

    def __init__(self, source: Source, apart: Apart) -> None:
        self.name = source.name
        self._source = source
        self._apart = apart

    def recordings(self) -> Iterator[Recording | Finding | LeftOut]:
        """Yield what the source yields, followed by a finding if it exceeds its limits."""
        stamp = self._apart.stamp(self.name)
        known = self._apart.known(self.name, stamp) if stamp else None
        if known is not None:
            self._apart.stamps[self.name] = stamp
            yield known
            return
        # The first is held back until it is known whether it is the only one.
        first, n = None, 0
        for one in self._each():
            n += 1
            if n == 1 and isinstance(one, Finding):
                first = one
                continue
            if first is not None:
                yield first
                first = None
            yield one
        if first is not None:
            if n == 1 and stamp and first.id == self.name and first.cause == "too much":
                self._apart.stamps[self.name] = stamp
            yield first

    def _each(self) -> Iterator[Recording | Finding | LeftOut]:
        try:
            yield from self._apart.each(self._source, "recordings")
        except _ExhaustedError as err:
            yield err.tell()
        except SottovoceError as err:
            yield tell_unreadable(self.name, err, {})

    def cuts(self) -> Iterator[Cut]:
        """Yield the examples of the source."""
        try:
            yield from self._apart.each(self._source, "cuts")
        except SottovoceError:
            return  # `recordings` reports it

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write a copy; see the method of the source.

        Raises
        ------
        AudioFileError
            As the source does, or if the copy exceeds its limits.
        """
        return self._apart.write(self._source, out, refused=refused)


class UnlistedSource:
    """A source that cannot be opened, because that exceeds its limits.

    Parameters
    ----------
    finding : Finding
        States the reason.
    """

    def __init__(self, finding: Finding) -> None:
        self.name = finding.id
        self._finding = finding

    def recordings(self) -> Iterator[Finding]:
        """Yield the finding."""
        yield self._finding

    def cuts(self) -> Iterator[Cut]:
        """Yield nothing."""
        yield from ()

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write nothing.

        Raises
        ------
        AudioFileError
            Always.
        """
        raise AudioFileError(self._finding.message, path=self.name, remedy=self._finding.remedy)
