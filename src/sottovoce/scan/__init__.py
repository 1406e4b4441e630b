"""Scan data sets for marks before anything is trained on them.

Each name is imported when it is first used: a worker process needs few of them, and imports twice
as fast without the rest.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sottovoce.scan.datasets.hugging_face import filter_data_set
    from sottovoce.scan.finding import Finding
    from sottovoce.scan.ledger.clearance import load_allowed
    from sottovoce.scan.ledger.ledger import Ledger
    from sottovoce.scan.limits import Limits
    from sottovoce.scan.merging import merge_ledgers
    from sottovoce.scan.opening.apart import Apart
    from sottovoce.scan.opening.names import open_sources
    from sottovoce.scan.outputs import write_filtered, write_outputs
    from sottovoce.scan.pipelines.batches import examine_batch
    from sottovoce.scan.pipelines.examples import (
        examine_example,
        examine_sounds,
        is_refused,
        without_refused,
    )
    from sottovoce.scan.release import Release, Releases
    from sottovoce.scan.reports.summary import Summary, summarise
    from sottovoce.scan.scanning import Scan, detector_version, scan_paths

__all__ = [
    "Apart",
    "Finding",
    "Ledger",
    "Limits",
    "Release",
    "Releases",
    "Scan",
    "Summary",
    "detector_version",
    "examine_batch",
    "examine_example",
    "examine_sounds",
    "filter_data_set",
    "is_refused",
    "load_allowed",
    "merge_ledgers",
    "open_sources",
    "scan_paths",
    "summarise",
    "without_refused",
    "write_filtered",
    "write_outputs",
]

_PLACES = {
    "Apart": "opening.apart",
    "Finding": "finding",
    "Ledger": "ledger.ledger",
    "Limits": "limits",
    "Release": "release",
    "Releases": "release",
    "Scan": "scanning",
    "Summary": "reports.summary",
    "detector_version": "scanning",
    "examine_batch": "pipelines.batches",
    "examine_example": "pipelines.examples",
    "examine_sounds": "pipelines.examples",
    "filter_data_set": "datasets.hugging_face",
    "is_refused": "pipelines.examples",
    "load_allowed": "ledger.clearance",
    "merge_ledgers": "merging",
    "open_sources": "opening.names",
    "scan_paths": "scanning",
    "summarise": "reports.summary",
    "without_refused": "pipelines.examples",
    "write_filtered": "outputs",
    "write_outputs": "outputs",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
