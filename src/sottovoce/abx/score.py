"""Evaluate the answers of a blind listening test: exact binomial test and interval."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scipy import special

from sottovoce.abx.pack import KEY_NAME
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    import os

__all__ = ["AbxResult", "score_answers"]

_CONFIDENCE = 0.95
_KEY = re.compile(r'abxKey\("([A-Za-z0-9+/=]+)"\);\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class AbxResult:
    """What the answers say.

    Attributes
    ----------
    n_trials, n_right : int
        Number of questions, and of right answers; a missing answer counts as wrong.
    p_value : float
        Probability that guessing gives at least as many right answers: exact binomial,
        one-sided.
    low, high : float
        Clopper-Pearson interval of the share of right answers, 95 %.
    """

    n_trials: int
    n_right: int
    p_value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return the fields for JSON."""
        return asdict(self)


def score_answers(
    answers: str | os.PathLike[str], *, key: str | os.PathLike[str] | None = None
) -> AbxResult:
    """Compare answers with the key.

    Parameters
    ----------
    answers : path-like
        What the page saved: JSON with ``answers``, a list of "A", "B" or null, and ``key``.
    key : path-like or None
        The pack's folder or the `key.js` in it, used instead of the key in `answers`; for
        listeners who are not trusted with the key.

    Returns
    -------
    result : AbxResult
        Over all trials.

    Raises
    ------
    ParameterError
        If a file is not of this kind, the two do not belong together, or nothing was answered.
    AudioFileError
        If a file cannot be read.
    """
    saved = _read_answers(answers)
    if key is not None:
        own = _read_key(key)
        if own["pack"] != saved.get("pack") or len(own["key"]) != len(saved["answers"]):
            raise ParameterError(
                f"{answers} was not saved by the test that {key} belongs to",
                remedy="Give the folder of the test that was answered.",
            )
        saved = {**saved, **own}
    given, right = saved["answers"], saved.get("key")
    if not isinstance(right, list) or len(right) != len(given):
        raise ParameterError(
            f"{answers} contains no answer key",
            remedy="Give the folder of the test as well (`key`).",
        )
    if not any(letter in ("A", "B") for letter in given):
        raise ParameterError(f"{answers} contains no answers", remedy="Take the test first.")
    n, k = len(given), sum(a == b for a, b in zip(given, right, strict=True))
    tail = (1 - _CONFIDENCE) / 2
    return AbxResult(
        n_trials=n,
        n_right=k,
        p_value=float(special.bdtrc(k - 1, n, 0.5)) if k else 1.0,
        low=float(special.betaincinv(k, n - k + 1, tail)) if k else 0.0,
        high=float(special.betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0,
    )


def _read_text(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as err:
        reason = "does not exist" if isinstance(err, FileNotFoundError) else err.strerror
        raise AudioFileError(f"{path}: {reason}") from err
    except UnicodeDecodeError as err:
        raise ParameterError(
            f"{path} is not a text file", remedy="Give the answers.json that the page saved."
        ) from err


def _read_answers(path: str | os.PathLike[str]) -> dict[str, Any]:
    remedy = "Give the answers.json that the test page saved."
    text = _read_text(path)
    try:
        saved = json.loads(text)
    except ValueError as err:
        raise ParameterError(f"{path} is not valid JSON", remedy=remedy) from err
    if not isinstance(saved, dict) or not isinstance(saved.get("answers"), list):
        raise ParameterError(f"{path} contains no list of answers", remedy=remedy)
    return saved


def _read_key(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the pack and the key that the script `key.js` contains."""
    file = Path(path)
    file = file / KEY_NAME if file.is_dir() else file
    match = _KEY.fullmatch(_read_text(file))
    try:
        own = json.loads(base64.b64decode(match.group(1))) if match else None
    except ValueError:
        own = None
    if not isinstance(own, dict) or not isinstance(own.get("key"), list) or "pack" not in own:
        raise ParameterError(
            f"{file} is not an answer key",
            remedy=f"Give the folder of the test, or the {KEY_NAME} in it.",
        )
    return {"pack": own["pack"], "key": own["key"]}
