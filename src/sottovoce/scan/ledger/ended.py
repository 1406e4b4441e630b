"""Whether a scan was completed, according to its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["has_ended"]


def has_ended(job: Mapping[str, Any]) -> bool:
    """Return whether a scan was completed, according to its ledger.

    Only the command records its end; of the scans of other programs, only the beginning is known,
    and they count as completed.

    Examples
    --------
    >>> has_ended({"command": "sottovoce scan takes/"}), has_ended({})
    (False, True)
    """
    return not job.get("command") or bool(job.get("ended"))
