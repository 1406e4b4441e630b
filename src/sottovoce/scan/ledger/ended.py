"""Whether a scan came to its end, of what its ledger remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["has_ended"]


def has_ended(job: Mapping[str, Any]) -> bool:
    """Say whether a scan came to its end, of what a ledger remembers of it.

    Only the command says when it ended; of the scans of other programs nothing else is known than
    that they were begun, and they count as ended.

    Examples
    --------
    >>> has_ended({"command": "sottovoce scan takes/"}), has_ended({})
    (False, True)
    """
    return not job.get("command") or bool(job.get("ended"))
