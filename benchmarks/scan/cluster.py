"""What a scan gains from nodes of a Ray cluster, and what it loses when they die: nothing.

Nodes are sets of processes of their own on this computer, with one processor each as Ray counts
them; the head has none.  The same recordings are scanned by a pool of as many processes without
Ray in the same round, so that a figure is a ratio: a computer with two cores cannot show more
speed-up than two.  Then nodes, workers and recordings do their worst, and what comes out is
compared with what went in; Ray Data, which does the same job with the same worker, beside it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import Benchmark, markdown_table, quartiles, run_on_one_thread
from benchmarks.scan.throughput import KINDS, write_recordings
from rig.bombs import Assassin, Bomb, Quagmire, make
from rig.nodes import Nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Recording

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "scan_cluster", "What do nodes of a cluster gain, and what is lost with them?"
)
_N_NODES = (1, 2, 3)
_JOBS = {"long_16k_flac": 0.5, "short_16k_flac": 1.0}
"""Kinds of recordings, and the share of each that is scanned."""
_TIME_S = 4.0
"""That one recording may take where faults are tried."""
_N_FAULTY = 3
_FAULTS = {
    "none": "nothing",
    "crash": f"{_N_FAULTY} recordings crash their decoder, {_N_FAULTY} hang",
    "worker": "the workers of one node are killed, three times",
    "node": "a node of three is killed",
    "assassin": "one recording kills every Ray worker that examines it",
}


def _list(folder: Path) -> list[Recording]:
    from sottovoce.scan import open_sources
    from sottovoce.scan.recording import Recording

    (source,) = open_sources([str(folder)])
    return [one for one in source.recordings() if isinstance(one, Recording)]


def _on_pool(recordings: Sequence[Recording], workers: int) -> list[Finding]:
    from sottovoce.scan import Limits
    from sottovoce.scan.workers.pool import examine_all

    return [f for _, f in examine_all(recordings, workers=workers, limits=Limits())]


def _on_cluster(
    recordings: Sequence[Recording],
    address: str,
    *,
    time_s: float = 60.0,
    heard: Callable[[int], None] = lambda n: None,
) -> list[Finding]:
    from sottovoce.scan import Limits
    from sottovoce.scan.workers.ray_cluster import examine_on_cluster

    findings: list[Finding] = []
    for _, finding in examine_on_cluster(recordings, address=address, limits=Limits(time_s=time_s)):
        findings.append(finding)
        heard(len(findings))
    return findings


def _on_ray_data(
    recordings: Sequence[Recording], address: str, *, time_s: float = 60.0
) -> list[Finding]:
    """Do the same with Ray Data, set so that a block that fails does not end the job."""
    import pickle

    import ray
    from ray.data import DataContext

    from sottovoce.scan import Limits
    from sottovoce.scan.workers.ray_cluster import _examine_block

    size = 64 if len(recordings) > 1000 else 1
    blocks = [recordings[at : at + size] for at in range(0, len(recordings), size)]
    limits = Limits(time_s=time_s)

    def examine(batch: dict[str, Any]) -> dict[str, Any]:
        found = [_examine_block(pickle.loads(one), limits, False)[1] for one in batch["block"]]  # noqa: FBT003, S301 - our own
        return {"findings": [pickle.dumps(one) for one in found]}

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1
        rows = ray.data.from_items(
            [{"block": pickle.dumps(block)} for block in blocks], override_num_blocks=len(blocks)
        ).map_batches(
            examine, batch_size=1, num_cpus=1, ray_remote_args_fn=lambda: {"max_retries": 1}
        )
        return [one for row in rows.iter_rows() for one in pickle.loads(row["findings"])]  # noqa: S301 - our own
    finally:
        ray.shutdown()


_HOWS: dict[str, Callable[[Sequence[Recording], Any], list[Finding]]] = {
    "pool": _on_pool,
    "cluster": _on_cluster,
    "ray_data": _on_ray_data,
}


def _measure_speed(name: str, recordings: list[Recording], n_rounds: int) -> list[dict[str, Any]]:
    """Scan with one, two and three nodes, and with pools of as many processes."""
    ids = {one.id for one in recordings}
    rows = []
    for n_nodes in _N_NODES:
        with Nodes(n_nodes, resting_head=True) as nodes:
            # The first scan starts the workers of Ray, which stay.
            _on_cluster(recordings[: 16 * n_nodes], nodes.address)
            times: dict[str, list[float]] = {how: [] for how in _HOWS}
            seconds, complete = 0.0, True
            for _ in range(n_rounds):
                for how, all_s in times.items():
                    start_s = time.perf_counter()
                    findings = _HOWS[how](recordings, n_nodes if how == "pool" else nodes.address)
                    all_s.append(time.perf_counter() - start_s)
                    seconds = sum(one.seconds for one in findings)
                    complete &= Counter(f.id for f in findings) == Counter(ids)
        rows.append(
            {
                "what": name,
                "n_nodes": n_nodes,
                "n_recordings": len(recordings),
                "n_bytes": sum(one.n_bytes for one in recordings),
                "hours": round(seconds / 3600, 2),
                "complete": complete,
                **{
                    f"{how}_s": [round(v, 2) for v in quartiles(all_s)]
                    for how, all_s in times.items()
                },
                "share": [
                    round(v, 3)
                    for v in quartiles(
                        p / c for p, c in zip(times["pool"], times["cluster"], strict=True)
                    )
                ],
            }
        )
        sys.stderr.write(f"scan_cluster: {rows[-1]}\n")
    return rows


def _break(recordings: list[Recording], fault: str) -> list[Recording]:
    """Return the recordings with what harms among them."""
    if fault == "crash":
        kinds = [Bomb, Quagmire] * _N_FAULTY
    elif fault == "assassin":
        kinds = [Assassin]
    else:
        return recordings
    broken = list(recordings)
    step = len(broken) // (len(kinds) + 1)
    for number, kind in enumerate(kinds, 1):
        broken.insert(number * step, make(kind, f"{kind.__name__} {number}"))
    return broken


class _Killer:
    """Kills workers or a node once a number of findings have come."""

    def __init__(self, nodes: Nodes, fault: str, n: int) -> None:
        self._nodes = nodes
        self._moments = {"worker": [n // 4, n // 2, 3 * n // 4], "node": [n // 3]}.get(fault, [])
        self._fault = fault
        self.n_killed = 0

    def __call__(self, n_heard: int) -> None:
        if not self._moments or n_heard < self._moments[0]:
            return
        self._moments.pop(0)
        if self._fault == "node":
            self.n_killed += len(self._nodes.processes(3, "ray::_examine_block"))
            threading.Thread(target=self._nodes.kill, args=(3,)).start()
            return
        for worker in self._nodes.processes(1, "ray::_examine_block"):
            os.kill(worker, signal.SIGKILL)
            self.n_killed += 1


def _measure_fault(
    fault: str, recordings: list[Recording], expected: dict[str, Finding]
) -> list[dict[str, Any]]:
    """Let a job meet a fault, on three nodes, and count what comes out of it."""
    broken = _break(recordings, fault)
    rows = []
    hows = ["cluster", "ray_data"] if fault in {"none", "assassin"} else ["cluster"]
    for how in hows:
        with Nodes(3, resting_head=True) as nodes:
            killer = _Killer(nodes, fault, len(broken))
            _on_cluster(recordings[:48], nodes.address)
            error = ""
            start_s = time.perf_counter()
            try:
                if how == "cluster":
                    findings = _on_cluster(broken, nodes.address, time_s=_TIME_S, heard=killer)
                else:
                    findings = _on_ray_data(broken, nodes.address, time_s=_TIME_S)
            except Exception as err:  # noqa: BLE001 - what Ray Data does is the question
                findings, error = [], f"{type(err).__name__}"
            wall_s = time.perf_counter() - start_s
        counts = Counter(finding.id for finding in findings)
        rows.append(
            {
                "what": fault,
                "how": how,
                "n_in": len(broken),
                "n_out": counts.total(),
                "n_missing": len({one.id for one in broken} - set(counts)),
                "n_twice": sum(n > 1 for n in counts.values()),
                "n_changed": sum(expected.get(f.id, f) != f for f in findings),
                "n_crashed": sum(f.status == "crashed" for f in findings),
                "n_timeout": sum(f.status == "timeout" for f in findings),
                "n_killed": killer.n_killed,
                "wall_s": round(wall_s, 1),
                "error": error,
            }
        )
        sys.stderr.write(f"scan_cluster: {rows[-1]}\n")
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=3, help="of each size (default: 3)")
    parser.add_argument("--shrink", type=float, default=1.0, help="share of the files, for a try")
    options = parser.parse_args(arguments)
    rows, faults = [], []
    for name, share in _JOBS.items():
        with tempfile.TemporaryDirectory(prefix="sottovoce-cluster-") as place:
            write_recordings(Path(place), name, options.seed, share * options.shrink)
            recordings = _list(Path(place))
            rows += _measure_speed(name, recordings, options.rounds)
            if name.startswith("short"):
                expected = {finding.id: finding for finding in _on_pool(recordings, 2)}
                for fault in _FAULTS:
                    faults += _measure_fault(fault, recordings, expected)
    settings = {"rounds": options.rounds, "cores": os.cpu_count()}
    print(describe(BENCHMARK.write(options, rows, settings=settings, faults=faults)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    head = ["recordings", "nodes", "pool, s", "cluster, s", "of the pool's speed, % (quartiles)"]
    head += ["speed-up: pool", "cluster", "Ray Data, s", "complete"]
    first = {row["what"]: row for row in results["rows"] if row["n_nodes"] == 1}
    rows = []
    for row in results["rows"]:
        low, middle, high = (100 * v for v in row["share"])
        one = first[row["what"]]
        rows.append(
            [
                f"{row['n_recordings']:,} of {KINDS[row['what']][5]}, {row['hours']:.0f} h",
                str(row["n_nodes"]),
                f"{row['pool_s'][1]:.1f}",
                f"{row['cluster_s'][1]:.1f}",
                f"{middle:.0f} ({low:.0f} to {high:.0f})",
                f"{one['pool_s'][1] / row['pool_s'][1]:.2f}",
                f"{one['cluster_s'][1] / row['cluster_s'][1]:.2f}",
                f"{row['ray_data_s'][1]:.1f}",
                "yes" if row["complete"] else "**no**",
            ]
        )
    faulty = [
        [
            _FAULTS[row["what"]],
            {"cluster": "`--ray`", "ray_data": "Ray Data"}[row["how"]],
            f"{row['n_in']:,}",
            f"{row['n_out']:,}" + (f" ({row['error']})" if row["error"] else ""),
            *(f"{row[name]:,}" for name in ("n_missing", "n_twice", "n_changed")),
            f"{row['n_crashed']} / {row['n_timeout']}",
            f"{row['wall_s']:.1f}",
        ]
        for row in results["faults"]
    ]
    return (
        f"Nodes of one processor each, as processes of their own on a computer with"
        f" {results['settings']['cores']} cores, and pools of as many processes without Ray. The"
        " connection to the cluster is part of the time, the start of its nodes is not. Ray Data"
        " does the same job in blocks of 64 short recordings or one long one, with the same"
        " worker.\n\n" + markdown_table(head, rows) + "\n\n"
        "The short recordings on three nodes, with faults on the way. *Changed* are findings that"
        " differ from those of an undisturbed scan without Ray. Ray Data is set to continue after"
        " blocks that fail.\n\n"
        + markdown_table(
            [
                *("what happens", "by", "recordings in", "findings out", "missing", "twice"),
                *("changed", "crashed / timeout", "s"),
            ],
            faulty,
        )
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the speed-up over the number of nodes."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3)
    for name in _JOBS:
        rows = [row for row in results["rows"] if row["what"] == name]
        one = rows[0]
        nodes = [row["n_nodes"] for row in rows]
        for how, style in (("cluster", "-o"), ("pool", ":")):
            speed_up = [one["pool_s"][1] / row[f"{how}_s"][1] for row in rows]
            axes.plot(nodes, speed_up, style, label=f"{KINDS[name][5]}, {how}")
    axes.set_xticks(nodes)
    axes.set_xlabel("nodes, or processes of a pool")
    axes.set_ylabel("speed over one process")
    axes.legend(fontsize="small")
    save(figure, path)


if __name__ == "__main__":
    run_on_one_thread("benchmarks.scan.cluster")
    main()
