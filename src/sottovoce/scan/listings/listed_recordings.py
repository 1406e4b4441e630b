"""`recordings_of`: from the entries of a listing to recordings, each of them once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from sottovoce.errors import SottovoceError
from sottovoce.scan.archives.kaldi_ark import member_at
from sottovoce.scan.archives.tar_source import TarSource
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.id_set import IdSet
from sottovoce.scan.left_out import LeftOut
from sottovoce.scan.reach.network import Refusal
from sottovoce.scan.reach.reach import ANYWHERE, Reach
from sottovoce.scan.recording import File, Inline, Recording
from sottovoce.scan.source import tell_unreadable
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.stores.store import is_remote, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sottovoce.scan.listings.entries import Entry, RecordingRef

__all__ = ["recordings_of"]

_Waiting = Recording | Finding | Future[Recording | Finding]

_AHEAD = 64
"""Addresses whose size and time are requested at once: one after the other would take days."""


def recordings_of(
    entries: Iterable[Entry], *, listing: str, reach: Reach = ANYWHERE
) -> Iterator[Recording | Finding]:
    """Yield each recording that a listing uses, once, or a finding if it does not exist.

    Parameters
    ----------
    entries : iterable of Entry
        Entries of the listing.
    listing : str
        Its path or address.
    reach : Reach
        Names outside of it are reported, and neither opened nor requested.
    """
    members = _Members()
    waiting: deque[_Waiting] = deque()
    with ThreadPoolExecutor(max_workers=16) as pool:
        for use, groups in _once(entries):
            is_named = _judge(use, listing, reach)
            if isinstance(is_named, Finding):
                waiting.append(dataclasses.replace(is_named, groups=groups))
            elif use.data is not None:
                yield from _settled(waiting)  # such bytes are not kept waiting
                yield _inline(use.recording_id, use.data, groups)
            elif use.start is not None:
                waiting.append(_describe_part(use.recording_id, use.path, use.start, groups))
            elif use.archive:
                yield from _settled(waiting)
                yield from members.read(use.archive)
                if (missing := members.miss(use, groups)) is not None:
                    waiting.append(missing)
            elif is_remote(use.recording_id):
                waiting.append(pool.submit(_ask, use.recording_id, groups, is_named=is_named))
            else:
                file = describe_file(use.recording_id)
                waiting.append(dataclasses.replace(file, groups=groups) if groups else file)
            if len(waiting) >= _AHEAD:
                yield _settle(waiting.popleft())
        yield from _settled(waiting)


def _judge(use: RecordingRef, listing: str, reach: Reach) -> bool | Finding:
    """Return whether a recording is opened as one that the user named, or why it is not."""
    if use.finding is not None:
        return use.finding
    if use.data is not None:
        return True
    is_named = reach.judge(use.path, listing=listing)
    return is_named.tell(use.recording_id) if isinstance(is_named, Refusal) else is_named


def _once(entries: Iterable[Entry]) -> Iterator[tuple[RecordingRef, Mapping[str, str]]]:
    seen = IdSet()
    for entry in entries:
        for use in entry.uses:
            if seen.add(use.recording_id):
                yield use, entry.groups


def _inline(own_id: str, data: bytes, groups: Mapping[str, str]) -> Recording:
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return Recording(id=own_id, place=Inline(data), stamp=digest, n_bytes=len(data), groups=groups)


class _Members:
    """The members of the tar archives that a listing refers to."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._found = IdSet()

    def read(self, archive: str) -> Iterator[Recording | Finding]:
        """Yield the recordings in an archive, the first time that it is requested."""
        if archive in self._read:
            return
        self._read.add(archive)
        for one in TarSource(archive).recordings():
            self._found.add(one.id)
            if not isinstance(one, LeftOut):
                yield one

    def miss(self, use: RecordingRef, groups: Mapping[str, str]) -> Finding | None:
        """Return a finding for a recording that is not in its archive."""
        # The archive's own finding reports that it cannot be read to its end.
        if use.recording_id in self._found or use.archive in self._found:
            return None
        return Finding(
            id=use.recording_id,
            status="error",
            message="is named by the listing, but is not in the archive",
            remedy="Recreate the archives and their listing.",
            groups=groups,
        )


def _describe_part(
    own_id: str, path: str, start: int, groups: Mapping[str, str]
) -> Recording | Finding:
    """Return a part of a Kaldi archive as a recording, or a finding that says why it is not one."""
    try:
        stamp, _ = stamp_of(path)
        place = member_at(path, start)
    except SottovoceError as err:
        return dataclasses.replace(tell_unreadable(path, err, groups), id=own_id)
    return Recording(id=own_id, place=place, stamp=stamp, n_bytes=place.length, groups=groups)


def _settled(waiting: deque[_Waiting]) -> Iterator[Recording | Finding]:
    while waiting:
        yield _settle(waiting.popleft())


def _settle(one: _Waiting) -> Recording | Finding:
    return one.result() if isinstance(one, Future) else one


def _ask(url: str, groups: Mapping[str, str], *, is_named: bool) -> Recording | Finding:
    try:
        stamp, size = stamp_of(url, is_named=is_named)
    except SottovoceError as err:
        found = tell_unreadable(url, err, groups)
        return dataclasses.replace(
            found, remedy=found.remedy or "Check the address and your permissions."
        )
    return Recording(id=url, place=File(url, is_named), stamp=stamp, n_bytes=size, groups=groups)
