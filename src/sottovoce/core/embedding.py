"""The gain of each band in each frame, and its application to frames of sound.

Weighted overlap-add with a square-root Hann ("sine") window of two hops, applied at analysis
and at synthesis.  The sum is not over the new signal but over its *difference* from the old
one, so everything that the mark does not change (bands outside its range, silence, frames
without gain) stays exactly as it was.

Frame k covers hops k and k + 1 of the grid.  Where the hop is not a whole number of samples, the
two halves of a window differ by a sample: its rise spans hop k and its fall hop k + 1, so the
fall of one frame and the rise of the next have the same length and their squares sum to one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sottovoce.core.coding import encode, make_data_signs
from sottovoce.core.framing import band_matrix
from sottovoce.core.numerics import irfft, next_fast_len, rfft
from sottovoce.core.pattern import (
    make_seal_signs,
    make_sync_signs,
    seal_cells,
)
from sottovoce.core.payload import Notice, notice_to_bits
from sottovoce.core.wire_format import FORMAT_1

__all__ = ["FULL_SCALE", "FrameEmbedder", "SignSource", "band_depths_db", "limit_peaks"]

FULL_SCALE = 1.0 - 2.0**-15
"""Peaks are kept at or below the largest positive sample of a 16-bit file."""

_CHIPS = np.asarray(FORMAT_1.chip_signs, dtype=np.int8)

Floats = npt.NDArray[np.float32]


def band_depths_db(strength_db: float) -> npt.NDArray[np.float64]:
    """Return the gain of each band, as amplitude in dB.

    Parameters
    ----------
    strength_db : float
        Root-mean-square gain over the bands, in dB of amplitude.

    Returns
    -------
    depths : np.ndarray, shape=(n_bands,)
        Depth of each band, in dB; a band is raised or lowered by it.
    """
    weights = np.asarray(FORMAT_1.band_weights)
    return np.asarray(strength_db * weights / math.sqrt(np.mean(weights**2)))


class SignSource:
    """Signs of the cells of every superframe, for one notice.

    Parameters
    ----------
    notice : Notice
        Written into the data cells.
    seal_key : bytes or None
        Written into the seal cells; without it they carry data.
    first_superframe : int
        Number of superframe 0 for the seal.
    first_sealed : int
        The first superframe that carries the seal; those before it carry data instead.
    """

    def __init__(
        self,
        notice: Notice,
        *,
        seal_key: bytes | None = None,
        first_superframe: int = 0,
        first_sealed: int = 0,
    ) -> None:
        self._signs = make_data_signs(encode(notice_to_bits(notice))) + make_sync_signs()
        self._seal_key = seal_key
        self._first_superframe = first_superframe
        self._first_sealed = first_sealed
        self._cells_index = -1
        self._cells = self._signs.reshape(-1, FORMAT_1.n_bands)

    def superframe(self, index: int) -> npt.NDArray[np.int8]:
        """Return the signs of superframe `index`, shape (n_periods, n_cells, n_bands)."""
        if self._seal_key is None or index < self._first_sealed:
            return self._signs
        seal = make_seal_signs(self._seal_key, (self._first_superframe + index) % 2**64)
        return np.where(seal_cells(), seal, self._signs)

    def frames(self, first: int, last: int) -> npt.NDArray[np.int8]:
        """Return the gain sign of frames `first` to `last` - 1 of the pattern.

        Parameters
        ----------
        first, last : int
            Frame numbers counted from the start of superframe 0, not negative.

        Returns
        -------
        signs : np.ndarray, shape=(last - first, n_bands), dtype=int8
            +1 and -1.
        """
        n, n_chips = FORMAT_1.n_superframe_frames, FORMAT_1.n_cell_frames
        parts = []
        for index in range(first // n, -(-last // n)):
            if index != self._cells_index:
                # A live block needs one frame at a time, and a sealed superframe is expensive.
                self._cells = self.superframe(index).reshape(-1, FORMAT_1.n_bands)
                self._cells_index = index
            frames = np.arange(max(first - index * n, 0), min(last - index * n, n))
            parts.append(self._cells[frames // n_chips] * _CHIPS[frames % n_chips, None])
        return np.concatenate(parts)


class FrameEmbedder:
    """Compute the difference that the mark makes, from frames of sound and signs.

    Parameters
    ----------
    sr : float
        Sampling rate, in Hz.
    strength_db : float
        As `band_depths_db`.
    """

    def __init__(self, *, sr: float, strength_db: float) -> None:
        self.hop = sr * FORMAT_1.frame_s
        longest = math.ceil(self.hop)
        self.n_fft = next_fast_len(2 * longest)
        shares = band_matrix(sr, self.n_fft)
        inside = np.flatnonzero(shares.any(axis=1))
        self._first_bin, self._last_bin = int(inside[0]), int(inside[-1]) + 1
        # A bin is never wider than a band, so it lies in at most two, which are neighbours.
        # Two products in a fixed order give the same bits for any number of frames; a matrix
        # product would not.
        within = shares[self._first_bin : self._last_bin]
        self._lower = within.argmax(axis=1)
        rows = np.arange(len(within))
        below = np.maximum(self._lower - 1, 0)
        straddles_below = (within[rows, below] > 0) & (below < self._lower)
        self._lower[straddles_below] -= 1
        self._upper = np.minimum(self._lower + 1, shares.shape[1] - 1)
        self._lower_share = within[rows, self._lower]
        self._upper_share = np.where(
            self._upper > self._lower, within[rows, self._upper], np.float32(0.0)
        )
        ratio = 10.0 ** (band_depths_db(strength_db) / 20.0)
        self._raise = (ratio - 1.0).astype(np.float32)
        self._lower_gain = (1.0 / ratio - 1.0).astype(np.float32)
        self._window_table = self._make_windows()

    def windows(self, lengths: npt.NDArray[np.int64]) -> Floats:
        """Return the windows of consecutive frames.

        Parameters
        ----------
        lengths : np.ndarray, shape=(n_frames + 1,)
            Samples in each hop that the frames cover.

        Returns
        -------
        windows : np.ndarray, shape=(n_frames, n_fft) or (1, n_fft), dtype=float32
            One per frame, or one for all if all hops have the same length.
        """
        if self.hop == int(self.hop):
            lengths = lengths[:2]
        shortest = int(self.hop)
        rows = 2 * (lengths[:-1] - shortest) + lengths[1:] - shortest
        windows: Floats = self._window_table[rows]
        return windows

    def _make_windows(self) -> Floats:
        """Make the windows of the four possible pairs of hop lengths."""
        shortest = int(self.hop)
        pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) + shortest
        rise, fall = pairs[:, :1], pairs[:, 1:]
        n = np.arange(self.n_fft)
        up = np.sin(0.5 * np.pi * (n + 0.5) / rise)
        down = np.cos(0.5 * np.pi * (n - rise + 0.5) / fall)
        window = np.where(n < rise, up, np.where(n < rise + fall, down, 0.0))
        return np.asarray(window, dtype=np.float32)

    def difference(self, frames: Floats, windows: Floats, signs: npt.NDArray[np.int8]) -> Floats:
        """Return what the mark adds to each frame, windowed twice.

        Parameters
        ----------
        frames : np.ndarray, shape=(..., n_frames, n_fft), dtype=float32
            Sound; anything beyond a frame's own length is ignored (the window is zero).
        windows : np.ndarray, shape=(n_frames or 1, n_fft), dtype=float32
            From `windows`.
        signs : np.ndarray, shape=(n_frames, n_bands), dtype=int8
            Gain signs.

        Returns
        -------
        difference : np.ndarray, shape of `frames`, dtype=float32
            To be overlapped and added to the sound.
        """
        gains = np.where(signs > 0, self._raise, self._lower_gain)
        weights = gains[:, self._lower] * self._lower_share
        weights += gains[:, self._upper] * self._upper_share
        spectra = rfft(frames * windows, axis=-1)
        spectra[..., : self._first_bin] = 0.0
        spectra[..., self._last_bin :] = 0.0
        spectra[..., self._first_bin : self._last_bin] *= weights
        difference: Floats = irfft(spectra, self.n_fft, axis=-1)
        difference *= windows
        return difference


def limit_peaks(
    rises: Floats, falls: Floats, sound: Floats, carried: Floats, *, last_factor: float
) -> npt.NDArray[np.float32]:
    """Choose the share of each frame's mark that fits below full scale.

    Only the mark is attenuated, never the voice.  A frame k adds ``rises[k]`` to hop k and
    ``falls[k]`` to hop k + 1; its factor is the largest in [0, 1] that keeps both hops in
    range, given what frame k - 1 left behind.  A factor of 0 always does, because the frame
    before kept the next hop in range by itself, so one pass without look-ahead is enough, and
    the sine-squared overlap makes every change of the factor smooth over 8 ms.  Where the
    sound itself lies above full scale the mark may not add to it.

    Parameters
    ----------
    rises, falls : np.ndarray, shape=(channels, n_frames, hop), dtype=float32
        Halves of the differences; `rises` belongs to the hop of the same number.
    sound : np.ndarray, shape=(channels, n_frames + 1, hop), dtype=float32
        The unmarked hops.
    carried : np.ndarray, shape=(channels, hop), dtype=float32
        What the frame before the first, scaled by its factor, adds to the first hop.
    last_factor : float
        The factor of that frame.

    Returns
    -------
    factors : np.ndarray, shape=(n_frames,), dtype=float32
        One for all channels, so that a down-mix keeps the pattern.
    """
    factors = np.ones(rises.shape[1], dtype=np.float32)
    most_added = max(_peak(rises), _peak(falls), _peak(carried))
    if last_factor == 1.0 and _peak(sound) + 2.0 * most_added <= FULL_SCALE:
        return factors
    ceiling = np.maximum(np.float32(FULL_SCALE), np.abs(sound))
    before = np.concatenate([carried[:, None], falls[:, :-1]], axis=1)
    over = np.abs(sound[:, :-1] + before + rises) > ceiling[:, :-1]
    over |= np.abs(sound[:, 1:] + falls) > ceiling[:, 1:]
    critical = over.any(axis=(0, 2))
    for k, is_critical in enumerate(critical):
        if is_critical or last_factor < 1.0:
            past = carried if k == 0 else falls[:, k - 1] * factors[k - 1]
            joint = _largest_factor(sound[:, k] + past, rises[:, k], ceiling[:, k])
            alone = _largest_factor(sound[:, k + 1], falls[:, k], ceiling[:, k + 1])
            factors[k] = min(joint, alone)
        last_factor = float(factors[k])
    return factors


def _peak(x: Floats) -> float:
    return max(float(x.max()), -float(x.min()))


def _largest_factor(base: Floats, addition: Floats, ceiling: Floats) -> float:
    """Return the largest f in [0, 1] with ``|base + f * addition| <= ceiling`` everywhere."""
    size = np.abs(addition)
    room = np.maximum(ceiling - base * np.sign(addition), 0.0)
    tight = room < size
    if not tight.any():
        return 1.0
    # Slightly below the quotient, so that rounding cannot lift the sum above the ceiling.
    return float((room[tight] / size[tight]).min()) * (1.0 - 1e-5)
