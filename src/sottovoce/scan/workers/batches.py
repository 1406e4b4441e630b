"""`batches_of`: the work that one worker takes at a time.

A batch should take a worker about a second: with less, handing it over matters; with more, much is
repeated after a crash.  From a store, batches are larger, since each begins with a wait for its
first bytes; and rows in one part of a table there stay together, since reading any one of them
fetches the whole part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.scan.finding import Finding
from sottovoce.scan.recording import (
    Cell,
    File,
    Inline,
    Member,
    Packed,
    Recording,
    Samples,
)
from sottovoce.scan.stores.store import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["batches_of", "belong_together"]

_MOST, _MOST_BYTES = 64, 4 << 20
_MOST_REMOTE, _MOST_REMOTE_BYTES = 512, 32 << 20
_MOST_IN_GROUP, _MOST_GROUP_BYTES = 4096, 256 << 20


def batches_of(recordings: Iterable[Recording | Finding]) -> Iterator[list[Recording] | Finding]:
    """Yield recordings in batches, and findings at once.

    Parameters
    ----------
    recordings : iterable of Recording or Finding
        Consumed no further than the end of a batch.
    """
    batch: list[Recording] = []
    n_bytes = 0
    for one in recordings:
        if isinstance(one, Finding):
            yield one
            continue
        if batch and _is_full(batch, n_bytes, one):
            yield batch
            batch, n_bytes = [], 0
        batch.append(one)
        n_bytes += one.n_bytes
        # Bytes that can be read only once are not kept waiting for the next recording.
        is_inline = isinstance(getattr(one.place, "place", one.place), Inline)
        if is_inline and n_bytes >= _MOST_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch


def _is_full(batch: list[Recording], n_bytes: int, coming: Recording) -> bool:
    place = coming.place
    # Exactly these types: the workers handle whatever else a place contains.
    is_known = type(place) in {File, Member, Cell, Packed}
    if isinstance(place, Inline | Samples) or not is_known or not is_remote(place.url):
        return len(batch) >= _MOST or n_bytes >= _MOST_BYTES
    if not isinstance(place, Cell):
        return len(batch) >= _MOST_REMOTE or n_bytes >= _MOST_REMOTE_BYTES
    if belong_together(batch, n_bytes, coming):
        return False
    return len(batch) >= _MOST or n_bytes >= _MOST_BYTES


def belong_together(batch: list[Recording], n_bytes: int, coming: Recording) -> bool:
    """Return whether a recording is in the part of a remote table with which the batch ends.

    Parameters
    ----------
    batch : list of Recording
        At least one recording.
    n_bytes : int
        Size of the batch; nothing belongs to one that is too large already.
    coming : Recording
        The next recording.
    """
    place, last = coming.place, batch[-1].place
    return (
        type(place) is type(last) is Cell
        and is_remote(place.url)
        and (last.url, last.group) == (place.url, place.group)
        and len(batch) < _MOST_IN_GROUP
        and n_bytes < _MOST_GROUP_BYTES
    )
