"""The learned cell score beside a hand-made one, on the same audio with the same search.

The hand-made score is the best that was found without learning: log energies through the rhythm
of a cell, whitened over bands, clipped, and weighted by the signal-to-noise ratio of the cell.
Both are functions of the audio alone; both are folded and searched alike, on the plain grid.  A
figure is the ratio of the two largest scores of one piece, so chance and loudness cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    markdown_table,
    quartiles,
    rng_for,
    run_tasks,
)
from benchmarks.harness.trials import (
    MARGIN_S,
    Source,
    cut,
    load_source,
    mark,
    pieces_of,
    prepare,
    run_attack,
)
from sottovoce.core.features import band_energies, window_length
from sottovoce.core.framing import frame_starts
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.search import fold, offset_scores
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.attacks import Audio

__all__ = ["BENCHMARK", "describe", "hand_made_scores", "main", "plot"]

BENCHMARK = Benchmark("baseline", "How much does the learned score gain over a hand-made one?")
SECONDS = 10.0
ATTACK_NAMES = (
    "none",
    "mp3_32",
    "opus_16",
    "opus_8",
    "gsm",
    "noise_white_10",
    "noise_white_0",
    "room_0.3",
    "griffin_lim_mel80",
)
_CLIP = 3.0


@dataclass(frozen=True, slots=True)
class _Task:
    source: Source
    start_s: float
    attack: str
    seed: int


def hand_made_scores(energies: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Score cells without learning.

    Parameters
    ----------
    energies : np.ndarray, shape=(n_frames, n_bands)
        From `band_energies`.

    Returns
    -------
    scores : np.ndarray, shape=(n_frames, n_bands)
        Positive where a cell of sign +1 is the more likely; 0 in the outer two frames.
    """
    noise = np.percentile(energies, 10, axis=0) + 1e-6 * energies.max() + 1e-30
    levels = np.log10(energies + noise)
    rhythm = np.zeros_like(levels)
    rhythm[2:-2] = levels[:-4] + levels[1:-3] - levels[3:-1] - levels[4:]
    # Neighbouring bands move together with the voice: take out what they share.
    covariance = np.cov(np.clip(rhythm, -1, 1).T) + 1e-6 * np.eye(levels.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    white = rhythm @ (vectors / np.sqrt(values)) @ vectors.T
    spread = 1.4826 * np.median(np.abs(white), axis=0) + 1e-9
    weight = (energies / (energies + 4 * noise)) ** 2
    return (np.clip(white / spread, -_CLIP, _CLIP) * weight).astype(np.float32)


def _largest(scores: npt.NDArray[np.float32]) -> float:
    return float(offset_scores(fold(scores)[None])[0].max())


def _score_both(y: Audio, sr: int) -> tuple[float, float]:
    """Return the largest score of the learned and of the hand-made kind."""
    front_end = FrontEnd(sr=sr)
    front_end.push(np.atleast_2d(y))
    front_end.finish()
    chunks = range(front_end.n_chunks(ended=True))
    learned = np.concatenate([front_end.scores(chunk) for chunk in chunks])
    hop = sr * FORMAT_1.frame_s
    starts = frame_starts(0, int((y.shape[-1] - window_length(sr)) / hop), hop)
    energies = band_energies(np.atleast_2d(y), starts, sr=sr).sum(axis=0)
    return _largest(learned), _largest(hand_made_scores(energies))


def _run(task: _Task) -> tuple[float, float]:
    rng = rng_for(task.seed, task.source.name, task.start_s, task.attack)
    attack = ATTACKS[task.attack]
    own, own_sr = load_source(task.source)
    y, sr = prepare(own, own_sr, attack, rng, None)
    marked, _, _ = mark(y, sr, rng, strength_db=1.18)
    piece = cut(marked, sr, task.start_s, SECONDS + MARGIN_S + attack.loses_s)
    return _score_both(*run_attack(piece, sr, attack, SECONDS, rng))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = BENCHMARK.parser.parse_args(arguments)
    clips = choose_clips(load_clips("report", min_s=SECONDS + MARGIN_S), options.clips)
    sources = [Source((clip,)) for clip in clips]
    pieces, _ = pieces_of(sources, seconds=SECONDS + MARGIN_S, most_per_source=1)
    tasks = [
        _Task(source, start, attack, options.seed)
        for attack in ATTACK_NAMES
        for source, start in pieces
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="baseline")
    rows = []
    for attack in ATTACK_NAMES:
        own = [o for t, o in zip(tasks, outcomes, strict=True) if t.attack == attack]
        learned, by_hand = zip(*own, strict=True)
        ratios = quartiles(a / b for a, b in own)
        rows.append(
            {
                "attack": attack,
                "strength": ATTACKS[attack].strength,
                "n": len(own),
                "learned": round(quartiles(learned)[1], 2),
                "by_hand": round(quartiles(by_hand)[1], 2),
                "ratio": [round(ratio, 3) for ratio in ratios],
            }
        )
    results = BENCHMARK.write(options, rows, clips=clips, settings={"seconds": SECONDS})
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    rows = [
        [
            f"`{row['attack']}`",
            row["by_hand"],
            row["learned"],
            "{1:.2f} ({0:.2f} to {2:.2f})".format(*row["ratio"]),
            row["n"],
        ]
        for row in results["rows"]
    ]
    head = ["attack, 10 s", "hand-made, median", "learned, median", "ratio (quartiles)", "n"]
    return markdown_table(head, rows)


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the median scores side by side."""
    from benchmarks.harness.plots import save, subplots

    names = [row["attack"] for row in results["rows"]]
    at = np.arange(len(names))
    figure, axes = subplots()
    for shift, kind, label in ((-0.2, "by_hand", "hand-made"), (0.2, "learned", "learned")):
        axes.barh(at + shift, [row[kind] for row in results["rows"]], height=0.38, label=label)
    axes.axvline(6.18, color="black", lw=0.8, label="p = 1e-6")
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.set_xlabel("largest score in 10 s, median")
    axes.legend()
    save(figure, path)


if __name__ == "__main__":
    main()
