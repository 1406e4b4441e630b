"""The Fourier transforms of SciPy, imported when the first one is needed.

`scipy.fft` takes three times as long to import as NumPy; a command that prints its help, or a
pipeline that only reads results, should not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["irfft", "next_fast_len", "rfft"]


def rfft(
    x: npt.NDArray[np.float32], n: int | None = None, axis: int = -1
) -> npt.NDArray[np.complex64]:
    """Transform real signals; float32 stays single precision."""
    import scipy.fft

    spectrum: npt.NDArray[np.complex64] = scipy.fft.rfft(x, n, axis=axis)
    return spectrum


def irfft(x: npt.NDArray[np.complex64], n: int, axis: int = -1) -> npt.NDArray[np.float32]:
    """Transform half spectra back to `n` real samples; `x` may be overwritten."""
    import scipy.fft

    y: npt.NDArray[np.float32] = scipy.fft.irfft(x, n, axis=axis, overwrite_x=True)
    return y


def next_fast_len(n: int) -> int:
    """Return the smallest length of at least `n` whose real transform is fast."""
    import scipy.fft

    length: Any = scipy.fft.next_fast_len(n, real=True)
    return int(length)
