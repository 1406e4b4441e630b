"""`RunInfo`: what was scanned, how and when.

The caller provides it, so that a report depends on nothing but its arguments: the same arguments
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
    """Facts about one scan, for its report.

    Attributes
    ----------
    inputs : tuple of str
        Names of the scanned sources, as given.
    command : str
        The command line that repeats the scan; for a merge, one line for each part.
    detector : str
        Detector and its settings: see `sottovoce.scan.scanning.detector_version`.
    versions : mapping of str to str
        Libraries that decoded and computed, and their versions.
    began, ended : str
        Start and end times, as ISO 8601.
    n_workers : int
        Number of worker processes.
    wall_s : float
        Duration of the scan, in seconds.
    exclude_list, filtered_copy : str
        Files written along with the report, by the names that it shows; empty if there are none.
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
