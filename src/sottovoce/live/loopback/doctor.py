"""What the microphone needs of a computer on which a loopback driver leads to calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sottovoce.errors import SottovoceError
from sottovoce.live.checks import Check
from sottovoce.live.loopback.devices import (
    choose_loopback,
    choose_microphone,
    find_far_end,
    read_devices,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.live.loopback.devices import AudioDevice

__all__ = ["examine_loopback"]

_PERMISSION = {
    "darwin": "If all is silent: System Settings, Privacy & Security, Microphone, and allow it to"
    " the terminal.",
    "win32": "If all is silent: Settings, Privacy, Microphone, and allow it to desktop apps.",
}


def examine_loopback() -> Iterator[Check]:
    """Look at one thing after the other, until one is missing.

    Returns
    -------
    checks : iterator of Check
        In the order in which they should be mended.
    """
    found: list[AudioDevice] = []

    def look(what: str, find: Callable[[], AudioDevice]) -> Check:
        try:
            found.append(find())
        except SottovoceError as err:
            return Check(what=what, ok=False, remedy=err.remedy or str(err))
        return Check(what=f"{what}: {found[-1].name}", ok=True)

    try:
        devices = read_devices()
    except SottovoceError as err:
        yield Check(what="PortAudio names its devices", ok=False, remedy=err.remedy or str(err))
        return
    yield Check(what="PortAudio names its devices", ok=True)
    driver = look("there is a loopback driver", lambda: choose_loopback(devices, None))
    yield driver
    if not driver.ok:
        return
    loopback = found[0]
    yield look("a call can choose its microphone", lambda: find_far_end(devices, loopback))
    yield look("there is a microphone", lambda: choose_microphone(devices, None, loopback=loopback))
    if sys.platform in _PERMISSION:
        yield Check(
            what="this system lets the terminal hear the microphone (not known)",
            ok=False,
            grave=False,
            remedy=_PERMISSION[sys.platform],
        )
