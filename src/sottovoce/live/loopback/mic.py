"""`LoopbackMic`: a loopback driver as the microphone, on systems without virtual ones."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sottovoce.core.payload import Notice
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import DeviceError
from sottovoce.live.listening.watcher import SourceWatcher
from sottovoce.live.loopback.devices import (
    choose_loopback,
    choose_microphone,
    find_far_end,
    read_devices,
)
from sottovoce.live.loopback.process import MICROPHONE_FILE, NO_DEVICE
from sottovoce.live.marking.engine import METERS_FILE, make_settings
from sottovoce.live.marking.engine_process import EngineProcess
from sottovoce.live.marking.meters import Meter, create_meters, read_meters
from sottovoce.live.mic_state import MicState

if TYPE_CHECKING:
    from types import TracebackType

    from sottovoce.live.mic_state import MicStatus

__all__ = ["LoopbackMic"]

_logger = logging.getLogger(__name__)
_BLOCK = 512
_DEAD_S = 1.0
_PATIENCE_S = 5.0
_START_S = 15.0
_BACKOFF_S = 1.0
_UNEXPLAINED = "marking failed"
_POLL_S = 0.05


class LoopbackMic:
    """Record a hardware microphone, mark it, and play it into a loopback driver.

    In a call, choose the driver's own microphone: *BlackHole 2ch* on macOS, *CABLE Output* on
    Windows.  One process marks, one records the driver's microphone for this one, which listens.
    While the marking process is down nothing goes out, since there is no other path; the status
    says so, and the process is restarted.

    Parameters
    ----------
    notice, strength_db, seal_key, device, block, into, listen
        As in `sottovoce.live.open_mic`.
    make_default : bool
        Refused here: the driver's microphone cannot be made the default.
    on_demand : bool
        Without effect here: the driver does not report whether a program records.

    Attributes
    ----------
    shown_as : str
        Name of the microphone to choose in a call, empty until it is known.

    See Also
    --------
    sottovoce.live.open_mic : Returns this class on macOS and Windows, a microphone of its own on
        Linux.

    Notes
    -----
    The microphone and the driver have separate clocks.  When these drift apart, PortAudio drops or
    adds a block now and then, which is counted as missed.
    """

    def __init__(
        self,
        *,
        notice: Notice | None = None,
        strength_db: float = STRENGTHS_DB["strong"],
        seal_key: bytes | None = None,
        device: str | None = None,
        block: int | None = None,
        into: str | None = None,
        listen: bool = True,
        make_default: bool = False,
        on_demand: bool = True,
    ) -> None:
        self.shown_as = ""
        self._needs_linux = make_default
        self._notice = notice or Notice()
        self._wanted, self._into, self._listen = device, into, listen
        # A file that another process still has open cannot be removed on Windows.
        self._folder = tempfile.TemporaryDirectory(prefix="sottovoce-", ignore_cleanup_errors=True)
        self._meters = create_meters(Path(self._folder.name) / METERS_FILE)
        self._engine = EngineProcess(
            Path(self._folder.name),
            program="sottovoce.live.loopback.process",
            device=device,
            into=into,
            block=block or _BLOCK,
            **make_settings(self._notice, strength_db=strength_db, seal_key=seal_key),
        )
        self._watcher: SourceWatcher | None = None
        self._exit_code: int | None = None
        self._error = ""
        self._n_unmarked = 0

    def __enter__(self) -> Self:
        """Start marking.

        Returns
        -------
        mic : LoopbackMic
            Itself.

        Raises
        ------
        DeviceError
            If there is no loopback driver, or no microphone of the wanted name.
        MissingExtraError
            If the extra `live` is not installed.
        """
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop marking: nothing goes out any more."""
        self.close()

    def close(self) -> None:
        """Stop everything; can be called twice."""
        if self._watcher is not None and self._watcher.started:
            self._watcher.stop()
        self._engine.kill()
        self._folder.cleanup()

    def poll(self) -> MicState:
        """Restart what has ended, and return the state of the microphone.

        Returns
        -------
        state : MicState
            The current state.  Call this several times a second.
        """
        now = time.monotonic()
        if self._engine.alive and self._hangs(now):
            _logger.warning("the audio process hangs")
            self._engine.kill()
        if not self._engine.alive:
            if self._engine.started:
                self._exit_code, self._error = self._engine.exit_code, self._engine.error
            if now - self._engine.began_s > _BACKOFF_S:
                self._engine.start()
        elif self._marks(now):
            self._exit_code = None
        return self._state(now)

    def wait(self, timeout_s: float) -> None:
        """Wait.

        Parameters
        ----------
        timeout_s : float
            Longest wait, in seconds.
        """
        time.sleep(timeout_s)

    def _begin(self) -> None:
        if self._needs_linux:
            raise DeviceError(
                "the driver's microphone cannot be made the default here",
                remedy="Choose it in the settings of the call or of the system.",
            )
        devices = read_devices()
        loopback = choose_loopback(devices, self._into)
        choose_microphone(devices, self._wanted, loopback=loopback)
        self.shown_as = find_far_end(devices, loopback).name
        deadline = time.monotonic() + _START_S
        while not self._meters[Meter.N_BLOCKS]:
            state = self.poll()
            if time.monotonic() > deadline:
                raise DeviceError(state.error or "the audio process did not start")
            self.wait(_POLL_S)
        if self._listen:
            self._watcher = SourceWatcher(self._record, owner_id=self._notice.owner_id)
            self._watcher.start()

    def _record(self, *, sr: int) -> subprocess.Popen[bytes]:
        """Start recording what a call hears; the process ends when nobody reads it."""
        return subprocess.Popen(  # noqa: S603 - this Python itself
            [sys.executable, "-m", "sottovoce.live.loopback.recorder", self.shown_as, str(sr)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _marks(self, now: float) -> bool:
        """Return whether this audio process has just processed a block."""
        last_s = float(self._meters[Meter.LAST_S])
        return last_s > self._engine.began_s and now - last_s <= _DEAD_S

    def _hangs(self, now: float) -> bool:
        """Return whether the audio process had time to start, and does nothing."""
        return not self._marks(now) and now - self._engine.began_s > _PATIENCE_S

    def _choose_status(self, now: float, *, failing: bool) -> MicStatus:
        if self._marks(now):
            return "unmarked" if failing else "marking"
        if self._exit_code == NO_DEVICE:
            return "no microphone"
        if self._exit_code is None and now - self._engine.began_s <= _PATIENCE_S:
            return "starting"
        return "silent"

    def _state(self, now: float) -> MicState:
        readings = read_meters(self._meters)
        failing = readings["n_unmarked"] > self._n_unmarked
        if failing or self._error == _UNEXPLAINED:
            # The reason is written a moment after the failure is counted.
            self._error = self._engine.error or _UNEXPLAINED
        self._n_unmarked = readings["n_unmarked"]
        status = self._choose_status(now, failing=failing)
        return MicState.from_meters(
            readings,
            status=status,
            microphone="" if status == "no microphone" else self._read_name(),
            n_recorders=None,
            error=self._error,
            watcher=self._watcher,
            now_s=now,
        )

    def _read_name(self) -> str:
        path = Path(self._folder.name) / MICROPHONE_FILE
        return path.read_text(encoding="utf-8") if path.is_file() else ""
