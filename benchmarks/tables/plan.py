"""The plan of `docs/scale.md` for a hundred million clips: measured figures, multiplied."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.harness.harness import markdown_table

__all__ = ["build_plan"]

_BEGIN = "<!-- plan:begin (written by benchmarks/tables/report.py) -->"
_END = "<!-- plan:end -->"
_N = 10**8
_CORES = 64
_PRICE = 0.05
"""US dollars for an hour of a core: an assumption, as clouds ask for one without a contract."""
_BUSY = 0.5
"""Share of a driver's time that a plan gives to it: listings and stores are not always quick."""
_WORKERS = 2
"""Of `scan_throughput`."""
_KINDS = (
    ("clips of 3 s, 16 kHz FLAC", "long_16k_flac", 3.0),
    ("clips of 10 s, 16 kHz FLAC", "long_16k_flac", 10.0),
    ("clips of 10 s, 16 kHz MP3", "long_16k_mp3", 10.0),
    ("clips of 10 s, 16 kHz Opus", "long_16k_opus", 10.0),
    ("clips of 10 s, 48 kHz FLAC", "long_48k_flac", 10.0),
)

Results = dict[str, dict[str, Any]]


def build_plan(page: str, results: Results) -> str:
    """Return the page with its tables rebuilt; unchanged if a result is missing."""
    if not {"scan_throughput", "scan_ledger", "scan_cluster"} <= results.keys():
        return page
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return "\n".join([before + _BEGIN, _table(results), "", _around(results), _END + after])


def _core_seconds(results: Results) -> tuple[dict[str, float], float]:
    """Return what a second of sound costs by kind, and what each recording adds."""
    rows = {row["what"]: row for row in results["scan_throughput"]["rows"]}
    each = {what: _WORKERS / row["scan_times_real_time"][1] for what, row in rows.items()}
    short = rows["short_16k_flac"]
    mean_s = 3600 * short["hours"] / short["n_files"]
    return each, mean_s * (each["short_16k_flac"] - each["long_16k_flac"])


def _driver_s(results: Results) -> float:
    rows = {row["step"]: row for row in results["scan_ledger"]["rows"]}
    return float(1e-6 * rows["driver_pool"]["us_per_row"])


def _share(results: Results) -> float:
    """Return the share of a pool's speed that nodes of a cluster reach, the worst measured."""
    return float(min(1.0, *(row["share"][1] for row in results["scan_cluster"]["rows"])))


def _table(results: Results) -> str:
    each, besides_s = _core_seconds(results)
    rows = []
    for words, kind, length_s in _KINDS:
        core_s = (besides_s + each[kind] * length_s) / _share(results)
        core_hours = _N * core_s / 3600
        a_second = _CORES / core_s
        rows.append(
            [
                words,
                f"{_N * length_s / 3600:,.0f}",
                f"{core_hours:,.0f}",
                f"{core_hours / _CORES:.1f}",
                f"{a_second:,.0f}",
                f"{math.ceil(a_second * _driver_s(results) / _BUSY)}",
                f"{core_hours * _PRICE:,.0f}",
            ]
        )
    head = [f"{_N:,} recordings", "hours of sound", "hours of a core", f"hours on {_CORES} cores"]
    head += ["recordings a second", "drivers", "cost, $"]
    return markdown_table(head, rows)


def _around(results: Results) -> str:
    rows = {}
    for row in results["scan_ledger"]["rows"]:
        rows[row["step"]] = row  # the largest ledger comes last
    report, merge, resume = rows["report"], rows["merge"], rows["resume"]
    minutes = {name: _N * row["us_per_row"] / 6e7 for name, row in rows.items()}
    each, besides_s = _core_seconds(results)
    flac = next(r for r in results["scan_cluster"]["rows"] if r["what"] == "long_16k_flac")
    bits = 8 * flac["n_bytes"] / (3600 * flac["hours"])
    rate = 10.0 / (besides_s + 10.0 * each["long_16k_flac"])
    return (
        f"A recording costs {1e3 * besides_s:.2f} ms of a core whatever its length, and a second of"
        f" 16 kHz FLAC {1e3 * each['long_16k_flac']:.2f} ms. Clusters are taken to reach"
        f" {100 * _share(results):.0f} % of a pool's speed, the worst that was measured. A driver"
        f" takes {1e6 * _driver_s(results):.0f} µs for a recording, and the plan keeps it"
        f" {100 * _BUSY:.0f} % busy. An hour of a core is taken for {_PRICE:.2f} $.\n\n"
        f"Besides, by one process: `scan merge` {minutes['merge']:.0f} minutes, `scan report`"
        f" {minutes['report']:.0f} minutes, a scan that finds all of it known"
        f" {minutes['resume']:.0f} minutes, as they scale from {merge['n']:,},"
        f" {report['n']:,} and {resume['n']:,} recordings. A core reads"
        f" {rate * bits / 1e6:.0f} Mb/s of 16 kHz FLAC in clips of 10 s, so {_CORES} cores want"
        f" {_CORES * rate * bits / 1e9:.0f} Gb/s of the store: for lossless sound the network is"
        " what runs out first."
    )
