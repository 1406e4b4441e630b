"""`Decoder`, the interface of all decoders, `Part`, a part of a file, and the chain of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from sottovoce.errors import UnreadableAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Audio", "Chain", "Decoder", "Part", "QueueReader", "Traits", "decoding_failed"]

Audio = npt.NDArray[np.floating[Any]]

_DAMAGED = "Get a complete copy, or repair it with an audio editor."


def decoding_failed(path: str) -> UnreadableAudioError:
    """Return the error for a decoder that gave up."""
    return UnreadableAudioError("is damaged", path=path, remedy=_DAMAGED)


@dataclass(slots=True, kw_only=True)
class Traits:
    """Properties of a run of audio.

    Attributes
    ----------
    format, subtype : str
        As in `AudioInfo`.
    sr, n_channels : int
        Rate in Hz, channels.
    n_frames : int
        Samples of each channel according to the structure of the file, independently of the
        decoder; 0 if it does not say.
    dtype : "float32" or "float64"
        Type that holds the samples without loss.
    bit_rate : float
        Rate of the stream, in bit/s; 0 if not known.
    is_vbr : bool
        Whether the rate is variable.
    notes : list of str
        Irregularities of the file, one per line; complete when all is read.
    missing : str
        What the file provably lacks (``"is cut short: …"``, ``"is damaged: …"``); else empty.
    promised_s : float or None
        Seconds that a container would hold if nothing was missing, 0 if it does not say; None
        if `missing` is complete.
    is_open_ended : bool
        Whether the missing part may have promised more.
    """

    format: str
    subtype: str
    sr: int
    n_channels: int
    n_frames: int = 0
    dtype: Literal["float32", "float64"] = "float32"
    bit_rate: float = 0.0
    is_vbr: bool = False
    notes: list[str]
    missing: str = ""
    promised_s: float | None = None
    is_open_ended: bool = False


class Decoder(Protocol):
    """A run of audio being decoded."""

    @property
    def traits(self) -> Traits:
        """Its properties."""

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m); m is 0 only at the end."""

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of audio of one rate and one number of channels in a file.

    Attributes
    ----------
    name : str
        Name of a track or a joined stream for the user; empty if there is one part.
    open : callable
        Returns its decoder.
    stream : int
        Number of the track among the streams of its container; -1 if there is no container.
    is_alone : bool
        Whether its container holds nothing else that plays: no picture, no other track.
    """

    name: str
    open: Callable[[], Decoder]
    stream: int = -1
    is_alone: bool = True


class Chain:
    """Streams that were joined into one file, read one after the other.

    One that cannot be read, or not to its end, does not hide those after it: it is reported as
    missing.

    Parameters
    ----------
    opens : sequence of callable
        Return the decoders; all of one rate and number of channels.

    Raises
    ------
    UnreadableAudioError
        If none can be opened.
    """

    def __init__(self, opens: Sequence[Callable[[], Decoder]]) -> None:
        self._waiting = list(opens)
        self._n_all = len(opens)
        self._lost: list[str] = []
        self._error: UnreadableAudioError | None = None
        current = self._open_next()
        if current is None:
            assert self._error is not None  # noqa: S101 - there is at least one
            raise self._error
        self._current = current
        first = current.traits
        self.traits = Traits(
            format=first.format,
            subtype=first.subtype,
            sr=first.sr,
            n_channels=first.n_channels,
            dtype=first.dtype,
            bit_rate=first.bit_rate,
            is_vbr=first.is_vbr,
            notes=[f"is {self._n_all} files joined into one; all of them were read"],
        )

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples."""
        while True:
            try:
                block = self._current.read(n)
            except UnreadableAudioError as err:
                self._lose(err)
                block = np.empty((self.traits.n_channels, 0), dtype=np.float32)
            if block.shape[1]:
                return block
            following = self._open_next() if self._finish() else None
            if following is None:
                return block
            self._current.close()
            self._current = following

    def close(self) -> None:
        """Close the file."""
        self._current.close()

    def _finish(self) -> bool:
        """Collect the notes of the current stream; return whether there may be another."""
        own = self._current.traits
        self.traits.notes += [note for note in own.notes if note not in self.traits.notes]
        if own.missing:
            self._lost.append(f"{own.missing} (file {self._number} of {self._n_all})")
            own.missing = ""
        self.traits.missing = "; ".join(self._lost)
        return bool(self._waiting)

    @property
    def _number(self) -> int:
        return self._n_all - len(self._waiting)

    def _open_next(self) -> Decoder | None:
        while self._waiting:
            try:
                return self._waiting.pop(0)()
            except UnreadableAudioError as err:
                self._lose(err)
        return None

    def _lose(self, err: UnreadableAudioError) -> None:
        self._error = err
        self._lost.append(f"file {self._number} of {self._n_all} cannot be read")


class QueueReader:
    """Cuts blocks of any length into blocks of the requested length.

    Parameters
    ----------
    blocks : iterator of np.ndarray, shape=(channels, m)
        The blocks to read.
    n_channels : int
        Channels of the empty block that is returned at the end.
    """

    def __init__(self, blocks: Iterator[Audio], n_channels: int) -> None:
        self._blocks = blocks
        self._n_channels = n_channels
        self._left: list[Audio] = []
        self._n_left = 0
        self._error: Exception | None = None

    def read(self, n: int) -> Audio:
        """Return at most the next `n` samples, shape (channels, m)."""
        while self._n_left < n:
            try:
                block = next(self._blocks, None)
            except Exception as err:  # noqa: BLE001 - raised once the earlier blocks are out
                self._error = err
                block = None
            if block is None:
                break
            self._left.append(block)
            self._n_left += block.shape[1]
        if not self._left and self._error is not None:
            raise self._error
        if not self._left:
            return np.empty((self._n_channels, 0), dtype=np.float32)
        joined = np.concatenate(self._left, axis=1)
        self._left = [joined[:, n:]] if joined.shape[1] > n else []
        self._n_left = max(joined.shape[1] - n, 0)
        return joined[:, :n]
