"""`DefaultSource`: make *Sottovoce* the default microphone, and leave nothing behind."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sottovoce.live import default_guard

if TYPE_CHECKING:
    from sottovoce.live.graph import Graph
    from sottovoce.live.sound_system import SoundSystem

__all__ = ["DefaultSource"]

_END_S = 5.0
_EVERY_S = 1.0


class DefaultSource:
    """Keep a microphone the default one; the previous default comes back at the end.

    Parameters
    ----------
    system : SoundSystem
        The sound system whose default it is.
    name : str
        Name of the microphone.

    Attributes
    ----------
    usual : str
        The microphone that would be the default without it, empty if not known yet.
    """

    def __init__(self, system: SoundSystem, name: str) -> None:
        self._system, self._name = system, name
        self._asked_s = -math.inf
        self.usual = ""
        self._guard: subprocess.Popen[bytes] | None = None

    def keep(self, graph: Graph, *, otherwise: str) -> None:
        """Make sure that the microphone is the default.

        Parameters
        ----------
        graph : Graph
            The current graph.
        otherwise : str
            Name of the microphone to restore if the previous default is not known.
        """
        now = time.monotonic()
        if now - self._asked_s < _EVERY_S:
            return
        self._asked_s = now
        given = self._system.find_default_source(graph)
        if given == self._name and self._guard is not None:
            return
        # The server or the user has chosen another: that is the one to restore at the end.
        usual = given if given != self._name else otherwise
        self._tell(usual)
        if given != self._name:
            self._system.set_default_source(self._name)

    def close(self) -> None:
        """Restore the previous default microphone."""
        if self._guard is None or self._guard.stdin is None:
            return
        self._guard.stdin.close()
        try:
            self._guard.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard = None

    def _tell(self, usual: str) -> None:
        """Tell the guard, which acts even if this process is killed; restart it if it has ended."""
        self.usual = usual
        if self._guard is None or self._guard.poll() is not None:
            self._guard = subprocess.Popen(  # noqa: S603 - our own file
                [
                    *(sys.executable, "-I", "-S", default_guard.__file__),
                    *(self._system.KIND, self._name),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        if self._guard.stdin is not None:
            self._guard.stdin.write(usual.encode() + b"\n")
            self._guard.stdin.flush()
