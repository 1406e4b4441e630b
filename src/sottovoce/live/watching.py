"""`SourceWatcher`: record a microphone or a monitor, and keep saying what marks are heard in it."""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.core.listening import detect
from sottovoce.errors import DeviceError, SottovoceError
from sottovoce.live.graph import LISTENER_NAME
from sottovoce.live.systems import find_system
from sottovoce.live.talk import SILENCE_DBFS, Talk

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from sottovoce.core.detection import Detection
    from sottovoce.core.payload import Notice

__all__ = ["Hearing", "SourceWatcher", "listen_to"]

_logger = logging.getLogger(__name__)
_SR = 16_000
_CHUNK_S = 0.1
_RETRY_S = 0.5
_LINK_S = 0.5
_LISTEN_S = 20.0
_MOST_KNOWN = 4
"""Owners that are remembered from look to look; each is compared with voices not yet readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One look at the last seconds of a source.

    Attributes
    ----------
    detection : Detection
        What is marked in these seconds.  Its p-value is that of one look: who looks every two
        seconds at a rate of 1e-6 is wrong once in 23 days of unmarked sound, at most.
    at_s : float
        Time of the look, on `time.monotonic`.
    heard_s : float
        Seconds of this window in which there was sound over -60 dBFS.
    level_dbfs : float
        Root mean square over the last second, in dB relative to full scale.
    latency_s : float or None
        Seconds of sound that it took to find a mark: from the first sound over -60 dBFS, at the
        start or after 2 s of silence, to the look that found one in what came since.  Looks are
        some seconds apart, and so many it is late at most.  Where several people speak, of who
        was found first.  None while nobody is found.
    """

    detection: Detection
    at_s: float
    heard_s: float
    level_dbfs: float
    latency_s: float | None = None

    def may_be_of(self, owner_id: int) -> bool:
        """Return whether a mark is found that is not known to be another owner's.

        Parameters
        ----------
        owner_id : int
            Whose it may be.
        """
        return self.detection.found and any(
            voice.notice is None or voice.notice.owner_id == owner_id
            for voice in self.detection.voices
        )


class SourceWatcher:
    """Listen to a source in a thread of its own, and look for marks in its last seconds.

    Parameters
    ----------
    record : callable
        ``record(sr=16_000)`` starts a process that writes raw mono float32 to its stdout, such
        as one of a `sottovoce.live.systems.SoundSystem`.
    window_s : float
        Length of what is searched, in seconds.
    every_s : float
        Seconds between two looks.

    Notes
    -----
    A look at 12 s takes about 15 ms.  A source that goes away is waited for.
    """

    def __init__(
        self,
        record: Callable[..., subprocess.Popen[bytes]],
        *,
        window_s: float = 12.0,
        every_s: float = 2.0,
    ) -> None:
        self._record = record
        self._window = np.zeros(round(window_s * _SR), dtype=np.float32)
        self._n_filled = 0
        self._talk = Talk(sr=_SR)
        self._every = round(every_s * _SR)
        self._hearing: Hearing | None = None
        self._known: list[Notice] = []
        self._forget = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End listening, and the process that records."""
        self._stop.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(timeout=5)

    def forget(self) -> None:
        """Begin anew: what was heard so far is of another time."""
        self._hearing = None
        self._forget.set()

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    @property
    def hearing(self) -> Hearing | None:
        """The last look, or None before there was one."""
        return self._hearing

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._process = self._record(sr=_SR)
                self._listen(self._process)
                self._process.kill()
                self._process.wait()
            except DeviceError as err:
                _logger.warning("cannot listen: %s", err)
            self._n_filled = 0
            self._talk.reset()
            self._stop.wait(_RETRY_S)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read until the recording ends."""
        n_bytes = 4 * round(_CHUNK_S * _SR)
        n_new = 0
        if process.stdout is None:
            raise DeviceError("the recording has no output")
        while not self._stop.is_set():
            data = process.stdout.read(n_bytes)
            if len(data) < n_bytes:
                return
            self._push(np.nan_to_num(np.frombuffer(data, dtype=np.float32)))
            n_new += n_bytes // 4
            if n_new >= self._every:
                n_new = 0
                self._look()

    def _push(self, block: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        if self._forget.is_set():
            self._forget.clear()
            self._known = []
            self._n_filled = 0
            self._talk.reset()
        n = len(block)
        self._talk.push(block)
        self._window[:-n] = self._window[n:]
        self._window[-n:] = block
        self._n_filled = min(self._n_filled + n, len(self._window))

    def _look(self) -> None:
        sound = self._window[len(self._window) - self._n_filled :].copy()
        seconds = sound[: len(sound) // _SR * _SR].reshape(-1, _SR)
        levels = 10.0 * np.log10(np.mean(seconds**2, axis=1, dtype=np.float64) + 1e-12)
        try:
            # Who was read stays read: as the window moves on, less of what was read may be left.
            detection = detect(sound, sr=_SR, known=self._known)
            read = [voice.notice for voice in detection.voices if voice.notice is not None]
            self._known = list(dict.fromkeys([*read, *self._known]))[:_MOST_KNOWN]
            if detection.found and self._is_found_since_it_began(sound):
                self._talk.mark_found()
        except SottovoceError:
            _logger.exception("a look failed")
            return
        self._hearing = Hearing(
            detection=detection,
            at_s=time.monotonic(),
            heard_s=float((levels > SILENCE_DBFS).sum()),
            level_dbfs=float(levels[-1]) if len(levels) else -120.0,
            latency_s=self._talk.latency_s,
        )

    def _is_found_since_it_began(self, sound: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bool:
        """Whether it is this talk that is marked, and not one before it in the same window."""
        n = self._talk.n_samples
        if self._talk.latency_s is not None or n >= len(sound):
            return True
        return n > _SR and detect(sound[-n:], sr=_SR).found


def listen_to(device: str | None = None, *, every_s: float = 2.0) -> Iterator[Hearing]:
    """Listen to a microphone, or to what the loudspeakers play, and yield every look.

    Parameters
    ----------
    device : str or None
        A microphone or loudspeaker, by its name or a part of the name that people are shown;
        None takes the loudspeakers that programs are given: the other people in a call.
    every_s : float
        Seconds between two looks, each at the last 20 s.

    Returns
    -------
    hearings : iterator of Hearing
        Without end.

    Raises
    ------
    DeviceError
        If there is no sound system, or no such device.
    """
    name = f"{LISTENER_NAME}-{os.getpid()}"
    system = find_system()
    graph = system.read_graph()
    node = graph.find_device(device)
    if node is None:
        names = "; ".join(node.description for node in graph.devices()) or "none"
        raise DeviceError(f"there is no device {device!r}", remedy=f"There is: {names}.")
    watcher = SourceWatcher(
        functools.partial(system.record, name=name, source=node.name),
        window_s=_LISTEN_S,
        every_s=every_s,
    )
    watcher.start()
    last = None
    try:
        while True:
            graph = system.read_graph()
            node, ears = graph.find_device(device), graph.find(name)
            if node is not None and ears is not None:
                system.lead(graph, node, ears)
            hearing = watcher.hearing
            if hearing is not None and hearing is not last:
                last = hearing
                yield hearing
            time.sleep(_LINK_S)
    finally:
        watcher.stop()
