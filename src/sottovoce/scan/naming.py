"""Name the owners of marked voices that were not read, out of what a ledger keeps of them."""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Any

from sottovoce.core.known_payload import match_known
from sottovoce.core.soft_cells import SoftCells
from sottovoce.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sottovoce.core.payload import Notice
    from sottovoce.scan.finding import Finding

__all__ = ["Naming", "open_cells"]


class Naming:
    """Test voices for known payloads.

    Parameters
    ----------
    notices : iterable of Notice
        What is looked for: for each owner every policy and year that their marks may carry.
    n_looks : int
        How often each voice is tested, as in `sottovoce.match_known`.

    Attributes
    ----------
    notices : tuple of Notice
        What is looked for.
    n_looks : int
        As given.
    """

    def __init__(self, notices: Iterable[Notice], *, n_looks: int = 1) -> None:
        self.notices = tuple(notices)
        self.n_looks = n_looks

    def name(self, finding: Finding) -> Finding:
        """Return a finding in which voices that match have the notice, and the evidence for it.

        Parameters
        ----------
        finding : Finding
            As a ledger keeps it.

        Returns
        -------
        finding : Finding
            The same one if nothing matches.  A voice that does has ``"notice"`` and ``"matched"``
            as in `Voice.to_dict`, and no cells any more.
        """
        if not (self.notices and finding.marked and any(finding.cells)):
            return finding
        if len(finding.cells) != len(finding.voices):
            return finding  # of a damaged ledger
        pairs = zip(finding.voices, finding.cells, strict=True)
        tested = [self._test(voice, cells) for voice, cells in pairs]
        return dataclasses.replace(
            finding,
            voices=tuple(voice for voice, _ in tested),
            cells=tuple(cells for _, cells in tested),
        )

    def _test(self, voice: Mapping[str, Any], cells: str) -> tuple[Mapping[str, Any], str]:
        kept = open_cells(cells)
        if kept is None:
            return voice, cells
        match = match_known(kept, self.notices, n_looks=self.n_looks)
        if match is None:
            return voice, cells
        named = {**voice, "notice": match.notice.to_dict(), "matched": match.to_dict()}
        return named, ""


def open_cells(text: str) -> SoftCells | None:
    """Return the cells of a voice; None if a ledger keeps none, or is damaged."""
    if not text:
        return None
    try:
        return SoftCells.from_bytes(base64.b64decode(text, validate=True))
    except (PayloadError, ValueError, TypeError):
        return None
