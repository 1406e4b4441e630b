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

__all__ = ["Naming"]


class Naming:
    """Test voices for known payloads.

    Parameters
    ----------
    notices : iterable of Notice
        What is looked for: for each owner every policy and year that their marks may carry.
    n_looks : int
        How often each voice is tested, as in `sottovoce.match_known`.
    """

    def __init__(self, notices: Iterable[Notice], *, n_looks: int = 1) -> None:
        self._notices = tuple(notices)
        self._n_looks = n_looks

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
        if not (self._notices and finding.marked and any(finding.cells)):
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
        if not cells:
            return voice, cells
        try:
            kept = SoftCells.from_bytes(base64.b64decode(cells, validate=True))
        except (PayloadError, ValueError, TypeError):  # of a damaged ledger
            return voice, cells
        match = match_known(kept, self._notices, n_looks=self._n_looks)
        if match is None:
            return voice, cells
        named = {**voice, "notice": match.notice.to_dict(), "matched": match.to_dict()}
        return named, ""
