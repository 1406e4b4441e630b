"""Evidence of missing sound in the packets of a stream: damage, or a cut last frame."""

from __future__ import annotations

from typing import Any

from sottovoce.files.decoding.adts import adts_length

__all__ = ["PacketWatch"]

_EVEN = ("ac3", "eac3", "dts", "mp3")
"""Bare streams whose frames have nearly the same length."""
_PADDING_BYTES = 2


class PacketWatch:
    """Inspects the packets of one stream on their way to the decoder.

    Parameters
    ----------
    demuxer : str
        As FFmpeg names it.

    Attributes
    ----------
    n_corrupt : int
        Packets reported as damaged by the demuxer so far.
    """

    def __init__(self, demuxer: str) -> None:
        self._demuxer = demuxer
        self.n_corrupt = 0
        self._least = 0
        self._last_is_cut = False
        self._last_is_corrupt = self._last_failed = False

    def look_at(self, packet: Any) -> None:  # noqa: ANN401 - PyAV is imported late
        """Inspect the next packet."""
        if packet.size == 0:
            return
        self._last_is_corrupt, self._last_failed = bool(packet.is_corrupt), False
        self.n_corrupt += self._last_is_corrupt
        self._last_is_cut = self._is_cut(packet)
        if self._demuxer in _EVEN:
            self._least = min(self._least or packet.size, packet.size)

    def pass_over(self, packet: Any) -> None:  # noqa: ANN401 - PyAV is imported late
        """Note that the packet cannot be decoded, which is reported instead of its damage."""
        self.n_corrupt -= bool(packet.size and self._last_is_corrupt)
        self._last_is_corrupt, self._last_failed = False, bool(packet.size)

    def forget_last(self) -> bool:
        """Leave the last packet out of the report; return whether decoding failed."""
        self.n_corrupt -= self._last_is_corrupt
        self._last_is_corrupt = self._last_is_cut = False
        return self._last_failed

    @property
    def notes(self) -> list[str]:
        """Notes, one per line; complete after the last packet."""
        notes = []
        if self.n_corrupt:
            places = "1 place" if self.n_corrupt == 1 else f"{self.n_corrupt} places"
            notes.append(f"is damaged in {places}; the rest was read")
        if self._last_is_cut:
            notes.append("ends within a frame, so the rest may be missing")
        return notes

    def _is_cut(self, packet: Any) -> bool:  # noqa: ANN401 - PyAV is imported late
        """Return whether a frame of a bare stream is shorter than it declares."""
        if self._demuxer == "aac":
            return adts_length(bytes(packet)[:7]) > int(packet.size)
        if self._demuxer == "loas":
            head = bytes(packet)[:3]
            return len(head) < 3 or 3 + ((head[1] & 0x1F) << 8 | head[2]) > int(packet.size)
        return self._demuxer in _EVEN and int(packet.size) < self._least - _PADDING_BYTES
