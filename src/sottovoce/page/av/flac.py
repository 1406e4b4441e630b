"""FLAC, frame by frame, decoded by libFLAC (``web/libflac.js``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import MissingExtraError
from sottovoce.page.av.error import InvalidDataError
from sottovoce.page.av.sound import AudioFrame

if TYPE_CHECKING:
    from sottovoce.page.av.sound import Packet

__all__ = ["MOST_BITS", "FlacDecoder"]

MOST_BITS = 24
"""Of this libFLAC; later ones take 32."""
_WORD_BITS = 32
_HEAD = b"fLaC\x80\x00\x00\x22"


class FlacDecoder:
    """Decoder of single frames, whose checksums must be right.

    Attributes
    ----------
    extradata : bytes
        Body of STREAMINFO.
    options : dict
        Of FFmpeg; libFLAC verifies every checksum in any case.
    """

    def __init__(self) -> None:
        self.extradata = b""
        self.options: dict[str, str] = {}
        self._frames: Any = None

    def decode(self, packet: Packet) -> list[AudioFrame]:
        """Return the frame at the beginning of a packet, in the top bits of 32.

        Raises
        ------
        InvalidDataError
            If there is none, or it is damaged.
        MissingExtraError
            If its samples have more bits than libFLAC takes here.
        """
        from pyodide.ffi import to_js  # type: ignore[import-not-found]  # of Python in a browser

        if self._frames is None:
            import libflac  # type: ignore[import-not-found]  # registered by the worker

            self._frames = libflac.frames(to_js(_HEAD + self.extradata))
            if self._frames.info is not None and int(self._frames.info.n_bits) > MOST_BITS:
                raise MissingExtraError("PyAV", extra="", purpose="read this kind of file")
        found = self._frames.decode(to_js(packet.data))
        if found is None:
            raise InvalidDataError("no FLAC frame")
        samples = np.asarray(found.samples.to_py(), dtype=np.int32)
        n_channels = int(found.n_channels)
        packed = samples.reshape(n_channels, -1).T << (_WORD_BITS - int(found.n_bits))
        frame = AudioFrame(
            np.ascontiguousarray(packed).reshape(1, -1),
            format="s32",
            layout=f"{n_channels} channels",
        )
        frame.sample_rate = int(found.sr)
        return [frame]

    def __del__(self) -> None:
        """Give the memory of libFLAC back."""
        if self._frames is not None:
            self._frames.close()
