"""`GraphMonitor`: the graph of a sound system as it is now, for free while nothing changes."""

from __future__ import annotations

import abc
import codecs
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

from sottovoce.errors import DeviceError
from sottovoce.live.pipewire import server as pipewire_server
from sottovoce.live.programs import make_environment, spawn
from sottovoce.live.pulse import server as pulse_server

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph

__all__ = ["GraphMonitor", "PipeWireMonitor", "PulseMonitor"]

_CHUNK = 65_536
_RETRY_S = 0.5
_ANSWER_S = 5.0


class GraphMonitor(abc.ABC):
    """Follow every change of the graph: a thread waits for a program to print.

    Parameters
    ----------
    *command : str
        The program, which prints something whenever the graph changes.
    """

    def __init__(self, *command: str) -> None:
        self._command = command
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin to follow, and wait for the first answer."""
        self._thread.start()
        self._changed.wait(_ANSWER_S)

    def stop(self) -> None:
        """End following."""
        self._stop.set()
        if self._process is not None:
            self._process.kill()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def wait(self, timeout_s: float) -> None:
        """Return at the next change, or after `timeout_s`; at once if one was not yet taken."""
        self._changed.wait(timeout_s)

    def take(self) -> bool:
        """Return whether there was a change since the last time."""
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    @abc.abstractmethod
    def graph(self) -> Graph:
        """Return the graph as it is now.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never there.
        """

    @abc.abstractmethod
    def _take_in(self, text: str) -> str:
        """Take in what was printed, and return what cannot be read yet."""

    @abc.abstractmethod
    def _lose(self) -> None:
        """Forget everything: the server has ended."""

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except DeviceError:
                return  # the program is not installed, which is told elsewhere
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


class PipeWireMonitor(GraphMonitor):
    """Follow PipeWire.

    Notes
    -----
    ``pw-dump --monitor`` prints the graph, then whatever changes in it.  Asking the server anew
    each time would cost a process, and be a change by itself.
    """

    def __init__(self) -> None:
        super().__init__("pw-dump", "--monitor", "--no-colors")
        self._lock = threading.Lock()
        self._objects: dict[int, dict[str, Any]] = {}

    def graph(self) -> Graph:
        """Return the graph as it is now.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never there.
        """
        with self._lock:
            objects = list(self._objects.values())
        if not objects:
            raise pipewire_server.no_server()
        return pipewire_server.build_graph(objects)

    def _lose(self) -> None:
        with self._lock:
            self._objects.clear()

    def _take_in(self, text: str) -> str:
        objects, rest = pipewire_server.parse_dump(text)
        with self._lock:
            for thing in objects:
                if thing.get("info") is None and "metadata" not in thing:
                    known = self._objects.pop(thing["id"], None) is not None
                else:
                    known = pipewire_server.is_routed(thing)
                    if known:
                        earlier = self._objects.get(thing["id"], {})
                        self._objects[thing["id"]] = pipewire_server.merge_metadata(earlier, thing)
                if known:
                    self._changed.set()
        return rest


class PulseMonitor(GraphMonitor):
    """Follow PulseAudio.

    Notes
    -----
    ``pactl subscribe`` prints that something changed, and the server is asked anew then.  To ask
    is to be a client for a moment, so the coming and going of clients is no change.
    """

    def __init__(self) -> None:
        super().__init__("pactl", "subscribe")
        self._graph: Graph | None = None
        self._stale = threading.Event()
        # Whether changes are told by now.  To ask is a change of clients, so that comes soon.
        self._live = threading.Event()

    def graph(self) -> Graph:
        """Return the graph as it is now.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never there.
        """
        if self._stale.is_set() or not self._live.is_set() or self._graph is None:
            self._stale.clear()
            self._graph = None
            self._graph = pulse_server.read_graph()
        return self._graph

    def start(self) -> None:
        """Begin to follow."""
        self._changed.set()  # nothing is printed until something changes
        super().start()

    def _lose(self) -> None:
        self._live.clear()

    def _take_in(self, text: str) -> str:
        *lines, rest = text.split("\n")
        first = bool(lines) and not self._live.is_set()
        self._live.set()
        if first or any(pulse_server.is_routed(line) for line in lines):
            self._stale.set()
            self._changed.set()
        return rest
