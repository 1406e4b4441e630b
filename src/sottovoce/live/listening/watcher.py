"""`SourceWatcher`: record a microphone or a monitor, and keep reporting the marks in it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import DeviceError, SottovoceError
from sottovoce.live.listening.hearing import CHUNK_S, Ear, Hearing

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


__all__ = ["SourceWatcher"]

_logger = logging.getLogger(__name__)
_SR = 16_000
_RETRY_S = 0.5


class SourceWatcher:
    """Listen to a source in a thread of its own, and look for marks in its last seconds.

    Parameters
    ----------
    record : callable
        ``record(sr=16_000)`` starts a process that writes raw mono float32 to its stdout, such
        as one of a `sottovoce.live.sound_system.SoundSystem`.
    owner_id : int
        The owner whose mark `found_s` refers to.
    window_s : float
        Length of the sound that is searched, in seconds.
    every_s : float
        Seconds between two checks.
    brief : bool
        Whether the newest sound is checked alone if it is enough; see `Ear`.

    Notes
    -----
    If a source goes away, it waits for the source to return.
    """

    def __init__(
        self,
        record: Callable[..., subprocess.Popen[bytes]],
        *,
        owner_id: int = 0,
        window_s: float = 12.0,
        every_s: float = 1.0,
        brief: bool = True,
    ) -> None:
        self._record = record
        self._owner_id = owner_id
        self._ear = Ear(sr=_SR, window_s=window_s, brief=brief)
        self._n_every = round(every_s / CHUNK_S)
        self._hearing: Hearing | None = None
        self._found_s: float | None = None
        # A result belongs to the time between two calls of `forget`, which come from other threads
        # and possibly during a check.
        self._lock = threading.Lock()
        self._n_forgotten = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._awake = threading.Event()
        self._awake.set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and end the process that records."""
        self._stop.set()
        self._awake.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(timeout=5)

    def rest(self, *, asleep: bool) -> None:
        """Stop the process that records, or start it again.

        Parameters
        ----------
        asleep : bool
            Whether to record nothing: a desktop shows that a program is listening.
        """
        if asleep == (not self._awake.is_set()):
            return
        self.forget()
        if asleep:
            self._awake.clear()
            if self._process is not None:
                self._process.kill()
        else:
            self._awake.set()

    def forget(self) -> None:
        """Start over and discard what was heard so far."""
        with self._lock:
            self._hearing = self._found_s = None
            self._n_forgotten += 1

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    @property
    def hearing(self) -> Hearing | None:
        """The last check, or None before the first."""
        return self._hearing

    @property
    def found_s(self) -> float | None:
        """When a mark that may be the owner's was last found, on `time.monotonic`."""
        return self._found_s

    def _run(self) -> None:
        while not self._stop.is_set():
            self._awake.wait()
            if self._stop.is_set():
                return
            try:
                self._process = self._record(sr=_SR)
                self._listen(self._process)
                self._process.kill()
                self._process.wait()
            except DeviceError as err:
                _logger.warning("cannot listen: %s", err)
            self._ear.reset()
            self._stop.wait(_RETRY_S)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read until the recording ends."""
        n_bytes = 4 * round(CHUNK_S * _SR)
        n_new, n_forgotten = 0, self._n_forgotten
        if process.stdout is None:
            raise DeviceError("the recording has no output")
        while self._awake.is_set() and not self._stop.is_set():
            data = process.stdout.read(n_bytes)
            if len(data) < n_bytes:
                return
            if n_forgotten != self._n_forgotten:
                n_new, n_forgotten = 0, self._n_forgotten
                self._ear.reset()
            self._ear.push(np.nan_to_num(np.frombuffer(data, dtype=np.float32)))
            n_new += 1
            if n_new >= self._n_every:
                n_new = 0
                self._look(n_forgotten)

    def _look(self, n_forgotten: int) -> None:
        try:
            hearing = self._ear.look(time.monotonic())
        except SottovoceError:
            _logger.exception("a check failed")
            return
        with self._lock:
            if n_forgotten != self._n_forgotten:
                return
            self._hearing = hearing
            # Silence after a marked word is no new finding: the word is only still in the window.
            if hearing.may_be_of(self._owner_id) and not hearing.missing and hearing.sounds:
                self._found_s = hearing.at_s
