"""Send five seconds of speech through the whole microphone, and find the mark at its output."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.live.microphones import find_system, open_mic

if TYPE_CHECKING:
    from subprocess import Popen

    from sottovoce.live.mic_state import MicState
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["SelfTest", "run_self_test"]

CLIP = Path(__file__).with_name("self_test.flac")
"""A woman's voice, 6 s; public domain, see examples/data."""
_MIC = "sottovoce-test"
_VOICE = "sottovoce-test-voice"
_PLAYER = "sottovoce-test-player"
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """Result of a self-test.

    Attributes
    ----------
    found : bool
        Whether the mark was found in the output.
    log10_p : float
        Base-10 logarithm of the p-value; 0.0 if nothing was heard.
    seconds : float
        Seconds from the first word to the verdict.
    state : MicState
        State of the microphone at the end.
    """

    found: bool
    log10_p: float
    seconds: float
    state: MicState


def run_self_test(*, within_s: float = 20.0) -> SelfTest:
    """Play a clip into a private microphone, mark it, and listen to the output.

    It is inaudible: the clip goes to no loudspeaker.  A running *Sottovoce* is not affected.

    Parameters
    ----------
    within_s : float
        Time limit, in seconds.

    Returns
    -------
    outcome : SelfTest
        The result, and the state of the microphone.

    Raises
    ------
    DeviceError
        If there is no sound system, or the microphone cannot be created.
    MissingExtraError
        If the extra `live` is not installed.
    """
    system = find_system()
    with ExitStack() as stack:
        stack.callback(system.end_node, system.create_node(_VOICE, "Sottovoce self-test"))
        _wait_for_voice(system)
        mic = stack.enter_context(open_mic(name=_MIC, device=_VOICE, on_demand=False))
        began_s = time.monotonic()
        player: Popen[bytes] | None = None
        while True:
            if player is None or player.poll() is not None:
                player = _end_with(stack, system.play(CLIP, name=_PLAYER, into=_VOICE))
            _link_player(system)
            state = mic.poll()
            spent_s = time.monotonic() - began_s
            found = state.confirmation == "heard"
            if found or spent_s > within_s:
                p = state.hearing.detection.log10_p if state.hearing else 0.0
                return SelfTest(found=found, log10_p=p, seconds=spent_s, state=state)
            mic.wait(_POLL_S)


def _end_with(stack: ExitStack, process: Popen[bytes]) -> Popen[bytes]:
    """End a process when the test ends."""

    def end() -> None:
        process.kill()
        process.wait()

    stack.callback(end)
    return process


def _wait_for_voice(system: SoundSystem) -> None:
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        graph = system.read_graph()
        voice = graph.find(_VOICE)
        if voice is not None and graph.ports_of(voice, "out"):
            return
        time.sleep(_POLL_S)


def _link_player(system: SoundSystem) -> None:
    """Link the clip to the test microphone, unless it already is."""
    graph = system.read_graph()
    player, voice = graph.find(_PLAYER), graph.find(_VOICE)
    if player is not None and voice is not None:
        system.lead(graph, player, voice)
