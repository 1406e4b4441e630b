"""`Protector`: mark audio block by block, with exactly the same samples as in one piece."""

from __future__ import annotations

import math
import secrets
from typing import Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_bytes, check_real
from sottovoce.core.embedding import FrameEmbedder, SignSource, limit_peaks
from sottovoce.core.framing import check_signal, check_sr, frame_starts, take_frames
from sottovoce.core.pattern import SEAL_KEY_BYTES
from sottovoce.core.payload import Notice
from sottovoce.core.wire_format import FORMAT_1, STRENGTHS_DB
from sottovoce.errors import ParameterError

__all__ = ["Protector", "protect"]

_BATCH_FRAMES = 512
"""Frames transformed at once: 4 s, whose arrays fit a processor's cache at 16 kHz."""

_MAX_STRENGTH_DB = 3.0

Audio = npt.NDArray[np.floating[Any]]


class Protector:
    """Mark a stream of audio, in blocks of any size.

    Parameters
    ----------
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    notice : Notice
        The refusal to write; by default an anonymous refusal of every use.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude.
    phase_s : float or None
        Position in the pattern, which is 10.24 s long, of the first sample, in seconds; rounded
        to whole frames.  None draws one at random, so that two tracks mixed from time zero do
        not coincide and clips of one owner do not line up for averaging.
    seal_key : bytes or None
        32 secret bytes; if given, an eighth of the cells carries the keyed seal.
    seal_after_s : float
        Seconds before the first superframe that carries it: until then the owner is read as early
        as without a seal.

    Attributes
    ----------
    latency_s : float
        Maximum delay between input and output of a sample: 16 ms.
    limited_s : float
        Seconds so far in which the mark was attenuated to keep peaks below full scale.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    See Also
    --------
    sottovoce.protect : The same over one array.

    Notes
    -----
    Memory does not grow with the length of the audio.

    Examples
    --------
    >>> import numpy as np
    >>> protector = Protector(sr=16_000, notice=Notice(owner_id=7), phase_s=0.0)
    >>> block = np.zeros(1_000, dtype=np.float32)
    >>> len(protector.process(block)), len(protector.process(block, last=True))
    (768, 1232)
    """

    latency_s = 2 * FORMAT_1.frame_s

    def __init__(
        self,
        *,
        sr: float,
        notice: Notice | None = None,
        strength_db: float = STRENGTHS_DB["standard"],
        phase_s: float | None = None,
        seal_key: bytes | None = None,
        seal_after_s: float = 0.0,
    ) -> None:
        self._sr = check_sr(sr)
        strength_db = check_real("strength_db", strength_db)
        if not 0.0 < strength_db <= _MAX_STRENGTH_DB:
            raise ParameterError(f"strength_db={strength_db!r} is outside (0, {_MAX_STRENGTH_DB}]")
        if seal_key is not None:
            check_bytes("a seal key", seal_key, n_bytes=SEAL_KEY_BYTES)
        notice = Notice() if notice is None else notice
        if not isinstance(notice, Notice):
            raise ParameterError(f"notice={notice!r} is not a Notice")
        n_frames = FORMAT_1.n_superframe_frames
        if phase_s is None:
            phase = secrets.randbelow(n_frames)
        else:
            phase = round(check_real("phase_s", phase_s) / FORMAT_1.frame_s) % n_frames
        # Frame -1 already overlaps the first hop; adding a superframe keeps its number positive.
        self._first_pattern_frame = phase + n_frames
        self._signs = SignSource(
            notice,
            seal_key=seal_key,
            first_superframe=secrets.randbelow(FORMAT_1.n_seal_starts),
            first_sealed=self._find_first_sealed(check_real("seal_after_s", seal_after_s)),
        )
        self._embedder = FrameEmbedder(sr=self._sr, strength_db=strength_db)
        self.reset()

    @property
    def phase_s(self) -> float:
        """Position in the pattern of the first sample, in seconds, also where it was drawn."""
        n_frames = self._first_pattern_frame % FORMAT_1.n_superframe_frames
        return n_frames * FORMAT_1.frame_s

    def _find_first_sealed(self, seal_after_s: float) -> int:
        """Return the first superframe of the pattern that begins after so many seconds."""
        if seal_after_s <= 0.0:
            return 0
        frame = self._first_pattern_frame + seal_after_s / FORMAT_1.frame_s
        return math.ceil(frame / FORMAT_1.n_superframe_frames)

    def reset(self) -> None:
        """Forget all audio; the next block starts a new signal at the same phase."""
        self.limited_s = 0.0
        self._frame = -1
        self._n_in = 0
        self._pending: Audio | None = None
        self._carried: npt.NDArray[np.float32] | None = None
        self._last_factor = 1.0
        self._ended = False

    def process(self, block: Audio, last: bool = False) -> Audio:  # noqa: FBT001, FBT002 - a twin of every stream API
        """Mark one block.

        Parameters
        ----------
        block : np.ndarray, shape=(n,) or (channels, n), dtype=float32 or float64
            Audio, nominally in [-1, 1]; n may be 0 and may change from call to call.  Left
            unchanged.
        last : bool
            Whether the signal ends with this block.

        Returns
        -------
        marked : np.ndarray, shape=(m,) or (channels, m), dtype of `block`
            All samples that are ready, in order.  After the last block, the output is as long as
            the input.

        Raises
        ------
        ParameterError
            If `block` is not valid audio, its number of channels changes, or the signal has
            ended.
        """
        check_signal(block, min_samples=0)
        if self._ended:
            raise ParameterError("the signal has ended; call reset() to start another")
        sound = np.atleast_2d(block)
        if self._pending is None:
            silence = -int(frame_starts(-1, 0, self._embedder.hop)[0])
            self._pending = np.zeros((len(sound), silence), dtype=block.dtype)
        if len(sound) != len(self._pending):
            raise ParameterError(
                f"block has {len(sound)} channels, the stream {len(self._pending)}"
            )
        self._n_in += sound.shape[1]
        sound = np.concatenate([self._pending, sound], axis=1)
        stop = self._count_ready_frames(sound, last=last)
        if last:
            self._ended = True
            sound = self._pad(sound, stop)
        start = int(frame_starts(self._frame, self._frame + 1, self._embedder.hop)[0])
        parts = [np.empty((len(sound), 0), dtype=block.dtype)]
        position = 0
        while self._frame < stop:
            end = min(self._frame + _BATCH_FRAMES, stop)
            parts.append(self._embed(sound[:, position:], self._frame, end))
            position = int(frame_starts(end, end + 1, self._embedder.hop)[0]) - start
            self._frame = end
        self._pending = sound[:, position:].copy()
        marked = np.concatenate(parts, axis=1)
        # Neither hop -1 nor the padding after the end is part of the signal.
        marked = marked[:, max(-start, 0) :]
        if last:
            marked = marked[:, : self._n_in - max(start, 0)]
        return marked[0] if block.ndim == 1 else marked

    def _count_ready_frames(self, sound: Audio, *, last: bool) -> int:
        """Return the first frame that cannot be made yet: frame k needs hops k and k + 1."""
        hop = self._embedder.hop
        guess = int(self._n_in / hop) + 3
        first = max(self._frame, 0)
        starts = frame_starts(first, guess, hop)
        if last:
            return first + int(np.searchsorted(starts, self._n_in, side="left"))
        n_whole = int(np.searchsorted(starts, self._n_in, side="right"))
        return max(first + n_whole - 2, self._frame)

    def _pad(self, sound: Audio, stop: int) -> Audio:
        """Append silence until the last frame is complete."""
        edges = frame_starts(self._frame, stop + 2, self._embedder.hop)
        missing = int(edges[-1] - edges[0]) - sound.shape[1]
        return np.pad(sound, ((0, 0), (0, max(missing, 0))))

    def _embed(self, sound: Audio, first: int, end: int) -> Audio:
        """Mark hops `first` to `end` - 1, given sound from the start of hop `first`."""
        embedder = self._embedder
        starts = frame_starts(first, end + 2, embedder.hop)
        offsets = starts - starts[0]
        lengths = offsets[1:] - offsets[:-1]
        longest = math.ceil(embedder.hop)
        silence = np.zeros((len(sound), embedder.n_fft), dtype=sound.dtype)
        padded = np.concatenate([sound[:, : offsets[-1]], silence], axis=1)
        frames = take_frames(padded, offsets[:-2], embedder.n_fft)
        signs = self._signs.frames(
            first + self._first_pattern_frame, end + self._first_pattern_frame
        )
        difference = embedder.difference(
            frames.astype(np.float32, copy=False), embedder.windows(lengths), signs
        )
        # (channels, hop number, sample in the hop), zero after the end of a shorter hop
        hops = take_frames(padded, offsets[:-1], longest)
        rises, falls = difference[..., :longest], difference[..., longest : 2 * longest]
        inside = np.arange(longest) < lengths[:, None]
        if not inside.all():
            at = lengths[:-1, None] + np.arange(longest)
            falls = np.take_along_axis(difference, at[None], axis=-1)
            rises = rises * inside[:-1]
            hops = hops * inside
        if self._carried is None:
            self._carried = np.zeros((len(sound), longest), dtype=np.float32)
        factors = limit_peaks(
            rises,
            falls,
            hops.astype(np.float32, copy=False),
            self._carried,
            last_factor=self._last_factor,
        )
        self.limited_s += FORMAT_1.frame_s * int((factors < 1.0).sum())
        if factors.min() < 1.0:
            rises *= factors[:, None]
            falls *= factors[:, None]
        rises[:, 0] += self._carried
        rises[:, 1:] += falls[:, :-1]
        self._carried, self._last_factor = falls[:, -1].copy(), float(factors[-1])
        # A neighbouring frame must not spread into a hop of digital silence.
        rises *= hops[:, :-1].any(axis=-1, keepdims=True)
        marked = hops[:, :-1] + rises
        return marked[:, inside[:-1]] if longest > embedder.hop else marked.reshape(len(sound), -1)


def protect(
    y: Audio,
    *,
    sr: float,
    notice: Notice | None = None,
    strength_db: float = STRENGTHS_DB["standard"],
    phase_s: float | None = None,
    seal_key: bytes | None = None,
) -> Audio:
    """Return speech with an inaudible do-not-train mark.

    Each critical band is amplified and attenuated by `strength_db` following a pseudo-noise
    pattern: multiplicative spread spectrum on band energies, after [1]_.  Silence stays
    silent.

    Parameters
    ----------
    y : np.ndarray, shape=(n,) or (channels, n), dtype=float32 or float64
        Audio, nominally in [-1, 1], time last.  Every channel gets the same mark, so that a
        down-mix keeps it.  Left unchanged.
    sr : float, 8,000 to 192,000
        Sampling rate of `y`, in Hz.  No default: with a wrong rate the mark is written at the
        wrong speed and nobody will find it.
    notice : Notice
        The refusal to write; by default an anonymous refusal of every use.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude.  Lower is less audible and harder
        to detect; `sottovoce.STRENGTHS_DB` names three.
    phase_s, seal_key
        As in `Protector`.

    Returns
    -------
    marked : np.ndarray, shape and dtype of `y`
        The audio with the mark.  Its peaks stay below full scale if those of `y` do.

    Raises
    ------
    ParameterError
        If `y` is not floating point, is empty, holds NaN or infinity, or looks
        channels-last; or if another argument is out of range.

    See Also
    --------
    sottovoce.detect : Detect the mark, with a p-value.
    sottovoce.Protector : The same, block by block, for live audio.

    Notes
    -----
    Linear in time and memory: about two copies of `y`.  For long files use
    `sottovoce.files.protect_file`, whose memory does not grow with the file.

    References
    ----------
    .. [1] Kirovski, D., Malvar, H. S. "Spread-spectrum watermarking of audio signals."
       IEEE Transactions on Signal Processing 51.4 (2003): 1020-1033.

    Examples
    --------
    >>> import numpy as np
    >>> import sottovoce as sv
    >>> sr = 16_000
    >>> y = np.random.default_rng(0).standard_normal(10 * sr).astype(np.float32) * 0.1
    >>> marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7))
    >>> marked.shape == y.shape, marked.dtype
    (True, dtype('float32'))
    >>> sv.detect(marked, sr=sr).found, sv.detect(y, sr=sr).found
    (True, False)
    """
    check_signal(y)
    protector = Protector(
        sr=sr, notice=notice, strength_db=strength_db, phase_s=phase_s, seal_key=seal_key
    )
    return protector.process(y, last=True)
