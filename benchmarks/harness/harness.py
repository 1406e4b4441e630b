"""What every benchmark needs around its question: options, chance, processes, results, intervals.

A script hands `Benchmark` its name and question, computes rows, and lets it write
`benchmarks/results/NAME.json`.  Tables and plots are made from that file alone, by the script's own
`describe` and `plot`, so that `benchmarks.tables.report` builds the page of figures without
measuring.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import soundfile as sf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from benchmarks.data.speech import Clip

__all__ = [
    "RESULTS_DIR",
    "Benchmark",
    "choose_clips",
    "load_results",
    "markdown_table",
    "module_of",
    "quartiles",
    "rng_for",
    "run_on_one_thread",
    "run_tasks",
    "shipped_clip",
    "versions",
    "wilson",
]

Task = TypeVar("Task")
Row = TypeVar("Row")

RESULTS_DIR = Path(__file__).resolve().parents[1] / "results"

# Every library whose release can move a figure.
_LIBRARIES = (
    "numpy",
    "scipy",
    "soundfile",
    "librosa",
    "soxr",
    "av",
    "pesq",
    "visqol-python",
    "ai-edge-litert",
    "libsvm-official",
    "zimtohrli",
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Benchmark:
    """One question: its options and the file of its results.

    Parameters
    ----------
    name : str
        Name of the script and of its results.
    question : str
        In one sentence; stands in `--help` and in the results.

    Attributes
    ----------
    parser : argparse.ArgumentParser
        With `--seed`, `--clips`, `--json`, `--plot` and `--jobs`; scripts add theirs.
    """

    def __init__(self, name: str, question: str) -> None:
        self.name = name
        self.question = question
        self.parser = argparse.ArgumentParser(prog=f"python -m {module_of(name)}")
        self.parser.description = question
        add = self.parser.add_argument
        add("--seed", type=int, default=0, help="of everything random (default: 0)")
        add("--clips", type=int, help="maximum number of clips, of as many speakers as possible")
        add("--json", type=Path, help=f"results (default: benchmarks/results/{name}.json)")
        add("--plot", type=Path, help="also draw a PNG")
        add("--jobs", type=int, default=2, help="processes (default: 2)")

    def write(
        self,
        options: argparse.Namespace,
        rows: list[dict[str, Any]],
        *,
        clips: Sequence[Clip] = (),
        settings: dict[str, Any] | None = None,
        **more: Any,  # noqa: ANN401 - further parts of the JSON file, whatever they are
    ) -> dict[str, Any]:
        """Write the results and return them; no dates, hosts or paths, so that runs compare."""
        results = {
            "benchmark": self.name,
            "question": self.question,
            "seed": options.seed,
            "settings": settings or {},
            "split": sorted({clip.half for clip in clips}),
            "n_clips": len({clip.name for clip in clips}),
            "clips": sorted({clip.name for clip in clips}),
            "speakers": sorted({clip.person for clip in clips}),
            "versions": versions(),
            "rows": rows,
            **more,
        }
        path = options.json or RESULTS_DIR / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(results, indent=1, ensure_ascii=False, default=_plain)
        path.write_text(text + "\n", encoding="utf-8")
        sys.stderr.write(f"{self.name}: wrote {path}\n")
        return results


def _plain(value: object) -> object:
    """Turn NumPy's numbers into Python's for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not go into JSON")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the package and of what moves its figures."""
    out = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("sottovoce", *_LIBRARIES):
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out


def module_of(name: str) -> str:
    """Return the module of a benchmark: one of its name, or of the rest behind its room's.

    Examples
    --------
    >>> module_of("payload"), module_of("scan_kill")
    ('benchmarks.robustness.payload', 'benchmarks.scan.kill')
    """
    for path in sorted(RESULTS_DIR.parent.glob("*/*.py")):
        room, own = path.parent.name, path.stem
        if name in (own, f"{room}_{own}"):
            return f"benchmarks.{room}.{own}"
    raise LookupError(f"no benchmark is called {name}")


def load_results(path: Path) -> dict[str, Any]:
    """Read the results of a benchmark."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def shipped_clip() -> tuple[npt.NDArray[np.float32], int]:
    """Return the reading that comes with the repository, mono, and its rate in Hz."""
    path = RESULTS_DIR.parents[1] / "examples" / "data" / "sense_and_sensibility.flac"
    y, sr = sf.read(path, dtype="float32")
    return y, int(sr)


def rng_for(seed: int, *words: object) -> np.random.Generator:
    """Return the generator of one trial: the same in any order and any number of processes."""
    digest = hashlib.sha256("|".join(map(str, (seed, *words))).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def choose_clips(clips: Iterable[Clip], n: int | None) -> list[Clip]:
    """Return at most `n` clips, one speaker after the other, so that many are included."""
    by_person: dict[str, list[Clip]] = {}
    for clip in clips:
        by_person.setdefault(clip.person, []).append(clip)
    rounds = max((len(own) for own in by_person.values()), default=0)
    order = [own[i] for i in range(rounds) for own in by_person.values() if i < len(own)]
    return sorted(order[:n], key=lambda clip: clip.name)


def _end_with_parent(parent: int) -> None:
    """Make a worker end when the script has been killed, instead of waiting for tasks for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_tasks(
    work: Callable[[Task], Row], tasks: Sequence[Task], *, jobs: int, label: str
) -> list[Row]:
    """Return `work(task)` of each task, in order, over some processes with progress on stderr.

    Processes are spawned with one thread of linear algebra each: more would fight for the cores.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    start = time.monotonic()
    rows: list[Row] = []
    last = start
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _end_with_parent, (os.getpid(),)) as pool:
        for row in pool.map(work, tasks, chunksize=4):
            rows.append(row)
            now = time.monotonic()
            if now - last > 10 or len(rows) == len(tasks):
                last = now
                sys.stderr.write(f"{label}: {len(rows)}/{len(tasks)}, {now - start:.0f} s\n")
    return rows


def run_on_one_thread(module: str) -> None:
    """Start the script again with one thread, unless it has: the libraries read it only once."""
    if os.environ.get("OMP_NUM_THREADS") == "1":
        return
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])  # noqa: S606 - itself


def wilson(n_found: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, in 0 to 1.

    Wilson, E. B. "Probable inference, the law of succession, and statistical inference."
    Journal of the American Statistical Association 22.158 (1927): 209-212.
    """
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = n_found / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile."""
    low, middle, high = np.percentile(list(values), (25, 50, 75))
    return float(low), float(middle), float(high)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; the first column is text, the others are numbers."""
    lines = [
        "| " + " | ".join(head) + " |",
        "| --- |" + " ---: |" * (len(head) - 1),
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
    ]
    return "\n".join(lines)
