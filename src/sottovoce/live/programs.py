"""The sound system's own programs: find them, query them, and end them when this process ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from sottovoce.errors import DeviceError

__all__ = ["ask", "find_program", "make_environment", "spawn"]

_TIMEOUT_S = 5.0
_PACKAGES = {
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
    "parec": "pulseaudio-utils",
    "setpriv": "util-linux",
}


def find_program(name: str) -> str:
    """Return the path of a program.

    Raises
    ------
    DeviceError
        If it is not installed.
    """
    path = shutil.which(name)
    if path is None and sys.platform != "linux":
        raise DeviceError(f"the program {name} is not installed", remedy="It needs Linux.")
    if path is None:
        package = _PACKAGES.get(name, "pipewire-bin")
        raise DeviceError(
            f"the program {name} is not installed", remedy=f"sudo apt install {package}"
        )
    return path


def make_environment() -> dict[str, str]:
    """Return the environment in which programs print English, and numbers with a point."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def spawn(program: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
    """Start a program that ends when the calling thread does, even by ``kill -9``.

    Raises
    ------
    DeviceError
        If the program is not installed.
    """
    if sys.platform != "linux":
        # Our programs end when their input or output closes, that is when this process ends.
        return subprocess.Popen([find_program(program), *arguments], **options)  # noqa: S603 - looked up
    setpriv = find_program("setpriv")
    command = [setpriv, "--pdeathsig", "KILL", find_program(program), *arguments]
    return subprocess.Popen(command, **options)  # noqa: S603 - the program was looked up


def ask(program: str, *arguments: str, missing: DeviceError, check: bool = True) -> str:
    """Return the output of a program.

    Parameters
    ----------
    program, *arguments : str
        The program and its arguments.
    missing : DeviceError
        The error to raise if the program fails.
    check : bool
        Whether a failure is an error.

    Raises
    ------
    DeviceError
        If the program is not installed, does not answer in time, or fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the program was looked up
            [find_program(program), *arguments],
            env=make_environment(),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise DeviceError(
            f"the sound system did not answer {program} within {_TIMEOUT_S:.0f} s",
            remedy="Log out and in again, or restart it: `sottovoce mic doctor` shows which.",
        ) from err
    if check and done.returncode:
        raise missing
    return done.stdout
