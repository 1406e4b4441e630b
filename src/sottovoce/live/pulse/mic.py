"""`PulseMic`: the microphone *Sottovoce* as two modules of PulseAudio."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, ClassVar

from sottovoce.live.marking.meters import Meter
from sottovoce.live.node_mic import MicSession
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.guard import has_owner
from sottovoce.live.pulse.monitor import PulseMonitor
from sottovoce.live.pulse.process import check_pasimple

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph, Node
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["PulseMic"]

_OPENING_S = 0.3
"""Seconds that the engine may take to open its streams."""
_BEGIN_S = 3.0


class PulseMic(MicSession):
    """The microphone on PulseAudio; see `MicSession` for its parameters.

    Behind the microphone is a null loudspeaker, since PulseAudio has no other way to create one.
    Sound played there would go out with the voice, so it never stays the default, and programs
    that use it are moved away.  Blocks are at least 10 ms long, since the server cannot keep up
    with less.

    See Also
    --------
    sottovoce.live.open_mic : Chooses the available sound system.
    """

    _system: ClassVar[SoundSystem] = pulse_server
    _engine_program = "sottovoce.live.pulse.process"
    _usual_block = 960
    _least_block = 480

    _bypassed = ""
    _usual_sink = ""
    _heard_s = -math.inf

    def _make_monitor(self) -> PulseMonitor:
        return PulseMonitor()

    def _check(self) -> None:
        check_pasimple()

    def _is_taken(self, graph: Graph) -> bool:
        """Return whether another process has created it and is still running."""
        return graph.find(self._name) is not None and has_owner(self._name)

    def _can_begin(self, graph: Graph) -> bool:
        """Return whether the microphone exists, and the audio process hears the right source."""
        rests = self._asleep or self._microphone is None
        ready = self._meters[Meter.SR if rests else Meter.N_BLOCKS] > 0
        return graph.find(self._name) is not None and bool(ready)

    def _renew_node(self) -> None:
        super()._renew_node()
        self._bypassed = ""

    def _link(self, graph: Graph, own: Node) -> None:
        microphone = None if self._asleep else self._microphone
        self._engine.tell(microphone.name if microphone is not None else "")
        feed = graph.find(pulse_server.feed_of(self._name))
        listener = graph.find(f"{self._name}-listener")
        streams = [node for node in graph.nodes if node.name == self._client_name]
        ears = [node for node in streams if graph.ports_of(node, "in")]
        # A server that lost a device moves its streams to another one: the listener would judge
        # another sound, and the engine would hear itself or play the voice to the room.
        wanted: list[tuple[Node | None, Node | None]] = [(own, listener)]
        wanted += [(microphone, node) for node in ears]
        wanted += [(node, feed) for node in streams if node not in ears]
        for source, into in wanted:
            if source is not None and into is not None:
                pulse_server.lead(graph, source, into)
        self._lead_past(microphone, heard=bool(ears) and self._engine.alive)
        if feed is not None:
            self._keep_out(graph, feed)

    def _lead_past(self, microphone: Node | None, *, heard: bool) -> None:
        """Route the microphone past the engine while the engine does not hear it."""
        now = time.monotonic()
        if heard or microphone is None:
            self._heard_s = now
        # Waking up takes a moment, and so does the first start, when no program records yet.
        began_s = self._engine.began_s
        opens = self._heard_s >= began_s and now - self._heard_s < _OPENING_S
        begins = not self._meters[Meter.N_BLOCKS] and now - began_s < _BEGIN_S
        waits = self._engine.alive and (opens or begins)
        source = "" if heard or microphone is None else microphone.name
        if source == self._bypassed or (waits and not self._bypassed):
            return
        if self._bypassed:
            pulse_server.end_bypass(name=self._name)
        if source:
            pulse_server.start_bypass(source, name=self._name)
        self._bypassed = source

    def _keep_out(self, graph: Graph, feed: Node) -> None:
        """Make sure that no program plays into the microphone."""
        nowhere = pulse_server.nowhere_of(self._name)
        sinks = [node for node in graph.nodes if node.media_class == "Audio/Sink"]
        others = [node for node in sinks if node.name not in (feed.name, nowhere)]
        if graph.default_sink not in (feed.name, nowhere):
            self._usual_sink = graph.default_sink
        elif others:
            usual = [node for node in others if node.name == self._usual_sink]
            pulse_server.set_default_sink((usual or others)[0].name)
        elif graph.find(nowhere) is None:
            pulse_server.start_nowhere(name=self._name)
        else:
            pulse_server.set_default_sink(nowhere)
        better = (others or [node for node in sinks if node.name == nowhere])[:1]
        into_feed = {out for out, into in graph.links if into in graph.ports_of(feed, "in")}
        for stream in graph.nodes:
            foreign = stream.name != self._client_name and not stream.link_group
            if better and foreign and into_feed & set(graph.ports_of(stream, "out")):
                self._system.lead(graph, stream, better[0])
