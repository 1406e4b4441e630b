"""`RunInfo`: what was scanned, how and when.

Handed in by the caller, so that a report depends on nothing but its arguments: the same arguments
give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RunInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One scan, for its report.

    Attributes
    ----------
    inputs : tuple of str
        What was named to be scanned.
    command : str
        The command line that repeats it; of a merge one for each part, a line each.
    detector : str
        What looked, and how: see `sottovoce.scan.scanning.detector_version`.
    versions : mapping of str to str
        Libraries that decoded and computed, and their versions.
    began, ended : str
        When, as ISO 8601.
    n_workers : int
        Processes.
    wall_s : float
        Seconds that the scan took.
    exclude_list, filtered_copy : str
        Files that were written beside the report, as it is to name them; empty where there is
        none.
    """

    inputs: tuple[str, ...]
    command: str
    detector: str
    versions: Mapping[str, str] = field(default_factory=dict)
    began: str = ""
    ended: str = ""
    n_workers: int = 1
    wall_s: float = 0.0
    exclude_list: str = ""
    filtered_copy: str = ""
