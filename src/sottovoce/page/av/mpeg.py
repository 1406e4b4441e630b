"""MPEG audio, frame by frame, decoded by mpg123 (``web/mpg123.js``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.page.av.error import InvalidDataError
from sottovoce.page.av.sound import AudioFrame

if TYPE_CHECKING:
    import numpy.typing as npt

    from sottovoce.page.av.sound import Packet

__all__ = ["MpegFrameDecoder"]

_HEADER_BYTES = 4
_CHECKSUM_BYTES = 2
_LAYER_3 = 1
_MONO = 3
"""Mode of a frame with one channel, which mpg123 decodes to two equal ones."""


class MpegFrameDecoder:
    """Decoder of frames that follow each other."""

    def __init__(self) -> None:
        import mpg123  # type: ignore[import-not-found]  # registered by the worker

        self._decoder: Any = mpg123.decoder()
        self._has_begun = False

    def decode(self, packet: Packet) -> list[AudioFrame]:
        """Return the frame of a packet.

        Raises
        ------
        InvalidDataError
            If it is damaged.
        """
        from pyodide.ffi import to_js  # type: ignore[import-not-found]  # of Python in a browser

        found = self._decoder.decode(to_js(packet.data))
        if found is None or len(packet.data) < _HEADER_BYTES:
            raise InvalidDataError("no MPEG frame")
        samples = np.asarray(found.samples.to_py(), dtype=np.float32).reshape(2, -1)
        # A recording that was cut begins with frames whose sound lies in some that are gone.
        is_cut = not self._has_begun and _reaches_back(packet.data)
        if not is_cut and _is_muted(packet.data, samples):
            raise InvalidDataError("a damaged MPEG frame")
        self._has_begun = not is_cut or bool(samples.any())
        is_mono = packet.data[3] >> 6 == _MONO
        frame = AudioFrame(
            samples[:1] if is_mono else samples,
            format="fltp",
            layout="mono" if is_mono else "stereo",
        )
        frame.sample_rate = int(found.sr)
        return [frame]


def _reaches_back(frame: bytes) -> bool:
    """Return whether the sound of a frame of layer III begins in an earlier one."""
    start = _HEADER_BYTES + (0 if frame[1] & 1 else _CHECKSUM_BYTES)
    begin = int.from_bytes(frame[start : start + 2], "big") >> (7 if frame[1] & 8 else 8)
    return frame[1] >> 1 & 3 == _LAYER_3 and begin > 0


def _is_muted(frame: bytes, samples: npt.NDArray[np.float32]) -> bool:
    """Return whether mpg123 put zeros where a frame of layer III promises sound.

    It does so from the first granule on that makes no sense, and says nothing.
    """
    if frame[1] >> 1 & 3 != _LAYER_3:
        return False
    promised = _promised_values(frame)
    granules = np.array_split(samples, len(promised), axis=1)
    return any(n > 0 and not granule.any() for n, granule in zip(promised, granules, strict=True))


def _promised_values(frame: bytes) -> list[int]:
    """Return how many pairs of spectral values each granule has (ISO 11172-3, 2.4.1.7)."""
    is_mpeg_1, is_mono = bool(frame[1] & 8), frame[3] >> 6 == _MONO
    n_channels = 1 if is_mono else 2
    start = _HEADER_BYTES + (0 if frame[1] & 1 else _CHECKSUM_BYTES)
    bits = int.from_bytes(frame[start : start + 32].ljust(32, b"\0"), "big")
    if is_mpeg_1:
        # main_data_begin, private bits, and which scale factors the second granule shares.
        first, n_each, n_granules = 9 + (5 if is_mono else 3) + 4 * n_channels, 59, 2
    else:
        first, n_each, n_granules = 8 + n_channels, 63, 1
    values = [
        bits >> (256 - (first + number * n_each + 12 + 9)) & 0x1FF
        for number in range(n_granules * n_channels)
    ]
    return [sum(values[at : at + n_channels]) for at in range(0, len(values), n_channels)]
