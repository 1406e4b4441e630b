"""Record a microphone through PortAudio, to check the sound that goes out.

``python -m sottovoce.live.loopback.recorder NAME SR`` writes raw mono float32 at `SR` Hz to stdout,
and ends when nobody reads it any more or no sound arrives.
"""

from __future__ import annotations

import os
import queue
import sys
from typing import TYPE_CHECKING, Any

import soxr

from sottovoce.live.loopback.devices import find_preferred, import_sounddevice, list_devices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["main"]

_STALLED_S = 3.0


def _record(name: str, sr: float) -> None:
    """Write what the device `name` records, until no more sound arrives."""
    sounddevice = import_sounddevice()
    device = next(d for d in find_preferred(list_devices()) if d.n_in and d.name == name)
    blocks: queue.SimpleQueue[npt.NDArray[np.float32]] = queue.SimpleQueue()

    def keep(heard: npt.NDArray[np.float32], *_others: Any) -> None:  # noqa: ANN401 - PortAudio's
        blocks.put(heard[:, 0].copy())

    wasapi = sounddevice.WasapiSettings(auto_convert=True) if sys.platform == "win32" else None
    resampler = soxr.ResampleStream(device.sr, sr, 1, dtype="float32")
    with sounddevice.InputStream(
        device=device.index,
        samplerate=device.sr,
        channels=1,
        dtype="float32",
        extra_settings=wasapi,
        callback=keep,
    ):
        while True:
            # An unplugged device may simply stop calling.
            block = blocks.get(timeout=_STALLED_S)
            sys.stdout.buffer.write(resampler.resample_chunk(block).tobytes())
            sys.stdout.buffer.flush()


def main() -> None:
    """Run until nobody reads."""
    try:
        _record(sys.argv[1], float(sys.argv[2]))
    except Exception:  # noqa: BLE001 - the process ends, and its reader restarts it
        # PortAudio keeps threads that would outlive a normal exit.
        os._exit(1)


if __name__ == "__main__":
    main()
