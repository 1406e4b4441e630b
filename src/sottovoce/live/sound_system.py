"""Which sound system serves this computer's programs, and what is asked of any of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from sottovoce.errors import DeviceError
from sottovoce.live.pipewire import server as pipewire_server
from sottovoce.live.pulse import server as pulse_server

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sottovoce.live.graph import Graph, Node

__all__ = ["SoundSystem", "find_system"]


class SoundSystem(Protocol):
    """What the modules `sottovoce.live.pipewire.server` and `sottovoce.live.pulse.server` have in common."""

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


def find_system() -> SoundSystem:
    """Return the sound system that programs for calls reach.

    They know PulseAudio's socket alone, so whoever answers there is asked first: on many computers
    PipeWire runs beside PulseAudio for pictures only.

    Returns
    -------
    system : SoundSystem
        The module that speaks to it.

    Raises
    ------
    DeviceError
        If there is none.
    """
    if sys.platform != "linux":
        raise DeviceError(
            f"there is no virtual microphone for {sys.platform} yet", remedy="It takes Linux."
        )
    if pulse_server.is_running():
        return pulse_server
    try:
        pipewire_server.read_graph()
    except DeviceError as err:
        raise DeviceError(
            f"there is neither PipeWire nor PulseAudio: {err}",
            remedy="`sottovoce mic doctor` says what is missing.",
        ) from err
    return pipewire_server
