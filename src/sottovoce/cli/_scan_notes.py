"""Notes of a scan in addition to its figures: unread recordings, and names that nothing has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._words import format_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.scan import Finding

__all__ = ["ScanNotes"]

_MOST_UNREAD = 3


class ScanNotes:
    """Collect what to report when a scan has ended.

    Parameters
    ----------
    column, group_by : sequence of str
        The options of these names.

    Attributes
    ----------
    n : int
        Findings so far.
    """

    def __init__(self, *, column: Sequence[str], group_by: Sequence[str]) -> None:
        self._column = column
        self._missing = dict.fromkeys(group_by)
        self._unread: list[Finding] = []
        self._n_unread = self._n_columnless = 0
        self.n = 0

    def explain_lists(self, inputs: Sequence[str]) -> None:
        """Report which of the names are read as lists, where a recording may have been meant."""
        from sottovoce.scan.listings.recognise import is_listing

        for name in filter(is_listing, inputs):
            _output.explain(f"{format_path(name)}: read as a list of recordings", kind="note")

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        self.n += 1
        if self._missing:
            self._missing = {name: None for name in self._missing if name not in finding.groups}
        if finding.unread:
            self._n_unread += 1
            self._n_columnless += finding.cause == "no column"
            if len(self._unread) < _MOST_UNREAD:
                self._unread.append(finding)

    def explain_unread(self) -> None:
        """Report why the first unread recordings were not read, and what helps."""
        for finding in self._unread:
            remedy = f"  {_output.name_flags(finding.remedy)}" if finding.remedy else ""
            _output.explain(f"{format_path(finding.id)}: {finding.message}.{remedy}", kind="note")
        if more := self._n_unread - len(self._unread):
            were = "was" if more == 1 else "were"
            _output.explain(f"The report lists {more:,} more that {were} not read.")

    def explain_missing(self) -> bool:
        """Report names that an option asks for and nothing has; return whether there are any."""
        is_columnless = bool(self._column) and 0 < self.n == self._n_columnless
        if is_columnless:
            _output.explain(
                f"No column or field found for --column: {_join(self._column)}.", kind="error"
            )
            self.explain_unread()
            return True
        if self._missing and self.n > self._n_unread:
            names = _join(list(self._missing))
            _output.explain(f"No recording has a column for --group-by: {names}.", kind="error")
            return True
        return False


def _join(names: Sequence[str]) -> str:
    return ", ".join(format_path(name) for name in names)
