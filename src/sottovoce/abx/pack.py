"""Write a blind listening test of whether ears can tell marked sound from the original.

In each trial the listener hears A (the original), B (marked) and X, which is one of the two, and
says which.  A listener who hears no difference is right half of the time; `score_answers` does
the arithmetic.

A pack is a folder with a page, `index.html`, the sounds under random names, and the key.  Browsers
forbid a page that was opened from a disk to read files, but not to run scripts; so sounds and key
are scripts that hand over base64, and the page mixes decoded samples, which is what makes switching
free of gaps.
"""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soundfile as sf

from sottovoce.abx.excerpts import fade, read_excerpts
from sottovoce.core.protector import protect
from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.atomic import part_path
from sottovoce.files.pcm import BITS
from sottovoce.files.reading import read_info
from sottovoce.files.rounding import quantise

if TYPE_CHECKING:
    import os

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["KEY_NAME", "AbxPack", "write_abx_pack"]

KEY_NAME = "key.js"
_PAGE, _SOUNDS = "index.html", "sounds"
_MOST_EXCERPTS = 4
# The browser page bundles them as modules.  Browsers forbid modules to a page opened from a disk.
_SCRIPTS = ("in_step.js", "blind_test.js")
_MODULE_WORDS = re.compile(r"^import .*\n|^export ", re.MULTILINE)

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbxPack:
    """What was written.

    Attributes
    ----------
    folder : str
        With `index.html`, the sounds, and the key.
    n_trials, n_excerpts : int
        Number of questions, and of excerpts of the file used in them.
    """

    folder: str
    n_trials: int
    n_excerpts: int

    def to_dict(self) -> dict[str, str | int]:
        """Return the fields for JSON."""
        return asdict(self)


def write_abx_pack(
    src: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    strength_db: float,
    n_trials: int = 16,
    seed: int | None = None,
    replace: bool = False,
) -> AbxPack:
    """Write a folder with a page for a blind test of a file against its marked version.

    Parameters
    ----------
    src : path-like
        Audio file; only read.
    folder : path-like
        New or empty, or with `replace` an earlier pack.
    strength_db : float in (0, 3]
        As `sottovoce.protect`.
    n_trials : int, 5 to 100
        Number of questions.  16 take a quarter of an hour, and 12 right answers out of 16 are
        more than guessing explains.
    seed : int or None
        Random seed, to reproduce a test; None for a random one.
    replace : bool
        Whether an earlier pack may be overwritten.

    Returns
    -------
    pack : AbxPack
        What was written.

    Raises
    ------
    ParameterError
        If the folder is not empty, or with `replace` is not a pack; or if `n_trials` is out of
        range.
    AudioFileError
        If the file cannot be read or the folder cannot be written.

    Notes
    -----
    Samples are stored as in the file if it has 8 or 16 bits, dithered as `protect_file` does it,
    and otherwise with 24 bits; so B is what would be delivered.  Levels are not changed.
    """
    if not 5 <= n_trials <= 100:
        raise ParameterError(f"n_trials={n_trials} is outside 5 to 100")
    target = Path(folder)
    _check_free(target, replace=replace)
    excerpts = read_excerpts(src, n_most=_MOST_EXCERPTS)
    rng = np.random.default_rng(secrets.randbits(64) if seed is None else seed)
    info = read_info(src)
    pairs = []
    for excerpt in excerpts:
        phase_s = float(rng.uniform(0, 10))
        marked = protect(excerpt.y, sr=info.sr, strength_db=strength_db, phase_s=phase_s)
        a, b = fade(excerpt.y, sr=info.sr), fade(marked, sr=info.sr)
        pairs.append(_encode_pair(a, b, info, rng))
    about = {"file": Path(src).name, "strength_db": strength_db, "sr": info.sr}
    _replace_folder(target, _make_pack(pairs, about, n_trials, rng))
    return AbxPack(folder=str(target), n_trials=n_trials, n_excerpts=len(pairs))


def _check_free(target: Path, *, replace: bool) -> None:
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if not names:
        return
    is_pack = names <= {_PAGE, _SOUNDS, KEY_NAME} and KEY_NAME in names
    if not replace:
        instead = ", or replace this one (`replace`)" if is_pack else ""
        remedy = f"Choose another folder (`out`){instead}."
        raise ParameterError(f"{target} is not empty", remedy=remedy)
    if not is_pack:
        raise ParameterError(
            f"{target} is not a listening test",
            remedy="Choose another folder (`out`): only an earlier test can be replaced.",
        )


def _encode_pair(
    original: Audio, marked: Audio, info: AudioInfo, rng: np.random.Generator
) -> tuple[bytes, bytes]:
    """Return two WAV files as `protect_file` would write these samples."""
    n_bits = 16 if BITS.get(info.subtype, 24) <= 16 else 24
    # Floating point keeps samples that integers would clip.
    is_loud = max(np.abs(original).max(), np.abs(marked).max()) > 1.0
    files = []
    for y in (original, marked):
        file = io.BytesIO()
        if is_loud:
            sf.write(file, y.T, info.sr, subtype="FLOAT", format="WAV")
        else:
            steps = quantise(y, original, n_bits=n_bits, rng=rng) << (32 - n_bits)
            sf.write(file, steps.T, info.sr, subtype=f"PCM_{n_bits}", format="WAV")
        files.append(file.getvalue())
    return files[0], files[1]


def _make_pack(
    pairs: list[tuple[bytes, bytes]],
    about: dict[str, object],
    n_trials: int,
    rng: np.random.Generator,
) -> dict[str, str]:
    """Return the pack's text files, keyed by file name."""
    texts: dict[str, str] = {}
    named = []
    for pair in pairs:
        # A, B, and both again as candidates for X: no name appears in two roles.
        names = [rng.bytes(6).hex() for _ in range(4)]
        for name, sound in zip(names, (*pair, *pair), strict=True):
            encoded = base64.b64encode(sound).decode("ascii")
            texts[f"{_SOUNDS}/{name}.js"] = f'abxSound("{name}","{encoded}");\n'
        named.append(names)
    trials, key = [], []
    for trial in range(n_trials):
        is_marked = int(rng.integers(2))
        a, b, *hidden = named[trial % len(named)]
        trials.append({"a": a, "b": b, "x": hidden[is_marked]})
        key.append("AB"[is_marked])
    pack = rng.bytes(6).hex()
    page = _read_own("abx_page.html")
    # No "<" can end the script early, whatever the file is called.
    listing = json.dumps({**about, "pack": pack, "trials": trials}).replace("<", "\\u003c")
    scripts = "".join(_MODULE_WORDS.sub("", _read_own(name)) for name in _SCRIPTS)
    texts[_PAGE] = page.replace("/*SCRIPTS*/", scripts).replace("/*PACK*/", listing)
    hidden_key = base64.b64encode(json.dumps({"pack": pack, "key": key}).encode()).decode("ascii")
    texts[KEY_NAME] = f'abxKey("{hidden_key}");\n'
    return texts


def _read_own(name: str) -> str:
    return resources.files("sottovoce.abx").joinpath(name).read_text("utf-8")


def _replace_folder(target: Path, texts: dict[str, str]) -> None:
    """Write a folder next to its destination, then move it there when complete."""
    part = part_path(target)
    try:
        for name, text in texts.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if target.is_dir():
            shutil.rmtree(target)
        part.rename(target)
    except OSError as err:
        raise AudioFileError(f"{target} cannot be written: {err.strerror}") from err
    finally:
        shutil.rmtree(part, ignore_errors=True)
