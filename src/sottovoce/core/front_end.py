"""From audio, block by block, to the cell scores of chunks of one superframe.

A chunk's scores depend on the chunk, 0.1 s of context on each side and, at the end of the
audio, on what came before; never on how the audio was cut into blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.features import (
    BATCH_FRAMES,
    CONTEXT_FRAMES,
    Floors,
    make_features,
    measure_floors,
    window_length,
)
from sottovoce.core.framing import frame_starts
from sottovoce.core.levels import (
    MAX_AMPLITUDE,
    Energies,
    choose_factor,
    measure_energies,
    scale_energies,
)
from sottovoce.core.score import CellScorer
from sottovoce.core.search import interleave
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["CHUNK_FRAMES", "MIN_FRAMES", "FrontEnd", "score_energies"]

CHUNK_FRAMES = FORMAT_1.n_superframe_frames
MIN_FRAMES = 16
"""Minimum number of frames (0.15 s) for a measurement."""
_N_KEPT_CHUNKS = 2
_MAX_CHANNELS = 8
_BLOCK_FRAMES = 8

Floats = npt.NDArray[np.float32]


def score_energies(energies: Floats, floors: Floors, scorer: CellScorer) -> Floats:
    """Return the cell scores of energies, given with context.

    Parameters
    ----------
    energies : np.ndarray, shape=(n_clips, n_frames + 2 * CONTEXT_FRAMES, n_bands)
        From `band_energies`.
    floors : Floors
        From `measure_floors`.
    scorer : CellScorer
        The network with its buffers.

    Returns
    -------
    scores : np.ndarray, shape=(n_clips, n_frames, n_bands), dtype=float32
        From `CellScorer`, for any number of frames.
    """
    n_frames = energies.shape[1] - 2 * CONTEXT_FRAMES
    missing = -n_frames % _BLOCK_FRAMES
    if missing:
        energies = np.pad(energies, ((0, 0), (0, missing), (0, 0)), mode="edge")
    return scorer(make_features(energies, floors))[:, :n_frames]


class FrontEnd:
    """Score audio chunk by chunk.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.
    speed : float
        Assumed speed of the audio relative to when it was marked.
    pitch : float
        Assumed factor on its pitch.
    """

    def __init__(self, *, sr: float, speed: float = 1.0, pitch: float = 1.0) -> None:
        self.sr = sr
        self.pitch = pitch
        self.hop = sr * FORMAT_1.frame_s / speed
        self._window = window_length(sr)
        self._scorer = CellScorer()
        self._audio = _Recent()
        self._unread: list[Floats] = []
        self._energies: Energies | None = None
        self._energies_start = 0
        self.n_samples = 0
        self.n_frames = 0

    def push(self, block: npt.NDArray[np.floating[Any]]) -> None:
        """Append a block.

        Parameters
        ----------
        block : np.ndarray, shape=(channels, n)
            Audio.  More than eight channels are mixed down to eight.
        """
        sound = block.astype(np.float32, copy=False) if _is_tame(block) else _tame(block)
        if len(sound) > _MAX_CHANNELS:
            groups = np.array_split(sound, _MAX_CHANNELS)
            sound = np.stack([group.mean(axis=0) for group in groups])
        self.n_samples += sound.shape[1]
        self._unread.append(sound)
        self._measure_frames(ended=False)
        if self._unread:
            # Samples kept for the next block must not change when the caller reuses its buffer.
            self._unread[-1] = self._unread[-1].copy()

    def finish(self) -> None:
        """Measure the rest: the audio has ended."""
        self._measure_frames(ended=True)

    def _measure_frames(self, *, ended: bool) -> None:
        """Measure new frames, in batches that do not depend on how the audio was cut into blocks.

        The matrix products are then the same, to the last bit.
        """
        guess = int(max(self.n_samples - self._window, 0) / self.hop) + 2
        if not ended and guess < self.n_frames + BATCH_FRAMES:
            return
        starts = frame_starts(self.n_frames, guess, self.hop)
        starts = starts[starts + self._window <= self.n_samples]
        if not ended:
            starts = starts[: len(starts) // BATCH_FRAMES * BATCH_FRAMES]
        if len(starts) == 0:
            return
        for part in self._unread:
            self._audio.append(part)
        self._unread = []
        self.n_frames += len(starts)
        energies = self._measure(starts)
        if self._energies is not None:
            energies = np.concatenate([self._energies, energies], axis=1)
        self._energies = energies

    def forget(self, chunk: int) -> None:
        """Discard audio and energies that no chunk from `chunk` - 2 onward needs."""
        frame = max((chunk - _N_KEPT_CHUNKS) * CHUNK_FRAMES - CONTEXT_FRAMES, 0)
        if self._energies is not None and frame > self._energies_start:
            self._energies = self._energies[:, frame - self._energies_start :]
            self._energies_start = frame
        self._audio.forget(int(frame_starts(frame, frame + 1, self.hop)[0]))

    def kept_audio(self) -> Floats:
        """Return the audio that has not been discarded, shape (channels, n)."""
        return np.concatenate([self._audio.samples, *self._unread], axis=1)

    def n_chunks(self, *, ended: bool) -> int:
        """Return how many chunks can be scored so far."""
        if ended:
            return -(-self.n_frames // CHUNK_FRAMES) if self.n_frames >= MIN_FRAMES else 0
        # One frame more than the context, for the grid half a hop later.
        return max(self.n_frames - CONTEXT_FRAMES - 1, 0) // CHUNK_FRAMES

    def scores(self, chunk: int) -> Floats:
        """Return the scores of a chunk on the plain grid, shape (n_frames, n_bands).

        Raises
        ------
        RuntimeError
            If no audio has been pushed.
        """
        if self._energies is None:
            raise RuntimeError("no audio has been pushed")
        first, end = self._span(chunk)
        begin = first - CONTEXT_FRAMES - self._energies_start
        stop = min(end + CONTEXT_FRAMES, self.n_frames) - self._energies_start
        part = self._energies[:, max(begin, 0) : stop]
        lacking = (end + CONTEXT_FRAMES - self._energies_start) - stop
        floors, factor = self._floors(chunk)
        padded = _pad_edges(scale_energies(part, factor), max(-begin, 0), lacking)
        scores: Floats = score_energies(padded, floors, self._scorer)[0]
        return scores

    def fine_scores(self, chunk: int, plain: Floats) -> Floats:
        """Return the scores of a chunk on the fine grid, given those on the plain one."""
        first, end = self._span(chunk)
        begin = max(first - CONTEXT_FRAMES, 0)
        grid = np.arange(begin, end + CONTEXT_FRAMES) + 0.5
        starts = np.floor(grid * self.hop + 0.5).astype(np.int64)
        starts = starts[starts + self._window <= self._audio.end]
        energies = self._measure(starts)
        before = CONTEXT_FRAMES - (first - begin)
        lacking = end + CONTEXT_FRAMES - begin - len(starts)
        floors, factor = self._floors(chunk)
        padded = _pad_edges(scale_energies(energies, factor), before, lacking)
        odd = score_energies(padded, floors, self._scorer)[0]
        return interleave(plain, odd)

    def _span(self, chunk: int) -> tuple[int, int]:
        return chunk * CHUNK_FRAMES, min((chunk + 1) * CHUNK_FRAMES, self.n_frames)

    def _floors(self, chunk: int) -> tuple[Floors, float]:
        """Measure floors over the last superframe up to the end of the chunk, and its factor."""
        if self._energies is None:
            raise RuntimeError("no audio has been pushed")
        _, end = self._span(chunk)
        first = max(end - CHUNK_FRAMES, self._energies_start)
        start = self._energies_start
        energies = self._energies[:, first - start : end - start]
        factor = choose_factor(energies)
        return measure_floors(scale_energies(energies, factor)), factor

    def _measure(self, starts: npt.NDArray[np.int64]) -> Energies:
        """Return energies summed over channels, so that the phase between them does not matter."""
        local = starts - self._audio.start
        energies = measure_energies(self._audio.samples, local, sr=self.sr, scale=self.pitch)
        return energies.sum(axis=0, keepdims=True) if len(energies) > 1 else energies


class _Recent:
    """The last samples of audio, in memory that is moved only when it is full.

    Attributes
    ----------
    start, end : int
        First sample that is kept and the one after the last, counted in the whole audio.
    """

    def __init__(self) -> None:
        self._memory: Floats = np.empty((1, 0), dtype=np.float32)
        self._n_dropped = 0
        self.start = 0
        self.end = 0

    @property
    def samples(self) -> Floats:
        """The kept samples, shape (channels, n); a view that the next `append` may overwrite."""
        return self._memory[:, self.start - self._n_dropped : self.end - self._n_dropped]

    def append(self, part: Floats) -> None:
        """Append samples of shape (channels, n)."""
        end = self.end + part.shape[1]
        if end - self._n_dropped > self._memory.shape[1] or len(part) != len(self._memory):
            kept, n_needed = self.samples, end - self.start
            if n_needed > self._memory.shape[1] or len(part) != len(self._memory):
                # Twice the room, so that samples are seldom moved.
                self._memory = np.empty((len(part), 2 * n_needed), dtype=np.float32)
            if self.end > self.start:
                self._memory[:, : kept.shape[1]] = kept
            self._n_dropped = self.start
        self._memory[:, self.end - self._n_dropped : end - self._n_dropped] = part
        self.end = end

    def forget(self, sample: int) -> None:
        """Discard everything before a sample."""
        self.start = min(max(sample, self.start), self.end)


def _is_tame(block: npt.NDArray[np.floating[Any]]) -> bool:
    """Return whether no sample exceeds the level up to which samples are distinguished."""
    # One pass, and nearly always enough: no sample is larger than the root of the sum of squares.
    with np.errstate(over="ignore"):
        if block.dtype == np.float32 and all(row @ row <= MAX_AMPLITUDE for row in block):
            return True
    return block.size == 0 or bool(max(block.max(), -block.min()) <= MAX_AMPLITUDE)


def _tame(block: npt.NDArray[np.floating[Any]]) -> Floats:
    return np.asarray(np.clip(block, -MAX_AMPLITUDE, MAX_AMPLITUDE), dtype=np.float32)


def _pad_edges(energies: Floats, before: int, after: int) -> Floats:
    if before == 0 and after == 0:
        return energies
    return np.pad(energies, ((0, 0), (before, after), (0, 0)), mode="edge")
