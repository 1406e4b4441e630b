"""`Refusals`: which recordings a ledger refuses, for copying a data set in any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.scan.ledger.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Refusals"]


class Refusals:
    """A callable that takes the id of a recording; in another process it reopens the ledger.

    Parameters
    ----------
    path : pathlib.Path
        The ledger; all relevant findings must be on disk.
    statuses : frozenset of str
        Refused statuses; the empty one stands for recordings that were not scanned.
    released : frozenset of str
        Ids of marked recordings that are not refused because their owners permit the use.
    ledger : Ledger or None
        The same ledger, if it is open already.
    """

    can_travel = True
    """Whether it can be used in another process as well."""

    def __init__(
        self,
        path: Path,
        statuses: frozenset[str],
        released: frozenset[str] = frozenset(),
        *,
        ledger: Ledger | None = None,
    ) -> None:
        self._path = path
        self._statuses = statuses
        self._released = released
        self._ledger = ledger

    def __reduce__(
        self,
    ) -> tuple[type[Refusals], tuple[Path, frozenset[str], frozenset[str]]]:
        return Refusals, (self._path, self._statuses, self._released)

    def __call__(self, recording_id: str) -> bool:
        """Return whether a recording is refused."""
        if self._ledger is None:
            self._ledger = Ledger(self._path, read_only=True)
        if recording_id in self._released:
            return False
        return self._ledger.status(recording_id) in self._statuses
