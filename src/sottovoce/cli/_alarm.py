"""Notify a user who is not watching the status that a call goes out without the mark."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from sottovoce.cli._status import describe_state
from sottovoce.files.escaping import make_harmless

if TYPE_CHECKING:
    from sottovoce.live import MicState

__all__ = ["Alarm", "show_notification"]

_MUTED = "You are muted"
_PATIENCE_S = 2.0
"""Programs probe microphones for a moment, and a microphone takes a moment to start."""


class Alarm:
    """Show one notification for each fault, once it has lasted for 2 s."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}
        self._told: set[str] = set()

    @property
    def waiting(self) -> bool:
        """Whether there is a fault that has not lasted long enough to be reported."""
        return bool(self._since_s.keys() - self._told)

    def look(self, state: MicState) -> None:
        """Examine a state, and report new faults."""
        now = time.monotonic()
        wrong = _find_faults(state)
        self._since_s = {words: self._since_s.get(words, now) for words in wrong}
        self._told &= wrong.keys()
        for words, advice in wrong.items():
            if words not in self._told and now - self._since_s[words] >= _PATIENCE_S:
                self._told.add(words)
                show_notification(words, advice, urgent=words != _MUTED)


def show_notification(words: str, advice: str, *, urgent: bool = True) -> None:
    """Show a notification on the desktop, if there is one."""
    program = shutil.which("notify-send")
    if program is None:
        return
    # Not waited for: a desktop that does not answer must not hold up the microphone.
    subprocess.Popen(  # noqa: S603 - the program was looked up
        [
            *(program, "--app-name=Sottovoce"),
            f"--urgency={'critical' if urgent else 'normal'}",
            *("--", make_harmless(words), make_harmless(advice)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _find_faults(state: MicState) -> dict[str, str]:
    """Return the faults, and what to do about each."""
    wrong = {
        f"{program} records you without the mark": "Choose the microphone Sottovoce in it."
        for program in state.bypassing
    }
    mood, words = describe_state(state)
    if state.n_recorders and state.status == "muted":
        wrong[_MUTED] = words.split(": ", 1)[1].capitalize() + "."
    if state.n_recorders != 0 and mood == "bad":
        # The numbers in the words change; that must not repeat the notification.
        wrong["Your voice goes out without the mark"] = words.split(":")[0].capitalize()
    return wrong
