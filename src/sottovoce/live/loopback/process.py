"""The audio process where a loopback driver is the microphone: one stream, and nothing else.

``python -m sottovoce.live.loopback.process FOLDER`` records the hardware microphone, marks it and
plays it into the driver, on the thread that PortAudio runs.  The settings come as one
line of JSON on stdin, and the process ends with it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from sottovoce.errors import DeviceError
from sottovoce.live.loopback.devices import (
    choose_loopback,
    choose_microphone,
    import_sounddevice,
    list_devices,
)
from sottovoce.live.marking.audio_process import keep_error, run_process, stop_collecting
from sottovoce.live.marking.engine import ERROR_FILE, METERS_FILE, Engine
from sottovoce.live.marking.meters import Meter, open_meters

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from sottovoce.live.loopback.devices import AudioDevice
    from sottovoce.live.marking.meters import Meters

__all__ = ["MICROPHONE_FILE", "NO_DEVICE", "LoopbackCallback", "main"]

MICROPHONE_FILE = "microphone"
"""Holds the name of the hardware microphone that is marked now."""

NO_DEVICE = 4
"""Exit code where the microphone or the driver is not there."""

_LOST = 3


class LoopbackCallback:
    """What PortAudio calls with each block.

    Parameters
    ----------
    engine : Engine
        Marks.
    meters : np.ndarray
        Where blocks are counted that went out unmarked because of an error here; the engine
        counts its own.
    """

    def __init__(self, engine: Engine, meters: Meters) -> None:
        self._engine = engine
        self._meters = meters
        self._frame = 0

    def __call__(
        self,
        heard: npt.NDArray[np.float32],
        out: npt.NDArray[np.float32],
        n: int,
        when: Any,  # noqa: ANN401 - a struct of PortAudio's
        status: Any,  # noqa: ANN401 - flags of sounddevice's
    ) -> None:
        """Mark one block, of shape (frames, channels).

        An exception here would end the stream, and the user would fall silent.
        """
        del when
        try:
            if status.input_overflow or status.output_underflow:
                self._meters[Meter.N_MISSED] += 1
            self._engine.process(heard[:, 0], out[:, 0], self._frame)
            # The flags say what was missed; the count of samples is ours, and has no gaps.
            self._frame = (self._frame + n) & 0xFFFFFFFF
        except Exception:  # noqa: BLE001 - whatever it is, the user must stay audible
            out[:, 0] = heard[:, 0]
            self._meters[Meter.N_UNMARKED] += 1
        out[:, 1:] = out[:, :1]


def _open_stream(devices: list[AudioDevice], settings: dict[str, Any], folder: Path) -> Any:  # noqa: ANN401 - sounddevice has no types
    """Return a stream from the microphone into the driver, not yet started."""
    sounddevice = import_sounddevice()
    loopback = choose_loopback(devices, settings["into"])
    microphone = choose_microphone(devices, settings["device"], loopback=loopback)
    meters = open_meters(folder / METERS_FILE)
    engine = Engine.from_settings(settings, meters=meters, sr=loopback.sr)
    keep_error(engine, folder / ERROR_FILE)
    # In shared mode a WASAPI device has one rate and one number of channels; Windows converts.
    wasapi = sounddevice.WasapiSettings(auto_convert=True) if sys.platform == "win32" else None
    stream = sounddevice.Stream(
        device=(microphone.index, loopback.index),
        samplerate=loopback.sr,
        blocksize=settings["block"],
        channels=(1, min(2, loopback.n_out)),
        dtype="float32",
        latency="low",
        extra_settings=wasapi,
        callback=LoopbackCallback(engine, meters),
        # The microphone or the driver has gone: end, and let the watching process restart it.
        finished_callback=lambda: os._exit(_LOST),
    )
    meters[Meter.DELAY] += round(sum(stream.latency) * loopback.sr)
    (folder / MICROPHONE_FILE).write_text(microphone.name, encoding="utf-8")
    return stream


def _run(folder: Path) -> None:
    settings = json.loads(sys.stdin.readline())
    try:
        stream = _open_stream(list_devices(), settings, folder)
    except DeviceError as err:
        (folder / ERROR_FILE).write_text(str(err))
        os._exit(NO_DEVICE)
    stop_collecting()
    stream.start()
    sys.stdin.read()


def main() -> None:
    """Run until stdin ends."""
    run_process(_run)


if __name__ == "__main__":
    main()
