"""One trial: real speech, marked at a random phase, cut, attacked, cut again.

Crops by a random number of samples before and after the attack keep the grid of the detector away
from that of the embedder: an uncropped file is always aligned, which flatters every figure.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import librosa
import numpy as np

import sottovoce as sv
from benchmarks.attacks import Attack, random_crop
from benchmarks.attacks.rooms import reverberation
from benchmarks.attacks.timing import resample
from benchmarks.harness.harness import rng_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks import Audio
    from benchmarks.data.speech import Clip

__all__ = [
    "MARGIN_S",
    "Source",
    "cut",
    "draw_pieces",
    "join_by_person",
    "load_source",
    "mark",
    "pieces_of",
    "random_notice",
    "run_attack",
    "take_piece",
]

SUPERFRAME_S = 10.24
# What the two random crops may take away, and a little more.
MARGIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Source:
    """Speech of one person to mark as one recording.

    Attributes
    ----------
    clips : tuple of Clip
        One clip, or several of one person and rate to be joined.
    """

    clips: tuple[Clip, ...]

    @property
    def name(self) -> str:
        """Name of the only clip, or of the person."""
        return self.clips[0].name if len(self.clips) == 1 else self.clips[0].person

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return sum(clip.seconds for clip in self.clips)


def join_by_person(clips: Sequence[Clip]) -> list[Source]:
    """Return the clips of each person and rate as one recording."""
    groups: dict[tuple[str, int], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.person, clip.sr), []).append(clip)
    return [Source(tuple(own)) for own in groups.values()]


def pieces_of(
    sources: Sequence[Source], *, seconds: float, most_per_source: int | None = None
) -> tuple[list[tuple[Source, float]], int]:
    """Cut recordings into pieces of one length, from the front and without overlap.

    Parameters
    ----------
    sources : sequence of Source
        The recordings.
    seconds : float
        Length of each piece.
    most_per_source : int or None
        Maximum number of pieces of each, so that long ones do not outvote the others.

    Returns
    -------
    pieces : list of (source, start in seconds)
        Where each piece begins.
    n_short : int
        Recordings that were shorter than one piece and give none.
    """
    pieces: list[tuple[Source, float]] = []
    n_short = 0
    for source in sources:
        n = int(source.seconds / seconds)
        n_short += n == 0
        pieces += [(source, i * seconds) for i in range(min(n, most_per_source or n))]
    return pieces, n_short


def draw_pieces(
    sources: Sequence[Source], *, seconds: float, most: int, seed: int
) -> list[tuple[Source, float]]:
    """Draw pieces of one length from all that `pieces_of` cuts, each at most once."""
    pieces, _ = pieces_of(sources, seconds=seconds)
    order = rng_for(seed, "order", seconds).permutation(len(pieces))
    return [pieces[i] for i in order[:most]]


def take_piece(source: Source, begin_s: float, seconds: float) -> tuple[Audio, int]:
    """Read one piece of a recording, as mono."""
    y, sr = load_source(source)
    y = librosa.to_mono(y)
    return y[round(begin_s * sr) : round((begin_s + seconds) * sr)], sr


@functools.lru_cache(maxsize=8)
def load_source(source: Source) -> tuple[Audio, int]:
    """Read a recording: (n,) or (channels, n) of one clip, the joined downmix of several."""
    loaded = [clip.load() for clip in source.clips]
    if len(loaded) == 1:
        return loaded[0]
    monos = [librosa.to_mono(y) for y, _ in loaded]
    return np.concatenate(monos), loaded[0][1]


def random_notice(rng: np.random.Generator) -> sv.Notice:
    """Draw a notice with an owner."""
    return sv.Notice(
        policy=int(rng.integers(1, 128)),
        year=int(rng.integers(2026, 2042)),
        owner_id=int(rng.integers(1, 2**48)),
    )


def mark(
    y: Audio, sr: int, rng: np.random.Generator, *, strength_db: float | None = None
) -> tuple[Audio, sv.Notice, float]:
    """Mark audio with a random notice at a random phase; return both with it.

    Parameters
    ----------
    y : np.ndarray, shape=(n,) or (channels, n)
        The whole clip.
    sr : int
        Its rate in Hz.
    rng : np.random.Generator
        Draws the notice and the phase.
    strength_db : float or None
        None for *standard*.
    """
    notice = random_notice(rng)
    phase_s = float(rng.uniform(0, SUPERFRAME_S))
    strength = sv.STRENGTHS_DB["standard"] if strength_db is None else strength_db
    return (
        sv.protect(y, sr=sr, notice=notice, strength_db=strength, phase_s=phase_s),
        notice,
        phase_s,
    )


def cut(y: Audio, sr: int, start_s: float, seconds: float) -> Audio:
    """Return `seconds` of audio from `start_s` on."""
    start = round(start_s * sr)
    return y[..., start : start + round(seconds * sr)]


def run_attack(
    y: Audio, sr: int, attack: Attack, seconds: float, rng: np.random.Generator
) -> tuple[Audio, int]:
    """Crop, attack, crop again and keep `seconds`, at whatever rate comes out."""
    y, sr = random_crop(y, sr, rng)
    y, sr = attack(y, sr, rng)
    y, sr = random_crop(y, sr, rng)
    return y[..., : round(seconds * sr)], sr


def prepare(
    y: Audio, sr: int, attack: Attack, rng: np.random.Generator, rate: int | None = None
) -> tuple[Audio, int]:
    """Return what is to be marked: at another rate where asked, in stereo where needed.

    Two channels are made of one by two different small rooms, so that they differ as those of a
    stereo microphone do.
    """
    if rate is not None:
        y, sr = resample(y, sr, rate), rate
    if attack.stereo and y.ndim == 1:
        y, sr = reverberation(0.2, 8.0)(np.stack([y, y]), sr, rng)
        y = y / np.float32(max(1.0, float(np.abs(y).max())))
    return y, sr
