"""`EngineProcess`: start, tell and end a process that marks, such as JACK's on PipeWire."""

from __future__ import annotations

import json
import logging
import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from sottovoce.live.marking.engine import ERROR_FILE
from sottovoce.live.programs import spawn

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EngineProcess"]

_logger = logging.getLogger(__name__)


class EngineProcess:
    """The audio process, which may die and be restarted.

    Parameters
    ----------
    folder : pathlib.Path
        Where its meters lie, and where it writes what went wrong.
    program : str
        The module that it runs, such as `sottovoce.live.pipewire.jack_process`.
    **settings : Any
        Settings that it gets when it starts.

    Attributes
    ----------
    began_s : float
        When it was last started, on `time.monotonic`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        program: str,
        **settings: Any,  # noqa: ANN401 - whatever JSON holds
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._program = program
        self._sent = ""
        self.began_s = -math.inf

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._process is not None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs or before it was started."""
        return None if self._process is None else self._process.poll()

    @property
    def error(self) -> str:
        """What it says went wrong, or its exit code, or nothing."""
        path = self._folder / ERROR_FILE
        if path.is_file():
            return path.read_text()
        if self._process is not None and self._process.returncode is not None:
            return f"the audio process ended with code {self._process.returncode}"
        return ""

    def start(self) -> None:
        """Start it."""
        self.began_s = time.monotonic()
        self._sent = ""
        (self._folder / ERROR_FILE).unlink(missing_ok=True)
        self._process = spawn(
            *(sys.executable, "-m", self._program, str(self._folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._write(json.dumps(self._settings))

    def tell(self, line: str) -> None:
        """Send it a line with new settings, unless that was the last line sent."""
        if line != self._sent:
            self._write(line)
            self._sent = line

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _write(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            _logger.warning("the audio process does not listen")
