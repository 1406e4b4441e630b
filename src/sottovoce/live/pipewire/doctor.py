"""What the microphone needs on a computer with PipeWire."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import DeviceError
from sottovoce.live.checks import Check, check_graph, check_library, check_programs
from sottovoce.live.pipewire.jack_process import check_jack
from sottovoce.live.pipewire.server import read_graph
from sottovoce.live.remedies import tell_how_to_start

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["examine_pipewire", "find_realtime_remedy"]

_RTKIT = Path("/usr/share/dbus-1/system-services/org.freedesktop.RealtimeKit1.service")
_PROGRAMS = {
    "pw-cli": "pipewire-bin",
    "pw-dump": "pipewire-bin",
    "pw-link": "pipewire-bin",
    "pw-metadata": "pipewire-bin",
    "pw-record": "pipewire-bin",
    "setpriv": "util-linux",
}


def examine_pipewire(*, instead: str) -> Generator[Check, None, tuple[bool, bool]]:
    """Check one requirement after the other, until one fails that the rest depend on.

    Parameters
    ----------
    instead : str
        An alternative remedy if PipeWire is not running; may be empty.

    Returns
    -------
    checks : generator of Check
        It returns whether everything was checked, and whether a microphone can be created.
    """
    programs = check_programs("PipeWire", _PROGRAMS)
    yield programs
    jack = check_library("the library for the real-time audio thread is installed", check_jack)
    yield jack
    if not programs.ok:
        return False, False
    try:
        graph = read_graph()
    except DeviceError as err:
        remedy = err.remedy
        if "XDG_RUNTIME_DIR" in os.environ and instead:
            remedy += f"; or, {instead}"
        yield Check(what="PipeWire is running", ok=False, remedy=remedy)
        return False, False
    yield Check(what="PipeWire is running", ok=True)
    # Without a session manager nothing is linked, and there is only silence.
    manager = bool(graph.default_sink or graph.default_source)
    yield Check(
        what="WirePlumber manages the devices",
        ok=manager,
        remedy="" if manager else tell_how_to_start("wireplumber"),
    )
    yield from check_graph(graph)
    return True, jack.ok


def find_realtime_remedy() -> str:
    """Return the remedy for missing real-time priority.

    PipeWire requests it from RealtimeKit, or uses the limits of its group.
    """
    import grp  # only on Unix, and this module must be importable elsewhere too

    if not _RTKIT.exists():
        return "sudo apt install rtkit; then log out and in again"
    try:
        group = grp.getgrnam("pipewire")
    except KeyError:
        return "systemctl status rtkit-daemon shows why it was refused."
    if group.gr_gid in os.getgroups():
        return "systemctl status rtkit-daemon shows why it was refused."
    return "sudo usermod -aG pipewire $USER; then log out and in again"
