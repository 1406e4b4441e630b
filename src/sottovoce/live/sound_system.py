"""`SoundSystem`: the common interface of the sound systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sottovoce.live.graph import Graph, Node

__all__ = ["SoundSystem"]


class SoundSystem(Protocol):
    """The common interface of the two modules called `server`, PipeWire's and PulseAudio's."""

    KIND: str

    def read_graph(self) -> Graph:
        """Return the current graph."""

    def create_node(self, name: str, description: str) -> subprocess.Popen[bytes]:
        """Create a virtual microphone, which lives as long as the returned process."""

    def end_node(self, owner: subprocess.Popen[bytes]) -> None:
        """Remove a virtual microphone."""

    def lead(self, graph: Graph, source: Node, into: Node) -> None:
        """Route one node to another."""

    def find_default_source(self, graph: Graph) -> str:
        """Return the default microphone."""

    def set_default_source(self, name: str) -> None:
        """Set the default microphone."""

    def set_mute(self, node: Node) -> None:
        """Mute a microphone."""

    def play(self, path: Path, *, name: str, into: str) -> subprocess.Popen[bytes]:
        """Play a file into a virtual microphone."""

    def record(self, *, sr: int, name: str, source: str) -> subprocess.Popen[bytes]:
        """Record a device as raw mono float32."""
