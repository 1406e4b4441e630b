"""Measure everything, one benchmark after the other, and build the page; or only guard speed.

Runs as a script from anywhere: ``python benchmarks/run.py [--smoke] [names ...]``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from benchmarks.harness.harness import module_of  # noqa: E402 - found from anywhere by now

__all__ = ["main"]

_ALL = (
    "robustness",
    "deliberate",
    "seal",
    "seal_forgery",
    "seal_false_alarms",
    "sealed_owner",
    "trained_model",
    "strengths",
    "side_by_side",
    "presence",
    "payload",
    "coding",
    "false_positives",
    "known_payload",
    "baseline",
    "talkers",
    "many_marks",
    "calls",
    "extension",
    "losses",
    "slips",
    "recordings",
    "live",
    "mute",
    "mic_status",
    "power",
    "whole",
    "video",
    "scan_shapes",
    "scan_dataset",
    "scan_licensed",
    "scan_throughput",
    "scan_cluster",
    "scan_store",
    "scan_kill",
    "scan_ledger",
    "scan_hostile",
    "scan_fuzz",
    "quality",
    "speed",
    "memory",
    "import_time",
    "footprint",
    "browser_page",
)
_SMOKE = ("speed", "memory")


def _run(name: str, *arguments: str) -> int:
    """Run one benchmark in a process of its own and return its exit status."""
    sys.stderr.write(f"== {name}\n")
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", module_of(name), *arguments]
    return subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode  # noqa: S603 - our own scripts


def main() -> None:
    """Run the benchmarks that were asked for; exit 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python benchmarks/run.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_ALL)}")
    parser.add_argument("--smoke", action="store_true", help="guard speed and memory: a minute")
    options = parser.parse_args()
    if options.smoke:
        failed = [name for name in _SMOKE if _run(name, "--smoke")]
    else:
        failed = [name for name in options.names or _ALL if _run(name)]
        failed += [] if _run("report") == 0 else ["report"]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
