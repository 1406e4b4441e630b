"""The microphone as a service from login on: a unit of the user's systemd, and its messages.

Formats: *systemd.service(5)* for the unit, *systemd.syntax(7)* for its quotes, *sd_notify(3)* for
the messages.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sottovoce.errors import DeviceError
from sottovoce.files.escaping import make_harmless
from sottovoce.live.remedies import has_user_bus

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "UNIT",
    "ServiceStatus",
    "install",
    "make_unit",
    "read_status",
    "tell",
    "tell_who_runs",
    "uninstall",
]

UNIT = "sottovoce-mic.service"
_TIMEOUT_S = 60.0
_WATCHDOG_S = 60
_FIELDS = ("LoadState", "UnitFileState", "ActiveState", "StatusText", "NRestarts")

_TEMPLATE = """\
# Made by `sottovoce mic install`; `sottovoce mic uninstall` removes it.
[Unit]
Description=The microphone Sottovoce
After=pipewire.service wireplumber.service pipewire-pulse.service pulseaudio.service
# It may start before the sound system: retry until it works.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=on-failure
RestartSec=2
WatchdogSec={watchdog_s}
# It needs no privileges, other kinds of sockets or namespaces.  What must stay allowed: real-time
# scheduling, and memory that is writable and executable, which callbacks from C need.
NoNewPrivileges=yes
UMask=0077
RestrictAddressFamilies={families}
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """State of the unit.

    Attributes
    ----------
    installed : bool
        Whether systemd knows it.
    at_login : bool
        Whether it starts at login.
    active : bool
        Whether it is running.
    said : str
        The last status that it reported.
    n_restarts : int
        How often it had to be restarted.
    """

    installed: bool
    at_login: bool
    active: bool
    said: str
    n_restarts: int


def make_unit(options: Sequence[str]) -> str:
    """Return the text of the unit.

    Parameters
    ----------
    options : sequence of str
        Options of `sottovoce mic`.

    Examples
    --------
    >>> unit = make_unit(["--device", "100 % mine"])
    >>> [line for line in unit.splitlines() if line.startswith("ExecStart")][0][-24:]
    '"--device" "100 %% mine"'
    """
    program = Path(sys.executable).with_name("sottovoce")
    command = " ".join(_quote(word) for word in (str(program), "mic", *options))
    families = ["AF_UNIX", "AF_NETLINK"]  # the sound system, and the list of its devices
    if "tcp" in os.environ.get("PULSE_SERVER", ""):
        families += ["AF_INET", "AF_INET6"]
    return _TEMPLATE.format(command=command, watchdog_s=_WATCHDOG_S, families=" ".join(families))


def install(options: Sequence[str]) -> Path:
    """Write the unit, start it, and have it start at every login.

    Parameters
    ----------
    options : sequence of str
        Options of `sottovoce mic`.

    Returns
    -------
    path : pathlib.Path
        The unit file.

    Raises
    ------
    DeviceError
        If there is no systemd for this user, or the unit does not start.
    """
    _ask("daemon-reload")  # first, so that nothing is written where there is no systemd
    path = _find_unit()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(make_unit(options), encoding="utf-8")
    draft.replace(path)
    _ask("daemon-reload")
    _ask("enable", UNIT)
    # Not `enable --now`: a unit that is already running has the old options.
    _ask("restart", UNIT)
    return path


def uninstall() -> bool:
    """Stop the service and remove its unit.

    Returns
    -------
    was_there : bool
        Whether there was one.

    Raises
    ------
    DeviceError
        If there is no systemd for this user.
    """
    path = _find_unit()
    if not path.exists():
        return False
    _ask("disable", "--now", UNIT)
    path.unlink()
    _ask("daemon-reload")
    return True


def read_status() -> ServiceStatus:
    """Ask systemd for the state of the service.

    Returns
    -------
    status : ServiceStatus
        The current state.

    Raises
    ------
    DeviceError
        If there is no systemd for this user.
    """
    printed = _ask("show", UNIT, f"--property={','.join(_FIELDS)}")
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return ServiceStatus(
        installed=found.get("LoadState") == "loaded",
        at_login=found.get("UnitFileState") == "enabled",
        active=found.get("ActiveState") == "active",
        said=found.get("StatusText", ""),
        n_restarts=int(found.get("NRestarts") or 0),
    )


def tell_who_runs() -> str:
    """Return the remedy if the microphone is already running."""
    try:
        active = read_status().active
    except DeviceError:
        active = False
    if active:
        return (
            "It is the installed service, which starts at every login: choose it in the call."
            "  `sottovoce mic status` shows its state, `sottovoce mic uninstall` removes it."
        )
    return "Stop the other `sottovoce mic`."


def tell(status: str) -> None:
    """Report to systemd, if it started this process, that it is alive, with a short status.

    Parameters
    ----------
    status : str
        One line for the user.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    line = make_harmless(" ".join(status.split()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        channel.sendall(f"READY=1\nWATCHDOG=1\nSTATUS={line}".encode())


def _find_unit() -> Path:
    return platformdirs.user_config_path() / "systemd" / "user" / UNIT


def _quote(word: str) -> str:
    if not word.isprintable():
        raise DeviceError(f"{word!r} is not allowed in a systemd unit")
    for mark, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(mark, escaped)
    return f'"{word}"'


def _ask(*words: str) -> str:
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise DeviceError(
            "there is no systemd on this computer",
            remedy="Let your desktop start `sottovoce mic` at login instead.",
        )
    try:
        done = subprocess.run(  # noqa: S603 - the program was looked up
            [systemctl, "--user", *words],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise DeviceError(
            f"systemd did not finish `systemctl --user {words[0]}` within {_TIMEOUT_S:.0f} s",
            remedy=f"journalctl --user -u {UNIT} shows why.",
        ) from err
    if done.returncode and not has_user_bus():
        raise DeviceError(
            "systemd does not serve this session, which has no bus",
            remedy="Log in on the desktop and try again, or let it start `sottovoce mic` at login.",
        )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise DeviceError(
            f"`systemctl --user {words[0]}` failed: {said[0] if said else done.returncode}",
            remedy=f"journalctl --user -u {UNIT} shows details.",
        )
    return done.stdout
