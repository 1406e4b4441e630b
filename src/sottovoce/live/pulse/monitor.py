"""`PulseMonitor`: PulseAudio's current graph."""

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
    ``pactl subscribe`` prints that something changed; then the server is queried again.  A query is
    itself a client for a moment, so the coming and going of clients does not count as a change.
    """

    def __init__(self) -> None:
        super().__init__("pactl", "subscribe")
        self._graph: Graph | None = None
        self._stale = threading.Event()
        # Whether changes are reported yet.  A query is a change of clients, so this comes soon.
        self._live = threading.Event()

    def graph(self) -> Graph:
        """Return the current graph.

        Raises
        ------
        DeviceError
            If the audio server has ended, or was never running.
        """
        if self._stale.is_set() or not self._live.is_set() or self._graph is None:
            self._stale.clear()
            self._graph = None
            self._graph = pulse_server.read_graph()
        return self._graph

    def start(self) -> None:
        """Start following."""
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
