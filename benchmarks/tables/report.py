"""Build `docs/measurements.md` and its plots from `benchmarks/results/*.json` alone.

No figure of the page is typed by hand: each table comes from the `describe` of the script that
measured it, and the same results give the same page to the byte.  The tables of the README and of
`docs/scale.md` are made from them too.  ``--check`` writes nothing and fails where a page is not
what the results say.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import RESULTS_DIR, load_results, module_of
from benchmarks.tables.headline import build_headline
from benchmarks.tables.plan import build_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_page", "main"]

_DOCS = Path(__file__).resolve().parents[2] / "docs"

# The order of the page, and the head of each part.
SECTIONS = {
    "robustness": "Is the mark found and read after processing?",
    "deliberate": "What deliberate attacks do",
    "seal": "The seal",
    "seal_forgery": "A forged seal",
    "seal_false_alarms": "The seal of somebody else",
    "sealed_owner": "What the seal costs",
    "trained_model": "A model that was trained on it",
    "strengths": "Three strengths",
    "side_by_side": "Side by side with others",
    "presence": "At every sampling rate",
    "payload": "Is the owner read?",
    "coding": "What a payload costs",
    "false_positives": "False alarms",
    "known_payload": "Is a known owner named in a short clip?",
    "baseline": "The learned score beside a hand-made one",
    "talkers": "People who talk at the same time",
    "many_marks": "Very many marks in one file",
    "calls": "Real calls",
    "extension": "The browser extension",
    "losses": "Calls over bad networks",
    "slips": "Where sound is lost or inserted",
    "recordings": "Whole meetings as a host records them",
    "live": "The virtual microphone",
    "mute": "The microphone muted and turned down",
    "mic_status": "How soon the status turns red",
    "power": "Processor time of the microphone",
    "whole": "Is any recording shortened or skipped?",
    "video": "What else changes in a film?",
    "scan_shapes": "Data sets in the forms that teams use",
    "scan_dataset": "A realistic data set",
    "scan_licensed": "What a grant releases",
    "scan_throughput": "How fast a scan is",
    "scan_cluster": "A scan on a cluster",
    "scan_store": "A scan of a store",
    "scan_kill": "A scan that is killed",
    "scan_ledger": "A ledger of a million recordings",
    "scan_hostile": "Damaged and malicious files",
    "scan_fuzz": "Damaged and malicious listings, tables and archives",
    "quality": "Sound quality",
    "speed": "Speed",
    "memory": "Memory",
    "import_time": "Import time",
    "footprint": "What an install takes",
    "browser_page": "The browser page",
}

_INTRODUCTION = """\
# Measurements

This page is written by `python -m benchmarks.tables.report` from the results in
`benchmarks/results`; no figure is typed by hand. `make bench` measures everything again, which
takes hours.

Speech: a development set of real recordings. Its speakers were divided into two halves before any
result was seen. The weights of the score were trained on one half; every figure here is from the
other. Intervals in brackets are Wilson's, 95 %; trials that share a clip are not independent, which
the intervals do not take into account. Every clip is cropped by a random number of samples before
and after an attack, so that no grid is aligned by chance.
"""


def build_page(results: dict[str, dict[str, Any]]) -> str:
    """Return the page for results by name of their benchmark."""
    parts = [_INTRODUCTION]
    for name, head in SECTIONS.items():
        if name not in results:
            continue
        own = results[name]
        script = importlib.import_module(module_of(name))
        parts += [
            f"## {head}\n",
            _facts(own) + "\n",
            script.describe(own) + "\n",
            *([f"![{head}](img/{name}.png)\n"] if hasattr(script, "plot") else []),
        ]
    return "\n".join(parts)


def _facts(results: dict[str, Any]) -> str:
    """Return the question and what was used to answer it."""
    facts = [results["question"]]
    if results["n_clips"]:
        half = " and ".join(results["split"])
        facts.append(
            f"{results['n_clips']} clips of {len(results['speakers'])} speakers"
            f" ({half} half), seed {results['seed']}."
        )
    settings = ", ".join(
        f"{key.replace('_', ' ')} {value}"
        for key, value in results["settings"].items()
        if not isinstance(value, dict)
    )
    if settings:
        facts.append(settings[0].upper() + settings[1:] + ".")
    versions = results["versions"]
    facts.append(f"Python {versions['python']}, NumPy {versions.get('numpy', '?')}.")
    facts.append(f"`python -m {module_of(results['benchmark'])}` measures it again.")
    return " ".join(facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and its plots, or check them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables.report", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 if they differ")
    parser.add_argument("--no-plots", action="store_true", help="leave the pictures as they are")
    options = parser.parse_args(arguments)
    paths = {name: RESULTS_DIR / f"{name}.json" for name in SECTIONS}
    results = {name: load_results(path) for name, path in paths.items() if path.is_file()}
    page = build_page(results)
    target = _DOCS / "measurements.md"
    readme = _DOCS.parent / "README.md"
    headline = build_headline(readme.read_text(encoding="utf-8"), results)
    scale = _DOCS / "scale.md"
    plan = build_plan(scale.read_text(encoding="utf-8"), results)
    scripts = {name: importlib.import_module(module_of(name)) for name in results}
    pictures = {
        name: _DOCS / "img" / f"{name}.png"
        for name, script in scripts.items()
        if hasattr(script, "plot")
    }
    if options.check:
        sys.exit(_check({target: page, readme: headline, scale: plan}, pictures))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    readme.write_text(headline, encoding="utf-8")
    scale.write_text(plan, encoding="utf-8")
    if not options.no_plots:
        for name, path in pictures.items():
            scripts[name].plot(results[name], path)


def _check(pages: dict[Path, str], pictures: dict[str, Path]) -> int:
    """Return 1 and say why where a page or a picture is out of date."""
    wrong = [
        path
        for path, text in pages.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    wrong += [path for path in pictures.values() if not path.is_file()]
    for path in wrong:
        sys.stderr.write(
            f"{path.name} is not what the results say: python -m benchmarks.tables.report\n"
        )
    return int(bool(wrong))


if __name__ == "__main__":
    main()
