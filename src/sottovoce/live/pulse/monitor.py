"""`PulseMonitor`: PulseAudio's graph as it is now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sottovoce.live.monitor import GraphMonitor
from sottovoce.live.pulse import server as pulse_server

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph

__all__ = ["PulseMonitor"]


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
