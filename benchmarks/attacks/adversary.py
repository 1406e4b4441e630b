"""What somebody does who knows this project and wants the mark gone, changed or forged.

The pattern is public, so all of this is easy to write; what it costs and what it leaves is what
`benchmarks.robustness.deliberate` measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import librosa
import numpy as np
import numpy.typing as npt

import sottovoce as sv
from sottovoce.core.embedding import SignSource
from sottovoce.core.framing import band_matrix, count_usable_bands
from sottovoce.core.front_end import FrontEnd
from sottovoce.core.pattern import DATA, make_roles, make_sync_signs, seal_cells
from sottovoce.core.protector import Protector
from sottovoce.core.search import fold
from sottovoce.core.wire_format import FORMAT_1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks._types import Audio, Effect

__all__ = [
    "averaged_estimate",
    "cancel_averaged",
    "cancel_known",
    "cancel_sync",
    "hill_climb",
    "overwrite",
    "random_gains",
    "transplant",
]

_N_FFT = 512
Signs = npt.NDArray[np.int8]


class _GivenSigns(SignSource):
    """A source whose every superframe is given."""

    def __init__(self, notice: sv.Notice, superframes: npt.NDArray[np.int8]) -> None:
        super().__init__(notice)
        self._superframes = superframes

    def superframe(self, index: int) -> Signs:
        """Return the signs of superframe `index`; after the last they begin again."""
        # A protector counts from 1.
        return self._superframes[(index - 1) % len(self._superframes)]


def _write(y: Audio, sr: int, superframes: Signs, *, phase_s: float, strength_db: float) -> Audio:
    """Write given signs; the pattern's superframe 0 lies where `Protector` has it."""
    notice = sv.Notice()
    protector = Protector(sr=sr, notice=notice, strength_db=strength_db, phase_s=phase_s)
    protector._signs = _GivenSigns(notice, superframes)  # an adversary asks nobody
    return protector.process(y, last=True)


def overwrite(n_owners: int) -> Effect:
    """Return marking by `n_owners` further owners, at phases of their own."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        for _ in range(n_owners):
            notice = sv.Notice(owner_id=int(rng.integers(1, 2**48)))
            phase_s = float(rng.uniform(0, FORMAT_1.superframe_s))
            y = sv.protect(y, sr=sr, notice=notice, phase_s=phase_s)
        return y, sr

    return effect


def random_gains(most_db: float, scale_s: float) -> Effect:
    """Return random gains of each band of the mark, changing in steps of `scale_s`."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        mono = librosa.to_mono(y)
        n_steps = int(len(mono) / sr / scale_s) + 2
        gains_db = rng.uniform(-most_db, most_db, (n_steps, FORMAT_1.n_bands))
        return _apply_gains(mono, sr, gains_db, scale_s), sr

    return effect


def _apply_gains(y: Audio, sr: int, gains_db: npt.NDArray[np.float64], scale_s: float) -> Audio:
    """Turn the bands up and down; `gains_db` of shape (steps, bands), smooth between steps."""
    hop = round(0.008 * sr)
    spectrum = librosa.stft(y, n_fft=_N_FFT, hop_length=hop, win_length=min(2 * hop, _N_FFT))
    shares = band_matrix(sr, _N_FFT)[:, : count_usable_bands(sr)]
    at = np.arange(spectrum.shape[1]) * hop / sr / scale_s
    steps = np.arange(len(gains_db))
    by_frame = np.stack(
        [np.interp(at, steps, gains_db[:, band]) for band in range(shares.shape[1])]
    )
    spectrum *= 10.0 ** (shares @ by_frame / 20.0)
    return librosa.istft(
        spectrum, hop_length=hop, win_length=min(2 * hop, _N_FFT), n_fft=_N_FFT, length=len(y)
    ).astype(np.float32)


def cancel_sync(share: float = 1.0) -> Effect:
    """Return the informed attack: find the offset, then write the public signs upside down."""

    def effect(y: Audio, sr: int, rng: np.random.Generator) -> tuple[Audio, int]:
        detection = sv.detect(y, sr=sr)
        if not detection.found:
            return y, sr
        upside_down = np.broadcast_to(
            -make_sync_signs(), (1, FORMAT_1.n_periods, FORMAT_1.n_cells, FORMAT_1.n_bands)
        ).astype(np.int8)
        phase_s = -detection.voices[0].offset_s % FORMAT_1.period_s
        strength_db = sv.STRENGTHS_DB["standard"] * share
        return _write(y, sr, upside_down, phase_s=phase_s, strength_db=strength_db), sr

    return effect


def averaged_estimate(clips: list[tuple[Audio, int]]) -> npt.NDArray[np.float64]:
    """Return how well the mean of many marked clips shows the sync signs: cosines by clip count.

    Parameters
    ----------
    clips : list of (np.ndarray, int)
        Marked speech of one owner, and its rate; averaged as they come.
    """
    total = np.zeros((FORMAT_1.n_period_frames, FORMAT_1.n_bands))
    signs = np.repeat(make_sync_signs(), FORMAT_1.n_cell_frames, axis=0).astype(np.float64)
    cosines = []
    for y, sr in clips:
        folded = fold(_scores(y, sr))
        total[:, : folded.shape[1]] += folded
        spectrum = np.fft.rfft(total, axis=0) * np.fft.rfft(signs, axis=0).conj()
        best = np.fft.irfft(spectrum.sum(axis=1), len(total)).max()
        cosines.append(best / np.linalg.norm(total) / np.linalg.norm(signs))
    return np.array(cosines)


def _scores(y: Audio, sr: int) -> npt.NDArray[np.float32]:
    front_end = FrontEnd(sr=sr)
    front_end.push(np.atleast_2d(y))
    front_end.finish()
    chunks = range(front_end.n_chunks(ended=True))
    return np.concatenate([front_end.scores(chunk) for chunk in chunks])


def hill_climb(
    y: Audio, sr: int, rng: np.random.Generator, *, n_queries: int = 1_000, step_db: float = 0.7
) -> tuple[Audio, list[float]]:
    """Ask the detector again and again, keeping whatever lowers its score.

    Parameters
    ----------
    y : np.ndarray, shape=(n,)
        Marked speech.
    sr : int
        Its rate, in Hz.
    rng : np.random.Generator
        Draws the trials: random gains of all bands over 32 ms steps.
    n_queries : int
        Verdicts asked for.
    step_db : float
        Size of a trial, root mean square.

    Returns
    -------
    attacked : np.ndarray, shape=(n,)
        The best so far.
    scores : list of float
        The detector's score after each query.
    """
    n_steps = int(len(y) / sr / FORMAT_1.cell_s) + 2
    gains_db = np.zeros((n_steps, FORMAT_1.n_bands))
    best, scores = sv.detect(y, sr=sr).score, []
    for _ in range(n_queries):
        trial = gains_db + step_db * rng.choice((-1.0, 0.0, 1.0), gains_db.shape, p=(0.1, 0.8, 0.1))
        score = sv.detect(_apply_gains(y, sr, trial, FORMAT_1.cell_s), sr=sr).score
        if score < best:
            gains_db, best = trial, score
        scores.append(best)
    return _apply_gains(y, sr, gains_db, FORMAT_1.cell_s), scores


def transplant(
    source: Audio,
    sr: int,
    target: Audio,
    notice: sv.Notice,
    *,
    phase_s: float,
    strength_db: float = sv.STRENGTHS_DB["standard"],
    payload: float = 1.0,
) -> Audio:
    """Copy a sealed mark to other speech at the same rate: public signs, and a guess at the seal.

    The adversary knows the notice and the phase, reads every cell's score in the source, and
    takes its sign for the seal cells.  Superframes keep their order, so the guess is as good as a
    transplant can be.

    Parameters
    ----------
    source : np.ndarray, shape=(n,)
        Sealed speech.
    sr : int
        Its rate, in Hz.
    target : np.ndarray, shape=(n,)
        Other speech.
    notice : Notice
        What the mark says.
    phase_s : float
        Where it begins, as for `sottovoce.protect`.
    strength_db : float
        How strongly it is written.
    payload : float
        Share of the payload's cells that are right; the others are upside down, so that the payload
        agrees as weakly as the guess.  At 0 nothing but the guess is written.
    """
    superframes = _hear_signs(source, sr, notice, phase_s=phase_s)
    if not payload:
        superframes[:, ~seal_cells()] = 0
    else:
        is_data = np.broadcast_to(make_roles() == DATA, superframes.shape)
        wrong = np.random.default_rng(0).random(superframes.shape) >= payload
        superframes[is_data & wrong] *= -1
    return _write(target, sr, superframes, phase_s=phase_s, strength_db=strength_db)


def cancel_known(
    y: Audio, sr: int, notice: sv.Notice, *, phase_s: float, with_guess: bool = False
) -> Audio:
    """Write everything that is public upside down, given the payload, and a guess at the seal.

    Parameters
    ----------
    y : np.ndarray, shape=(n,)
        Marked speech.
    sr : int
        Its rate, in Hz.
    notice : Notice
        What the mark says.
    phase_s : float
        Where it begins, as for `sottovoce.protect`.
    with_guess : bool
        Whether the signs of the seal cells are guessed from the sound and cancelled as well; else
        these cells are left as they are.
    """
    signs = _hear_signs(y, sr, notice, phase_s=phase_s)
    if not with_guess:
        signs[:, seal_cells()] = 0
    strength_db = sv.STRENGTHS_DB["standard"]
    return _write(y, sr, -signs, phase_s=phase_s, strength_db=strength_db)


def cancel_averaged(
    y: Audio, sr: int, notice: sv.Notice, *, phase_s: float, others: Sequence[tuple[Audio, float]]
) -> Audio:
    """Guess the seal from many files of one owner together, and cancel the guess in one of them.

    Parameters
    ----------
    y, sr, notice, phase_s
        As for `cancel_known`.
    others : sequence of (np.ndarray, float)
        Further files of the same owner and rate, with their phases.
    """
    n_cells = FORMAT_1.n_periods * FORMAT_1.n_cells
    total = np.zeros((n_cells, FORMAT_1.n_bands), dtype=np.float32)
    for sound, phase in [(y, phase_s), *others]:
        scores, at, rows, _ = _place_cells(sound, sr, phase_s=phase)
        np.add.at(total[:, : scores.shape[1]], rows % n_cells, scores[at])
    heard = np.where(total >= 0, 1, -1).astype(np.int8)
    public = SignSource(notice).superframe(0)
    signs = np.where(seal_cells(), heard.reshape(public.shape), public)[None]
    strength_db = sv.STRENGTHS_DB["standard"]
    return _write(y, sr, -signs, phase_s=phase_s, strength_db=strength_db)


def _place_cells(
    y: Audio, sr: int, *, phase_s: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return scores, the frames that sit on cells, the numbers of these cells, and superframes."""
    scores = _scores(y, sr)
    n_cells = FORMAT_1.n_periods * FORMAT_1.n_cells
    phase = round(phase_s / FORMAT_1.frame_s)
    # Pattern cell c begins at frame 4 c - phase of the sound, and is scored one frame later.
    first = -(-phase // FORMAT_1.n_cell_frames)
    frames = np.arange(first, (len(scores) + phase) // FORMAT_1.n_cell_frames - 1)
    at = FORMAT_1.n_cell_frames * frames - phase + 1
    inside = (at >= 0) & (at < len(scores))
    rows = frames[inside]
    return scores, at[inside], rows, int(rows[-1]) // n_cells + 1


def _hear_signs(y: Audio, sr: int, notice: sv.Notice, *, phase_s: float) -> Signs:
    """Return the public signs of all superframes, with a guess at those of the seal cells."""
    scores, at, rows, n_superframes = _place_cells(y, sr, phase_s=phase_s)
    public = SignSource(notice).superframe(0)
    n_cells = FORMAT_1.n_periods * FORMAT_1.n_cells
    guess = np.tile(public.reshape(n_cells, -1), (n_superframes, 1)).astype(np.int8)

    seal = np.broadcast_to(seal_cells(), public.shape).reshape(n_cells, -1)
    heard = np.where(scores[at] >= 0, 1, -1).astype(np.int8)
    own = seal[rows % n_cells]
    n_bands = heard.shape[1]
    guess[rows, :n_bands] = np.where(own[:, :n_bands], heard, guess[rows, :n_bands])
    return guess.reshape(n_superframes, *public.shape)
