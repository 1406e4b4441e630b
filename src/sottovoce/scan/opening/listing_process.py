"""`serve_listings`: the process that lists data sets for a scan, in bounded memory.

Metadata, labels, headers and JSON are as hostile as audio.  They are parsed here, and the results
(places, names, short reasons) are sent to the scan in batches.  Bytes that can be read only once
go through files, so that the scan itself never holds them.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sottovoce.errors import SottovoceError
from sottovoce.scan.limits import limit_memory
from sottovoce.scan.recording import Inline, Recording, Samples, Spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from sottovoce.scan.source import Source

__all__ = ["serve_listings"]

_MOST_ITEMS, _MOST_WAIT_S = 256, 0.2
_AHEAD = 2
"""Batches that may be in flight before the scan asks for more."""
_SPOOLED_BYTES = 1 << 20
_PARENT_S = 1.0


class _Scan(NamedTuple):
    """The connection to the scan, for requests and answers."""

    requests: Connection
    answers: Connection

    def send(self, what: object) -> None:
        self.answers.send(what)

    def recv(self) -> Any:  # noqa: ANN401 - whatever it sends
        return self.requests.recv()

    def poll(self) -> bool:
        return self.requests.poll()


def serve_listings(
    requests: Connection,
    answers: Connection,
    folder: str,
    parent: int,
    started: Any,  # noqa: ANN401 - multiprocessing's own
) -> None:
    """Answer requests until the scan is gone.

    Parameters
    ----------
    requests, answers : multiprocessing.connection.Connection
        From the scan, and to it.
    folder : str
        For bytes that can be read only once; removed when the scan has died.
    parent : int
        Process id of the scan.
    started : multiprocessing.Value
        Set to 1 once the process has started.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()
    started.value = 1
    connection = _Scan(requests, answers)
    while True:
        try:
            memory_bytes, what, arguments = connection.recv()
        except EOFError:
            return
        limit_memory(memory_bytes)
        try:
            result = _ANSWERS[what](connection, folder, *arguments)
            connection.send(("done", result))
        except MemoryError:
            connection.send(("exhausted", None))
            return  # nobody needs what it still holds
        except (EOFError, BrokenPipeError):
            return
        except SottovoceError as err:
            connection.send(("error", err))


def _end_with(parent: int, folder: str) -> None:
    """End this process and clean up when the scan was killed and no other process can do so."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _open(
    _connection: _Scan, _folder: str, opener: Callable[[str], Source | None], name: str
) -> Source | None:
    return opener(name)


def _list(connection: _Scan, folder: str, source: Any, method: str) -> None:  # noqa: ANN401 - a Source
    """Send what a method of a source yields, no faster than it is consumed.

    The first item is sent at once, others in batches; an error is sent after the items before it.
    """
    batches = _Batches(connection)
    try:
        for one in _spooled(getattr(source, method)(), Path(folder)):
            batches.add(one)
    finally:
        batches.end()


class _Batches:
    """Batches of items on their way to the scan."""

    def __init__(self, connection: _Scan) -> None:
        self._connection = connection
        self._batch: list[Any] = []
        self._ahead = 0
        self._sent_s = -_MOST_WAIT_S

    def add(self, one: Any) -> None:  # noqa: ANN401 - whatever a source yields
        """Send an item, now or together with later ones."""
        self._batch.append(one)
        is_inline = isinstance(getattr(one, "place", None), Inline)
        is_late = time.monotonic() - self._sent_s >= _MOST_WAIT_S
        if is_late or is_inline or len(self._batch) >= _MOST_ITEMS:
            self._send()
            while self._ahead >= _AHEAD or self._connection.poll():
                self._receive()

    def _send(self) -> None:
        self._connection.send(("items", self._batch))
        self._batch, self._ahead, self._sent_s = [], self._ahead + 1, time.monotonic()

    def _receive(self) -> None:
        self._connection.recv()
        self._ahead -= 1

    def end(self) -> None:
        """Send the rest, and wait until everything is received."""
        self._send()
        while self._ahead:
            self._receive()


def _spooled(items: Iterator[Any], folder: Path) -> Iterator[Any]:
    """Move the bytes of recordings into files, if they are large."""
    number = 0
    for one in items:
        place = getattr(one, "place", None)
        inner = place.place if isinstance(place, Samples) else place
        if not isinstance(inner, Inline) or len(inner.data) < _SPOOLED_BYTES:
            yield one
            continue
        number += 1
        path = folder / f"{os.getpid()}-{time.monotonic_ns()}-{number}"
        try:
            path.write_bytes(inner.data)
        except OSError:  # a full disk: they are sent as they are
            path.unlink(missing_ok=True)
            yield one
            continue
        spooled = Spooled(str(path), len(inner.data))
        yield _moved(one, replace(place, place=spooled) if isinstance(place, Samples) else spooled)


def _moved(one: Recording, place: Any) -> Recording:  # noqa: ANN401 - a Place
    return replace(one, place=place)


def _write(
    connection: _Scan,
    _folder: str,
    source: Any,  # noqa: ANN401 - a Source
    out: Path,
    known: Callable[[str], bool] | None,
) -> Any:  # noqa: ANN401 - a Kept
    """Write a source without refused recordings; ask the scan which ones if necessary."""
    if known is not None:
        return source.write_kept(out, refused=known)

    def refused(recording_id: str) -> bool:
        connection.send(("ask", recording_id))
        return bool(connection.recv())

    return source.write_kept(out, refused=refused)


_ANSWERS: dict[str, Callable[..., Any]] = {"open": _open, "list": _list, "write": _write}
