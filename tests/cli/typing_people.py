"""People who type: recovery words from a table, and answers in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
import traceback

from tests.cli.conftest import PROGRAM, hear_ctrl_c

ROWS = 8


def read_rows(text: str) -> str:
    """Return the words of a numbered table, in their order."""
    found = {int(n): word for n, word in re.findall(r"(\d+) +([a-z]+)", text)}
    return " ".join(found[n] for n in range(1, 25))


def make_words(shell, *arguments) -> str:
    """Run `id words` as a script does: read the table, type all of it."""
    process = shell.start("id", "words", *arguments, stdin=subprocess.PIPE)
    words = read_rows("".join(process.stdout.readline() for _ in range(ROWS)))
    out, err = process.communicate(words, timeout=60)
    assert process.returncode == 0, err
    assert "has recovery words" in out
    return words


class Terminal:
    """The program in a terminal."""

    def __init__(self, shell, *arguments, out=None) -> None:
        child, self.terminal = pty.fork()
        if child == 0:
            try:
                hear_ctrl_c()
                os.chdir(shell.folder)
                if out is not None:
                    os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
                os.execve(PROGRAM, [str(PROGRAM), *arguments], shell.environment)  # noqa: S606
            except BaseException:  # noqa: BLE001 - a copy of the tests must not go on
                traceback.print_exc(file=sys.stderr)
                os._exit(9)
        self.child, self.text, self.has_ended = child, "", False

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is there; forget what comes before its end."""
        end = time.monotonic() + 60
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, self.text
            self._read()
        self.text = self.text[found.end() :]
        return found

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode() + b"\n")

    def press_ctrl_c(self) -> int:
        """Press Ctrl-C until the program ends, and return its exit code.

        Once is not always enough: Python's `input` does not hear what comes between its prompt and
        its wait for a line.
        """
        limit = time.monotonic() + 60
        while not self.has_ended and time.monotonic() < limit:
            os.write(self.terminal, b"\x03")
            # A second one while the program ends would interrupt that.
            patience = time.monotonic() + 5
            while not self.has_ended and time.monotonic() < patience:
                self._read(wait_s=1)
        return self.end()

    def end(self) -> int:
        limit = time.monotonic() + 60
        # What says nothing for a while has not ended: closing the terminal would end it.
        while not self.has_ended and time.monotonic() < limit:
            self._read()
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def _read(self, wait_s: float = 10) -> None:
        ready, _, _ = select.select([self.terminal], [], [], wait_s)
        if not ready:
            return
        try:
            data = os.read(self.terminal, 1 << 16)
        except OSError:  # what Linux says at the end
            data = b""
        self.has_ended = not data
        self.text += data.decode(errors="replace")
