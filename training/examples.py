"""Training examples for the cell score: real speech, marked with random signs, attacked.

The public signs of the wire format are never used, so the network can learn what a mark does
to speech but nothing about the pattern.  Only permissively licensed clips (public domain,
CC0, CC-BY, BSD) of speakers of the tuning half take part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.signal
import soxr

from benchmarks.attacks import TRAINING_ATTACKS
from benchmarks.harness.harness import rng_for, run_tasks
from sottovoce.core.features import (
    CONTEXT_FRAMES,
    CellFeatures,
    band_energies,
    make_features,
    measure_floors,
    window_length,
)
from sottovoce.core.framing import frame_starts
from sottovoce.core.protector import Protector
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from benchmarks.data.speech import Clip

__all__ = ["Example", "make_examples"]

PIECE_S = 10.24
_MIN_PIECE_S = 2.5
_SHARE_SHORT = 0.4
_SHARE_DETUNED = 0.25
_MOST_DETUNED = 0.0125
_MAX_LAG_S = 0.25
_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """One attacked piece of marked speech.

    Attributes
    ----------
    attack : str
        Name of the training attack; examples of one name form a group of the loss.
    features : CellFeatures
        Features of one clip, with context at both ends; bands above the rate's limit are missing.
    frames : np.ndarray, shape=(n_cells,)
        Detection frame nearest to the middle of each cell, without the context.
    signs : np.ndarray, shape=(n_cells, n_bands), dtype=int8
        The signs to be regressed.
    """

    attack: str
    features: CellFeatures
    frames: npt.NDArray[np.int64]
    signs: npt.NDArray[np.int8]


class RandomSigns:
    """Stands in for the pattern: a fresh random sign for every cell.

    Parameters
    ----------
    rng : np.random.Generator
        Source of the signs.
    n_cells : int
        Enough for the piece.
    """

    def __init__(self, rng: np.random.Generator, n_cells: int) -> None:
        self.cells = rng.choice(np.array([-1, 1], dtype=np.int8), (n_cells, FORMAT_1.n_bands))
        chips = np.asarray(FORMAT_1.chip_signs, dtype=np.int8)
        self._frames = (self.cells[:, None] * chips[:, None]).reshape(-1, FORMAT_1.n_bands)

    def frames(self, first: int, last: int) -> npt.NDArray[np.int8]:
        """Return gain signs; the pattern starts one superframe before the sound."""
        start = FORMAT_1.n_superframe_frames - FORMAT_1.n_cell_frames
        return self._frames[first - start : last - start]


def make_examples(clips: list[Clip], *, n_repeats: int, seed: int, jobs: int = 2) -> list[Example]:
    """Mark and attack every piece of the clips.

    Parameters
    ----------
    clips : list of Clip
        Speech.
    n_repeats : int
        How often each attack is drawn for each piece.
    seed : int
        Seed of signs, phases, crops, strengths, attacks and rates; any number of processes gives
        the same examples.
    jobs : int
        Processes.

    Returns
    -------
    examples : list of Example
        Pieces that an attack left without sound are skipped.
    """
    tasks = [(clip, n_repeats, seed) for clip in clips]
    parts = run_tasks(_examples_of_clip, tasks, jobs=jobs, label="examples")
    return [example for part in parts for example in part]


def _examples_of_clip(task: tuple[Clip, int, int]) -> list[Example]:
    clip, n_repeats, seed = task
    rng = rng_for(seed, clip.name)
    y, sr = clip.load()
    y = np.atleast_2d(y)[0]
    n_piece, n_least = int(PIECE_S * sr), int(_MIN_PIECE_S * sr)
    examples = []
    for start in range(0, max(len(y) - n_least, 1), n_piece):
        piece = y[start : start + n_piece]
        if len(piece) < n_least:
            continue
        for name in TRAINING_ATTACKS:
            for _ in range(n_repeats):
                example = _make_example(_shorten(piece, n_least, rng), sr, name, rng)
                examples += [] if example is None else [example]
    return examples


def _shorten(piece: Floats, n_least: int, rng: np.random.Generator) -> Floats:
    """Cut some pieces shorter: a clip of 3 s has other floors than one of 10 s."""
    if len(piece) <= n_least or rng.random() > _SHARE_SHORT:
        return piece
    n = int(rng.integers(n_least, len(piece)))
    start = int(rng.integers(0, len(piece) - n + 1))
    return piece[start : start + n]


def _make_example(y: Floats, sr: int, attack: str, rng: np.random.Generator) -> Example | None:
    if rng.random() < 0.35:
        rate = int(rng.choice(_RATES_HZ))
        y, sr = soxr.resample(y, sr, rate).astype(np.float32), rate
    crop = int(rng.integers(0, 0.05 * sr))
    y = y[crop:]
    protector = Protector(sr=sr, phase_s=0.0, strength_db=float(rng.uniform(0.9, 1.5)))
    signs = RandomSigns(rng, int(len(y) / sr / FORMAT_1.cell_s) + 4)
    # Training alone writes other signs than those of the wire format.
    protector._signs = signs  # type: ignore[assignment]
    marked = protector.process(y, last=True)
    attacked, new_sr = TRAINING_ATTACKS[attack](marked, sr, rng)
    attacked = np.ascontiguousarray(np.atleast_2d(attacked)[0], dtype=np.float32)
    lag_s = _measure_lag_s(marked, sr, attacked, new_sr)
    crop = int(rng.integers(0, 0.02 * new_sr))
    attacked, lag_s = attacked[crop:], lag_s - crop / new_sr
    n_frames = int((len(attacked) - window_length(new_sr)) / (new_sr * FORMAT_1.frame_s))
    n_frames -= n_frames % 8
    if n_frames < 8 * CONTEXT_FRAMES or np.abs(attacked).max() < 1e-5:
        return None
    starts = frame_starts(0, n_frames, new_sr * FORMAT_1.frame_s)
    # The search over pitch leaves up to half a step between its bands and those of the mark.
    detuned = rng.uniform(-_MOST_DETUNED, _MOST_DETUNED) if rng.random() < _SHARE_DETUNED else 0.0
    energies = band_energies(attacked[None], starts, sr=new_sr, scale=float(1.0 + detuned))
    floors = measure_floors(energies)
    padded = np.pad(energies, ((0, 0), (CONTEXT_FRAMES, CONTEXT_FRAMES), (0, 0)), mode="edge")
    features = make_features(padded, floors)
    # Cell i of the random signs starts i - 1 cells after the first sample.
    begins_s = (np.arange(len(signs.cells)) - 1) * FORMAT_1.cell_s + lag_s
    frames = np.round(begins_s / FORMAT_1.frame_s + 1).astype(np.int64)
    inside = (frames >= 0) & (frames < n_frames)
    return Example(attack, features, frames[inside], signs.cells[inside])


def _measure_lag_s(marked: Floats, sr: int, attacked: Floats, new_sr: int) -> float:
    """Return by how much an attack delayed the sound; 0 where the waveforms are unlike."""
    a = soxr.resample(marked, sr, 8_000)
    b = soxr.resample(attacked, new_sr, 8_000)
    n = min(len(a), len(b))
    likeness = scipy.signal.correlate(b[:n], a[:n], method="fft")
    likeness /= np.sqrt(np.dot(a[:n], a[:n]) * np.dot(b[:n], b[:n])) + 1e-9
    reach = int(_MAX_LAG_S * 8_000)
    near = np.abs(likeness[n - 1 - reach : n + reach])
    best = int(near.argmax())
    return (best - reach) / 8_000 if near[best] > 0.3 else 0.0
