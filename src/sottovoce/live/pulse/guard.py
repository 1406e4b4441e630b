"""The process that owns the microphone on PulseAudio: it loads the modules, and unloads them.

A module belongs to the server and would outlast us, as a dead, silent microphone.  So this
process, which does nothing else, waits for its stdin to end, which is when its owner does, even by
``kill -9``, and unloads every module of that name.  It is run as a file and imports nothing but
Python's own: ``python -I -S guard.py NAME DESCRIPTION``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["FEED", "NOWHERE", "find_modules", "has_owner", "main"]

FEED = "_feed"
NOWHERE = "_nowhere"
_TIMEOUT_S = 5.0
_OWNER = "sottovoce.guard"
_OWN_NAME = "/".join(Path(__file__).parts[-2:]).encode()


def find_modules(name: str, *, kind: str = "module-") -> list[str]:
    """Return the numbers of a microphone's modules, newest first."""
    found = []
    for line in _ask("list", "short", "modules").splitlines():
        number, module, argument = [*line.split("\t"), "", "", ""][:3]
        ours = f"{name}{FEED}" in argument or f"{name}{NOWHERE}" in argument
        if module.startswith(kind) and ours:
            found.append(number)
    return found[::-1]


def has_owner(name: str) -> bool:
    """Return whether a running guard owns the modules of a microphone."""
    for line in _ask("list", "short", "modules").splitlines():
        if f"sink_name={name}{FEED} " in line and f"{_OWNER}=" in line:
            number = line.split(f"{_OWNER}=")[1].split("'")[0].split('"')[0].split()[0]
            return _is_guard(number)
    return False


def main() -> None:
    """Create the microphone, wait for stdin to end, and remove it."""
    name, description = sys.argv[1:3]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if has_owner(name):
        sys.exit(1)
    _unload(name)  # left by a guard that was killed
    try:
        if _load(name, description):
            sys.stdin.read()
    finally:
        _unload(name)


def _load(name: str, description: str) -> bool:
    """Load both modules; return whether this worked."""
    # "modem" is the only class that the server gives no precedence, so that it prefers every other
    # loudspeaker as the default.
    properties = (
        f"device.description='{description} (internal, do not choose)' device.class=modem"
        f" {_OWNER}={os.getpid()}"
    )
    # Without rewinds it never processes more than 50 ms at once: otherwise, when idle, it processes
    # two seconds at once, and the voice that comes next has to wait for them.
    made = _ask(
        *("load-module", "module-null-sink", f"sink_name={name}{FEED}", "channel_map=mono"),
        *("rate=48000", "format=float32le", "norewinds=1", f'sink_properties="{properties}"'),
    ) and _ask(
        *("load-module", "module-remap-source", f"master={name}{FEED}.monitor"),
        *(f"source_name={name}", f"source_properties=\"device.description='{description}'\""),
    )
    return bool(made)


def _unload(name: str) -> None:
    for number in find_modules(name):
        _ask("unload-module", number)


def _is_guard(process: str) -> bool:
    """Return whether the process with this id runs this file: ids are reused."""
    try:
        return _OWN_NAME in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _ask(*words: str) -> str:
    """Return the output of ``pactl``, or nothing if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["pactl", *words],  # noqa: S607 - looked up by the owner
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
