"""The code alone: how much energy a payload needs, in Gaussian noise.

Random words are coded, each coded bit is sent at an amplitude that gives the data cells together
a score of z, and Gaussian noise of unit variance is added: the channel that a voice's data cells
are after they were added up.  Presence alone needs z^2 of about 38 in the sync cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, wilson
from sottovoce.core.coding import N_CODED_BITS, decode, encode
from sottovoce.core.payload import N_PAYLOAD_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["BENCHMARK", "describe", "main", "plot"]

BENCHMARK = Benchmark("coding", "How much energy does a payload need to be read?")
ENERGIES = (100, 140, 160, 180, 200, 220, 260, 300)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--words", type=int, default=1_000, help="per row (default: 1,000)")
    options = parser.parse_args(arguments)
    rows = []
    for energy in ENERGIES:
        rng = rng_for(options.seed, energy)
        bits = rng.integers(0, 2, (options.words, N_PAYLOAD_BITS)).astype(np.uint8)
        sent = np.stack([encode(word) for word in bits]) * np.sqrt(energy / N_CODED_BITS)
        decided, _ = decode(sent + rng.standard_normal(sent.shape))
        n_right = int((decided == bits).all(axis=1).sum())
        low, high = wilson(n_right, options.words)
        rows.append(
            {
                "energy": energy,
                "n": options.words,
                "right": n_right / options.words,
                "low": round(low, 5),
                "high": round(high, 5),
            }
        )
    results = BENCHMARK.write(options, rows)
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    rows = [
        [
            row["energy"],
            f"{100 * row['right']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})",
            f"{row['n']:,}",
        ]
        for row in results["rows"]
    ]
    return markdown_table(["z² of the data cells", "words right, %", "n"], rows)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share of words that is right."""
    from benchmarks.harness.plots import save, subplots

    energies = [row["energy"] for row in results["rows"]]
    figure, axes = subplots()
    axes.plot(energies, [100 * row["right"] for row in results["rows"]], "o-")
    axes.set_xlabel("z² of the data cells")
    axes.set_ylabel("words right, %")
    axes.grid(alpha=0.3)
    save(figure, path)


if __name__ == "__main__":
    main()
