"""The audio process of the virtual microphone: one JACK client, and nothing else.

``python -m sottovoce.live.marking.engine FOLDER`` marks what comes into its port `in` and gives it out at
its port `out`, on the real-time thread that the JACK library of PipeWire runs.  Python can keep up
there as long as no other Python thread wants the interpreter, so this process does nothing but
wait: who links the ports and who watches is `sottovoce.live.node_mic`, in a process of its own.

The settings come as one line of JSON on stdin, so that no secret stands in a list of processes;
when stdin ends, so does the process.
"""

from __future__ import annotations

import ctypes.util
import gc
import glob
import importlib
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.core.payload import Notice
from sottovoce.errors import DeviceError, MissingExtraError
from sottovoce.live.marking.block_marker import BlockMarker
from sottovoce.live.marking.meters import Meter, open_meters

if TYPE_CHECKING:
    import numpy.typing as npt

    from sottovoce.live.marking.meters import Meters

__all__ = ["Engine", "check_jack", "find_jack_library", "main"]

METERS_FILE = "meters"
ERROR_FILE = "error"
_SMOOTHING_S = 0.3
_LIBRARIES = (
    "/usr/lib/*/pipewire-0.3/jack/libjack.so.0",
    "/usr/lib*/pipewire-0.3/jack/libjack.so.0",
)


def find_jack_library() -> str | None:
    """Return the path of PipeWire's own JACK library, or None where it is not installed."""
    found = sorted(path for pattern in _LIBRARIES for path in glob.glob(pattern))  # noqa: PTH207 - a pattern in the middle of the path
    return found[0] if found else None


def check_jack() -> str:
    """Return the path of PipeWire's JACK library.

    Raises
    ------
    DeviceError
        If the library is not installed.
    MissingExtraError
        If its Python binding is not.
    """
    path = find_jack_library()
    if path is None:
        raise DeviceError(
            "PipeWire's JACK library is missing", remedy="sudo apt install pipewire-jack"
        )
    if importlib.util.find_spec("jack") is None:
        raise MissingExtraError("JACK-Client", extra="live", purpose="make a microphone")
    return path


def _import_jack() -> Any:  # noqa: ANN401 - JACK-Client has no types
    """Import the module `jack` over PipeWire's library, which lies off the loader's path."""
    path = check_jack()
    find_any = ctypes.util.find_library
    ctypes.util.find_library = lambda name: path if name == "jack" else find_any(name)
    try:
        return importlib.import_module("jack")
    finally:
        ctypes.util.find_library = find_any


class Engine:
    """What the audio thread does with each block.

    Parameters
    ----------
    meters : np.ndarray
        Written after each block; see `sottovoce.live.marking.meters`.
    error_path : pathlib.Path
        Where the reason is written when marking begins to fail.
    sr : float, 8,000 to 192,000
        Sampling rate, in Hz.
    notice : Notice
        Who refuses what.
    strength_db : float in (0, 3]
        Root-mean-square gain of a band, in dB of amplitude.

    Attributes
    ----------
    gain : float
        Factor before anything else: one over the number of channels that were added up.
    """

    def __init__(
        self,
        *,
        meters: Meters,
        error_path: Path,
        sr: float,
        notice: Notice,
        strength_db: float,
    ) -> None:
        self._meters = meters
        self._error_path = error_path
        self._notice = notice
        self._strength_db = strength_db
        self._next_frame: int | None = None
        self._began_s = 0.0
        self.gain = 1.0
        self.set_rate(sr)

    def set_rate(self, sr: float) -> None:
        """Begin anew at another sampling rate, in Hz."""
        self._marker = BlockMarker(sr=sr, notice=self._notice, strength_db=self._strength_db)
        self._meters[Meter.SR], self._meters[Meter.DELAY] = sr, self._marker.delay

    def process(
        self, heard: npt.NDArray[np.float32], out: npt.NDArray[np.float32], frame: int
    ) -> None:
        """Mark one block and count it.

        Parameters
        ----------
        heard, out : np.ndarray, shape=(n,), dtype=float32
            The block that came, and where the marked one goes.
        frame : int
            The server's count of samples at the start of the block.
        """
        began_s, busy_s = time.perf_counter(), time.thread_time()
        meters, n = self._meters, len(heard)
        try:
            sound = heard * np.float32(self.gain)
            out[:] = self._marker.process(sound)
            if self._marker.n_unmarked != meters[Meter.N_UNMARKED]:
                meters[Meter.N_UNMARKED] = self._marker.n_unmarked
                self._error_path.write_text(self._marker.last_error)
            share = min(n / (_SMOOTHING_S * meters[Meter.SR]), 1.0)
            meters[Meter.MEAN_SQUARE] += share * (sound @ sound / n - meters[Meter.MEAN_SQUARE])
        except Exception as err:  # noqa: BLE001 - the person must stay audible
            out[:] = heard
            meters[Meter.N_UNMARKED] += 1
            self._error_path.write_text(repr(err))
        if frame != self._next_frame and self._next_frame is not None:
            # The count wraps around at 32 bits, and jumps when the graph gets another driver:
            # no more was missed than there was time for.
            skipped = (frame - self._next_frame) & 0xFFFFFFFF
            time_for = (began_s - self._began_s) * meters[Meter.SR] - meters[Meter.BLOCK]
            meters[Meter.N_MISSED] += round(min(skipped, max(time_for, 0.0)) / n)
        self._next_frame, self._began_s = (frame + n) & 0xFFFFFFFF, began_s
        if not meters[Meter.N_BLOCKS]:
            meters[Meter.REALTIME] = _is_realtime()
        meters[Meter.BLOCK] = n
        meters[Meter.N_BLOCKS] += 1
        meters[Meter.BUSY_S] += time.thread_time() - busy_s
        meters[Meter.LONGEST_S] = max(meters[Meter.LONGEST_S], time.perf_counter() - began_s)
        meters[Meter.LAST_S] = time.monotonic()


def _is_realtime() -> bool:
    """Whether the calling thread goes before all others."""
    if sys.platform != "linux":
        # The audio thread of CoreAudio and of WASAPI does by itself, and there is no way to ask.
        return True
    # PipeWire adds a flag to the policy, which is none of its kind.
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    return policy in (os.SCHED_FIFO, os.SCHED_RR)


def _run(folder: Path) -> None:
    settings = json.loads(sys.stdin.readline())
    os.environ["PIPEWIRE_LATENCY"] = f"{settings['block']}/48000"
    # Called only while it is linked: a microphone that nobody uses takes no power.
    os.environ["PIPEWIRE_PROPS"] = "{ node.always-process = false }"
    jack = _import_jack()
    client = jack.Client(settings["client"], no_start_server=True)
    inlet, outlet = client.inports.register("in"), client.outports.register("out")
    engine = Engine(
        meters=open_meters(folder / METERS_FILE),
        error_path=folder / ERROR_FILE,
        sr=float(client.samplerate),
        notice=Notice(**settings["notice"]),
        strength_db=settings["strength_db"],
    )
    client.set_samplerate_callback(engine.set_rate)
    # The audio server ended: end too, and let whoever watches begin anew.
    client.set_shutdown_callback(lambda _status, _reason: os._exit(3))

    def process(_n: int) -> None:
        engine.process(inlet.get_array(), outlet.get_array(), client.last_frame_time)

    client.set_process_callback(process)
    # A garbage collection would hold up the audio; nothing here makes garbage in circles.
    gc.collect()
    gc.freeze()
    gc.disable()
    with client:
        for line in sys.stdin:
            engine.gain = float(line)


def main() -> None:
    """Run until stdin ends."""
    try:
        _run(Path(sys.argv[1]))
    except Exception as err:  # noqa: BLE001 - told to the process that watches
        (Path(sys.argv[1]) / ERROR_FILE).write_text(str(err))
        # The JACK library keeps threads that would outlive a normal exit.
        os._exit(2)
    os._exit(0)


if __name__ == "__main__":
    main()
