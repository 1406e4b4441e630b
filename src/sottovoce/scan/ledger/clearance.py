"""`load_allowed`: which recordings a scan allows, for lookup during training.

A list of what may be used, not of what is excluded: a path spelled differently from the scan, or a
file added later, is then left out instead of slipping through.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.finding import refused_statuses
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.release import Releases

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from sottovoce.core.permission import Permission
    from sottovoce.core.policy import Use

__all__ = ["find_released", "load_allowed"]

_LEDGER = "ledger.sqlite"


def load_allowed(
    folder: str | os.PathLike[str],
    *,
    strict: bool = True,
    permissions: Sequence[Permission] = (),
    use: Use | None = None,
) -> frozenset[str]:
    """Return the ids of the recordings that a scan allows.

    Parameters
    ----------
    folder : path-like
        Output folder of the scan (its ``-o``), or its ledger.
    strict : bool
        Whether to leave out suspected recordings, and those not read to their end, too; as in
        ``sottovoce scan filter --strict``.
    permissions : sequence of Permission
        Of owners who permit the use: from verified grants, see `sottovoce.recipes`.
    use : Use or None
        The use; needed with permissions.

    Returns
    -------
    allowed : frozenset of str
        Ids as in `Finding`: for files, the paths as given to the scan.  Recordings that were
        refused, were never scanned, or are spelled differently are not included.

    Raises
    ------
    LedgerError
        If there is no ledger, or it is damaged; or if the scan was not completed, since
        recordings not reached would be left out.
    ParameterError
        If there are permissions and no use.

    Notes
    -----
    Uses about 150 bytes of memory per id.

    Examples
    --------
    >>> allowed = load_allowed("scan-out")  # doctest: +SKIP
    >>> cuts = cuts.filter(lambda cut: cut.recording_id in allowed)  # doctest: +SKIP
    """
    path = Path(folder)
    ledger = Ledger(path / _LEDGER if path.is_dir() else path, read_only=True)
    try:
        ledger.check_ended(then="try again")
        refused = refused_statuses(strict=strict)
        released: frozenset[str] = frozenset()
        if permissions:
            released = find_released(ledger, Releases(permissions, use=use))
        return released.union(name for name, status in ledger.statuses() if status not in refused)
    finally:
        ledger.close()


def find_released(ledger: Ledger, releases: Releases) -> frozenset[str]:
    """Return the ids of the marked recordings that permissions release.

    Parameters
    ----------
    ledger : Ledger
        Ledger of a scan.
    releases : Releases
        What decides.
    """
    return frozenset(one.id for one in ledger.marked() if releases.decide(one).released)
