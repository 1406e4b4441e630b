"""What the virtual microphone needs on a computer, and how to fix what is missing."""

from __future__ import annotations

import math
import shutil
import sys
from typing import TYPE_CHECKING

from sottovoce.errors import SottovoceError
from sottovoce.live.checks import Check
from sottovoce.live.loopback.devices import SYSTEMS
from sottovoce.live.loopback.doctor import examine_loopback
from sottovoce.live.pipewire.doctor import examine_pipewire, find_realtime_remedy
from sottovoce.live.pulse import server as pulse_server
from sottovoce.live.pulse.doctor import examine_pulse
from sottovoce.live.setup.sandboxes import find_sandboxed
from sottovoce.live.setup.self_test import run_self_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["examine"]


def examine(*, try_out: bool = True) -> Iterator[Check]:
    """Check one requirement after the other; checks that cannot be made are left out.

    Parameters
    ----------
    try_out : bool
        Whether to send some seconds of speech through the microphone at the end.

    Returns
    -------
    checks : iterator of Check
        In the order in which to fix them.
    """
    if sys.platform in SYSTEMS:
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
        can_work = yield from examine_pulse()
        find_priority: Callable[[], str] = _do_without_priority
    else:
        goes_on, can_work = yield from examine_pipewire(
            instead=f"with PulseAudio: {_start_pulse()}"
        )
        find_priority = find_realtime_remedy
        if not goes_on:
            return
        yield _check_pulse()
    yield from _check_sandboxes()
    if try_out and can_work:
        yield from _try_out(find_priority)


def _start_pulse() -> str:
    """Return the command that makes PulseAudio available."""
    if shutil.which("pactl") is None:
        return "sudo apt install pulseaudio pulseaudio-utils"
    return pulse_server.no_server().remedy


def _do_without_priority() -> str:
    return "It works without this as long as the computer is not too busy."


def _check_pulse() -> Check:
    """Check PulseAudio's socket: browsers and most programs for calls use no other interface."""
    ok = pulse_server.find_socket().exists()
    return Check(
        what="browsers and programs for calls can reach the sound system",
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
    what = "speech sent through the microphone comes out marked"
    try:
        outcome = run_self_test()
    except SottovoceError as err:
        yield Check(what=f"{what} ({err})", ok=False, remedy=err.remedy or "sottovoce mic")
        return
    said = (
        f"p ≤ 10^{math.ceil(outcome.log10_p)} after {outcome.seconds:.0f} s"
        if outcome.found
        else "no"
    )
    yield Check(
        what=f"{what} ({said})",
        ok=outcome.found,
        remedy="" if outcome.found else "Close programs that use much of the CPU, and try again.",
    )
    state = outcome.state
    yield Check(
        what=f"no sound is lost ({state.n_missed} of {state.n_blocks} blocks)",
        ok=not state.n_missed,
        grave=False,
        remedy="Use larger blocks: `open_mic(block=1024)`" if state.n_missed else "",
    )
    yield Check(
        what="marking has real-time priority",
        ok=state.realtime,
        grave=False,
        remedy="" if state.realtime else find_priority(),
    )
