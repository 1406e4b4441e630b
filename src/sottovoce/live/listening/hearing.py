"""`Ear`: keep the last seconds of a source, and detect the marks in them.

The user must learn soon that the mark has stopped, and get no false warning for being quiet.  So
the newest sound is judged by itself: the shortest end of the window that holds `LATEST_S` of sound
in the bands of the mark.  A pause makes that end longer, and a long pause leaves none to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.core.detector import detect
from sottovoce.core.wire_format import FORMAT_1
from sottovoce.live.listening.speech_onset import SILENCE_DBFS, SpeechOnset

if TYPE_CHECKING:
    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Detection, Voice

__all__ = ["CHUNK_S", "LATEST_S", "Ear", "Hearing"]

CHUNK_S = 0.1
LATEST_S = 4.0
"""Seconds of sound that are judged by themselves: in these, every one of 16 speakers was found, at
every named strength; `benchmarks/calls/mic_status.py` measures what that means for the status."""
_MISSING_LOG10_P = -2.0
"""A mark counts as missing only while the p-value is above 0.01."""
_N_MISSED = 2
"""Consecutive checks: if a busy computer loses sound, one check falls into the gap."""
_N_HUM_BANDS = 6
_LEAST_DBFS = -66.0
"""A tenth of a second counts as sound from this power outside its six loudest bands: mains hum and
its overtones leave nothing there, and a humming fan must not cause a warning."""
_WHOLE_EVERY_S = 10.0
_SAME_OFFSET_S = 0.05
_MOST_KNOWN = 4
"""Owners remembered from check to check; each is compared with voices not yet decoded."""

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One check of the last seconds of a source.

    Attributes
    ----------
    detection : Detection
        The marks in these seconds.  Its p-value is that of one check: at a rate of 1e-6, a check
        every two seconds raises at most one false alarm in 23 days of unmarked sound.
    at_s : float
        Time of the check, on `time.monotonic`.
    heard_s : float
        Seconds of this window with sound over -60 dBFS.
    level_dbfs : float
        Root mean square over the last second, in dB relative to full scale.
    latency_s : float or None
        Seconds of sound that it took to find a mark: from the first sound over -60 dBFS, at the
        start or after 2 s of silence, to the check that found one in the sound since then.  It is
        late by at most the interval between two checks.  If several people speak, that of the
        one found first.  None while nobody is found.
    sounds : bool
        Whether there was sound in the bands of the mark since the previous check.
    missing : bool
        Whether, in two consecutive checks, the newest sound was enough to tell and contained no
        mark, whatever was found in older sound.
    """

    detection: Detection
    at_s: float
    heard_s: float
    level_dbfs: float
    latency_s: float | None = None
    sounds: bool = True
    missing: bool = False

    def may_be_of(self, owner_id: int) -> bool:
        """Return whether a mark is found that is not known to be another owner's.

        Parameters
        ----------
        owner_id : int
            The owner whose mark it may be.

        Returns
        -------
        may_be : bool
            Also true of a mark whose owner cannot be read.
        """
        return self.detection.found and any(
            voice.notice is None or voice.notice.owner_id == owner_id
            for voice in self.detection.voices
        )


class Ear:
    """Collect sound, and check its last seconds on request.

    Parameters
    ----------
    sr : int
        Sampling rate, in Hz.
    window_s : float
        Length of the sound that is kept, in seconds.
    brief : bool
        Whether the newest sound is checked alone if it is enough, and the whole window, which is
        20 times as much work, every 10 s, to decode whose mark it is.

    Notes
    -----
    A check of the newest sound takes about 10 ms, of 12 s about 200 ms, of silence nothing.
    """

    def __init__(self, *, sr: int, window_s: float, brief: bool) -> None:
        self._sr, self._brief = sr, brief
        self._chunk = round(CHUNK_S * sr)
        n_chunks = round(window_s / CHUNK_S)
        self._window = np.zeros(n_chunks * self._chunk, dtype=np.float32)
        self._sounds = np.zeros(n_chunks, dtype=bool)
        edges_hz = np.geomspace(FORMAT_1.low_hz, FORMAT_1.high_hz, FORMAT_1.n_bands + 1)
        self._edges = np.round(edges_hz * self._chunk / sr).astype(int)
        self._taper = np.hanning(self._chunk)
        self._onset = SpeechOnset(sr=sr)
        self._n_heard = 0  # samples since the start
        self._nothing: Detection | None = None
        self.reset()

    def reset(self) -> None:
        """Start over and discard what was heard so far."""
        self._n_filled = self._n_new = self._n_missed = 0
        self._hearing: Hearing | None = None
        self._sounds[:] = False
        self._onset.reset()
        self._read: tuple[tuple[float, Voice], ...] = ()
        self._known: list[Notice] = []
        self._n_whole = -self._sr * round(_WHOLE_EVERY_S)

    def push(self, block: Audio) -> None:
        """Append a tenth of a second.

        Parameters
        ----------
        block : np.ndarray, shape=(n,), dtype=float32
            Audio, `CHUNK_S` long.
        """
        n = len(block)
        self._onset.push(block)
        self._window[:-n] = self._window[n:]
        self._window[-n:] = block
        self._sounds[:-1] = self._sounds[1:]
        self._sounds[-1] = self._carries(block)
        self._n_filled = min(self._n_filled + n, len(self._window))
        self._n_heard += n
        self._n_new += 1

    def look(self, at_s: float) -> Hearing:
        """Check the sound that is kept.

        Parameters
        ----------
        at_s : float
            Time stamp of the check.

        Returns
        -------
        hearing : Hearing
            The result.
        """
        sound = self._window[len(self._window) - self._n_filled :].copy()
        seconds = sound[: len(sound) // self._sr * self._sr].reshape(-1, self._sr)
        levels = 10.0 * np.log10(np.mean(seconds**2, axis=1, dtype=np.float64) + 1e-12)
        sounds = self._n_new > 0 and bool(self._sounds[-self._n_new :].any())
        if self._brief and self._hearing is not None and not sounds:
            # A pause adds nothing, so no work is done; it may leave too little sound to judge.
            kept = self._sounds.any()
            detection = self._hearing.detection if kept else self._detect_nothing()
            missing = self._hearing.missing and self._measure_latest() is not None
        else:
            detection, missed = self._detect(sound)
            self._n_missed = self._n_missed + 1 if missed else 0
            missing = self._n_missed >= _N_MISSED
        self._n_new = 0
        if detection.found and self._is_found_since_it_began(sound):
            self._onset.mark_found()
        self._hearing = Hearing(
            detection=detection,
            at_s=at_s,
            heard_s=float((levels > SILENCE_DBFS).sum()),
            level_dbfs=float(levels[-1]) if len(levels) else -120.0,
            latency_s=self._onset.latency_s,
            sounds=sounds,
            missing=missing,
        )
        return self._hearing

    def _detect(self, sound: Audio) -> tuple[Detection, bool]:
        """Return the marks, and whether the newest sound is enough to tell and has none."""
        if not self._brief:
            return self._detect_marks(sound), False
        if not self._sounds.any():
            return self._detect_nothing(), False
        n_latest = self._measure_latest()
        if n_latest is not None:
            latest = self._detect_marks(sound[-n_latest:])
            missing = latest.log10_p > _MISSING_LOG10_P
            if missing or (latest.found and not self._is_whole_due()):
                return self._name_voices(latest, n_latest), missing
        return self._detect_whole(sound), False

    def _detect_whole(self, sound: Audio) -> Detection:
        """Return the marks in the window, without its silent beginning."""
        n_quiet = len(self._sounds) - int(np.argmax(self._sounds))
        sound = sound[-n_quiet * self._chunk :]
        self._n_whole = self._n_heard
        whole = self._detect_marks(sound)
        begin_s = (self._n_heard - len(sound)) / self._sr
        self._read = tuple(
            (begin_s + voice.offset_s, voice) for voice in whole.voices if voice.notice is not None
        )
        return whole

    def _detect_marks(self, sound: Audio) -> Detection:
        """Return the marks; owners once decoded stay known even without their sound."""
        detection = detect(sound, sr=self._sr, known=self._known)
        read = [voice.notice for voice in detection.voices if voice.notice is not None]
        self._known = list(dict.fromkeys([*read, *self._known]))[:_MOST_KNOWN]
        return detection

    def _carries(self, block: Audio) -> bool:
        """Return whether such sound could carry a mark: a hum, with its few bands, could not."""
        S = np.abs(np.fft.rfft(block * self._taper)) ** 2  # noqa: N806 - a spectrum
        powers = np.sort(np.add.reduceat(S, self._edges)[:-1])[:-_N_HUM_BANDS]
        # 2/n**2 for both halves of the spectrum; 8/3 is what the taper takes.
        power = 16.0 / 3.0 * float(powers.sum()) / len(block) ** 2
        return bool(10.0 * np.log10(power + 1e-12) > _LEAST_DBFS)

    def _measure_latest(self) -> int | None:
        """Return how many samples hold the newest sound, None if there is too little."""
        counts = np.cumsum(self._sounds[::-1])
        wanted = round(LATEST_S / CHUNK_S)
        return int(np.argmax(counts >= wanted) + 1) * self._chunk if counts[-1] >= wanted else None

    def _is_whole_due(self) -> bool:
        return self._n_heard - self._n_whole >= self._sr * _WHOLE_EVERY_S

    def _name_voices(self, latest: Detection, n_latest: int) -> Detection:
        """Name the owners that the last whole check decoded at the same offsets."""
        begin_s = (self._n_heard - n_latest) / self._sr
        return replace(
            latest, voices=tuple(self._name_voice(voice, begin_s) for voice in latest.voices)
        )

    def _name_voice(self, voice: Voice, begin_s: float) -> Voice:
        period_s = FORMAT_1.period_s
        for offset_s, read in self._read:
            apart_s = (begin_s + voice.offset_s - offset_s + period_s / 2) % period_s - period_s / 2
            if voice.notice is None and abs(apart_s) < _SAME_OFFSET_S:
                return replace(voice, notice=read.notice, matched=read.matched)
        return voice

    def _detect_nothing(self) -> Detection:
        """Return the result for silence, which is always the same."""
        if self._nothing is None:
            self._nothing = detect(np.zeros(self._sr, dtype=np.float32), sr=self._sr)
        return self._nothing

    def _is_found_since_it_began(self, sound: Audio) -> bool:
        """Return whether this talk is marked, not just an earlier one in the same window."""
        n = self._onset.n_samples
        if self._onset.latency_s is not None or n >= len(sound):
            return True
        return n > self._sr and detect(sound[-n:], sr=self._sr).found
