"""The numbers of the wire format: the shape of a mark, in seconds and hertz.

Everything that an embedder and a detector must agree on is defined here or follows from it; how a
signal is cut, transformed and searched is up to each side.  Format 1 is frozen: another one gets
another label, so that signs of two formats never mix.

The mark is a slow, tiny movement of a graphic equaliser.  Twenty critical bands are turned up and
down by about 1 dB.  Time is cut into cells of four frames of 8 ms; inside a cell the gain of
a band runs + + - - times the sign of the cell, a Manchester pair of two 16 ms chips, so that a
slow change of level cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FORMAT_1", "STRENGTHS_DB", "WireFormat"]

STRENGTHS_DB = {"studio": 0.8, "standard": 1.18, "strong": 1.6}
"""Named strengths: root-mean-square gain over cells and bands, in dB of amplitude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """Geometry, roles and labels of one version of the mark.

    Attributes
    ----------
    name : str
        Prefix of every label that signs are derived from.
    low_hz, high_hz : float
        Outer edges of the bands.  Gain under 250 Hz costs quality and carries little; nothing
        above 7.2 kHz survives wide-band telephony.
    n_bands : int
        Equal steps of the mel scale (HTK form) between the edges.  Fewer, wider bands lose
        2 to 12 % of the score to twenty; more cost quality.
    band_weights : tuple of float
        Depth of each band before normalisation to unit root-mean-square.  Lower at the low
        end, where PESQ penalises gain on the first harmonics most.
    frame_s : float
        Hop of the embedder; frame k starts at sample round(k * frame_s * sr).
    chip_signs : tuple of int
        Gain pattern of one cell, one entry per frame.  Zero sum.
    n_cells : int
        Cells in a period, after which the sync signs repeat.
    n_periods : int
        Periods in a superframe, after which the payload repeats.
    n_sync_cells : int
        Cells of a band in each period that carry public sync signs (3/5).
    n_seal_cells : int
        Cells of a band in each period that carry the keyed seal if there is a key (1/8), or data.
    n_seal_starts : int
        Number of superframes with which a mark may begin, drawn at random; the seal differs from
        one to the next.
    """

    name: str = "sottovoce 1"
    low_hz: float = 250.0
    high_hz: float = 7200.0
    n_bands: int = 20
    band_weights: tuple[float, ...] = (0.6, 0.65, 0.8, *(1.0,) * 14, 0.97, 0.9, 0.8)
    frame_s: float = 0.008
    chip_signs: tuple[int, ...] = (1, 1, -1, -1)
    n_cells: int = 80
    n_periods: int = 4
    n_sync_cells: int = 48
    n_seal_cells: int = 10
    n_seal_starts: int = 1 << 16

    @property
    def n_cell_frames(self) -> int:
        """Frames in a cell."""
        return len(self.chip_signs)

    @property
    def n_period_frames(self) -> int:
        """Frames in a period."""
        return self.n_cells * self.n_cell_frames

    @property
    def n_superframe_frames(self) -> int:
        """Frames in a superframe."""
        return self.n_periods * self.n_period_frames

    @property
    def cell_s(self) -> float:
        """Length of a cell, in seconds."""
        return self.n_cell_frames * self.frame_s

    @property
    def period_s(self) -> float:
        """Length of a period, in seconds."""
        return self.n_period_frames * self.frame_s

    @property
    def superframe_s(self) -> float:
        """Length of a superframe, in seconds."""
        return self.n_superframe_frames * self.frame_s


FORMAT_1 = WireFormat()
"""The format that this release writes and reads."""
