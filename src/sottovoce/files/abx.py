"""A blind listening test of whether ears can tell marked sound from the original.

In each trial the listener hears A (the original), B (marked) and X, which is one of the two, and
says which.  Who cannot hear a difference is right half of the time.
"""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
from scipy import special

from sottovoce.core.stream import protect
from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.reading import read_blocks, read_info

if TYPE_CHECKING:
    import os

__all__ = ["AbxPack", "AbxResult", "score_answers", "write_abx_pack"]

_EXCERPT_S = 8.0
_MOST_EXCERPTS = 4
_FADE_S = 0.02
_CONFIDENCE = 0.95

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbxPack:
    """What was written.

    Attributes
    ----------
    folder : str
        With `index.html`, the sounds, and `key.json`.
    n_trials, n_excerpts : int
        Questions, and pieces of the file that they are about.
    """

    folder: str
    n_trials: int
    n_excerpts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbxResult:
    """What the answers say.

    Attributes
    ----------
    n_trials, n_right : int
        Questions answered, and answered right.
    p_value : float
        Probability that guessing is right so often or more often: exact binomial, one-sided.
    low, high : float
        Clopper-Pearson interval of the share of right answers, 95 %.
    """

    n_trials: int
    n_right: int
    p_value: float
    low: float
    high: float


def write_abx_pack(
    src: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    strength_db: float,
    n_trials: int = 16,
    seed: int | None = None,
) -> AbxPack:
    """Write a folder with a page for a blind test of a file against its marked self.

    Parameters
    ----------
    src : path-like
        Audio file; only read.
    folder : path-like
        New or empty.
    strength_db : float in (0, 3]
        As `sottovoce.protect`.
    n_trials : int, 5 to 100
        Questions.
    seed : int or None
        Of what X is in each trial; None for chance.

    Returns
    -------
    pack : AbxPack
        What was written.

    Raises
    ------
    ParameterError
        If the folder is not empty, or `n_trials` is out of its range.
    AudioFileError
        If the file cannot be read or the folder not be written.
    """
    if not 5 <= n_trials <= 100:
        raise ParameterError(f"n_trials={n_trials} is outside 5 to 100")
    target = Path(folder)
    if target.is_dir() and any(target.iterdir()):
        raise ParameterError(
            f"{target} is not empty", remedy="Name another folder with -o, or empty this one."
        )
    excerpts, sr = _read_excerpts(src)
    rng = np.random.default_rng(secrets.randbits(64) if seed is None else seed)
    pairs = [
        (y, protect(y, sr=sr, strength_db=strength_db, phase_s=float(rng.uniform(0, 10))))
        for y in excerpts
    ]
    is_marked = rng.integers(2, size=n_trials).astype(bool).tolist()
    about = {"file": Path(src).name, "strength_db": strength_db}
    # Written beside its place and moved there whole.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir(parents=True)
        _write_pack(temporary, pairs, sr, is_marked, about)
        if target.is_dir():
            target.rmdir()
        temporary.rename(target)
    except OSError as err:
        raise AudioFileError(f"{target} cannot be written: {err.strerror}") from err
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return AbxPack(folder=str(target), n_trials=n_trials, n_excerpts=len(pairs))


def _write_pack(
    folder: Path,
    pairs: list[tuple[Audio, Audio]],
    sr: int,
    is_marked: list[bool],
    about: dict[str, object],
) -> None:
    for number, (original, marked) in enumerate(pairs, start=1):
        _write_sound(folder / f"excerpt{number}_a.wav", original, sr)
        _write_sound(folder / f"excerpt{number}_b.wav", marked, sr)
    trials = []
    for trial, hidden in enumerate(is_marked):
        number = trial % len(pairs) + 1
        name = f"x{trial + 1:03d}.wav"
        _write_sound(folder / name, pairs[number - 1][hidden], sr)
        trials.append({"a": f"excerpt{number}_a.wav", "b": f"excerpt{number}_b.wav", "x": name})
    page = resources.files("sottovoce.files").joinpath("abx_page.html").read_text("utf-8")
    # No "<" can end the script early, whatever the file is called.
    listing = json.dumps({**about, "trials": trials}).replace("<", "\\u003c")
    (folder / "index.html").write_text(page.replace("/*TRIALS*/", listing), encoding="utf-8")
    key = ["B" if hidden else "A" for hidden in is_marked]
    (folder / "key.json").write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")


def _read_excerpts(src: str | os.PathLike[str]) -> tuple[list[Audio], int]:
    """Return up to four pieces from all over the file, without those that are nearly silent."""
    info = read_info(src)
    pieces: list[tuple[float, Audio]] = []
    step = 1
    # One block at a time: a file may be ten hours long.
    for number, block in enumerate(read_blocks(src, block_s=_EXCERPT_S)):
        if number % step == 0:
            level = float(np.sqrt(np.mean(np.square(block))))
            pieces.append((level, np.array(block, dtype=np.float32)))
        if len(pieces) > 2 * _MOST_EXCERPTS:
            # Let go of every other one: what is left lies twice as far apart.
            pieces, step = pieces[::2], 2 * step
    loud = max((level for level, _ in pieces), default=0.0)
    if loud == 0.0:
        raise ParameterError(f"{info.path} holds no sound", remedy="Name a file with speech in it.")
    heard = [y for level, y in pieces if level > 0.1 * loud and y.shape[-1] > info.sr]
    heard = heard or [y for level, y in pieces if level == loud]
    apart = max(1, len(heard) // _MOST_EXCERPTS)
    return [_fade(y, info.sr) for y in heard[::apart][:_MOST_EXCERPTS]], info.sr


def _fade(y: Audio, sr: int) -> Audio:
    n = min(round(_FADE_S * sr), y.shape[-1] // 2)
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    y[..., :n] *= ramp
    y[..., -n:] *= ramp[::-1]
    return y


def _write_sound(path: Path, y: Audio, sr: int) -> None:
    # Floating point holds what a 24-bit file would clip.
    subtype = "PCM_24" if np.abs(y).max() < 1.0 else "FLOAT"
    sf.write(path, y.T, sr, subtype=subtype, format="WAV")


def score_answers(answers: str | os.PathLike[str], key: str | os.PathLike[str]) -> AbxResult:
    """Compare answers with the key.

    Parameters
    ----------
    answers : path-like
        What the page saved: JSON with ``answers``, a list of "A", "B" or null.
    key : path-like
        `key.json` of the same pack.

    Returns
    -------
    result : AbxResult
        Over the trials that were answered.

    Raises
    ------
    ParameterError
        If a file is no such JSON, the two do not belong together, or nothing was answered.
    """
    given, right = _read_list(answers, "answers"), _read_list(key, "key")
    if len(given) != len(right):
        raise ParameterError(
            f"{answers} has {len(given)} answers and {key} has {len(right)}",
            remedy="Take the key.json of the folder that the answers were given in.",
        )
    answered = [(a, b) for a, b in zip(given, right, strict=True) if a in ("A", "B")]
    if not answered:
        raise ParameterError(f"{answers} holds no answer", remedy="Do the test first.")
    n, k = len(answered), sum(a == b for a, b in answered)
    tail = (1 - _CONFIDENCE) / 2
    return AbxResult(
        n_trials=n,
        n_right=k,
        p_value=float(special.bdtrc(k - 1, n, 0.5)) if k else 1.0,
        low=float(special.betaincinv(k, n - k + 1, tail)) if k else 0.0,
        high=float(special.betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0,
    )


def _read_list(path: str | os.PathLike[str], name: str) -> list[Any]:
    remedy = f"It must be JSON with a list named {name!r}, as the page and the pack write it."
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))[name]
    except OSError as err:
        raise AudioFileError(f"{path} cannot be read: {err.strerror}") from err
    except (ValueError, KeyError, TypeError) as err:
        raise ParameterError(f"{path} is no such file", remedy=remedy) from err
    if not isinstance(values, list):
        raise ParameterError(f"{path} is no such file", remedy=remedy)
    return values
