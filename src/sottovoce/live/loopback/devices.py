"""The microphones and loudspeakers that PortAudio knows, and which of them a call uses.

Where no program can make a microphone of its own, a loopback driver stands in for it: what is
played into its loudspeaker comes out of its microphone.  BlackHole (macOS) and VB-CABLE (Windows)
are recognised by name, others are chosen with `into`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.errors import DeviceError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SYSTEMS",
    "AudioDevice",
    "choose_loopback",
    "choose_microphone",
    "find_far_end",
    "find_preferred",
    "import_sounddevice",
    "list_devices",
    "read_devices",
]

SYSTEMS = ("darwin", "win32")
"""Values of `sys.platform` on which a call uses a loopback driver."""

_WASAPI = "Windows WASAPI"
_LOOPBACKS = ("blackhole", "cable input", "vb-cable")
_FAR_ENDS = ("blackhole", "cable output", "vb-cable")
_REMEDIES = {
    "darwin": "Install the free driver BlackHole (2ch) by Existential Audio, and try again.",
    "win32": "Install the free driver VB-CABLE by VB-Audio, restart the computer, and try again.",
}
_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioDevice:
    """A microphone, a loudspeaker, or both in one.

    Attributes
    ----------
    index : int
        Number in PortAudio's list, which changes when something is plugged in.
    name : str
        Name shown to users.
    api : str
        The host API: Windows lists each device once per API.
    n_in, n_out : int
        Channels that can be recorded and played.
    sr : float
        Its usual sampling rate, in Hz.
    is_default : bool
        Whether it is the default microphone of the host API.
    """

    index: int
    name: str
    api: str
    n_in: int
    n_out: int
    sr: float
    is_default: bool


def import_sounddevice() -> Any:  # noqa: ANN401 - sounddevice has no types
    """Return the module `sounddevice`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    DeviceError
        If it is installed without the library PortAudio, or this system needs neither.
    """
    _check_sounddevice()
    try:
        return importlib.import_module("sounddevice")
    except OSError as err:
        remedy = "sudo apt install libportaudio2" if sys.platform == "linux" else ""
        raise DeviceError(f"PortAudio cannot be used: {err}", remedy=remedy) from err


def _check_sounddevice() -> None:
    if importlib.util.find_spec("sounddevice") is not None:
        return
    if sys.platform not in SYSTEMS:
        raise DeviceError(
            "a loopback driver is for macOS and Windows",
            remedy="Omit `into`: Sottovoce creates a microphone of its own here.",
        )
    raise MissingExtraError("sounddevice", extra="live", purpose="create a microphone")


def list_devices() -> list[AudioDevice]:
    """Return the devices that PortAudio found when this process first used it."""
    sounddevice = import_sounddevice()
    apis = sounddevice.query_hostapis()
    return [
        AudioDevice(
            index=index,
            name=found["name"],
            api=apis[found["hostapi"]]["name"],
            n_in=found["max_input_channels"],
            n_out=found["max_output_channels"],
            sr=float(found["default_samplerate"]),
            is_default=index == apis[found["hostapi"]]["default_input_device"],
        )
        for index, found in enumerate(sounddevice.query_devices())
    ]


def read_devices() -> list[AudioDevice]:
    """Return the current devices, queried in a separate process.

    Raises
    ------
    MissingExtraError
        If `sounddevice` is not installed.
    DeviceError
        If PortAudio does not answer, or if this is a system that needs no loopback driver.
    """
    _check_sounddevice()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sottovoce.live.loopback.devices"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise DeviceError(
            f"PortAudio did not list its devices within {_TIMEOUT_S:.0f} s",
            remedy="Unplug devices that you do not need, and try again.",
        ) from err
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise DeviceError(f"PortAudio cannot be used: {said[-1] if said else done.returncode}")
    return [AudioDevice(**fields) for fields in json.loads(done.stdout)]


def find_preferred(devices: Sequence[AudioDevice]) -> list[AudioDevice]:
    """Return each device once: on Windows from the newest host API, elsewhere all devices."""
    newest = [device for device in devices if device.api == _WASAPI]
    return newest or list(devices)


def choose_loopback(devices: Sequence[AudioDevice], into: str | None) -> AudioDevice:
    """Return the loudspeaker of the loopback driver.

    Parameters
    ----------
    devices : sequence of AudioDevice
        The available devices.
    into : str or None
        Part of its name; None looks for the known drivers.

    Returns
    -------
    loopback : AudioDevice
        The device into which marked sound is played.

    Raises
    ------
    DeviceError
        If there is none.
    """
    outputs = [device for device in find_preferred(devices) if device.n_out]
    words = _LOOPBACKS if into is None else (into.lower(),)
    for word in words:
        for device in outputs:
            if word in device.name.lower():
                return device
    if into is not None:
        raise DeviceError(f"there is no output device {into!r}", remedy=_tell_names(outputs))
    raise DeviceError(
        "there is no loopback driver that a call could listen to",
        remedy=_REMEDIES.get(sys.platform, "Specify its output device (`into`)."),
    )


def find_far_end(devices: Sequence[AudioDevice], loopback: AudioDevice) -> AudioDevice:
    """Return the microphone of the loopback driver: the one to choose in a call.

    Raises
    ------
    DeviceError
        If none has that name.
    """
    # VB-CABLE calls its ends "CABLE Input (…)" and "CABLE Output (…)", BlackHole both the same.
    swapped = loopback.name.replace("Input", "Output")
    inputs = [device for device in find_preferred(devices) if device.n_in]
    for name in (swapped, loopback.name):
        for device in inputs:
            if device.name == name:
                return device
    raise DeviceError(
        f"{loopback.name} has no microphone {swapped!r} that a call could listen to",
        remedy=_tell_names(inputs),
    )


def choose_microphone(
    devices: Sequence[AudioDevice], wanted: str | None, *, loopback: AudioDevice | None = None
) -> AudioDevice:
    """Return the hardware microphone.

    Parameters
    ----------
    devices : sequence of AudioDevice
        The available devices.
    wanted : str or None
        Part of its name; None takes the default one, or else any.
    loopback : AudioDevice or None
        The driver whose own microphone is excluded: it would hear itself.

    Returns
    -------
    microphone : AudioDevice
        The microphone to mark.

    Raises
    ------
    DeviceError
        If there is none.
    """
    own = {loopback.name, loopback.name.replace("Input", "Output")} if loopback else set()
    inputs = [d for d in find_preferred(devices) if d.n_in and d.name not in own]
    if wanted is None:
        fits = [d for d in inputs if not d.name.lower().startswith(_FAR_ENDS)]
        fits.sort(key=lambda device: not device.is_default)
    else:
        fits = [d for d in inputs if wanted.lower() in d.name.lower()]
    if not fits:
        message = "no microphone" if wanted is None else f"there is no microphone {wanted!r}"
        raise DeviceError(message, remedy=_tell_names(inputs))
    return fits[0]


def _tell_names(devices: Sequence[AudioDevice]) -> str:
    return f"Available: {'; '.join(device.name for device in devices) or 'none'}."


if __name__ == "__main__":
    try:
        json.dump([asdict(device) for device in list_devices()], sys.stdout)
    except DeviceError as err:
        sys.exit(str(err))
