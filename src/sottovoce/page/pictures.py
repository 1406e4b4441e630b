"""What the page draws of an original and its marked version, in columns, whatever their length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.errors import ParameterError
from sottovoce.files.reading import read_blocks, read_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["RANGE_DB", "Pictures"]

RANGE_DB = 90.0
_N_COLUMNS = 1_000
_N_ROWS = 128
_MOST_WINDOWS = 4
"""Spectra that a column averages; more would show the same and take longer."""
_N_FFT_S = 0.032
_TOP_HZ = 8_000.0
"""The mark lies below, and so does most of a voice."""
_BLOCK_S = 5.0

Audio = npt.NDArray[np.float32]


class Pictures:
    """Peaks and levels of original, marked and difference.

    Parameters
    ----------
    source, target : str
        Two files with as many samples each.
    tell : callable
        Called with the share of the work that is done, 0 to 1.

    Attributes
    ----------
    peaks : np.ndarray, shape=(2, n_columns, 2), dtype=float32
        Smallest and largest sample of original and marked in each column, over all channels.
    levels : np.ndarray, shape=(3, n_columns, n_rows), dtype=uint8
        Power of original, marked and difference from 0 Hz upwards: 255 is the loudest place of
        the original, 0 is `RANGE_DB` below it or less; 10*log10 of power.
    top_hz, duration_s : float
        Where the rows and the columns end.
    difference_db : float or None
        Power of the difference relative to that of the original, over the whole file,
        10*log10 of power; None if either is silent.

    Raises
    ------
    ParameterError
        If the files differ in rate or length.

    Notes
    -----
    Both files are decoded side by side, block by block: memory does not grow with their length.
    """

    def __init__(self, source: str, target: str, tell: Callable[[float], None]) -> None:
        info = read_info(source)
        if info.sr != read_info(target).sr:
            raise ParameterError("the two files differ in sampling rate")
        n_frames = info.n_frames or sum(block.shape[1] for block in read_blocks(source))
        self._n_fft = 2 ** math.ceil(math.log2(_N_FFT_S * info.sr))
        # A column is never narrower than what its spectra can tell apart.
        self._n = max(math.ceil(n_frames / _N_COLUMNS), self._n_fft // 4)
        self._window = np.hanning(self._n_fft).astype(np.float32)
        self.top_hz = min(_TOP_HZ, info.sr / 2)
        self._n_bins = math.ceil(self.top_hz * self._n_fft / info.sr)
        self._edges = np.arange(_N_ROWS) * self._n_bins // _N_ROWS
        self._sums = np.zeros(2)  # of the squares of original and difference
        peaks, powers, n_samples = [], [], 0
        for first, second, n in self._columns(source, target):
            n_samples += n
            peaks.append(
                [[y[:, :n].min(initial=0), y[:, :n].max(initial=0)] for y in (first, second)]
            )
            powers.append([self._measure(y.mean(axis=0)) for y in (first, second, second - first)])
            for number, y in enumerate((first, second - first)):
                self._sums[number] += np.square(y[:, :n], dtype=np.float64).sum()
            tell(min(n_samples / n_frames, 1.0))
        self.duration_s = n_samples / info.sr
        self.peaks = np.array(peaks, dtype=np.float32).swapaxes(0, 1)
        self.levels = _scale(np.array(powers, dtype=np.float64).swapaxes(0, 1))
        self.difference_db = None
        if self._sums.all():
            self.difference_db = 10 * math.log10(self._sums[1] / self._sums[0])

    def _columns(self, source: str, target: str) -> Iterator[tuple[Audio, Audio, int]]:
        """Yield what both hold in a column and a window after it, and the column's own length."""
        files = [read_blocks(path, block_s=_BLOCK_S) for path in (source, target)]
        first, second = next(files[0]), next(files[1])
        is_last = False
        while True:
            if not is_last and min(first.shape[1], second.shape[1]) < self._n + self._n_fft:
                blocks = [next(file, None) for file in files]
                is_last = blocks[0] is None and blocks[1] is None
                first, second = (
                    y if block is None else np.concatenate([y, block], axis=1)
                    for y, block in zip((first, second), blocks, strict=True)
                )
                continue
            if is_last and first.shape != second.shape:
                raise ParameterError("the two files differ in length or channels")
            n = min(self._n, first.shape[1])
            if not n:
                return
            wanted = self._n + self._n_fft
            yield first[:, :wanted], second[:, :wanted], n
            first, second = first[:, n:], second[:, n:]

    def _measure(self, y: Audio) -> npt.NDArray[np.float64]:
        """Return the mean power in each row of a column, from windows spread over it."""
        wanted = self._n + self._n_fft
        y = np.pad(y, (0, wanted - len(y)))
        n_windows = min(_MOST_WINDOWS, math.ceil(4 * self._n / self._n_fft))
        starts = np.arange(n_windows) * self._n // n_windows
        frames = np.stack([y[start : start + self._n_fft] for start in starts])
        power = np.square(np.abs(np.fft.rfft(frames * self._window, axis=-1))).mean(axis=0)
        # At low rates some rows share a bin: `reduceat` then gives the bin itself.
        totals = np.add.reduceat(power[: self._n_bins], self._edges)
        n_shared = np.maximum(np.diff(self._edges, append=self._n_bins), 1)
        means: npt.NDArray[np.float64] = totals / n_shared
        return means

    def to_dict(self) -> dict[str, Any]:
        """Return all but the arrays, for JSON."""
        return {
            "n_columns": self.levels.shape[1],
            "n_rows": self.levels.shape[2],
            "top_hz": self.top_hz,
            "duration_s": self.duration_s,
            "range_db": RANGE_DB,
            "difference_db": self.difference_db,
        }

    def to_bytes(self) -> bytes:
        """Return the peaks, then the levels, little-endian."""
        return self.peaks.astype("<f4").tobytes() + self.levels.tobytes()


def _scale(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    loudest = powers[0].max(initial=0)
    if not loudest:
        return np.zeros(powers.shape, dtype=np.uint8)
    levels_db = 10 * np.log10(np.maximum(powers / loudest, 10 ** (-RANGE_DB / 10)))
    scaled = np.clip(np.rint(255 * (1 + levels_db / RANGE_DB)), 0, 255)
    levels: npt.NDArray[np.uint8] = scaled.astype(np.uint8)
    return levels
