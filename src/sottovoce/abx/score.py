"""Say what the answers of a blind listening test mean: exact binomial test and interval."""

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
        Questions, and those answered right; one without an answer counts as wrong.
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
        The pack's folder or the `key.js` in it, to be believed instead of the key in `answers`;
        for where the listener is not to be trusted with it.

    Returns
    -------
    result : AbxResult
        Over all trials.

    Raises
    ------
    ParameterError
        If a file is no such file, the two do not belong together, or nothing was answered.
    AudioFileError
        If a file cannot be read.
    """
    saved = _read_answers(answers)
    if key is not None:
        own = _read_key(key)
        if own["pack"] != saved.get("pack") or len(own["key"]) != len(saved["answers"]):
            raise ParameterError(
                f"{answers} was not saved by the test that {key} belongs to",
                remedy="Name the folder that the answers were given in.",
            )
        saved = {**saved, **own}
    given, right = saved["answers"], saved.get("key")
    if not isinstance(right, list) or len(right) != len(given):
        raise ParameterError(
            f"{answers} holds no key of its own",
            remedy="Name the folder of the test as well (`key`).",
        )
    if not any(letter in ("A", "B") for letter in given):
        raise ParameterError(f"{answers} holds no answer", remedy="Do the test first.")
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
        raise AudioFileError(f"{path} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise ParameterError(
            f"{path} is no text", remedy="Name the answers.json that the page saved."
        ) from err


def _read_answers(path: str | os.PathLike[str]) -> dict[str, Any]:
    remedy = "Name the answers.json that the page of the test saved."
    text = _read_text(path)
    try:
        saved = json.loads(text)
    except ValueError as err:
        raise ParameterError(f"{path} is no JSON", remedy=remedy) from err
    if not isinstance(saved, dict) or not isinstance(saved.get("answers"), list):
        raise ParameterError(f"{path} holds no list of answers", remedy=remedy)
    return saved


def _read_key(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the pack and the key that the script `key.js` hands over."""
    file = Path(path)
    file = file / KEY_NAME if file.is_dir() else file
    match = _KEY.fullmatch(_read_text(file))
    try:
        own = json.loads(base64.b64decode(match.group(1))) if match else None
    except ValueError:
        own = None
    if not isinstance(own, dict) or not isinstance(own.get("key"), list) or "pack" not in own:
        raise ParameterError(
            f"{file} is no key", remedy=f"Name the folder of the test, or the {KEY_NAME} in it."
        )
    return {"pack": own["pack"], "key": own["key"]}
