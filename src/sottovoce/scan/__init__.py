"""Scan data sets for marks before anything is trained on them."""

from sottovoce.scan.datasets.hugging_face import filter_data_set
from sottovoce.scan.finding import Finding
from sottovoce.scan.ledger.clearance import load_allowed
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.limits import Limits
from sottovoce.scan.opening.apart import Apart
from sottovoce.scan.opening.names import open_sources
from sottovoce.scan.outputs import merge_ledgers, write_filtered, write_outputs
from sottovoce.scan.pipelines.batches import examine_batch
from sottovoce.scan.pipelines.examples import (
    examine_example,
    examine_sounds,
    is_refused,
    without_refused,
)
from sottovoce.scan.reports.summary import Summary, summarise
from sottovoce.scan.scanning import Scan, detector_version, scan_paths

__all__ = [
    "Apart",
    "Finding",
    "Ledger",
    "Limits",
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
