"""The process that gives programs their previous microphone back, however ours ends.

It waits for its stdin to end, which is when its owner does, even by ``kill -9``; the last line that
it read is the name of the microphone that programs had before.  It is run as a file and imports
nothing but Python's own: ``python -I -S default_guard.py SYSTEM NAME``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

__all__ = ["PIPEWIRE_KEY", "main"]

PIPEWIRE_KEY = "default.audio.source"
"""The current default microphone.  Not the one that the user has chosen, whose key is
`default.configured.audio.source`: WirePlumber writes that to disk, with its whole history."""
_TIMEOUT_S = 5.0


def main() -> None:
    """Wait for stdin to end, and give the microphone back."""
    system, name = sys.argv[1:3]
    # Neither Ctrl-C nor a closed terminal nor the end of a service ends it before its owner.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    usual = ""
    for line in sys.stdin:
        usual = line.strip()
    if system == "pulse":
        # Also if the server has switched to another by itself: it remembers what was chosen.
        _ask("pactl", "set-default-source", usual)
    elif f"{json.dumps(name)}}}" in _ask("pw-metadata", "0", PIPEWIRE_KEY).replace(" ", ""):
        given = ("0", PIPEWIRE_KEY, json.dumps({"name": usual}), "Spa:String:JSON")
        _ask("pw-metadata", *(given if usual else ("-d", "0", PIPEWIRE_KEY)))


def _ask(*words: str) -> str:
    """Return the output of a program, or nothing if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            words,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    main()
