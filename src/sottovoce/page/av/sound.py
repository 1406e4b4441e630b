"""Packets, and the decoded frames that they hold, as PyAV has them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["AudioFifo", "AudioFormat", "AudioFrame", "AudioLayout", "Packet"]

_N_CHANNELS = {"mono": 1, "stereo": 2}


class Packet:
    """Encoded bytes of one or several frames.

    Parameters
    ----------
    data : bytes
        The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pts: int | None = None
        self.time_base = Fraction(1)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A sample format, by FFmpeg's name."""

    name: str

    @property
    def is_planar(self) -> bool:
        """Whether the samples of a channel lie together."""
        return self.name.endswith("p")


@dataclass(frozen=True, slots=True)
class AudioLayout:
    """A layout of channels, by FFmpeg's name."""

    name: str

    @property
    def nb_channels(self) -> int:
        """Number of channels."""
        return _N_CHANNELS.get(self.name) or int(self.name.split()[0])


class AudioFrame:
    """Decoded samples.

    Parameters
    ----------
    samples : np.ndarray
        Shape (channels, n) if they are planar, else (1, n * channels).
    format, layout : str
        As FFmpeg names them.
    """

    def __init__(self, samples: npt.NDArray[Any], *, format: str, layout: str) -> None:  # noqa: A002 - PyAV's own name
        self._samples = samples
        self.format = AudioFormat(format)
        self.layout = AudioLayout(layout)
        self.sample_rate = 0
        self.time_base = Fraction(1)
        self.pts: int | None = None

    @classmethod
    def from_ndarray(
        cls,
        array: npt.NDArray[Any],
        format: str,  # noqa: A002 - PyAV's own name
        layout: AudioLayout,
    ) -> AudioFrame:
        """Return a frame of samples."""
        return cls(array, format=format, layout=layout.name)

    @property
    def samples(self) -> int:
        """Samples of each channel."""
        n = int(self._samples.shape[1])
        return n if self.format.is_planar else n // self.layout.nb_channels

    @property
    def planes(self) -> list[npt.NDArray[Any]]:
        """The samples of each channel, or all in one."""
        return list(self._samples)

    def to_ndarray(self) -> npt.NDArray[Any]:
        """Return the samples."""
        return self._samples


class AudioFifo:
    """Joins planar frames of one kind."""

    def __init__(self) -> None:
        self._frames: list[AudioFrame] = []

    @property
    def samples(self) -> int:
        """Samples of each channel that wait."""
        return sum(frame.samples for frame in self._frames)

    def write(self, frame: AudioFrame) -> None:
        """Append a frame."""
        self._frames.append(frame)

    def read(self) -> AudioFrame:
        """Return all that waits, as one frame."""
        first = self._frames[0]
        whole = np.concatenate([frame.to_ndarray() for frame in self._frames], axis=1)
        self._frames = []
        joined = AudioFrame(whole, format=first.format.name, layout=first.layout.name)
        joined.sample_rate = first.sample_rate
        return joined
