"""`Detector`: search a stream of audio and report, at any moment, what has been found.

The audio is cut into chunks of one superframe (10.24 s).  Windows of two chunks that overlap
by half, and longer ones for weak marks, are folded and searched at every offset.  Only where
the plain grid shows something (under 1 % of unmarked windows) is the fine grid computed.
Every offset of both grids is counted as a hypothesis, computed or not.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sottovoce.core.arguments import check_max_fpr
from sottovoce.core.evidence import (
    FOUND_FPR,
    best_of_families,
    log10_p_value,
    pool_dependent,
    threshold,
)
from sottovoce.core.framing import check_signal, check_sr
from sottovoce.core.results import Detection, Voice, merge_pieces, unite_segments
from sottovoce.core.seal import check_seal_keys, choose_key
from sottovoce.core.stretch import MOST_STRETCH, Stretch, find_stretches, n_stretches
from sottovoce.core.tracking import HALF_FRAMES_PER_PERIOD, VoiceTrack
from sottovoce.core.windows import WindowSearch, count_hypotheses, price_hypotheses
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.payload import Notice
    from sottovoce.core.seal import SealKeys

__all__ = ["Detector", "detect"]

_MOST_STRETCHES = 4
_STRETCH_WINDOW_S = 2.05 * FORMAT_1.superframe_s
_STRETCH_GATE = 5.0
"""Score from which a stretch is examined closely; a detection needs about 7."""


class Detector:
    """Find marks in a stream of audio, in blocks of any size.

    Parameters
    ----------
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    max_fpr : float in [1e-300, 1)
        Allowed probability of a false alarm, for the whole audio.
    thorough : bool
        Whether to also search for marks whose speed, tempo or pitch was changed by up to 12.5 %.
    seal_key : bytes, mapping of int to bytes, or None
        The owner's secret; voices with a decoded payload are tested for its seal.  Of several
        owners, by their owner ids: each voice is tested for the one that its payload names.
    known : sequence of Notice
        Notices to look for: decoded earlier in the same stream, or of owners who are asked for.
        A voice without a decoded payload is tested for them, which takes a few seconds less
        sound, and says so in `Voice.matched`.
    keep_cells : bool
        Whether voices without a decoded payload keep what is needed to test them later, 2.5 kB
        each, in `Voice.cells`.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    See Also
    --------
    sottovoce.detect : The same over one array.

    Notes
    -----
    Memory is bounded: about half a minute of audio.  Every call of `detection` before the end
    is a separate check and is paid for in the p-values after it.  A p-value holds for a check
    that was planned in advance; stopping as soon as one is low enough amounts to many checks,
    see `docs/evidence.md`.

    Examples
    --------
    >>> import numpy as np
    >>> detector = Detector(sr=16_000)
    >>> detector.process(np.zeros(16_000, dtype=np.float32), last=True)
    >>> detector.detection().verdict
    'not found'
    """

    latency_s = FORMAT_1.superframe_s

    def __init__(
        self,
        *,
        sr: float,
        max_fpr: float = FOUND_FPR,
        thorough: bool = False,
        seal_key: SealKeys = None,
        known: Sequence[Notice] = (),
        keep_cells: bool = False,
    ) -> None:
        self._sr = check_sr(sr)
        self._max_fpr = check_max_fpr(max_fpr)
        check_seal_keys(seal_key)
        self._thorough = thorough
        self._seal_key = seal_key
        self._known = tuple(known)
        self._keep_cells = keep_cells
        self.reset()

    def reset(self) -> None:
        """Forget all audio."""
        self._n_channels: int | None = None
        self._ended = False
        self._n_samples = 0
        self._n_peeked_hypotheses = 0
        self._n_looks = 0
        sealed = self._seal_key is not None
        main = WindowSearch(self._sr, Stretch(), max_fpr=self._max_fpr, sealed=sealed, short=True)
        self._searches = [main]

    def process(self, block: npt.NDArray[np.floating[Any]], last: bool = False) -> None:  # noqa: FBT001, FBT002 - a twin of every stream API
        """Search one block.

        Parameters
        ----------
        block : np.ndarray, shape=(n,) or (channels, n), dtype=float32 or float64
            Audio; n may be 0 and may change from call to call.
        last : bool
            Whether the audio ends with this block.

        Raises
        ------
        ParameterError
            If `block` is not valid audio, its number of channels changes, or the audio has ended.
        """
        check_signal(block, min_samples=0)
        if self._ended:
            raise ParameterError("the audio has ended; call reset() to start another")
        self._listen(np.atleast_2d(block), last=last)

    def _listen(self, sound: npt.NDArray[np.floating[Any]], *, last: bool) -> None:
        if self._n_channels not in (None, len(sound)):
            raise ParameterError(f"block has {len(sound)} channels, the stream {self._n_channels}")
        self._n_channels = len(sound)
        self._n_samples += sound.shape[1]
        step = int(self._sr * FORMAT_1.superframe_s)
        for begin in range(0, max(sound.shape[1], 1), step):
            part = sound[:, begin : begin + step]
            for search in self._searches:
                search.push(part)
            self._advance(ended=False)
        if last:
            self._ended = True
            self._advance(ended=True)

    def detection(self) -> Detection:
        """Return the verdict as if the audio ended here.

        Returns
        -------
        detection : Detection
            With the p-values of everything searched so far, including earlier checks.
        """
        if self._ended or self._n_channels is None:
            return self._conclude()
        look = copy.deepcopy(self)
        look._ended = True
        before = look._count_hypotheses()
        look._advance(ended=True)
        self._n_peeked_hypotheses += look._count_hypotheses() - before
        self._n_looks += 1
        return look._conclude()

    def _advance(self, *, ended: bool) -> None:
        main = self._searches[0]
        if ended:
            main.finish()
        while main.has_next(ended=ended):
            window = main.advance(ended=ended)
            last = ended and not main.has_next(ended=True)
            # Windows overlap by half, so every other one is enough to see all audio.
            if self._thorough and window and (last or main.n_windows % 2 == 1):
                self._look_for_stretches(main)
            main.forget()
        for search in self._searches[1:]:
            if ended:
                search.finish()
            while search.has_next(ended=ended):
                search.advance(ended=ended)
                search.forget()

    def _look_for_stretches(self, main: WindowSearch) -> None:
        n_most = round(_STRETCH_WINDOW_S * self._sr)
        audio = main.front_end.kept_audio()[:, -n_most:]
        for stretch in find_stretches(audio, sr=self._sr, least=_STRETCH_GATE):
            # A mark found without stretching also shows up one step away.
            searched = self._searches if main.tracks else self._searches[1:]
            known = any(search.stretch.is_near(stretch) for search in searched)
            if known or len(self._searches) > _MOST_STRETCHES:
                continue
            sealed = self._seal_key is not None
            search = WindowSearch(self._sr, stretch, max_fpr=self._max_fpr, sealed=sealed)
            search.start_s = (main.front_end.n_samples - audio.shape[1]) / self._sr
            search.push(audio)
            self._searches.append(search)

    def _count_hypotheses(self) -> int:
        main = self._searches[0]
        return main.n_hypotheses + main.n_short_hypotheses

    def _count_stretched_hypotheses(self) -> int:
        """Count every hypothesis that could have been tried, whatever the audio.

        A stretch may be followed from any window on, so each counts once per window.
        """
        n_frames = self._searches[0].front_end.n_frames
        n_windows, _, _ = count_hypotheses(n_frames)
        _, n_each, _ = count_hypotheses(int(np.ceil(n_frames * (1 + MOST_STRETCH))))
        return n_stretches(n_frames) * n_windows * n_each

    def _evidence(self) -> list[tuple[WindowSearch, bool, float]]:
        """Return the families of hypotheses: search, whether short windows, hypotheses paid for.

        The plain grid has all of the allowed false alarms, or half if stretches are searched.
        """
        main = self._searches[0]
        n_peeked = self._n_peeked_hypotheses
        share = 0.5 if self._thorough else 1.0
        n_short = main.n_short_hypotheses + n_peeked if main.n_short_hypotheses else 0
        paid, short_paid = price_hypotheses(main.n_hypotheses + n_peeked, n_short, share=share)
        families = [(main, False, paid)]
        if n_short:
            families.append((main, True, short_paid))
        if self._thorough:
            n_stretched = self._count_stretched_hypotheses() * (1 + self._n_looks) / (1 - share)
            families += [(search, False, n_stretched) for search in self._searches[1:]]
        return families

    def _conclude(self) -> Detection:
        duration_s = self._n_samples / self._sr
        paths: dict[int, VoiceTrack] = {}
        for search in self._searches:
            paths |= search.join_tracks(self._known, n_looks=self._n_looks + 1)
        families: list[tuple[float, float]] = []
        voices: dict[int, Voice] = {}
        for search, short, n_hypotheses in self._evidence():
            best_score = search.best_short_score if short else search.best_score
            families.append((best_score, n_hypotheses))
            least = threshold(self._max_fpr, n_hypotheses=n_hypotheses)
            for track in search.tracks:
                score = track.short_score if short else track.score
                if score < least:
                    continue
                path = paths.get(id(track))
                voice = self._describe(track, path, search, score, n_hypotheses, duration_s)
                if id(track) not in voices or voice.log10_p < voices[id(track)].log10_p:
                    voices[id(track)] = voice
        order = sorted(voices, key=lambda number: voices[number].log10_p)
        pieces = [id(paths[number]) if number in paths else None for number in order]
        found = merge_pieces([voices[number] for number in order], pieces)
        log10_p, score, n_paid = best_of_families(families)
        return Detection(
            found=bool(found),
            log10_p=log10_p,
            score=score,
            n_hypotheses=int(np.ceil(n_paid)),
            # Overlapping windows depend on each other: their mean is still an e-value.
            log10_e=pool_dependent(self._searches[0].log10_e or [0.0]),
            voices=tuple(found),
            duration_s=duration_s,
            n_more_voices=sum(search.roster.n_dropped for search in self._searches),
        )

    def _describe(
        self,
        track: VoiceTrack,
        path: VoiceTrack | None,
        search: WindowSearch,
        score: float,
        n_hypotheses: float,
        duration_s: float,
    ) -> Voice:
        scale = 0.5 * FORMAT_1.frame_s / search.stretch.speed
        # Frame g sits on the cell that begins one frame (two half frames) earlier.
        period_s = HALF_FRAMES_PER_PERIOD * scale
        offset_s = ((track.first_offset - 2) * scale + search.start_s) % period_s
        speed = search.stretch.speed

        def to_file(time_s: float) -> float:
            return min(time_s / speed + search.start_s, duration_s)

        whole = track if path is None else path
        # Of a voice that slips, the whole path has the data; its pieces may have been matched.
        read = track if track.reading is not None else whole
        length_s = duration_s * speed
        united = unite_segments(
            [*track.segments_s(duration_s=length_s), *whole.segments_s(duration_s=length_s)]
        )
        segments = tuple((to_file(a), to_file(b)) for a, b in united)
        key = choose_key(self._seal_key, read.notice)
        seal = None if key is None else track.test_seal(key)
        if seal is not None:
            seal = dataclasses.replace(
                seal,
                offset_s=offset_s,
                segments_s=segments,
                speed=speed,
                pitch=search.stretch.pitch,
            )
        return Voice(
            log10_p=float(log10_p_value(score, n_hypotheses=n_hypotheses)),
            score=score,
            offset_s=offset_s,
            speed=speed,
            pitch=search.stretch.pitch,
            segments_s=segments,
            notice=read.notice,
            evidence=tuple((to_file(t), z) for t, z in whole.evidence()),
            seal=seal,
            matched=read.matched,
            cells=read.cells if self._keep_cells else None,
        )


def detect(
    y: npt.NDArray[np.floating[Any]],
    *,
    sr: float,
    max_fpr: float = FOUND_FPR,
    thorough: bool = False,
    seal_key: SealKeys = None,
    known: Sequence[Notice] = (),
    keep_cells: bool = False,
) -> Detection:
    """Detect marks in audio, with a p-value.

    Parameters
    ----------
    y : np.ndarray, shape=(n,) or (channels, n), dtype=float32 or float64
        Audio, time last.  The energies of channels are summed.
    sr : float, 8,000 to 192,000
        Sampling rate of `y`, in Hz.  Nothing is resampled.
    max_fpr : float in [1e-300, 1)
        Allowed probability of a false alarm.
    thorough : bool
        Whether to also search for changed speed, tempo and pitch.
    seal_key : bytes, mapping of int to bytes, or None
        The owner's secret, to test the seal; of several owners, by their owner ids.
    known : sequence of Notice
        Notices to look for, as in `Detector`.
    keep_cells : bool
        Whether to keep what is needed to look for notices later, as in `Detector`.

    Returns
    -------
    detection : Detection
        The result.  Finding no mark is a result, not an error.

    Raises
    ------
    ParameterError
        If `y` is not valid audio, or another argument is out of range.

    See Also
    --------
    sottovoce.detect_batch : Many clips of equal length at once.

    Examples
    --------
    >>> import numpy as np
    >>> import sottovoce as sv
    >>> y = np.random.default_rng(0).standard_normal(160_000).astype(np.float32) * 0.1
    >>> marked = sv.protect(y, sr=16_000, notice=sv.Notice(owner_id=7))
    >>> sv.detect(marked, sr=16_000).voices[0].log10_p < -6
    True
    """
    check_signal(y)
    detector = Detector(
        sr=sr,
        max_fpr=max_fpr,
        thorough=thorough,
        seal_key=seal_key,
        known=known,
        keep_cells=keep_cells,
    )
    detector._listen(np.atleast_2d(y), last=True)
    return detector.detection()
