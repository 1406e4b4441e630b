"""The audio process of the virtual microphone: one JACK client, and nothing else.

``python -m sottovoce.live.pipewire.jack_process FOLDER`` marks what comes into its port `in` and
gives it out at its port `out`, on the real-time thread that the JACK library of PipeWire runs.
Python can keep up there as long as no other Python thread wants the interpreter, so this process
does nothing but wait: who links the ports and who watches is `sottovoce.live.node_mic`, in a
process of its own.

The settings come as one line of JSON on stdin, so that no secret stands in a list of processes;
when stdin ends, so does the process.
"""

from __future__ import annotations

import ctypes.util
import glob
import importlib
import importlib.util
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from sottovoce.errors import DeviceError, MissingExtraError
from sottovoce.live.marking.audio_process import keep_error, run_process, stop_collecting
from sottovoce.live.marking.engine import ERROR_FILE, METERS_FILE, Engine
from sottovoce.live.marking.meters import open_meters

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_jack", "find_jack_library", "main"]

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


def _run(folder: Path) -> None:
    settings = json.loads(sys.stdin.readline())
    os.environ["PIPEWIRE_LATENCY"] = f"{settings['block']}/48000"
    # Called only while it is linked: a microphone that nobody uses takes no power.
    os.environ["PIPEWIRE_PROPS"] = "{ node.always-process = false }"
    jack = _import_jack()
    client = jack.Client(settings["client"], no_start_server=True)
    inlet, outlet = client.inports.register("in"), client.outports.register("out")
    engine = Engine.from_settings(
        settings, meters=open_meters(folder / METERS_FILE), sr=float(client.samplerate)
    )
    keep_error(engine, folder / ERROR_FILE)
    client.set_samplerate_callback(engine.set_rate)
    # The audio server ended: end too, and let the watching process restart it.
    client.set_shutdown_callback(lambda _status, _reason: os._exit(3))

    def process(_n: int) -> None:
        engine.process(inlet.get_array(), outlet.get_array(), client.last_frame_time)

    client.set_process_callback(process)
    stop_collecting()
    with client:
        for line in sys.stdin:
            engine.gain = float(line)


def main() -> None:
    """Run until stdin ends."""
    run_process(_run)


if __name__ == "__main__":
    main()
