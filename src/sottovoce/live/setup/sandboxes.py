"""Programs from Flatpak and Snap that are not allowed to record from any microphone."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sandboxed", "find_sandboxed", "parse_flatpak", "parse_snap"]

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandboxed:
    """A program in a sandbox.

    Attributes
    ----------
    name : str
        Name of the program.
    may_record : bool
        Whether the sandbox lets it reach the sound system.
    remedy : str
        The command that allows it.
    """

    name: str
    may_record: bool
    remedy: str


def find_sandboxed() -> Iterator[Sandboxed]:
    """Find programs that want to record.

    Returns
    -------
    programs : iterator of Sandboxed
        Flatpak programs that request the network, which calls need, and Snap programs that have
        a plug for recording.
    """
    names = _run("flatpak", "list", "--app", "--columns=application").splitlines()
    for name in filter(None, map(str.strip, names)):
        permissions = _run("flatpak", "info", "--show-permissions", name)
        program = parse_flatpak(name, permissions)
        if program is not None:
            yield program
    yield from parse_snap(_run("snap", "connections", "--all"))


def parse_flatpak(name: str, permissions: str) -> Sandboxed | None:
    r"""Return the program described by ``flatpak info --show-permissions``.

    Parameters
    ----------
    name : str
        Name of the program, such as `org.mozilla.firefox`.
    permissions : str
        Output of the command.

    Returns
    -------
    program : Sandboxed or None
        None if it cannot make calls at all.

    Examples
    --------
    >>> text = "[Context]\nshared=network;ipc;\nsockets=x11;wayland;\n"
    >>> parse_flatpak("org.mozilla.firefox", text).may_record
    False
    """
    granted: dict[str, set[str]] = {}
    for line in permissions.splitlines():
        key, _, values = line.partition("=")
        granted.setdefault(key.strip(), set()).update(values.strip().split(";"))
    if "network" not in granted.get("shared", set()):
        return None
    return Sandboxed(
        name=name,
        may_record="pulseaudio" in granted.get("sockets", set()),
        remedy=f"flatpak override --user --socket=pulseaudio {name}",
    )


def parse_snap(connections: str) -> Iterator[Sandboxed]:
    """Yield the programs listed by ``snap connections --all``.

    Parameters
    ----------
    connections : str
        Output of the command: interface, plug, slot and notes, with a dash for none.

    Examples
    --------
    >>> text = "audio-record  chromium:audio-record  -  -"
    >>> [program.remedy for program in parse_snap(text)]
    ['sudo snap connect chromium:audio-record']
    """
    for line in connections.splitlines():
        match line.split():
            case ["audio-record", plug, slot, *_] if plug != "-":
                name = plug.split(":")[0]
                remedy = f"sudo snap connect {name}:audio-record"
                yield Sandboxed(name=name, may_record=slot != "-", remedy=remedy)


def _run(program: str, *words: str) -> str:
    """Return the output of a program; nothing if it is missing or does not answer."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        return subprocess.run(  # noqa: S603 - the program was looked up
            [path, *words], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
