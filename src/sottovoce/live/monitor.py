"""`GraphMonitor`: the current graph of a sound system, at no cost while nothing changes."""

from __future__ import annotations

import abc
import codecs
import os
import subprocess
import threading
from typing import TYPE_CHECKING

from sottovoce.errors import DeviceError
from sottovoce.live.programs import make_environment, spawn

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph

__all__ = ["GraphMonitor"]

_CHUNK = 65_536
_RETRY_S = 0.5
_ANSWER_S = 5.0


class GraphMonitor(abc.ABC):
    """Follow every change of the graph: a thread waits for a program to print.

    Parameters
    ----------
    *command : str
        The program and its arguments; it prints something whenever the graph changes.
    """

    def __init__(self, *command: str) -> None:
        self._command = command
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Start following, and wait for the first answer."""
        self._thread.start()
        self._changed.wait(_ANSWER_S)

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._process is not None:
            self._process.kill()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def wait(self, timeout_s: float) -> None:
        """Return at the next change or after `timeout_s`; at once if a change is pending."""
        self._changed.wait(timeout_s)

    def take(self) -> bool:
        """Return whether there was a change since the last call."""
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    @abc.abstractmethod
    def graph(self) -> Graph:
        """Return the current graph.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never running.
        """

    @abc.abstractmethod
    def _take_in(self, text: str) -> str:
        """Parse the printed text, and return the incomplete rest."""

    @abc.abstractmethod
    def _lose(self) -> None:
        """Forget everything: the server has ended."""

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except DeviceError:
                return  # the program is not installed, which is reported elsewhere
            self._lose()
            self._changed.set()
            self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        """Read until the server ends."""
        self._process = spawn(
            *self._command,
            env=make_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        decoder, text = codecs.getincrementaldecoder("utf-8")("replace"), ""
        if self._process.stdout is not None:
            while not self._stop.is_set():
                data = os.read(self._process.stdout.fileno(), _CHUNK)
                if not data:
                    break
                text = self._take_in(text + decoder.decode(data))
            self._process.stdout.close()
        self._process.kill()
        self._process.wait()
