"""Choose short excerpts from all over a file, cut in pauses, for a listener to compare."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.errors import ParameterError
from sottovoce.files.reading import read_blocks, read_info

if TYPE_CHECKING:
    import os

    from sottovoce.files.audio_info import AudioInfo

__all__ = ["Excerpt", "fade", "read_excerpts", "read_same_excerpts"]

_MAX_S = 12.0
_PART_S = 8.0
_FRAME_S = 0.01
_FADE_S = 0.01
_QUIET_RUN = 5
"""Frames around a cut that should all be quiet: most words are 50 ms apart."""
_ACTIVE_DB = -30.0
"""A pause lies more than this below the loud parts; 10*log10 of power."""
_LEAST_ACTIVE = 0.1

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A piece of a file.

    Attributes
    ----------
    y : np.ndarray, shape=(channels, n), dtype=float32
        The samples, level untouched.
    start_s : float
        Where it begins in the file, in seconds.
    """

    y: Audio
    start_s: float


def read_excerpts(path: str | os.PathLike[str], *, n_most: int) -> list[Excerpt]:
    """Read pieces of at most 12 s, one from each part of a file that is not silent.

    Parameters
    ----------
    path : path-like
        Audio file.
    n_most : int >= 1
        Maximum number of excerpts; files shorter than ``8 * n_most`` seconds yield fewer.

    Returns
    -------
    excerpts : list of Excerpt
        In order.

    Raises
    ------
    ParameterError
        If the file holds nothing but silence.
    AudioFileError
        If it cannot be read.

    Notes
    -----
    The file is decoded twice, block by block: once for the levels, once for the pieces.
    """
    info = read_info(path)
    hop = round(_FRAME_S * info.sr)
    level = _frame_power(path, sr=info.sr, hop=hop)
    if not level.any():
        raise ParameterError(f"{info.path} contains no sound", remedy="Choose a file with speech.")
    ranges = [(start * hop, stop * hop) for start, stop in _choose_ranges(level, n_most)]
    return _cut(path, ranges, info)


def read_same_excerpts(path: str | os.PathLike[str], excerpts: list[Excerpt]) -> list[Excerpt]:
    """Read from another version of a file what `read_excerpts` chose.

    Parameters
    ----------
    path : path-like
        As long as the file that the excerpts are from, at the same rate.
    excerpts : list of Excerpt
        From `read_excerpts`.

    Returns
    -------
    same : list of Excerpt
        One for each.

    Raises
    ------
    ParameterError
        If the file is shorter, or has another number of channels.
    AudioFileError
        If it cannot be read.
    """
    info = read_info(path)
    starts = [round(one.start_s * info.sr) for one in excerpts]
    ranges = [(start, start + one.y.shape[1]) for start, one in zip(starts, excerpts, strict=True)]
    same = _cut(path, ranges, info)
    if any(one.y.shape != own.y.shape for one, own in zip(same, excerpts, strict=True)):
        raise ParameterError(f"{info.path} is shorter, or has another number of channels")
    return same


def _frame_power(path: str | os.PathLike[str], *, sr: int, hop: int) -> npt.NDArray[np.float64]:
    """Return the mean square of every 10 ms, over all channels."""
    parts = []
    for block in read_blocks(path, block_s=1_000 * hop / sr):
        n_frames = -(-block.shape[1] // hop)
        padded = np.pad(block, ((0, 0), (0, n_frames * hop - block.shape[1])))
        power = np.square(padded.reshape(len(block), n_frames, hop), dtype=np.float64)
        parts.append(power.mean(axis=(0, 2)))
    return np.concatenate(parts)


def _choose_ranges(level: npt.NDArray[np.float64], n_most: int) -> list[tuple[int, int]]:
    """Return the first frame of each piece and the one after its last."""
    longest = round(_MAX_S / _FRAME_S)
    n_parts = max(1, min(n_most, int(len(level) * _FRAME_S / _PART_S)))
    active = level > np.percentile(level[level > 0], 95) * 10 ** (_ACTIVE_DB / 10)
    edges = np.linspace(0, len(level), n_parts + 1).astype(int)
    ranges: list[tuple[float, tuple[int, int]]] = []
    for first, last in itertools.pairwise(edges.tolist()):
        n = min(longest, last - first)
        counts = np.concatenate([[0], np.cumsum(active[first:last])])
        n_active = counts[n:] - counts[:-n]
        start = int(first + n_active.argmax())
        ranges.append((n_active.max() / n, _end_in_pauses(level, start, start + n)))
    best = max(share for share, _ in ranges)
    return [own for share, own in ranges if share >= min(_LEAST_ACTIVE, best)]


def _end_in_pauses(level: npt.NDArray[np.float64], start: int, stop: int) -> tuple[int, int]:
    """Move both ends inwards, by at most a quarter each, to where it is quietest."""
    reach = (stop - start) // 4
    if reach < _QUIET_RUN:
        return start, stop
    # The file's own ends need no pause: they are left as recorded.
    around = np.convolve(level[start:stop], np.ones(_QUIET_RUN), mode="same")
    first = 0 if start == 0 else int(around[:reach].argmin())
    last = (
        len(around) if stop == len(level) else len(around) - reach + int(around[-reach:].argmin())
    )
    return start + first, start + last


def _cut(
    path: str | os.PathLike[str], ranges: list[tuple[int, int]], info: AudioInfo
) -> list[Excerpt]:
    """Read ranges of samples, in order and apart from each other."""
    parts = [[np.empty((info.n_channels, 0), np.float32)] for _ in ranges]
    at = 0
    for block in read_blocks(path):
        for own, (start, stop) in zip(parts, ranges, strict=True):
            piece = block[:, max(start - at, 0) : max(stop - at, 0)]
            if piece.size:
                own.append(piece)
        at += block.shape[1]
    return [
        Excerpt(y=np.concatenate(own, axis=1), start_s=start / info.sr)
        for own, (start, _) in zip(parts, ranges, strict=True)
    ]


def fade(y: Audio, *, sr: int) -> Audio:
    """Return audio with both ends faded over 10 ms, so that no cut clicks.

    Parameters
    ----------
    y : np.ndarray, shape=(..., n)
        Left unchanged.
    sr : int
        Rate, in Hz.

    Returns
    -------
    faded : np.ndarray, shape of `y`
        A copy.
    """
    n = min(round(_FADE_S * sr), y.shape[-1] // 2)
    ramp = np.linspace(0, 1, n, endpoint=False, dtype=np.float32)
    out = y.copy()
    out[..., :n] *= ramp
    out[..., y.shape[-1] - n :] *= ramp[::-1]
    return out
