"""Checks of numbers that callers pass: any numeric type, and an error that names the argument."""

from __future__ import annotations

import math
import operator
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import numpy as np

from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from typing import SupportsFloat, SupportsIndex

__all__ = ["check_bytes", "check_max_fpr", "check_real", "check_whole"]


_LEAST_FPR = 1e-300
"""A share of a smaller one, or that divided by the places searched, can be zero in a float."""


def check_real(name: str, value: object) -> float:
    """Return a finite number as a float.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What the caller passed.

    Returns
    -------
    number : float
        The same.

    Raises
    ------
    ParameterError
        If it is not a number (text, None, a truth value), or not finite.

    Examples
    --------
    >>> check_real("sr", 16_000)
    16000.0
    """
    number = math.nan
    if not isinstance(value, str | bytes | bytearray | bool | np.bool):
        with suppress(TypeError, ValueError, OverflowError):
            number = float(cast("SupportsFloat", value))
    if not math.isfinite(number):
        raise ParameterError(f"{name}={value!r} is not a finite number")
    return number


def check_max_fpr(max_fpr: float) -> float:
    """Return a bound on the false-positive rate as a float.

    Parameters
    ----------
    max_fpr : float in [1e-300, 1)
        What the caller passed.

    Returns
    -------
    max_fpr : float
        The same.

    Raises
    ------
    ParameterError
        If it is not a number from 1e-300 to below 1.
    """
    value = check_real("max_fpr", max_fpr)
    if not _LEAST_FPR <= value < 1.0:
        raise ParameterError(f"max_fpr={max_fpr!r} is outside [{_LEAST_FPR}, 1)")
    return value


def check_whole(name: str, value: object, *, remedy: str = "") -> int:
    """Return a whole number as an int.

    Parameters
    ----------
    name : str
        Name of the argument.
    value : object
        What the caller passed; an integer of NumPy is one.
    remedy : str
        How to get the number from text.

    Returns
    -------
    number : int
        The same.

    Raises
    ------
    ParameterError
        If it is not an integer (text, None, a truth value, a float).

    Examples
    --------
    >>> check_whole("year", 2026.0)
    Traceback (most recent call last):
        ...
    sottovoce.errors.ParameterError: year=2026.0 is not a whole number
    """
    if not isinstance(value, bool):
        with suppress(TypeError):
            return operator.index(cast("SupportsIndex", value))
    raise ParameterError(
        f"{name}={value!r} is not a whole number",
        remedy=remedy if isinstance(value, str) else "",
    )


def check_bytes(name: str, value: object, *, n_bytes: int) -> None:
    """Raise unless a key is so many bytes.

    Parameters
    ----------
    name : str
        Kind of key, as the error names it.
    value : object
        What the caller passed; it is not repeated in the error.
    n_bytes : int
        Required length.

    Raises
    ------
    ParameterError
        If it is of another type or length.
    """
    if not isinstance(value, bytes | bytearray):
        raise ParameterError(f"{name} has {n_bytes} bytes; it is not a {type(value).__name__}")
    if len(value) != n_bytes:
        raise ParameterError(f"{name} has {n_bytes} bytes, not {len(value)}")
