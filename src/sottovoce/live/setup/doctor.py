"""What the virtual microphone needs of a computer, and how to mend what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.errors import DeviceError, SottovoceError
from sottovoce.live.graph import NODE_NAME
from sottovoce.live.loopback.devices import SYSTEMS
from sottovoce.live.marking.engine import check_jack
from sottovoce.live.pipewire.server import read_graph
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.process import check_pasimple
from sottovoce.live.remedies import tell_how_to_start
from sottovoce.live.setup.sandboxes import find_sandboxed
from sottovoce.live.setup.self_test import run_self_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.live.graph import Graph

__all__ = ["Check", "examine"]

_RTKIT = Path("/usr/share/dbus-1/system-services/org.freedesktop.RealtimeKit1.service")
_PROGRAMS = {
    "pw-cli": "pipewire-bin",
    "pw-dump": "pipewire-bin",
    "pw-link": "pipewire-bin",
    "pw-metadata": "pipewire-bin",
    "pw-record": "pipewire-bin",
    "setpriv": "util-linux",
}
_PULSE_PROGRAMS = {
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
    "parec": "pulseaudio-utils",
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


def examine(*, try_out: bool = True) -> Iterator[Check]:
    """Look at one thing after the other; what cannot be looked at any more is left out.

    Parameters
    ----------
    try_out : bool
        Whether to send some seconds of a voice through the microphone at last.

    Returns
    -------
    checks : iterator of Check
        In the order in which they should be mended.
    """
    if sys.platform in SYSTEMS:
        from sottovoce.live.loopback.doctor import examine_loopback

        yield from examine_loopback()
        return
    linux = sys.platform == "linux"
    yield Check(
        what="this is Linux",
        ok=linux,
        remedy="" if linux else "The microphone for calls needs Linux, macOS or Windows.",
    )
    if not linux:
        return
    if pulse_server.is_running():
        yield Check(what="the sound system is PulseAudio", ok=True)
        yield from _examine_pulse(try_out=try_out)
    else:
        yield from _examine_pipewire(try_out=try_out)


def _examine_pipewire(*, try_out: bool) -> Iterator[Check]:
    programs = _check_programs("PipeWire", _PROGRAMS)
    yield programs
    jack = _check_library("the library of the real-time audio thread is installed", check_jack)
    yield jack
    if not programs.ok:
        return
    try:
        graph = read_graph()
    except DeviceError as err:
        remedy = err.remedy
        if "XDG_RUNTIME_DIR" in os.environ:
            remedy += f"; or, with PulseAudio: {_start_pulse()}"
        yield Check(what="PipeWire is running", ok=False, remedy=remedy)
        return
    yield Check(what="PipeWire is running", ok=True)
    # Without a session manager nothing is linked, and all is silent.
    manager = bool(graph.default_sink or graph.default_source)
    yield Check(
        what="WirePlumber manages the devices",
        ok=manager,
        remedy="" if manager else tell_how_to_start("wireplumber"),
    )
    yield from _check_graph(graph)
    yield _check_pulse()
    yield from _check_sandboxes()
    if try_out and jack.ok:
        yield from _try_out(_find_realtime_remedy)


def _examine_pulse(*, try_out: bool) -> Iterator[Check]:
    programs = _check_programs("PulseAudio", _PULSE_PROGRAMS)
    yield programs
    library = _check_library("what plays and records through it is installed", check_pasimple)
    yield library
    yield from _check_graph(pulse_server.read_graph())
    yield from _check_sandboxes()
    if try_out and library.ok and programs.ok:
        yield from _try_out(lambda: "It works without, as long as the computer is not too busy.")


def _start_pulse() -> str:
    """Return what there is to do before PulseAudio answers."""
    if shutil.which("pactl") is None:
        return "sudo apt install pulseaudio pulseaudio-utils"
    return pulse_server.no_server().remedy


def _check_programs(whose: str, packages: dict[str, str]) -> Check:
    missing = sorted({package for name, package in packages.items() if not shutil.which(name)})
    return Check(
        what=f"{whose}'s programs are installed",
        ok=not missing,
        remedy=f"sudo apt install {' '.join(missing)}" if missing else "",
    )


def _check_library(what: str, check: Callable[[], object]) -> Check:
    try:
        check()
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
    for program in graph.programs_on_microphones():
        yield Check(
            what=f"{program} records you with the mark",
            ok=False,
            grave=False,
            remedy="Choose the microphone Sottovoce in its settings.",
        )
    running = graph.find(NODE_NAME) is not None
    yield Check(
        what="the microphone Sottovoce is there",
        ok=running,
        grave=False,
        remedy="" if running else "sottovoce mic",
    )


def _check_pulse() -> Check:
    """Browsers and most programs for calls know the sound system by PulseAudio's socket alone."""
    ok = pulse_server.find_socket().exists()
    return Check(
        what="browsers and programs for calls reach the sound system",
        ok=ok,
        remedy="" if ok else "sudo apt install pipewire-pulse; then log out and in again",
    )


def _check_sandboxes() -> Iterator[Check]:
    for program in find_sandboxed():
        yield Check(
            what=f"the sandbox of {program.name} lets it record",
            ok=program.may_record,
            grave=False,
            remedy="" if program.may_record else program.remedy,
        )


def _try_out(find_priority: Callable[[], str]) -> Iterator[Check]:
    what = "a voice that goes through the microphone comes out marked"
    try:
        outcome = run_self_test()
    except SottovoceError as err:
        yield Check(what=f"{what} ({err})", ok=False, remedy=err.remedy or "sottovoce mic")
        return
    said = f"p = 1e{outcome.log10_p:.0f} after {outcome.seconds:.0f} s" if outcome.found else "no"
    yield Check(
        what=f"{what} ({said})",
        ok=outcome.found,
        remedy="" if outcome.found else "Close what keeps the computer busy, and try again.",
    )
    state = outcome.state
    yield Check(
        what=f"no sound is lost ({state.n_missed} of {state.n_blocks} blocks)",
        ok=not state.n_missed,
        grave=False,
        remedy="sottovoce mic --block 1024" if state.n_missed else "",
    )
    yield Check(
        what="marking goes before other work (real-time priority)",
        ok=state.realtime,
        grave=False,
        remedy="" if state.realtime else find_priority(),
    )


def _find_realtime_remedy() -> str:
    """PipeWire asks RealtimeKit for the priority, or takes what its group is allowed."""
    import grp  # Unix alone has it, and this module must import elsewhere too

    if not _RTKIT.exists():
        return "sudo apt install rtkit; then log out and in again"
    try:
        group = grp.getgrnam("pipewire")
    except KeyError:
        return "systemctl status rtkit-daemon says why it was refused."
    if group.gr_gid in os.getgroups():
        return "systemctl status rtkit-daemon says why it was refused."
    return "sudo usermod -aG pipewire $USER; then log out and in again"
