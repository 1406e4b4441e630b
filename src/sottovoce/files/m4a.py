"""Write AAC in M4A, through PyAV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.files.decoding.containers import import_av

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.reading import AudioInfo

__all__ = ["M4aWriter"]

_LEAST_BIT_RATE = 64_000
_MARGIN = 1.1
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


class M4aWriter:
    """Encodes AAC-LC at a rate not under the original's.

    Parameters
    ----------
    path : Path
        File to be made.
    info : AudioInfo
        Of the original.
    """

    def __init__(self, path: Path, info: AudioInfo) -> None:
        self._av = import_av()
        bit_rate = max(int(_MARGIN * info.bit_rate), _LEAST_BIT_RATE * info.n_channels)
        self._container = self._av.open(str(path), "w", format="ipod")
        self._layout = _LAYOUTS.get(info.n_channels, "stereo")
        self._stream = self._container.add_stream("aac", rate=info.sr)
        self._stream.bit_rate = bit_rate
        self._stream.layout = self._layout
        self._stream.format = "fltp"
        self._sr = info.sr
        self._n_written = 0

    def write(self, marked: npt.NDArray[np.floating[Any]], original: object) -> None:
        """Encode a block."""
        block = np.ascontiguousarray(marked, dtype=np.float32)
        frame = self._av.AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        frame.sample_rate = self._sr
        frame.pts = self._n_written
        self._n_written += marked.shape[1]
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Finish the file."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
