"""The browser extension: what is found at the far end of real calls in Chromium, and what it costs.

Speech of each person of the report half is the browser's microphone; the extension marks it for an
owner whose seal begins after these calls; it goes through a real connection by Opus at 24 kb/s, and
is recorded at the far end.  Delay, processor and memory are measured in calls of their own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf
from scipy import signal

from benchmarks.calls.one_call import (
    LEAST_S,
    LEVEL_DBFS,
    load_said,
    look,
    plot_looks,
    sum_up_processing,
    tabulate_looks,
)
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import RESULTS_DIR, Benchmark, rng_for
from benchmarks.harness.trials import join_by_person
from rig.extension import GRANTED, MarkingChromium, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness.trials import Source

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "extension", "What does the browser extension mark, how soon is it found, and at what cost?"
)
LENGTHS_S = (5.0, 10.0, 20.0)
_SR = 48_000
_MOST_S = 21.0
_LEAD_S, _MARGIN_S = 3.0, 4.0
"""Silence while the call is set up, and what is recorded after the end."""
_COST_S = 60.0
_N_DELAYS = 5
_RAW = RESULTS_DIR / "raw" / "extension.jsonl"
_BUILD = Path(__file__).parents[2] / "extension" / "tools" / "build.py"
_CALL = """async ({ seconds, processing }) => {
    const audio = processing
        ? { echoCancellation: true, noiseSuppression: true, autoGainControl: true } : UNPROCESSED;
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const call = await startCall(stream);
    for (const sender of call.senders) {
        const parameters = sender.getParameters();
        parameters.encodings[0].maxBitrate = 24_000;
        await sender.setParameters(parameters);
    }
    await wait(1_000 * seconds);
    const samples = call.stop();
    stream.getTracks().forEach((track) => track.stop());
    return samples;
}"""
_BOTH = """async (seconds) => {
    const asked = { audio: UNPROCESSED };
    const raw = await behind.getUserMedia.call(navigator.mediaDevices, asked);
    const marked = await navigator.mediaDevices.getUserMedia(asked);
    const context = new AudioContext({ sampleRate: 48_000 });
    const merger = context.createChannelMerger(2);
    [raw, marked].forEach((one, i) => context.createMediaStreamSource(one).connect(merger, 0, i));
    await context.audioWorklet.addModule("tap_both.js");
    const node = new AudioWorkletNode(context, "tap-both");
    const blocks = [];
    node.port.onmessage = ({ data }) => blocks.push(data);
    merger.connect(node).connect(context.createMediaStreamDestination());
    await wait(1_000 * seconds);
    for (const one of [raw, marked]) one.getTracks()[0].stop();
    context.close();
    return encode(blocks);
}"""
_QUANTUM = 128


def _load_build() -> Any:  # noqa: ANN401 - a module
    spec = importlib.util.spec_from_file_location("extension_build", _BUILD)
    if spec is None or spec.loader is None:
        raise ImportError(str(_BUILD))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _write_microphone(source: Source, path: Path) -> float:
    """Write what the person says, after some silence; return its length in seconds."""
    y, sr = load_said(source, _MOST_S)
    y = np.clip(signal.resample_poly(y, _SR, sr), -1, 1)
    sf.write(path, np.pad(y, (round(_LEAD_S * _SR), _SR)), _SR, subtype="PCM_16")
    return len(y) / _SR


def _hold(
    browser: MarkingChromium, seconds: float, *, owner: int, key: bytes, processing: bool
) -> dict[str, Any]:
    """Hold one call, and listen to its beginnings."""
    browser.worker.evaluate(
        "(owner) => chrome.storage.session.set({ owner })",
        {"name": "owner", "id": f"{owner:012x}", "seal": key.hex()},
    )
    page = browser.open()
    total_s = _LEAD_S + seconds + _MARGIN_S - 2.0
    page.evaluate(
        f"(asked) => {{ window.heard = ({_CALL})(asked); }}",
        {"seconds": total_s, "processing": processing},
    )
    page.wait_for_timeout(1e3 * (_LEAD_S + min(seconds, 10.0)))
    badge = browser.badge(page)
    y = decode(page.evaluate("heard"))
    page.close()
    looks = [look(y, length_s, owner) for length_s in LENGTHS_S if length_s <= seconds + 0.5]
    return {"processing": processing, "badge": badge, "heard_s": len(y) / _SR, "looks": looks}


def _measure_delays(folder: Path, microphone: Path) -> list[float]:
    """Return the delay of marked tracks against the microphone's own, in ms."""
    delays = []
    with MarkingChromium(folder, microphone) as browser:
        for _ in range(_N_DELAYS):
            page = browser.open("reached.html")
            blocks = decode(page.evaluate(_BOTH, 6.0)).reshape(-1, 2, _QUANTUM)
            page.close()
            raw, marked = blocks.swapaxes(0, 1).reshape(2, -1)[:, _SR:]
            likeness = signal.correlate(marked, raw, method="fft")
            delays.append(1e3 * (int(np.argmax(likeness)) - (len(raw) - 1)) / _SR)
    return delays


def _measure_cost(folder: Path, microphone: Path, *, is_on: bool) -> dict[str, float]:
    """Return processor time per second of a call, and memory, of all of the browser's processes."""
    with MarkingChromium(folder, microphone) as browser:
        if not is_on:
            browser.worker.evaluate(
                "() => chrome.permissions && chrome.scripting.unregisterContentScripts()"
            )
        page = browser.open()
        page.evaluate(
            f"(asked) => {{ window.heard = ({_CALL})(asked); }}",
            {"seconds": _COST_S + 4.0, "processing": False},
        )
        page.wait_for_timeout(3_000)
        before, began_s = _read_processes(), time.perf_counter()
        page.wait_for_timeout(1e3 * _COST_S)
        after, took_s = _read_processes(), time.perf_counter() - began_s
        page.close()
    return {
        "processor_share": (after["busy_s"] - before["busy_s"]) / took_s,
        "memory_mib": after["memory_mib"],
    }


def _read_processes() -> dict[str, float]:
    """Return the processor seconds and the proportional memory of every Chromium under this one."""
    busy_s = memory = 0.0
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            parents[int(path.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
        except OSError:
            continue
    for process, (parent, ticks) in parents.items():
        above = parent
        while above not in (0, 1, os.getpid()):
            above = parents.get(above, (0, 0))[0]
        if above != os.getpid():
            continue
        try:
            smaps = Path(f"/proc/{process}/smaps_rollup").read_text()
            if "chromium" not in Path(f"/proc/{process}/cmdline").read_bytes().decode():
                continue
        except OSError:
            continue
        memory += sum(int(line.split()[1]) for line in smaps.splitlines() if line[:4] == "Pss:")
        busy_s += ticks / os.sysconf("SC_CLK_TCK")
    return {"busy_s": busy_s, "memory_mib": memory / 1024}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--fresh", action="store_true", help="forget the calls of before")
    options = parser.parse_args(arguments)
    sources = sorted(join_by_person(load_clips("report")), key=lambda one: -one.seconds)
    sources = [one for one in sources if one.seconds >= LEAST_S][: options.clips]
    if options.fresh:
        _RAW.unlink(missing_ok=True)
    _RAW.parent.mkdir(parents=True, exist_ok=True)
    calls = [json.loads(line) for line in _RAW.open()] if _RAW.is_file() else []
    done = {(call["source"], call["processing"]) for call in calls}
    build = _load_build()
    with tempfile.TemporaryDirectory(prefix="extension-") as name:
        folder, microphone = Path(name) / "chromium", Path(name) / "said.wav"
        build.write_folder("chromium", folder, build.bundle_scripts(), granted=GRANTED)
        build.main(["-o", name])
        archives = {path.stem: path.stat().st_size for path in sorted(Path(name).glob("*.zip"))}
        for source in sources:
            wanted = [p for p in (False, True) if (source.name, p) not in done]
            seconds = _write_microphone(source, microphone)
            if wanted:
                with MarkingChromium(folder, microphone) as browser:
                    for processing in wanted:
                        rng = rng_for(options.seed, "extension", source.name, processing)
                        owner, key = int(rng.integers(1, 2**48)), rng.bytes(32)
                        call = _hold(browser, seconds, owner=owner, key=key, processing=processing)
                        calls.append({"source": source.name, **call})
                        with _RAW.open("a") as file:
                            file.write(json.dumps(calls[-1]) + "\n")
        cost = {
            "delays_ms": [round(one, 1) for one in _measure_delays(folder, microphone)],
            "on": _measure_cost(folder, microphone, is_on=True),
            "off": _measure_cost(folder, microphone, is_on=False),
            "archives": archives,
        }
    rows = sum_up_processing(calls, LENGTHS_S)
    clips = [clip for source in sources for clip in source.clips]
    settings = {"strength": "strong", "codec": "Opus, 24 kb/s", "level_dbfs": LEVEL_DBFS}
    results = BENCHMARK.write(
        options,
        rows,
        clips=clips,
        settings=settings,
        n_calls=len(calls),
        n_green=sum(call["badge"] == "✓" for call in calls),
        cost=cost,
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    cost = results["cost"]
    delays, on, off = cost["delays_ms"], cost["on"], cost["off"]
    sizes = ", ".join(f"{n / 1000:.0f} kB for {name}" for name, n in cost["archives"].items())
    return (
        "Chromium with the extension, a microphone that plays a person's speech, Opus at 24 kb/s,"
        " far end; in the first seconds after the talker began, with the browser's processing off"
        " and on; in brackets the lower end of the 95 % interval."
        f"\n\n{tabulate_looks(results['rows'])}\n\n"
        f"{results['n_calls']} calls; the badge was green in {results['n_green']} of them after"
        f" 10 s of speech. Delay added: median {np.median(delays):.0f} ms, largest"
        f" {max(delays):.0f} ms of {len(delays)} (16 ms of it is the mark's)."
        " All processes of the browser in a call:"
        f" {100 * on['processor_share']:.0f} % of a core with the extension,"
        f" {100 * off['processor_share']:.0f} % without;"
        f" {on['memory_mib']:.0f} and {off['memory_mib']:.0f} MiB. Archives: {sizes}."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the shares found and read over the length of the call."""
    plot_looks(results, path)


if __name__ == "__main__":
    main()
