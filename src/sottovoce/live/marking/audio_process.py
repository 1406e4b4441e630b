"""What every audio process does around its engine: report, keep the collector away, and end."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sottovoce.live.marking.engine import ERROR_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.live.marking.engine import Engine

__all__ = ["keep_error", "run_process", "stop_collecting"]

_WRITE_S = 0.5


def keep_error(engine: Engine, path: Path) -> None:
    """Write an engine's error to a file whenever it is another one, from a thread for that.

    Parameters
    ----------
    engine : Engine
        The engine that the audio thread uses meanwhile.
    path : pathlib.Path
        The file; read by `EngineProcess.error`.
    """

    def write() -> None:
        written = ""
        while True:
            if engine.error != written:
                written = engine.error
                path.write_text(written)
            time.sleep(_WRITE_S)

    threading.Thread(target=write, name="errors", daemon=True).start()


def stop_collecting() -> None:
    """Collect garbage for the last time: it would hold up the sound, which leaves no circles."""
    gc.collect()
    gc.freeze()
    gc.disable()


def run_process(run: Callable[[Path], None]) -> NoReturn:
    """Run an audio process to its end, and exit.

    Parameters
    ----------
    run : callable
        Takes the folder on the command line; an error of it is written there, and the exit code
        is 2.
    """
    folder = Path(sys.argv[1])
    try:
        run(folder)
    except Exception as err:  # noqa: BLE001 - reported to the process that watches
        (folder / ERROR_FILE).write_text(str(err))
        os._exit(2)
    # Libraries of sound systems keep threads that would outlive a normal exit.
    os._exit(0)
