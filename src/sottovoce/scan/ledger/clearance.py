"""`load_allowed`: which recordings a scan lets through, for a look-up while training.

What may be trained on, not what must go: a path that is spelled in another way than it was
scanned, or a file that came later, is then left out instead of slipping through.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.finding import refused_statuses
from sottovoce.scan.ledger.ledger import Ledger

if TYPE_CHECKING:
    import os

__all__ = ["load_allowed"]

_LEDGER = "ledger.sqlite"


def load_allowed(folder: str | os.PathLike[str], *, strict: bool = True) -> frozenset[str]:
    """Return the ids of the recordings that a scan lets through.

    Parameters
    ----------
    folder : path-like
        What the scan was told to write to (its ``-o``), or its ledger.
    strict : bool
        Whether what is only suspected, or was not read to its end, is left out too; as in
        ``sottovoce scan filter --strict``.

    Returns
    -------
    allowed : frozenset of str
        Ids as in `Finding`: for files, the paths as the scan was given them.  What was refused,
        was never scanned, or is spelled in another way is not in it.

    Raises
    ------
    LedgerError
        If there is no ledger, or it is damaged; or if the scan has not come to its end, as what it
        has not reached would be left out.

    Notes
    -----
    About 150 bytes of memory for each id.

    Examples
    --------
    >>> allowed = load_allowed("scan-out")  # doctest: +SKIP
    >>> cuts = cuts.filter(lambda cut: cut.recording_id in allowed)  # doctest: +SKIP
    """
    path = Path(folder)
    ledger = Ledger(path / _LEDGER if path.is_dir() else path, read_only=True)
    try:
        ledger.check_ended(then="ask")
        refused = refused_statuses(strict=strict)
        return frozenset(name for name, status in ledger.statuses() if status not in refused)
    finally:
        ledger.close()
