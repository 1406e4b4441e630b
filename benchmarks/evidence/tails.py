"""The figures of `benchmarks.evidence.false_positives` in words, tables and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.decoys import clopper_pearson
from benchmarks.harness.harness import markdown_table
from sottovoce.core.evidence import log10_p_value

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

__all__ = ["describe", "plot"]

_CHANCE = 0.01


def describe(results: dict[str, Any]) -> str:
    """Return the results as text and tables in Markdown."""
    return "\n\n".join(
        [
            _describe_true(results),
            _describe_decoys(results),
            _level_table(results),
            _describe_excess(results),
            "Where the hours come from, and the smallest p-value of the true pattern in each:",
            _source_table(results["sources"]),
            _describe_nulls(results["nulls"]),
            _null_table(results["nulls"]),
            _describe_pooling(results["pooling"]),
        ]
    )


def _describe_true(results: dict[str, Any]) -> str:
    true = results["true_pattern"]
    smallest = true["smallest"]
    p = ", ".join(f"10^{row['log10_p']:.2f}" for row in smallest)
    return (
        f"True pattern: {results['hours']:.1f} h of unmarked audio in {true['n_recordings']:,}"
        f" recordings, each through `detect`: **{true['found']} found** at p ≤ 1e-6,"
        f" {true['suspected']} suspected at p ≤ 1e-3; largest score {true['largest_score']:.2f}."
        f" The smallest p-values: {p}."
    )


def _describe_decoys(results: dict[str, Any]) -> str:
    tally = results["decoys"]
    return (
        f"Decoys: {tally['n_trials']:,} trials, each one window of audio searched at every offset"
        f" for one pattern of its own; {tally['n_scores']:,} scores. Given the audio the trials"
        " are independent, for no two share a pattern; scores at neighbouring offsets of a trial"
        " are not. Intervals are Clopper and Pearson's, 95 %."
    )


def _level_table(results: dict[str, Any]) -> str:
    rows = []
    for row in results["rows"]:
        n, count = row["searches"], row["at_or_under"]
        low, high = clopper_pearson(count, n)
        rows.append(
            [
                f"p ≤ 1e{row['log10_p']:.0f}",
                f"{count:,}",
                f"{n * 10 ** row['log10_p']:,.1f}",
                f"{count / n:.2g}",
                f"{low:.2g} to {high:.2g}",
            ]
        )
    head = ["p-value", "trials at or under it", "allowed by the bound", "share", "interval"]
    return markdown_table(head, rows)


def _describe_excess(results: dict[str, Any]) -> str:
    return (
        "Is the tail above the bound anywhere? At every quarter of a power of ten the count is"
        " compared with a binomial of just the share allowed, one-sided, and the smallest tail is"
        f" multiplied by the number of levels: {results['excess_p']:.2g} (small would be bad)."
    )


def _source_table(sources: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{row['group']} {row['version']}".strip(),
            row["kind"],
            f"{row['n_files']:,}",
            f"{row['hours']:.2f}",
            f"{row['decoys']['n_trials']:,}",
            f"10^{row['true_log10_p']:.2f}",
        ]
        for row in sources
    ]
    return markdown_table(
        ["source", "heard", "files", "hours", "decoy trials", "smallest true p"], rows
    )


def _describe_nulls(nulls: list[dict[str, Any]]) -> str:
    n = sum(row["decoys"]["n_trials"] for row in nulls)
    worst = min(row["excess_p"] for row in nulls)
    allowed = _CHANCE / len(nulls)
    verdict = "none exceeds the bound" if worst > allowed else "SOME EXCEED THE BOUND"
    return (
        f"Made to break a detector: {len(nulls)} kinds of a minute each, {n:,} decoy trials. By the"
        f" same test, at 1 % over all kinds (each at {allowed:.1g}), {verdict}. The kinds with the"
        " smallest p-values, and every kind in the results file:"
    )


def _null_table(nulls: list[dict[str, Any]]) -> str:
    ranked = sorted(nulls, key=lambda row: row["decoys"]["smallest_log10_p"][0])
    rows = []
    for row in ranked[:12]:
        tally = row["decoys"]
        counts = tally["at_or_under"]
        rows.append(
            [
                row["group"],
                f"{tally['n_trials']:,}",
                f"{counts[8]:,} ({tally['n_trials'] / 1e2:,.0f})",
                f"{counts[12]:,} ({tally['n_trials'] / 1e3:,.0f})",
                f"10^{tally['smallest_log10_p'][0]:.2f}",
                f"10^{row['true_log10_p']:.2f}",
                f"{row['excess_p']:.2g}",
            ]
        )
    head = ["unmarked audio", "trials", "p ≤ 1e-2 (allowed)", "p ≤ 1e-3 (allowed)"]
    return markdown_table([*head, "smallest", "true pattern", "excess"], rows)


def _describe_pooling(pooling: dict[str, Any]) -> str:
    means, products = pooling["mean_e"], pooling["log10_product"]
    ways, roots = pooling["largest_log10_product_on_the_way"], pooling["mean_root_e"]
    return (
        f"E-values of {pooling['n_files']:,} files for the true pattern and {len(means) - 1} decoys"
        f" that all files share: their mean is {means[0]:.3f} for the true pattern and"
        f" {min(means[1:]):.3f} to {max(means[1:]):.3f} for decoys (of their square roots"
        f" {roots[0]:.3f}, and at most {max(roots[1:]):.3f}). Their product over all files is"
        f" 10^{products[0]:.0f}, and 10^{min(products[1:]):.0f} to 10^{max(products[1:]):.0f};"
        f" the largest over the first files of any number, 10^{ways[0]:.1f}, and at most"
        f" 10^{max(ways[1:]):.1f}."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the tails of p-values and of single scores under their bounds."""
    from benchmarks.harness.plots import save, subplot_grid

    figure, (left, right) = subplot_grid(2, width=11.0, height=4.4)
    _plot_p_values(left, results)
    _plot_scores(right, results)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    save(figure, path)


def _plot_p_values(axes: Axes, results: dict[str, Any]) -> None:
    levels = 10.0 ** np.asarray(results["levels_log10_p"])
    tally = results["decoys"]
    n = tally["n_trials"]
    counts = np.asarray(tally["at_or_under"])
    intervals = np.array([clopper_pearson(int(count), n) for count in counts])
    shown = counts > 0
    axes.loglog(levels, levels, color="black", label="proved bound")
    axes.fill_between(levels, np.maximum(intervals[:, 0], 1e-12), intervals[:, 1], alpha=0.25)
    axes.loglog(levels[shown], counts[shown] / n, "o-", ms=3, label=f"decoys, {n:,} trials")
    for row in results["nulls"]:
        own = np.asarray(row["decoys"]["at_or_under"])
        some = own > 0
        label = "made to break a detector" if row is results["nulls"][0] else None
        share = own[some] / row["decoys"]["n_trials"]
        axes.loglog(levels[some], share, color="tab:orange", lw=0.6, alpha=0.6, label=label)
    true = np.asarray(results["true_pattern"]["at_or_under"])
    seen = true > 0
    n_true = results["true_pattern"]["n_recordings"]
    label = f"true pattern, {n_true:,} recordings"
    axes.loglog(levels[seen], true[seen] / n_true, "s", ms=4, color="tab:green", label=label)
    axes.set_xlabel("p-value x")
    axes.set_ylabel("share of trials with p ≤ x")
    axes.set_ylim(0.3 / n, 1.5)
    axes.set_xlim(1e-8, 1.5)


def _plot_scores(axes: Axes, results: dict[str, Any]) -> None:
    edges = np.asarray(results["score_edges"])
    tally = results["decoys"]
    tail = np.asarray(tally["scores_at_or_over"]) / tally["n_scores"]
    shown = tail > 0
    axes.semilogy(edges, 10 ** log10_p_value(edges), color="black", label="proved bound")
    label = f"decoys, {tally['n_scores']:,} scores"
    axes.semilogy(edges[shown], tail[shown], "o", ms=3, label=label)
    axes.set_xlabel("score at one offset")
    axes.set_ylabel("share of scores at or above")
    axes.set_ylim(0.3 / tally["n_scores"], 1.5)
