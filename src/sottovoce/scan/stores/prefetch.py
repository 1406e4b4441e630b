"""`bring`: the bytes of recordings in a store, fetched while earlier ones are examined.

A store answers after tens of milliseconds, whatever the request; a short clip is decoded and
searched in two.  So some requests are always in flight, and adjacent parts of one archive are
fetched by a single one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, SottovoceError
from sottovoce.scan.recording import File, Inline, Member
from sottovoce.scan.stores.retry import PATIENCE_S, explain, is_final, persist_async
from sottovoce.scan.stores.store import (
    MOST_REQUESTS,
    check_length,
    check_size,
    is_remote,
    open_remote,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from concurrent.futures import Future

    from sottovoce.scan.recording import Recording

__all__ = ["bring"]

_AHEAD_BYTES = 64 << 20
"""Bytes fetched and not yet examined, in one worker; a larger recording is fetched by itself."""
_JOINED_BYTES, _GAP_BYTES = 4 << 20, 64 << 10
_MOST_FAILURES = 8
"""Failures in a row, after which the store counts as down and the rest of a batch is skipped."""


@dataclass(slots=True)
class _Request:
    """Recordings that one request fetches, and its answer, if one is needed."""

    recordings: list[Recording]
    url: str = ""
    is_named: bool = True
    start: int | None = None
    end: int = 0
    n_bytes: int = 0
    answer: Future[bytes] | None = None
    error: SottovoceError | None = None


def bring(
    batch: list[Recording], *, most_bytes: int
) -> Iterator[tuple[Recording, SottovoceError | None]]:
    """Yield recordings in order, those from stores with their bytes.

    Parameters
    ----------
    batch : list of Recording
        From anywhere; those on this computer pass through unchanged.
    most_bytes : int
        A larger recording is refused before it is read into memory.

    Yields
    ------
    recording : Recording
        Ready to be examined.
    error : SottovoceError or None
        Why it could not be fetched.
    """
    waiting: deque[_Request] = deque()
    n_bytes = n_failures = 0
    for request in _requests(batch):
        while waiting and (
            len(waiting) >= MOST_REQUESTS or n_bytes + request.n_bytes > _AHEAD_BYTES
        ):
            n_bytes -= waiting[0].n_bytes
            n_failures = yield from _settle(waiting.popleft(), n_failures)
        _send(request, n_failures, most_bytes)
        n_bytes += request.n_bytes
        waiting.append(request)
    while waiting:
        n_failures = yield from _settle(waiting.popleft(), n_failures)


def _requests(batch: list[Recording]) -> Iterator[_Request]:
    """Yield the requests to send, with neighbours in an archive together."""
    now: _Request | None = None
    for recording in batch:
        place = recording.place
        if now is not None:
            if isinstance(place, Member) and _is_next(now, place):
                now.recordings.append(recording)
                now.end = place.start + place.length
                now.n_bytes = now.end - (now.start or 0)
                continue
            yield now
            now = None
        if isinstance(place, Member) and is_remote(place.url):
            end = place.start + place.length
            now = _Request([recording], place.url, start=place.start, end=end, n_bytes=place.length)
        elif isinstance(place, File) and is_remote(place.url):
            yield _Request(
                [recording], place.url, is_named=place.is_named, n_bytes=recording.n_bytes
            )
        else:
            yield _Request([recording])
    if now is not None:
        yield now


def _is_next(request: _Request, place: Member) -> bool:
    return (
        request.url == place.url
        and 0 <= place.start - request.end <= _GAP_BYTES
        and place.start + place.length - (request.start or 0) <= _JOINED_BYTES
    )


def _send(request: _Request, n_failures: int, most_bytes: int) -> None:
    if not request.url:
        return
    if n_failures >= _MOST_FAILURES:
        request.error = AudioFileError(
            "was not requested: the store failed for the ones before it",
            path=request.url,
            remedy="Run the same command again once the store is available; it resumes from here.",
        )
        return
    try:
        check_size(request.url, request.n_bytes, most_bytes)
        system, path = open_remote(request.url, is_named=request.is_named)
    except SottovoceError as err:
        request.error = err
        return
    import fsspec.asyn

    # A failure may be specific to one request; the others must not all wait as long as it did.
    patience_s = 0.0 if n_failures else PATIENCE_S
    work = _ask(system, path, request.start, request.end, patience_s=patience_s)
    request.answer = asyncio.run_coroutine_threadsafe(work, fsspec.asyn.get_loop())


async def _ask(system: Any, path: str, start: int | None, end: int, *, patience_s: float) -> bytes:  # noqa: ANN401 - fsspec has no types
    part = {} if start is None else {"start": start, "end": end}

    async def ask() -> bytes:
        if system.async_impl:
            return bytes(await system._cat_file(path, **part))
        return bytes(await asyncio.to_thread(system.cat_file, path, **part))

    return await persist_async(ask, patience_s=patience_s)


def _settle(
    request: _Request, n_failures: int
) -> Generator[tuple[Recording, SottovoceError | None], None, int]:
    """Yield the recordings of a request, and return the number of failures in a row."""
    error, data = request.error, b""
    if request.answer is not None:
        try:
            data = request.answer.result()
            if request.start is not None:
                check_length(request.url, data, request.end - request.start)
            n_failures = 0
        except SottovoceError as err:
            error = err
        except Exception as err:  # noqa: BLE001 - drivers raise whatever their libraries do
            error = explain(err, request.url)
            n_failures = 0 if is_final(err) else n_failures + 1
    for recording in request.recordings:
        if error is not None or request.answer is None:
            yield recording, error
            continue
        place = recording.place
        own = data
        if isinstance(place, Member) and request.start is not None:
            start = place.start - request.start
            own = data[start : start + place.length]
        yield replace(recording, place=Inline(own)), None
    return n_failures
