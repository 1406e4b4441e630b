"""`PipeWireMic`: the microphone *Sottovoce* as a node of PipeWire, by links between ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sottovoce.live.node_mic import MicSession
from sottovoce.live.pipewire import server as pipewire_server
from sottovoce.live.pipewire.jack_process import check_jack
from sottovoce.live.pipewire.monitor import PipeWireMonitor

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph, Node
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["PipeWireMic"]


class PipeWireMic(MicSession):
    """The microphone on PipeWire; see `MicSession` for its parameters.

    The server uses blocks of a power of two, the smallest that any program requests.

    See Also
    --------
    sottovoce.live.open_mic : Chooses the available sound system.
    """

    _system: ClassVar[SoundSystem] = pipewire_server
    _engine_program = "sottovoce.live.pipewire.jack_process"
    _usual_block = 512
    _least_block = 1

    def _make_monitor(self) -> PipeWireMonitor:
        return PipeWireMonitor()

    def _check(self) -> None:
        check_jack()

    def _can_begin(self, graph: Graph) -> bool:
        """Return whether the microphone and the audio process both have their ports."""
        nodes = (graph.find(self._name), graph.find(self._client_name))
        return all(node is not None and graph.ports_of(node, "in") for node in nodes)

    def _link(self, graph: Graph, own: Node) -> None:
        """Link the microphone to the engine, or directly to our node while the engine is down."""
        engine = graph.find(self._client_name)
        sources = graph.ports_of(self._microphone, "out") if self._microphone else []
        sink = graph.ports_of(own, "in")
        wanted: set[tuple[int, int]] = set()
        if engine is not None and self._engine.alive:
            wanted |= {(s, i) for s in sources for i in graph.ports_of(engine, "in")}
            wanted |= {(o, i) for o in graph.ports_of(engine, "out") for i in sink}
            # Channels linked to one port are summed.
            self._engine.tell(str(1.0 / max(len(sources), 1)))
        else:
            wanted |= {(s, i) for s in sources for i in sink}
        listener = graph.find(f"{self._name}-listener")
        ears = graph.ports_of(listener, "in") if listener else []
        wanted |= {(o, i) for o in graph.ports_of(own, "out") for i in ears}
        if self._asleep:
            wanted.clear()
        inputs = {*sink, *ears, *(graph.ports_of(engine, "in") if engine else ())}
        for link in wanted - graph.links:
            pipewire_server.connect(*link)
        for out, into in graph.links - wanted:
            if into in inputs:
                pipewire_server.disconnect(out, into)
