"""What the core takes from SciPy where it is installed, and from NumPy where it is not.

SciPy's transforms are faster, and it comes with the package.  A browser has no build of it: there
the same functions stand on NumPy and the standard library, with results that differ in the last
bits of single precision.

`scipy.fft` takes three times as long to import as NumPy; a command that prints its help, or a
pipeline that only reads results, should not wait for it.  So each part is imported when it is
first needed.
"""

from __future__ import annotations

import functools
import importlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["irfft", "log_ndtr", "next_fast_len", "rfft", "sparse_matrix"]

_FAR = -20.0
"""Where `erfc` begins to lose digits on its way to underflow; the series has all of them there."""
_N_TERMS = 8


@functools.cache
def _scipy(name: str) -> Any:  # noqa: ANN401 - a module that may be missing
    """Return a part of SciPy, or None if it is not installed."""
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError:
        return None


def rfft(
    x: npt.NDArray[np.float32], n: int | None = None, axis: int = -1
) -> npt.NDArray[np.complex64]:
    """Transform real signals; float32 stays single precision."""
    fft = _scipy("fft")
    if fft is None:
        return np.fft.rfft(x, n, axis=axis).astype(np.complex64, copy=False)
    spectrum: npt.NDArray[np.complex64] = fft.rfft(x, n, axis=axis)
    return spectrum


def irfft(x: npt.NDArray[np.complex64], n: int, axis: int = -1) -> npt.NDArray[np.float32]:
    """Transform half spectra back to `n` real samples; `x` may be overwritten."""
    fft = _scipy("fft")
    if fft is None:
        return np.fft.irfft(x, n, axis=axis).astype(np.float32, copy=False)
    y: npt.NDArray[np.float32] = fft.irfft(x, n, axis=axis, overwrite_x=True)
    return y


def next_fast_len(n: int) -> int:
    """Return the smallest length of at least `n` whose real transform is fast.

    Parameters
    ----------
    n : int >= 1
        Length, in samples.

    Returns
    -------
    length : int
        A product of twos, threes and fives: the definition of PocketFFT, which SciPy and NumPy
        both use.

    Examples
    --------
    >>> next_fast_len(769)
    800
    """
    fft = _scipy("fft")
    if fft is None:
        return _next_smooth(n)
    return int(fft.next_fast_len(n, real=True))


def log_ndtr(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the standard normal distribution function, without underflow.

    Parameters
    ----------
    x : np.ndarray
        Scores.

    Returns
    -------
    log_p : np.ndarray, shape of `x`, dtype=float64
        Natural logarithms.

    Examples
    --------
    >>> round(float(log_ndtr(np.float64(-40.0))), 3)
    -804.608
    """
    special = _scipy("special")
    return np.asarray(_log_ndtr(x) if special is None else special.log_ndtr(x), dtype=np.float64)


def sparse_matrix(
    values: npt.NDArray[np.float32],
    *,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    shape: tuple[int, int],
) -> Any:  # noqa: ANN401 - `scipy.sparse.csr_array`, or None
    """Return a sparse matrix, or None where SciPy is not installed.

    Parameters
    ----------
    values : np.ndarray, shape=(n,)
        Its elements other than zero.
    rows, columns : np.ndarray, shape=(n,)
        Where they are.
    shape : tuple of int
        Number of rows and columns.

    Returns
    -------
    matrix : scipy.sparse.csr_array or None
        NumPy has none: the caller computes the product in another way.
    """
    sparse = _scipy("sparse")
    if sparse is None:
        return None
    return sparse.csr_array((values, (rows, columns)), shape=shape, dtype=np.float32)


def _next_smooth(n: int) -> int:
    """Return the smallest product of twos, threes and fives that is at least `n`."""
    best = 1 << max(n - 1, 0).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = threes << max(-(-n // threes) - 1, 0).bit_length()
            best = min(best, twos)
            threes *= 3
        fives *= 5
    return best


@np.vectorize(otypes=[float])
def _log_ndtr(x: float) -> float:
    """Compute one value: Abramowitz and Stegun, *Handbook*, 26.2.12, in the far tail."""
    if x > 0:
        return math.log1p(-0.5 * math.erfc(x / math.sqrt(2.0)))
    if x > _FAR:
        return math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))
    if math.isinf(x):
        return -math.inf
    term = total = 1.0
    for k in range(_N_TERMS):
        term *= -(2 * k + 1) / x**2
        total += term
    return -0.5 * x**2 - math.log(-x) - 0.5 * math.log(2.0 * math.pi) + math.log(total)
