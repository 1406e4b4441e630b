"""What to type so that the sound system starts, in the session that this program runs in."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_runtime_folder", "has_user_bus", "tell_how_to_start"]


def find_runtime_folder() -> Path:
    """Return where this person's servers have their sockets, or would have them."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")


def has_user_bus() -> bool:
    """Whether ``systemctl --user`` can reach anybody."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    return bool(os.environ.get("XDG_RUNTIME_DIR")) and (find_runtime_folder() / "bus").exists()


def tell_how_to_start(*programs: str, by_hand: str = "") -> str:
    """Return the command that starts some programs of the sound system.

    Parameters
    ----------
    *programs : str
        Which are units of systemd by the same names.
    by_hand : str
        The command where systemd does not serve this session; by default each program by itself.
    """
    if not os.environ.get("XDG_RUNTIME_DIR"):
        folder = find_runtime_folder()
        if folder.is_dir():
            return f"export XDG_RUNTIME_DIR={folder}; without it no sound system is found"
        return "Log in on the desktop: XDG_RUNTIME_DIR is not set, and there is no session here."
    if has_user_bus() and not by_hand:
        return f"systemctl --user start {' '.join(programs)}"
    return by_hand or f"{' & '.join(programs)} &"
