"""`recordings_of`: from what a listing names to recordings, each of them once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError, SottovoceError, UnsupportedFormatError
from sottovoce.scan.archives import TarSource
from sottovoce.scan.finding import Finding
from sottovoce.scan.kaldi_archives import member_at
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.listed import Seen
from sottovoce.scan.lone_files import describe_file
from sottovoce.scan.reach import ANYWHERE, Reach
from sottovoce.scan.recording import File, Inline, Recording
from sottovoce.scan.storage import is_remote, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sottovoce.scan.finding import Status
    from sottovoce.scan.listed import Entry, Use

__all__ = ["recordings_of"]

_AHEAD = 64
"""Addresses that are asked for size and time at once: one after the other takes days."""


def recordings_of(
    entries: Iterable[Entry], *, reach: Reach = ANYWHERE
) -> Iterator[Recording | Finding]:
    """Yield each recording that a listing uses, once; a finding for what is not there.

    Parameters
    ----------
    entries : iterable of Entry
        Of the listing.
    reach : Reach
        What lies out of it is told, and neither opened nor asked for.
    """
    members = _Members()
    waiting: deque[Recording | Finding | Future[Recording | Finding]] = deque()
    with ThreadPoolExecutor(max_workers=16) as pool:
        for use, groups in _once(entries):
            if use.data is not None:
                yield from map(_settle, waiting)  # such bytes are not kept waiting
                waiting.clear()
                yield _inline(use.recording_id, use.data, groups)
                continue
            if use.finding is None and not reach.allows(use.path):
                waiting.append(_refuse_outside(use.recording_id, reach.within, groups))
            elif use.finding is not None:
                waiting.append(dataclasses.replace(use.finding, groups=groups))
            elif use.start is not None:
                waiting.append(_describe_part(use.recording_id, use.path, use.start, groups))
            elif use.archive:
                yield from map(_settle, waiting)
                waiting.clear()
                yield from members.read(use.archive)
                if (missing := members.miss(use, groups)) is not None:
                    waiting.append(missing)
            elif is_remote(use.recording_id):
                waiting.append(pool.submit(_ask, use.recording_id, groups))
            else:
                waiting.append(dataclasses.replace(describe_file(use.recording_id), groups=groups))
            if len(waiting) >= _AHEAD:
                yield _settle(waiting.popleft())
        while waiting:
            yield _settle(waiting.popleft())


def _once(entries: Iterable[Entry]) -> Iterator[tuple[Use, Mapping[str, str]]]:
    seen = Seen()
    for entry in entries:
        for use in entry.uses:
            if seen.add(use.recording_id):
                yield use, entry.groups


def _inline(own_id: str, data: bytes, groups: Mapping[str, str]) -> Recording:
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return Recording(id=own_id, place=Inline(data), stamp=digest, n_bytes=len(data), groups=groups)


class _Members:
    """What is in the tar archives that a listing leads to."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._found = Seen()

    def read(self, archive: str) -> Iterator[Recording | Finding]:
        """Yield what is in an archive, the first time that it is asked for."""
        if archive in self._read:
            return
        self._read.add(archive)
        for one in TarSource(archive).recordings():
            self._found.add(one.id)
            if not isinstance(one, LeftOut):
                yield one

    def miss(self, use: Use, groups: Mapping[str, str]) -> Finding | None:
        """Return a finding for a recording that is not in its archive."""
        # The archive's own finding says that it cannot be read, or not to its end.
        if use.recording_id in self._found or use.archive in self._found:
            return None
        return Finding(
            id=use.recording_id,
            status="error",
            message="is named by the listing, and is not in the archive",
            remedy="Make the archives and their listing anew.",
            groups=groups,
        )


def _describe_part(
    own_id: str, path: str, start: int, groups: Mapping[str, str]
) -> Recording | Finding:
    """Return a part of an archive of Kaldi's as a recording, or why it is none."""
    try:
        stamp, _ = stamp_of(path)
        place = member_at(path, start)
    except AudioFileError as err:
        message = str(err).removeprefix(f"{path}: ")
        status: Status = "unsupported" if isinstance(err, UnsupportedFormatError) else "error"
        return Finding(id=own_id, status=status, message=message, remedy=err.remedy, groups=groups)
    return Recording(id=own_id, place=place, stamp=stamp, n_bytes=place.length, groups=groups)


def _refuse_outside(path: str, folder: str, groups: Mapping[str, str]) -> Finding:
    return Finding(
        id=path,
        status="unsupported",
        message=f"is named by a listing in {folder}, and lies outside of it",
        remedy="If you trust the listing, name it itself to be scanned.",
        groups=groups,
    )


def _settle(
    one: Recording | Finding | Future[Recording | Finding],
) -> Recording | Finding:
    return one.result() if isinstance(one, Future) else one


def _ask(url: str, groups: Mapping[str, str]) -> Recording | Finding:
    try:
        stamp, size = stamp_of(url)
    except SottovoceError as err:
        message = str(err).removeprefix(f"{url}: ")
        return Finding(
            id=url,
            status="error" if isinstance(err, AudioFileError) else "unsupported",
            message=message,
            remedy=err.remedy or "Check the address and your rights.",
            groups=groups,
        )
    return Recording(id=url, place=File(url), stamp=stamp, n_bytes=size, groups=groups)
