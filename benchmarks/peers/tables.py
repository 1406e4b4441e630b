"""The tables and the plot of the comparison with other watermarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.attacks import ATTACKS
from benchmarks.harness.harness import markdown_table

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["describe", "plot"]

_HOW = {"proved": "p ≤ 10⁻⁶", "one_percent": "1 %"}


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    peers = {peer["key"]: peer for peer in results["peers"]}
    learned = results["rules"][0]["n_learned"]
    through = ", ".join(f"`{name}`" for name in results["calibration_attacks"] if name != "none")
    parts = [
        "*p ≤ 10⁻⁶* is sottovoce's own rule, a bound that is proved. *1 %* reports a mark from"
        " the score on that at most 1 % of unmarked pieces of the tune half reach"
        f" ({learned['10']} of 10 s, {learned['5']} of 5 s: speech, clean and through {through});"
        " no smaller rate can be estimated from so few, and they are not independent. † searched"
        " thoroughly by sottovoce, as one does where speed or pitch may have changed; an unmarked"
        " piece counts with the higher score of both searches.",
    ]
    for seconds in (10.0, 5.0):
        heads, lines = _found(results, peers, seconds)
        parts += [
            f"Found in {seconds:g} s, with the 95 % interval in %:",
            markdown_table(["attack", "what", *heads], lines),
        ]
    judges = list(results["peers"][0]["judges"])
    facts = [
        [
            peer["name"],
            *(f"{mean:.2f} ({least:.2f})" for mean, least in peer["judges"].values()),
            peer["to_flac"]["mark"],
            peer["to_flac"]["find"],
            f"{peer['installed_mib']:.0f} MiB",
        ]
        for peer in peers.values()
    ]
    parts += [
        "Found in unmarked speech of the report half, clean and through the same attacks:",
        markdown_table(["watermark", "found from", "10 s", "5 s"], _false(results, peers)),
        "Quality as the mean over clips (worst clip); time of marking and finding in units of"
        " decoding the same 10 s from FLAC; and the size of an install with all dependencies"
        " (torch for CPUs only).",
        markdown_table(["watermark", *judges, "marking", "finding", "size"], facts),
    ]
    parts += [f"Not run: `{name}`, {why}." for name, why in results["missing"].items()]
    return "\n\n".join(parts)


def _found(
    results: dict[str, Any], peers: dict[str, dict[str, Any]], seconds: float
) -> tuple[list[str], list[list[str]]]:
    """Return heads and lines of the table of one length."""
    by_case = {
        (row["attack"], row["peer"], row["how"]): row
        for row in results["rows"]
        if row["seconds"] == seconds
    }
    rules = [(rule["peer"], rule["how"]) for rule in results["rules"]]
    lines = []
    for attack in dict.fromkeys(row["attack"] for row in results["rows"]):
        about = ATTACKS[attack]
        mark = " †" if about.stretches else ""
        own = [by_case.get((attack, *rule)) for rule in rules]
        lines.append([f"`{attack}`{mark}", about.strength, *(_share(row) for row in own)])
    return [f"{peers[name]['name']}, {_HOW[how]}" for name, how in rules], lines


def _share(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['n_found']}/{row['n']} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"


def _false(results: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[list[str]]:
    lines = []
    for rule in results["rules"]:
        least = rule["least"]
        words = _HOW[rule["how"]]
        if rule["how"] == "one_percent":
            words += f", {least['10']:.3g} (10 s) and {least['5']:.3g} (5 s)"
        counts = [f"{n} of {of}" for n, of in (rule["false"]["10"], rule["false"]["5"])]
        lines.append([peers[rule["peer"]]["name"], words, *counts])
    return lines


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found in 10 s by each watermark and rule."""
    from benchmarks.harness.plots import save, subplots

    names = {peer["key"]: peer["name"] for peer in results["peers"]}
    attacks = list(dict.fromkeys(row["attack"] for row in results["rows"]))
    figure, axes = subplots(height=1 + 0.35 * len(attacks))
    height = 0.8 / len(results["rules"])
    for i, rule in enumerate(results["rules"]):
        own = {
            row["attack"]: 100 * row["n_found"] / row["n"]
            for row in results["rows"]
            if (row["peer"], row["how"], row["seconds"]) == (rule["peer"], rule["how"], 10.0)
        }
        at = np.arange(len(attacks)) + height * (i + 0.5) - 0.4
        label = f"{names[rule['peer']]}, {_HOW[rule['how']]}"
        axes.barh(at, [own.get(each, 0.0) for each in attacks], height=height, label=label)
    axes.set_yticks(np.arange(len(attacks)), attacks, fontsize=8)
    axes.set_ylim(len(attacks) - 0.5, -0.5)
    axes.set_xlabel("found in 10 s, %")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, fontsize=8)
    save(figure, path)
