"""`PipeWireMonitor`: PipeWire's current graph."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from sottovoce.live.monitor import GraphMonitor
from sottovoce.live.pipewire import server as pipewire_server

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph

__all__ = ["PipeWireMonitor"]


class PipeWireMonitor(GraphMonitor):
    """Follow PipeWire.

    Notes
    -----
    ``pw-dump --monitor`` prints the graph, then every change to it.  Querying the server each time
    would cost a process, and be a change by itself.
    """

    def __init__(self) -> None:
        super().__init__("pw-dump", "--monitor", "--no-colors")
        self._lock = threading.Lock()
        self._objects: dict[int, dict[str, Any]] = {}

    def graph(self) -> Graph:
        """Return the current graph.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never running.
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
