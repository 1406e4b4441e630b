"""`recordings_of`: from what a listing names to recordings, each of them once."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import MissingExtraError, SottovoceError, UnsupportedFormatError
from sottovoce.scan.finding import Finding
from sottovoce.scan.listed import Seen
from sottovoce.scan.lone_files import describe_file
from sottovoce.scan.reach import NOWHERE, Refusal
from sottovoce.scan.recording import File, Inline, Recording
from sottovoce.scan.storage import is_remote, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sottovoce.scan.listed import Entry, Use
    from sottovoce.scan.reach import Reach

__all__ = ["recordings_of"]

_UNSUPPORTED = (MissingExtraError, UnsupportedFormatError)
_AHEAD = 64
"""Addresses that are asked for size and time at once: one after the other takes days."""


def recordings_of(
    entries: Iterable[Entry], *, listing: str, reach: Reach = NOWHERE, within: str = ""
) -> Iterator[Recording | Finding]:
    """Yield each recording that a listing uses, once; a finding for what is not there.

    Parameters
    ----------
    entries : iterable of Entry
        Of the listing.
    listing : str
        Its path or address.
    reach : Reach
        What it may name on a network.
    within : str
        A folder; what lies outside of it is told and neither opened nor asked for.  Empty for
        a listing that the user named.
    """
    root = os.path.realpath(within) if within else ""
    waiting: deque[Recording | Finding | Future[Recording | Finding]] = deque()
    with ThreadPoolExecutor(max_workers=16) as pool:
        for use, groups in _once(entries):
            if use.data is not None:
                yield from map(_settle, waiting)  # such bytes are not kept waiting
                waiting.clear()
                yield _inline(use.recording_id, use.data, groups)
                continue
            if root and use.finding is None and not _lies_in(use.recording_id, root):
                waiting.append(_refuse_outside(use.recording_id, within, groups))
            elif use.finding is not None:
                waiting.append(dataclasses.replace(use.finding, groups=groups))
            elif is_remote(use.recording_id):
                is_named = reach.judge(use.recording_id, listing=listing)
                waiting.append(
                    _refuse(use.recording_id, is_named, groups)
                    if isinstance(is_named, Refusal)
                    else pool.submit(_ask, use.recording_id, groups, is_named=is_named)
                )
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


def _lies_in(path: str, root: str) -> bool:
    return not is_remote(path) and Path(os.path.realpath(path)).is_relative_to(root)


def _refuse_outside(path: str, folder: str, groups: Mapping[str, str]) -> Finding:
    return Finding(
        id=path,
        status="unsupported",
        message=f"is named by a listing in {folder}, and lies outside of it",
        remedy="If you trust the listing, name it itself to be scanned.",
        groups=groups,
    )


def _refuse(url: str, refusal: Refusal, groups: Mapping[str, str]) -> Finding:
    return Finding(
        id=url,
        status="unsupported",
        message=refusal.message,
        remedy=refusal.remedy,
        groups=groups,
    )


def _settle(
    one: Recording | Finding | Future[Recording | Finding],
) -> Recording | Finding:
    return one.result() if isinstance(one, Future) else one


def _ask(url: str, groups: Mapping[str, str], *, is_named: bool) -> Recording | Finding:
    try:
        stamp, size = stamp_of(url, is_named=is_named)
    except SottovoceError as err:
        message = str(err).removeprefix(f"{url}: ")
        return Finding(
            id=url,
            status="unsupported" if isinstance(err, _UNSUPPORTED) else "error",
            message=message,
            remedy=err.remedy or "Check the address and your rights.",
            groups=groups,
        )
    return Recording(id=url, place=File(url, is_named), stamp=stamp, n_bytes=size, groups=groups)
