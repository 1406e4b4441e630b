"""`Graph`: the microphones, loudspeakers and programs of a sound system, and their links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LISTENER_NAME", "NODE_NAME", "Graph", "Node", "Port", "is_called"]

NODE_NAME = "sottovoce"
LISTENER_NAME = "sottovoce-listener"
_SOURCE_CLASSES = ("Audio/Source", "Audio/Source/Virtual", "Audio/Duplex")
_RECORDING = "Stream/Input/Audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One channel of a node, input or output.

    Attributes
    ----------
    id : int
        Number in the graph.
    node : int
        Number of its node.
    direction : {'in', 'out'}
        Direction of the sound.
    """

    id: int
    node: int
    direction: Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A device or a program that sound goes through.

    Attributes
    ----------
    id : int
        Number in the graph.
    name : str
        Permanent name, such as `alsa_input.pci-0000_00_1f.3.analog-stereo`.
    description : str
        Name shown to users.
    media_class : str
        Kind, such as `Audio/Source` or `Stream/Input/Audio`.
    program : str
        Name of the program that it belongs to, empty for a device.
    link_group : str
        Identifier shared by the nodes of one filter, empty for others.
    muted : bool
        Whether it outputs silence, because the user muted it or turned its volume to zero.
    """

    id: int
    name: str
    description: str
    media_class: str
    program: str = ""
    link_group: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """State of the audio server at one moment.

    Attributes
    ----------
    nodes : tuple of Node
        Devices and programs.
    ports : tuple of Port
        Their channels.
    links : frozenset of (int, int)
        Pairs of an output port and an input port.
    default_source : str
        Name of the default microphone, empty if there is none.
    default_sink : str
        Name of the default loudspeaker, empty if there is none.
    """

    nodes: tuple[Node, ...]
    ports: tuple[Port, ...]
    links: frozenset[tuple[int, int]]
    default_source: str
    default_sink: str

    def find(self, name: str) -> Node | None:
        """Return the node with a name."""
        return next((node for node in self.nodes if node.name == name), None)

    def ports_of(self, node: Node, direction: str) -> list[int]:
        """Return the numbers of a node's inputs or outputs."""
        return [p.id for p in self.ports if p.node == node.id and p.direction == direction]

    def microphones(self) -> list[Node]:
        """Return every source of sound except our own."""
        return [node for node in self.sources() if not node.name.startswith(NODE_NAME)]

    def sources(self) -> list[Node]:
        """Return every source of sound."""
        return [node for node in self.nodes if node.media_class in _SOURCE_CLASSES]

    def devices(self) -> list[Node]:
        """Return every microphone, including ours, and every loudspeaker."""
        kinds = (*_SOURCE_CLASSES, "Audio/Sink")
        return [node for node in self.nodes if node.media_class in kinds]

    def find_device(self, wanted: str | None) -> Node | None:
        """Return the device with a name or part of its shown name; None: default loudspeaker."""
        if wanted is None:
            return self.find(self.default_sink)
        return next((node for node in self.devices() if is_called(node, wanted)), None)

    def recorders_of(self, node: Node) -> list[Node]:
        """Return the nodes that record from a node, except our own."""
        outputs = set(self.ports_of(node, "out"))
        inputs = {into for out, into in self.links if out in outputs}
        ids = {port.node for port in self.ports if port.id in inputs}
        return [n for n in self.nodes if n.id in ids and not n.name.startswith(NODE_NAME)]

    def programs_on_microphones(self) -> tuple[str, ...]:
        """Return the programs that record from a microphone other than ours.

        Noise suppressors record too, but pass what they hear on to a microphone of their own: the
        graph calls such pairs a link group, and they are left out.
        """
        streams = {
            stream
            for microphone in self.microphones()
            for stream in self.recorders_of(microphone)
            if stream.media_class == _RECORDING and not stream.link_group
        }
        return tuple(sorted({stream.program or stream.description for stream in streams}))


def is_called(node: Node, wanted: str) -> bool:
    """Return whether a user who asks for `wanted` means this node."""
    words = wanted.lower()
    return words in (node.name.lower(), str(node.id)) or words in node.description.lower()
