"""Commands that start the sound system in the session in which this program runs."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_runtime_folder", "has_user_bus", "tell_how_to_start"]


def find_runtime_folder() -> Path:
    """Return the folder for the sockets of this user's servers; it may not exist."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")


def has_user_bus() -> bool:
    """Return whether ``systemctl --user`` can reach the user's systemd."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    return bool(os.environ.get("XDG_RUNTIME_DIR")) and (find_runtime_folder() / "bus").exists()


def tell_how_to_start(*programs: str, by_hand: str = "") -> str:
    """Return the command that starts programs of the sound system.

    Parameters
    ----------
    *programs : str
        Programs that are systemd units with the same names.
    by_hand : str
        The command to use if systemd does not serve this session; by default each program.
    """
    if not os.environ.get("XDG_RUNTIME_DIR"):
        folder = find_runtime_folder()
        if folder.is_dir():
            return f"export XDG_RUNTIME_DIR={folder}; without it no sound system is found"
        return "Log in on the desktop: XDG_RUNTIME_DIR is not set, and there is no session here."
    if has_user_bus() and not by_hand:
        return f"systemctl --user start {' '.join(programs)}"
    return by_hand or f"{' & '.join(programs)} &"
