"""Read uncompressed samples where a walk through the file found them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.files.decoding.decoder import Audio, Traits
from sottovoce.files.decoding.shortfall import say_present

if TYPE_CHECKING:
    from sottovoce.files.decoding.raw import Raw
    from sottovoce.files.pcm import PcmLayout

__all__ = ["PcmDecoder"]


class PcmDecoder:
    """Samples of one layout.

    Parameters
    ----------
    raw : Raw
        The file.
    layout : PcmLayout
        Positions of its samples.
    """

    def __init__(self, raw: Raw, layout: PcmLayout) -> None:
        self._file = raw.open()
        self._n_channels = layout.n_channels
        self._spans = deque(layout.spans)
        self._n_done = 0
        missing = ""
        if layout.n_missing:
            n_whole = layout.n_samples + layout.n_missing
            missing = f"is cut short: {say_present(layout.n_samples, n_whole, layout.sr)}"
        wide = any(span.samples.dtype == "float64" for span in layout.spans)
        self.traits = Traits(
            format=layout.format,
            subtype=layout.subtype,
            sr=layout.sr,
            n_channels=layout.n_channels,
            n_frames=layout.n_samples,
            dtype="float64" if wide else "float32",
            notes=list(layout.notes),
            missing=missing,
        )

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        while self._spans and self._n_done >= self._spans[0].n_samples:
            self._spans.popleft()
            self._n_done = 0
        if not self._spans:
            return np.empty((self._n_channels, 0), dtype=self.traits.dtype)
        span = self._spans[0]
        frame_bytes = span.samples.n_bytes * self._n_channels
        n = min(n, span.n_samples - self._n_done)
        self._file.seek(span.offset + self._n_done * frame_bytes)
        data = self._file.read(n * frame_bytes)
        n_whole = len(data) // frame_bytes
        if n_whole == 0:  # the file has become shorter since it was opened
            self._spans.clear()
        self._n_done += n_whole
        return span.samples.unpack(data[: n_whole * frame_bytes], self._n_channels)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
