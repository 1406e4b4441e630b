"""By how many samples the sound of a film has moved against its picture."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["decode_in_time", "measure_start", "measure_sync"]

_WINDOW_S = 2.0
_MOST_S = 0.5


def decode_in_time(path: Path, track: int, sr: int) -> npt.NDArray[np.float32]:
    """Return a track as a player puts it beside the picture: gaps and late starts are silence.

    Parameters
    ----------
    path : Path
        A film.
    track : int
        Among its tracks of sound.
    sr : int
        Its sampling rate, in Hz.

    Returns
    -------
    y : np.ndarray, shape=(n,), dtype=float32
        All channels mixed, from the time 0 of the film.
    """
    # FFmpeg fills where time stamps jump by more than a hundredth of a second; those of Matroska
    # are rounded to a thousandth.
    command = [
        *("ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{track}"),
        *("-af", "aresample=async=1:min_hard_comp=0.01:first_pts=0"),
        *("-ac", "1", "-ar", str(sr), "-f", "f32le", "-"),
    ]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    return np.frombuffer(done.stdout, dtype="<f4")


def measure_sync(old: Path, new: Path, track: int, *, sr: int) -> list[int]:
    """Return by how many samples a track lies later than it did: at start, middle and end.

    Parameters
    ----------
    old, new : Path
        Films.
    track : int
        Among tracks of sound.
    sr : int
        Sampling rate, in Hz.

    Returns
    -------
    lags : list of int
        From the greatest cross-correlation of windows of 2 s.
    """
    before, after = decode_in_time(old, track, sr), decode_in_time(new, track, sr)
    n = round(_WINDOW_S * sr)
    end = min(len(before), len(after)) - n
    sounding = np.flatnonzero(np.abs(before) > 1e-3)
    first = int(sounding[0]) if sounding.size else 0
    starts = [min(first, end), end // 2, max(min(end, int(sounding[-1]) - n), 0)]
    return [_lag(before[at : at + n], after[at : at + n], sr) for at in starts]


def measure_start(old: Path, new: Path, track: int) -> int:
    """Return by how many samples a track's first sound lies later in what a decoder gives.

    Time stamps play no part: where a container cannot state an encoder's delay, this shows it.

    Parameters
    ----------
    old, new, track
        As in `measure_sync`.

    Returns
    -------
    lag : int
        From the greatest cross-correlation of the first 2 s, in samples of the track.
    """
    sides = []
    for path in (old, new):
        command = [*("ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{track}")]
        command += ["-ac", "1", "-t", str(_WINDOW_S), "-f", "f32le", "-"]
        done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ours
        sides.append(np.frombuffer(done.stdout, dtype="<f4"))
    n = min(map(len, sides))
    return _lag(sides[0][:n], sides[1][:n], round(n / _WINDOW_S))


def _lag(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], sr: int) -> int:
    size = 2 * len(x)
    spectrum = np.fft.rfft(x, size).conj() * np.fft.rfft(y, size)
    correlation = np.fft.irfft(spectrum, size)
    most = round(_MOST_S * sr)
    lags = np.concatenate([np.arange(most + 1), np.arange(-most, 0)])
    return int(lags[np.argmax(correlation[lags])])
