"""The audio process on PulseAudio: from the microphone, marked, into our own, block by block.

``python -m sottovoce.live.pulse.process FOLDER`` reads its settings as one line of JSON from stdin,
and then, line by line, the name of the source that it shall hear; an empty line lets it rest.

The protocol of PulseAudio never drains what has piled up, so every buffer has a bound: a program
that is late for once does not make the voice late for ever.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import DeviceError, MissingExtraError
from sottovoce.live.marking.audio_process import keep_error, run_process, stop_collecting
from sottovoce.live.marking.engine import ERROR_FILE, METERS_FILE, Engine
from sottovoce.live.marking.meters import Meter, Meters, open_meters
from sottovoce.live.pulse.server import feed_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_pasimple", "main"]

_SR = 48_000
_BYTES = 4
_N_QUEUED = 3
_N_MOST = 4
_RETRY_S = 0.3
_LOOK_S = 0.5
_N_TRIES = 2
_N_WAITING = 2
"""Blocks that may wait in front of the engine, what the device holds itself included."""
_PRIORITY = 10


def check_pasimple() -> Any:  # noqa: ANN401 - pasimple has no types
    """Return the module `pasimple`, whose library can be loaded.

    Raises
    ------
    DeviceError
        If PulseAudio's library is not installed.
    MissingExtraError
        If its Python binding is not.
    """
    if importlib.util.find_spec("pasimple") is None:
        raise MissingExtraError("pasimple", extra="live", purpose="make a microphone")
    pasimple = importlib.import_module("pasimple")
    try:
        importlib.import_module("pasimple.pa_simple").get_libpulse_simple()
    except pasimple.PaSimpleError as err:
        raise DeviceError(
            "PulseAudio's library is missing", remedy="sudo apt install libpulse0"
        ) from err
    return pasimple


class _Orders:
    """What to hear, as the lines on stdin say; the end of stdin ends the process."""

    def __init__(self) -> None:
        self.source = ""
        self._came = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self) -> str:
        """Return the source as soon as there is one."""
        while not self.source:
            self._came.wait()
            self._came.clear()
        return self.source

    def _read(self) -> None:
        for line in sys.stdin:
            self.source = line.strip()
            self._came.set()
        os._exit(0)


class _Bridge:
    """Two streams, and the engine between them."""

    def __init__(self, settings: dict[str, Any], engine: Engine, meters: Meters) -> None:
        self._client = settings["client"]
        self._sink = feed_of(settings["name"])
        self._n = settings["block"]
        self._engine, self._meters = engine, meters
        self._marking_delay = float(meters[Meter.DELAY])
        self._n_blocks = 0

    def carry(self, pasimple: Any, source: str, orders: _Orders) -> None:  # noqa: ANN401 - no types
        """Carry blocks until something else is wanted, or a stream ends."""
        n_bytes = self._n * _BYTES
        form = (pasimple.PA_SAMPLE_FLOAT32LE, 1, _SR, self._client)
        out = np.empty(self._n, dtype=np.float32)
        with (
            pasimple.PaSimple(
                pasimple.PA_STREAM_PLAYBACK,
                *form,
                device_name=self._sink,
                tlength=_N_QUEUED * n_bytes,
                maxlength=_N_MOST * n_bytes,
                minreq=n_bytes,
            ) as mouth,
            pasimple.PaSimple(
                pasimple.PA_STREAM_RECORD,
                *form,
                device_name=source,
                fragsize=n_bytes,
                maxlength=_N_MOST * n_bytes,
            ) as ears,
        ):
            backlog = _Backlog(self._n / _SR)
            while orders.source == source:
                heard = np.frombuffer(ears.read(n_bytes), dtype=np.float32)
                self._engine.process(heard, out, self._n_blocks * self._n)
                mouth.write(out.tobytes())
                self._n_blocks += 1
                n_late = backlog.look(1e-6 * ears.get_latency(), 1e-6 * mouth.get_latency())
                if n_late:
                    ears.read(n_late * n_bytes)
                self._meters[Meter.N_MISSED] += backlog.take_missed()
                self._meters[Meter.DELAY] = self._marking_delay + backlog.delay_s * _SR


class _Backlog:
    """How much sound waits in front of the engine, and how much of it is too much.

    The two devices keep different time, and what piles up never drains by itself.  What waits
    comes and goes by a block, so the least within half a second is what waits for ever.

    Parameters
    ----------
    block_s : float
        Length of a block, in seconds.

    Attributes
    ----------
    delay_s : float
        The least that waited in front and behind, in seconds, in the last half second that is over.
    """

    def __init__(self, block_s: float) -> None:
        self._block_s = block_s
        self._most_s = _N_WAITING * block_s
        # More looks than the first ones, which do not count.
        self._every = max(round(_LOOK_S / block_s), 2 * _N_MOST)
        self._n = 0
        self._lowest_s = self._lowest_sum_s = math.inf
        self._last_s = math.inf
        self._hoped_s = math.inf
        self._n_in_vain = 0
        self._n_missed = 0
        self.delay_s = 0.0

    def look(self, waiting_s: float, behind_s: float) -> int:
        """Take in what waits after a block, in front of the engine and behind it.

        Returns how many blocks there are to leave out.
        """
        now_s = time.monotonic()
        self._n += 1
        settled = self._n > self._every
        if settled:
            # The queue bridges a gap between two blocks as long as it is itself.
            gap = (now_s - self._last_s) / self._block_s
            self._n_missed += int(max(gap - _N_QUEUED, 0.0))
        self._last_s = now_s
        if self._n > _N_MOST:  # before, the streams do not know yet
            self._lowest_s = min(self._lowest_s, waiting_s)
            self._lowest_sum_s = min(self._lowest_sum_s, waiting_s + behind_s)
        if self._n % self._every:
            return 0
        least_s, self.delay_s = self._lowest_s, self._lowest_sum_s
        self._lowest_s = self._lowest_sum_s = math.inf
        self._n_in_vain = self._n_in_vain + 1 if least_s > self._hoped_s else 0
        usual_s = _N_WAITING * self._block_s
        if self._n_in_vain == _N_TRIES:
            # Blocks were left out and it is no less: the device itself holds it, as Bluetooth does.
            self._most_s = least_s + self._block_s
        self._most_s = max(min(self._most_s, least_s + self._block_s), usual_s)
        n_late = math.ceil(max(least_s - self._most_s, 0.0) / self._block_s)
        self._hoped_s = least_s - n_late * self._block_s / 2 if n_late else math.inf
        # What piled up while the streams were opened is not missed: nobody was heard before.
        self._n_missed += n_late if settled else 0
        return n_late

    def take_missed(self) -> int:
        """Return how many blocks were lost since the last time."""
        n_missed, self._n_missed = self._n_missed, 0
        return n_missed


def _run(folder: Path) -> None:
    settings = json.loads(sys.stdin.readline())
    pasimple = check_pasimple()
    meters = open_meters(folder / METERS_FILE)
    engine = Engine.from_settings(settings, meters=meters, sr=float(_SR))
    keep_error(engine, folder / ERROR_FILE)
    orders = _Orders()
    _go_first()
    stop_collecting()
    bridge = _Bridge(settings, engine, meters)
    while True:
        source = orders.wait()
        try:
            bridge.carry(pasimple, source, orders)
        except pasimple.PaSimpleError as err:
            # A device or the server has gone; who watches says which, and what to hear next.
            (folder / ERROR_FILE).write_text(str(err))
            time.sleep(_RETRY_S)


def _go_first() -> None:
    """Take the priority that sound has, where this person may."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except PermissionError:
        return


def main() -> None:
    """Run until stdin ends."""
    run_process(_run)


if __name__ == "__main__":
    main()
