"""What a base install takes: a revision from before, and the tree as it is.

Each is installed into a fresh environment by `pip install`, so that the package index decides what
comes along; then the files of every distribution are counted, what pip compiles among them.  pip
and setuptools are in every environment and are not counted.  It is timed the second time, when
pip's cache holds what was downloaded: what a network takes is not ours.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import Benchmark, markdown_table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark(
    "footprint", "How much disk space does a base install take, and how much time?"
)
_ROOT = Path(__file__).resolve().parents[2]
_BEFORE = "e3aaee1"
_LARGEST = 8
_MIB = 2**20
_COUNT = """\
import json
from importlib import metadata
sizes = {}
for own in metadata.distributions():
    paths = [own.locate_file(one) for one in own.files or ()]
    sizes[own.name] = sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps(sizes))
"""


def _unpack(revision: str | None, folder: Path) -> str:
    """Put a revision into a folder, the tree as it is for None; return what to install."""
    if revision is None:
        return str(_ROOT)
    command = ["git", "archive", revision, "pyproject.toml", "README.md", "LICENSE", "src"]
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)  # noqa: S603
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return str(folder)


def _install(what: str, folder: Path) -> tuple[dict[str, int], float]:
    """Install into a fresh environment; return the bytes of each distribution, and the seconds."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603 - Python's own
    start = time.perf_counter()
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", what], check=True)  # noqa: S603 - Python's own
    seconds = time.perf_counter() - start
    done = subprocess.run([str(python), "-c", _COUNT], check=True, capture_output=True)  # noqa: S603
    sizes: dict[str, int] = json.loads(done.stdout)
    kept = {name: size for name, size in sizes.items() if name not in ("pip", "setuptools")}
    return kept, seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--before", default=_BEFORE, help=f"revision (default: {_BEFORE})")
    options = parser.parse_args(arguments)
    rows = []
    for words, revision in (("before", options.before), ("after", None)):
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "tree").mkdir()
            what = _unpack(revision, Path(place) / "tree")
            _install(what, Path(place) / "downloads")
            sizes, seconds = _install(what, Path(place) / "environment")
        mib = {name: round(size / _MIB, 1) for name, size in sizes.items()}
        largest = dict(sorted(mib.items(), key=lambda item: -item[1])[:_LARGEST])
        total = round(sum(sizes.values()) / _MIB)
        rows.append(
            {
                "when": words,
                "mib": total,
                "n_packages": len(sizes),
                "seconds": round(seconds),
                "largest": largest,
            }
        )
    print(describe(BENCHMARK.write(options, rows, settings={"before": options.before})))


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        (
            row["when"],
            row["mib"],
            row["n_packages"],
            row["seconds"],
            ", ".join(f"{name} {mib:.0f}" for name, mib in row["largest"].items()),
        )
        for row in results["rows"]
    ]
    return markdown_table(["install", "MiB", "packages", "seconds", "the largest, MiB"], lines)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw both installs, stacked by package."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    figure, axes = subplots(width=6.5, height=2.2)
    names = dict.fromkeys(name for row in rows for name in row["largest"])
    left = [0.0] * len(rows)
    for name in names:
        sizes = [row["largest"].get(name, 0.0) for row in rows]
        axes.barh([row["when"] for row in rows], sizes, left=left, label=name)
        left = [a + b for a, b in zip(left, sizes, strict=True)]
    rest = [row["mib"] - so_far for row, so_far in zip(rows, left, strict=True)]
    axes.barh([row["when"] for row in rows], rest, left=left, color="0.8", label="others")
    axes.invert_yaxis()
    axes.set_xlabel("MiB")
    axes.legend(fontsize="x-small", ncols=2, loc="upper right")
    save(figure, path)


if __name__ == "__main__":
    main()
