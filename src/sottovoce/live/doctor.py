"""What the virtual microphone needs of a computer, and how to mend what is missing."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import DeviceError, SottovoceError
from sottovoce.live.engine import check_jack
from sottovoce.live.routing import NODE_NAME, read_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sottovoce.live.routing import Graph

__all__ = ["Check", "examine"]

_PROGRAMS = {
    "pw-cli": "pipewire-bin",
    "pw-dump": "pipewire-bin",
    "pw-link": "pipewire-bin",
    "pw-metadata": "pipewire-bin",
    "pw-record": "pipewire-bin",
    "setpriv": "util-linux",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        In plain words.
    ok : bool
        Whether it is as it should be.
    grave : bool
        Whether the microphone cannot work without it.
    remedy : str
        The command that mends it, or what to do; empty where all is well.
    """

    what: str
    ok: bool
    grave: bool = True
    remedy: str = ""


def examine() -> Iterator[Check]:
    """Look at one thing after the other; what cannot be looked at any more is left out.

    Returns
    -------
    checks : iterator of Check
        In the order in which they should be mended.
    """
    linux = sys.platform == "linux"
    yield Check(
        what="this is Linux",
        ok=linux,
        remedy="" if linux else "The microphone for calls needs Linux with PipeWire for now.",
    )
    if not linux:
        return
    missing = sorted({package for name, package in _PROGRAMS.items() if not shutil.which(name)})
    yield Check(
        what="PipeWire's programs are installed",
        ok=not missing,
        remedy=f"sudo apt install {' '.join(missing)}" if missing else "",
    )
    yield _check_jack()
    if missing:
        return
    try:
        graph = read_graph()
    except DeviceError as err:
        yield Check(what="PipeWire is running", ok=False, remedy=err.remedy)
        return
    yield Check(what="PipeWire is running", ok=True)
    yield from _check_graph(graph)


def _check_jack() -> Check:
    what = "the library of the real-time audio thread is installed"
    try:
        check_jack()
    except SottovoceError as err:
        return Check(what=what, ok=False, remedy=err.remedy)
    return Check(what=what, ok=True)


def _check_graph(graph: Graph) -> Iterator[Check]:
    microphones = [node for node in graph.microphones() if node.media_class != "Audio/Sink"]
    names = ", ".join(node.description for node in microphones)
    yield Check(
        what=f"there is a microphone{f': {names}' if names else ''}",
        ok=bool(microphones),
        remedy="" if microphones else "Plug one in, or switch it on in the sound settings.",
    )
    # Without a session manager nothing is linked, and all is silent.
    manager = bool(graph.default_sink or graph.default_source)
    yield Check(
        what="WirePlumber manages the devices",
        ok=manager,
        remedy="" if manager else "systemctl --user restart wireplumber",
    )
    running = graph.find(NODE_NAME) is not None
    yield Check(
        what="the microphone Sottovoce is there",
        ok=running,
        grave=False,
        remedy="" if running else "sottovoce mic",
    )
