"""Does the mark show in what a model says that was trained on it?  A first, small answer.

Two kinds of small models are made from the marked speech of one person, and then speak words that
they never saw, from unmarked speech of the same person as the target.  The *concatenative* voice
copies units of its training speech, the nearest in mel bands, as unit selection and retrieval do.
The *statistical* one keeps only the main components of mel frames, as an encoder with a narrow
waist does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks.resynthesis import griffin_lim_of_mel, mono_16k
from benchmarks.data.speech import load_clips
from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, run_tasks, wilson
from benchmarks.harness.trials import Source, load_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.attacks import Audio

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("trained_model", "Does the mark show in a model that was trained on it?")
_SR = 16_000
_HOP, _N_FFT = 160, 1024
_UNITS_S = (0.1, 0.3, 1.0, 3.0)
_N_COMPONENTS = 12
_N_CONTEXT = 5
_FADE = 160
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class _Task:
    """One person: clips to train on, and one to speak."""

    corpus: tuple[Source, ...]
    target: Source
    model: str
    seed: int


def _log_mel(y: Audio) -> Audio:
    size = np.abs(librosa.stft(y, n_fft=_N_FFT, hop_length=_HOP))
    mel = librosa.filters.mel(sr=_SR, n_fft=_N_FFT, n_mels=80) @ size
    return np.log(np.maximum(mel, 1e-5)).T.astype(np.float32)


def _run(task: _Task) -> dict[str, Any]:
    rng = rng_for(task.seed, task.target.name, task.model)
    notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
    corpus = []
    for source in task.corpus:
        y = mono_16k(*load_source(source))
        phase_s = float(rng.uniform(0, 10))
        corpus.append(sv.protect(y, sr=_SR, notice=notice, phase_s=phase_s))
    target = mono_16k(*load_source(task.target))[: round(_SECONDS * _SR)]
    if task.model.startswith("units"):
        said = _speak_in_units(corpus, target, float(task.model.split()[1]))
    else:
        if task.model.endswith("marked input"):
            target = sv.protect(target, sr=_SR, notice=notice, phase_s=float(rng.uniform(0, 10)))
        said = _speak_from_components(corpus, target, rng)
    detection = sv.detect(said, sr=_SR)
    owners = [voice.notice for voice in detection.voices if voice.notice is not None]
    return {
        "model": task.model,
        "found": detection.found,
        "log10_p": detection.log10_p,
        "read": notice in owners,
    }


def _speak_in_units(corpus: Sequence[Audio], target: Audio, unit_s: float) -> Audio:
    """Say the target with the nearest units of the corpus, joined by short fades."""
    n_unit = round(unit_s * _SR / _HOP)
    units, places = [], []
    for number, y in enumerate(corpus):
        mel = _log_mel(y)
        for start in range(0, len(mel) - n_unit - 2, max(1, n_unit // 4)):
            units.append(mel[start : start + n_unit : 2].reshape(-1))
            places.append((number, start))
    table = np.stack(units)
    wanted = _log_mel(target)
    n = n_unit * _HOP
    out = np.zeros(len(wanted) * _HOP + n + _FADE, dtype=np.float32)
    fade = np.linspace(0, 1, _FADE, dtype=np.float32)
    for begin in range(0, len(wanted) - n_unit + 1, n_unit):
        aim = wanted[begin : begin + n_unit : 2].reshape(-1)
        number, start = places[int(((table - aim) ** 2).sum(axis=1).argmin())]
        piece = corpus[number][start * _HOP : start * _HOP + n + _FADE].copy()
        piece = np.pad(piece, (0, n + _FADE - len(piece)))
        piece[:_FADE] *= fade
        piece[-_FADE:] *= 1 - fade
        out[begin * _HOP : begin * _HOP + n + _FADE] += piece
    return out[: len(wanted) // n_unit * n]


def _speak_from_components(
    corpus: Sequence[Audio], target: Audio, rng: np.random.Generator
) -> Audio:
    """Send the target through the main components of the corpus' mel frames, then Griffin-Lim."""

    def stack(mel: Audio) -> Audio:
        n = len(mel) // _N_CONTEXT * _N_CONTEXT
        return mel[:n].reshape(-1, _N_CONTEXT * mel.shape[1])

    frames = np.concatenate([stack(_log_mel(y)) for y in corpus])
    mean = frames.mean(axis=0)
    _, _, components = np.linalg.svd(frames - mean, full_matrices=False)
    waist = components[:_N_COMPONENTS]
    wanted = stack(_log_mel(target)) - mean
    mel = (wanted @ waist.T @ waist + mean).reshape(-1, 80)
    n = (len(mel) - 1) * _HOP
    return griffin_lim_of_mel(np.exp(mel.T), n, rng, hop=_HOP)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    options = BENCHMARK.parser.parse_args(arguments)
    by_person: dict[tuple[str, int], list[Source]] = {}
    clips = load_clips("report", min_s=6.0)
    for clip in clips:
        by_person.setdefault((clip.person, clip.sr), []).append(Source((clip,)))
    groups = [
        own for own in by_person.values() if sum(s.seconds for s in own) > 25 and len(own) > 1
    ]
    models = [f"units {unit:g} s" for unit in _UNITS_S]
    models += ["components", "components, marked input"]
    tasks = [
        _Task(tuple(s for s in own if s is not target), target, model, options.seed)
        for model in models
        for own in groups
        for target in own[: options.clips or 4]
    ]
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="models")
    rows = [_row(model, [o for o in outcomes if o["model"] == model]) for model in models]
    used = [clip for own in groups for source in own for clip in source.clips]
    results = BENCHMARK.write(options, rows, clips=used, settings={"components": _N_COMPONENTS})
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _row(model: str, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    n_found = sum(o["found"] for o in outcomes)
    low, high = wilson(n_found, len(outcomes))
    return {
        "model": model,
        "n": len(outcomes),
        "n_found": n_found,
        "low": round(low, 4),
        "high": round(high, 4),
        "n_read": sum(o["read"] for o in outcomes),
        "median_log10_p": round(float(np.median([o["log10_p"] for o in outcomes])), 2),
    }


def describe(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["model", "found", "95 % interval", "owner read", "median log10 p"]
    lines = [
        [
            row["model"],
            f"{row['n_found']} of {row['n']}",
            f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %",
            row["n_read"],
            f"{row['median_log10_p']:.1f}",
        ]
        for row in results["rows"]
    ]
    return "\n\n".join(
        [
            "*Units* of the given length are copied from the marked training speech; *components*"
            " are learned from it, and applied to unmarked speech (and, to compare, to marked).",
            markdown_table(head, lines),
            "A voice that copies pieces of a second or longer copies the mark too. One that has"
            " learned only the average properties of speech carries nothing of a mark whose phase"
            " differs in each recording: the refusal is in the data, and has to be found there"
            " before training.",
        ]
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw the share found by each model."""
    from benchmarks.harness.plots import save, subplots

    rows = results["rows"]
    figure, axes = subplots(height=2.5)
    axes.barh([row["model"] for row in rows], [100 * row["n_found"] / row["n"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("found, %")
    save(figure, path)


if __name__ == "__main__":
    main()
