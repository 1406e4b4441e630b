"""`sottovoce mic --json` on the rig's audio server, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.server import AudioServer

__all__ = ["MicProgram"]


class MicProgram:
    """The running command.

    Parameters
    ----------
    server : AudioServer
        Where its microphones are.
    *words : str
        Its options.
    always : bool
        Whether it works while nobody records, too.

    Attributes
    ----------
    process : subprocess.Popen
        The command.
    """

    def __init__(self, server: AudioServer, *words: str, always: bool = True) -> None:
        self._lines = server.folder / "mic.jsonl"
        program = Path(sys.executable).with_name("sottovoce")
        # A shell that starts tests in the background has them ignore Ctrl-C, and so their children.
        command = ["env", "--default-signal=INT", program, "mic", "--json", *words]
        command += ["--always"] if always else []
        with self._lines.open("w") as out, self._lines.with_suffix(".err").open("w") as err:
            self.process = subprocess.Popen(command, env=server.environment, stdout=out, stderr=err)

    def states(self) -> list[dict[str, Any]]:
        """Return every state that it has reported so far."""
        return [json.loads(line) for line in self._lines.read_text().splitlines()]

    def wait_for(self, within_s: float = 15.0, **wanted: object) -> dict[str, Any]:
        """Return the last state as soon as it is as wanted."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            states = self.states()
            if states and all(states[-1][key] == value for key, value in wanted.items()):
                return states[-1]
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended: {self.error()}")
            time.sleep(0.05)
        raise RuntimeError(f"{wanted} did not come: {self.states()[-3:]}, {self.error()}")

    def error(self) -> str:
        """Return what it said on stderr."""
        return self._lines.with_suffix(".err").read_text()

    def end(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
