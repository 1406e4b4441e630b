"""What the microphone needs on a computer where calls use a loopback driver."""

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
    "darwin": "If there is only silence: in System Settings, Privacy & Security, Microphone, allow"
    " the terminal.",
    "win32": "If there is only silence: in Settings, Privacy, Microphone, allow desktop apps.",
}


def examine_loopback() -> Iterator[Check]:
    """Check one requirement after the other, until one is not met.

    Returns
    -------
    checks : iterator of Check
        In the order in which to fix them.
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
        yield Check(what="PortAudio lists its devices", ok=False, remedy=err.remedy or str(err))
        return
    yield Check(what="PortAudio lists its devices", ok=True)
    driver = look("a loopback driver is installed", lambda: choose_loopback(devices, None))
    yield driver
    if not driver.ok:
        return
    loopback = found[0]
    yield look("a call can choose its microphone", lambda: find_far_end(devices, loopback))
    yield look(
        "a microphone is available", lambda: choose_microphone(devices, None, loopback=loopback)
    )
    if sys.platform in _PERMISSION:
        yield Check(
            what="this system lets the terminal use the microphone (not known)",
            ok=False,
            grave=False,
            remedy=_PERMISSION[sys.platform],
        )
