"""`SoundSystem`: what is asked of a sound system, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sottovoce.live.graph import Graph, Node

__all__ = ["SoundSystem"]


class SoundSystem(Protocol):
    """What the two modules called `server` have in common, PipeWire's and PulseAudio's."""

    KIND: str

    def read_graph(self) -> Graph:
        """Ask what there is."""

    def create_node(self, name: str, description: str) -> subprocess.Popen[bytes]:
        """Make a virtual microphone, which goes when the process that is returned ends."""

    def end_node(self, owner: subprocess.Popen[bytes]) -> None:
        """Take it away."""

    def lead(self, graph: Graph, source: Node, into: Node) -> None:
        """Have one node hear another."""

    def find_default_source(self, graph: Graph) -> str:
        """Return the microphone that programs are given."""

    def set_default_source(self, name: str) -> None:
        """Choose the microphone that programs are given."""

    def set_mute(self, node: Node) -> None:
        """Mute a microphone."""

    def play(self, path: Path, *, name: str, into: str) -> subprocess.Popen[bytes]:
        """Play a file into a virtual microphone."""

    def record(self, *, sr: int, name: str, source: str) -> subprocess.Popen[bytes]:
        """Record a device as raw mono float32."""
