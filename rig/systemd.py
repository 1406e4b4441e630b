"""A person's own systemd on the rig's audio server, also where the machine runs without one."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rig.server import AudioServer

__all__ = ["run_manager"]

_MANAGER = "/usr/lib/systemd/systemd"


@contextmanager
def run_manager(server: AudioServer) -> Iterator[None]:
    """Run ``systemd --user`` in the rig's environment.

    It starts only where the machine was booted by systemd, which it sees by a folder.  If that
    is missing, it gets one in a view of the file system that only it has.
    """
    if shutil.which(_MANAGER) is None:
        raise RuntimeError("apt-get install systemd")
    script = (
        "mount -t tmpfs none /run/systemd 2>/dev/null ||"
        " { mkdir -p /run/systemd && mount -t tmpfs none /run/systemd; };"
        f" mkdir -p /run/systemd/system; exec {_MANAGER} --user"
    )
    with (server.folder / "systemd.log").open("wb") as log:
        manager = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            env=server.environment,
            stdout=log,
            stderr=log,
        )
    try:
        server.wait(
            lambda: "basic.target" in server.run("systemctl", "--user", "list-units"), "systemd"
        )
        yield
    finally:
        server.run("systemctl", "--user", "exit")
        try:
            manager.wait(10)
        except subprocess.TimeoutExpired:
            manager.kill()
            manager.wait()
