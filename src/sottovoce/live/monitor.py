"""`GraphMonitor`: the PipeWire graph as it is now, for free while nothing changes."""

from __future__ import annotations

import codecs
import os
import subprocess
import threading
from typing import Any

from sottovoce.errors import DeviceError
from sottovoce.live import routing

__all__ = ["GraphMonitor"]

_CHUNK = 65_536
_RETRY_S = 0.5
_ANSWER_S = 5.0


class GraphMonitor:
    """Follow every change of the graph.

    Notes
    -----
    ``pw-dump --monitor`` prints the graph, then whatever changes in it; a thread waits for it to
    print.  Asking the server anew each time would cost a process, and be a change by itself.
    """

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._objects: dict[int, dict[str, Any]] = {}
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

    def graph(self) -> routing.Graph:
        """Return the graph as it is now.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never there.
        """
        with self._lock:
            objects = list(self._objects.values())
        if not objects:
            raise DeviceError(
                "there is no PipeWire audio server",
                remedy="systemctl --user start pipewire wireplumber pipewire-pulse",
            )
        return routing.build_graph(objects)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except DeviceError:
                return  # the program is not installed, which is told elsewhere
            with self._lock:
                self._objects.clear()
            self._changed.set()
            self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        """Read until the server ends."""
        self._process = routing.spawn(
            *("pw-dump", "--monitor", "--no-colors"),
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
                objects, text = routing.parse_dump(text + decoder.decode(data))
                self._take_in(objects)
            self._process.stdout.close()
        self._process.kill()
        self._process.wait()

    def _take_in(self, objects: list[dict[str, Any]]) -> None:
        with self._lock:
            for thing in objects:
                if thing.get("info") is None and "metadata" not in thing:
                    known = self._objects.pop(thing["id"], None) is not None
                else:
                    known = routing.is_routed(thing)
                    if known:
                        self._objects[thing["id"]] = thing
                if known:
                    self._changed.set()
