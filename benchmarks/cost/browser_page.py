"""The browser page in Chromium and Firefox: size, start, speed and memory.

The page is opened from disk, without a network, in a fresh profile (cold) and once more in the same
one (warm).  Times are those of whole jobs as a person sees them: a file is chosen, and its result
is shown; marking includes the proof, which searches the new file.  Memory is that of all processes
of the browser together, above what they took when the page was ready.
"""

from __future__ import annotations

import gzip
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks.harness.harness import Benchmark, markdown_table, quartiles, shipped_clip
from rig.chromium import open_tab
from rig.firefox import Firefox
from rig.memory_in_use import PeakMemory
from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("browser_page", "What does the page take in a browser?")
SR = 48_000
_WAIT_S = 1800.0
_SPEED_S = 300.0
_READY = "document.getElementById('loading').hidden"
# Runs before the page does, and notes when what a person waits for is there.
_WATCH = """() => {
    const seen = (window.seen = {});
    const note = (name, is) => { if (is && !(name in seen)) seen[name] = performance.now(); };
    const look = () => {
        note("usable", document.getElementById("tab-check")?.onclick);
        note("moving", document.getElementById("ready")?.value > 0);
        note("ready", document.getElementById("loading")?.hidden);
        if (!seen.ready) setTimeout(look, 5);
    };
    look();
}"""


class _Chromium:
    """A page of Debian's Chromium; the methods are those of `rig.firefox.Firefox`."""

    def __init__(self, page: Any) -> None:  # noqa: ANN401 - Playwright's
        self._page = page
        page.set_default_timeout(1000 * _WAIT_S)

    def open(self, address: str) -> None:
        self._page.goto(address)

    def run(self, expression: str) -> Any:  # noqa: ANN401 - any value
        return self._page.evaluate(f"async () => ({expression})")

    def wait(self, expression: str, *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not self.run(expression):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {within_s:.0f} s: {expression}")
            time.sleep(0.05)

    def choose(self, selector: str, paths: Sequence[Path]) -> None:
        self._page.locator(selector).set_input_files(paths)

    def watch(self, function: str) -> None:
        self._page.add_init_script(f"({function})()")


@contextmanager
def _chromium(_: Path) -> Iterator[_Chromium]:
    with open_tab(offline=True, locale="en-GB") as page:
        yield _Chromium(page)


_BROWSERS: dict[str, Callable[[Path], Any]] = {"Chromium": _chromium, "Firefox": Firefox}


def _speech(seconds: float, n_channels: int) -> npt.NDArray[np.float32]:
    """Return the shipped clip at 48 kHz, over and over, each channel later than the last."""
    y, sr = shipped_clip()
    at = np.arange(round(len(y) * SR / sr)) * (sr / SR)
    once = np.interp(at, np.arange(len(y)), y).astype(np.float32)
    channels = [np.roll(once, 3000 * number) for number in range(n_channels)]
    return np.stack([np.resize(one, round(seconds * SR)) for one in channels], axis=1)


def _do(page: Any, field: str, path: Path, result: str) -> float:  # noqa: ANN401 - either browser
    """Choose a file, wait until a result is shown, and return the seconds."""
    tab = "tab-protect" if field == "#takes" else "tab-check"
    page.run(f"document.getElementById('{tab}').click()")
    before = page.run(f"document.querySelectorAll('{result}').length")
    start = time.perf_counter()
    page.choose(field, [path])
    page.wait(f"document.querySelectorAll('{result}').length > {before}", within_s=_WAIT_S)
    return time.perf_counter() - start


def _measure_start(name: str, page: Any, address: str) -> list[dict[str, Any]]:  # noqa: ANN401
    rows = []
    for kind in ("cold", "warm"):
        page.open(address)
        page.wait(_READY, within_s=_WAIT_S)
        seen = page.run("window.seen")
        row = {"browser": name, "what": f"start, {kind}"}
        rows.append(row | {f"{key}_s": round(ms / 1000, 2) for key, ms in seen.items()})
    return rows


def _measure_speed(name: str, page: Any, take: Path, rounds: int) -> list[dict[str, Any]]:  # noqa: ANN401
    rows = []
    for what, field, result in (
        ("protect and prove", "#takes", "a.save"),
        ("check", "#unknown", "#checked details"),
    ):
        times = [_SPEED_S / _do(page, field, take, result) for _ in range(rounds + 1)]
        ratios = [round(value, 1) for value in quartiles(times[1:])]
        rows.append({"browser": name, "what": what, "times_real_time": ratios})
    return rows


def _measure_memory(name: str, folder: Path, address: str, minutes: float) -> dict[str, Any]:
    take = folder / "long.wav"
    sf.write(take, _speech(60 * minutes, 2), SR, subtype="PCM_24")
    with _BROWSERS[name](folder) as page:
        page.open(address)
        page.wait(_READY, within_s=_WAIT_S)
        with PeakMemory(own=False) as memory:
            seconds = _do(page, "#takes", take, "a.save")
    row: dict[str, Any] = {"browser": name, "what": "memory", "minutes": minutes}
    row["file_mb"] = round(take.stat().st_size / 1e6)
    row["mb"] = round((memory.peak_bytes - memory.before_bytes) / 1e6)
    return row | {"times_real_time": round(60 * minutes / seconds, 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--rounds", type=int, default=3, help="of each job (default: 3)")
    parser.add_argument(
        "--minutes", type=float, nargs="*", default=[1, 10, 30], help="of takes whose memory counts"
    )
    options = parser.parse_args(arguments)
    page = build_page()
    rows: list[dict[str, Any]] = [
        {"what": "size", "mb": len(page) / 1e6, "packed_mb": len(gzip.compress(page)) / 1e6}
    ]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "sottovoce.html").write_bytes(page)
        address = (folder / "sottovoce.html").as_uri()
        take = folder / "take.wav"
        sf.write(take, _speech(_SPEED_S, 1), SR, subtype="PCM_24")
        for name, start in _BROWSERS.items():
            with start(folder) as opened:
                opened.watch(_WATCH)
                rows += _measure_start(name, opened, address)
                rows += _measure_speed(name, opened, take, options.rounds)
            rows += [_measure_memory(name, folder, address, each) for each in options.minutes]
    settings = {"rounds": options.rounds, "minutes": options.minutes}
    results = BENCHMARK.write(options, rows, settings=settings)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown: median (quartiles)."""
    size = next(row for row in results["rows"] if row["what"] == "size")
    by_kind: dict[str, list[list[str]]] = {"start": [], "job": [], "memory": []}
    for row in results["rows"]:
        if row["what"].startswith("start"):
            times = [f"{row[f'{key}_s']:.2f}" for key in ("usable", "moving", "ready")]
            by_kind["start"].append([row["browser"], row["what"], *times])
        elif row["what"] == "memory":
            cells = [f"{row[key]:,.0f}" for key in ("minutes", "file_mb", "mb")]
            by_kind["memory"].append([row["browser"], *cells])
        elif "times_real_time" in row:
            low, middle, high = row["times_real_time"]
            by_kind["job"].append(
                [row["browser"], row["what"], f"{middle:.0f} ({low:.0f} to {high:.0f})"]
            )
    tables = [
        f"The page has {size['mb']:.1f} MB, packed by gzip {size['packed_mb']:.1f} MB.",
        markdown_table(
            ["browser", "opened", "usable, s", "progress moves, s", "ready, s"], by_kind["start"]
        ),
        markdown_table(
            ["browser", "job, 48 kHz", "times real time, median (quartiles)"], by_kind["job"]
        ),
        markdown_table(
            ["browser", "stereo take, 48 kHz, 24 bits, min", "file, MB", "memory above idle, MB"],
            by_kind["memory"],
        ),
    ]
    return "\n\n".join(tables)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw memory by the length of the take."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=5.5, height=2.8)
    for name in _BROWSERS:
        rows = [row for row in results["rows"] if row["what"] == "memory"]
        own = [row for row in rows if row["browser"] == name]
        axes.plot([row["file_mb"] for row in own], [row["mb"] for row in own], "o-", label=name)
    axes.set_xlabel("size of the take, MB")
    axes.set_ylabel("memory above idle, MB")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
