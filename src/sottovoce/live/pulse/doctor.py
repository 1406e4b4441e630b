"""What the microphone needs on a computer with PulseAudio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.live.checks import Check, check_graph, check_library, check_programs
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.process import check_pasimple

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["examine_pulse"]

_PROGRAMS = {
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
    "parec": "pulseaudio-utils",
    "setpriv": "util-linux",
}


def examine_pulse() -> Generator[Check, None, bool]:
    """Check one requirement after the other; return whether a microphone can be created."""
    programs = check_programs("PulseAudio", _PROGRAMS)
    yield programs
    library = check_library("PulseAudio's client library is installed", check_pasimple)
    yield library
    yield from check_graph(pulse_server.read_graph())
    return library.ok and programs.ok
