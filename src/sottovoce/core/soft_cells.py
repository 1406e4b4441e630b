"""`SoftCells`: the data cells of one marked voice in 2.5 kB, to test payloads without the audio.

What is kept are the cell scores themselves, before any sign is applied, rounded to eight bits.
Rounding is then a function of the audio alone, like the scores: the sum of these rounded values
with the signs of a payload is a weighted sum of independent fair signs too, and every bound of
`docs/evidence.md` holds for it as it stands.  Had the values been multiplied by signs before, the
error of rounding would depend on the signs, and the bound would hold only nearly.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sottovoce.core.coding import make_interleaver
from sottovoce.core.owner_code import find_owner_bits
from sottovoce.core.pattern import SYNC, make_roles, make_scrambling_signs
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import PayloadError

__all__ = ["SoftCells"]

_VERSION = 1
_N_HEAD_BYTES = 2
_LARGEST = 127

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SoftCells:
    """The data cells of one voice, summed over superframes.

    Made by `sottovoce.detect` with ``keep_cells=True``; `sottovoce.match_known` tests payloads in
    them.

    Attributes
    ----------
    n_bands : int
        Bands that the audio has, 1 to 20: at low sampling rates the upper ones are missing.
    values : bytes, length 128 * `n_bands`
        Signed bytes, -127 to 127: the cells by period, then time, then band.  Their unit is free.

    Raises
    ------
    PayloadError
        If the number of bands or of bytes does not fit, or a byte is -128.
    """

    n_bands: int
    values: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.n_bands <= FORMAT_1.n_bands:
            raise PayloadError(f"soft cells of {self.n_bands} bands: 1 to {FORMAT_1.n_bands} exist")
        n = FORMAT_1.n_periods * int(_find_data_cells(self.n_bands).sum())
        if len(self.values) != n:
            raise PayloadError(
                f"soft cells of {self.n_bands} bands take {n} bytes, not {len(self.values)}"
            )
        if b"\x80" in self.values:
            raise PayloadError("soft cells hold a byte that is never written")

    @classmethod
    def from_sums(cls, sums: Floats) -> SoftCells:
        """Round the sums of a voice.

        Parameters
        ----------
        sums : np.ndarray, shape=(n_periods, n_cells, n_bands), dtype=float32
            Cell scores summed by place in the superframe, starting at any of its periods.
            Missing upper bands may be left out.

        Returns
        -------
        cells : SoftCells
            Silent for a sum of zeros.
        """
        n_bands = sums.shape[-1]
        cells = sums[:, _find_data_cells(n_bands)].astype(np.float64)
        largest = float(np.abs(cells).max(initial=0.0))
        steps = np.rint(cells * (_LARGEST / largest)) if largest else cells
        return cls(n_bands, steps.astype(np.int8).tobytes())

    def to_bytes(self) -> bytes:
        """Return the cells as bytes: version 1, number of bands, values.

        Returns
        -------
        data : bytes
            2,562 for 20 bands.
        """
        return bytes((_VERSION, self.n_bands)) + self.values

    @classmethod
    def from_bytes(cls, data: bytes) -> SoftCells:
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
            From anywhere: nothing that is accepted can do more harm than wrong cells.

        Returns
        -------
        cells : SoftCells
            The cells.

        Raises
        ------
        PayloadError
            If it has another version, or is not exactly as long as its bands require.
        """
        if len(data) < _N_HEAD_BYTES or data[0] != _VERSION:
            raise PayloadError(f"soft cells begin with version {_VERSION} and a number of bands")
        return cls(data[1], bytes(data[_N_HEAD_BYTES:]))

    def to_weights(self) -> Floats:
        """Return the cells that carry owner-dependent bits, for each start of the superframe.

        Returns
        -------
        weights : np.ndarray, shape=(4, 288, 8), dtype=float32
            Times their public signs, by alignment, coded bit and cell.  The squares of each
            alignment add up to 1, or are all 0 if it is silent.
        """
        fmt = FORMAT_1
        cells = np.zeros((fmt.n_periods, fmt.n_cells, fmt.n_bands), dtype=np.float32)
        inside = np.zeros((fmt.n_cells, fmt.n_bands), dtype=bool)
        inside[:, : self.n_bands] = _find_data_cells(self.n_bands)
        cells[:, inside] = np.frombuffer(self.values, np.int8).reshape(fmt.n_periods, -1)
        rolled = np.stack([np.roll(cells, -start, axis=0) for start in range(fmt.n_periods)])
        clear = (rolled * make_scrambling_signs()).reshape(fmt.n_periods, -1)
        own = clear[:, make_interleaver()[find_owner_bits()]]
        energy = (own.astype(np.float64) ** 2).sum(axis=(1, 2), keepdims=True)
        return np.asarray(own / np.sqrt(np.maximum(energy, 1.0)), dtype=np.float32)


@functools.cache
def _find_data_cells(n_bands: int) -> npt.NDArray[np.bool_]:
    """Return which cells of a period are data or seal, in the lower bands: (n_cells, n_bands)."""
    return np.asarray(make_roles()[:, :n_bands] != SYNC)
