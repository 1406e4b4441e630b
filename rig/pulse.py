"""A PulseAudio of its own, without PipeWire, in the place of `AudioServer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rig.ruler import read_both
from rig.server import AudioServer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["PulseServer"]


class PulseServer(AudioServer):
    """The server, from `start` to `stop`.

    Notes
    -----
    A device that goes away takes its streams to another one, as Debian's PulseAudio does.
    """

    # Without, a loudspeaker that nobody hurries takes two seconds at once, as no device does.
    sink_options = ("norewinds=1",)
    packages: ClassVar[dict[str, str]] = {
        "dbus-daemon": "dbus",
        "pactl": "pulseaudio-utils",
        "pulseaudio": "pulseaudio",
    }

    def start(self) -> None:
        """Start the daemon, and make a loudspeaker and a microphone."""
        words = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        words += ["-L", "module-native-protocol-unix", "-L", "module-rescue-streams"]
        self._start_daemon(*words)
        self.wait(lambda: (self.folder / "run/pulse/native").exists(), "PulseAudio's socket")
        self.wait(lambda: self.run("pactl", "info"), "PulseAudio")
        self.add_sink("speakers")
        self.run("pactl", "set-default-sink", "speakers")
        self.add_microphone("hw_mic", "HardwareMic", feed="hw_feed")
        self.run("pactl", "set-default-source", "hw_mic")

    def add_microphone(self, name: str, description: str, *, feed: str) -> str:
        """Make a microphone that hears what is played to `feed`; return its module."""
        self.add_sink(feed)
        return self.run(
            *("pactl", "load-module", "module-remap-source", f"master={feed}.monitor"),
            *(f"source_name={name}", f"source_properties=device.description={description}"),
        ).strip()

    def play(self, path: Path, *, to: str = "hw_feed") -> subprocess.Popen[bytes]:
        """Begin to play a file."""
        return self.spawn("paplay", f"--device={to}", str(path))

    def record(self, path: Path, *, source: str, seconds: float) -> subprocess.Popen[bytes]:
        """Record a source to a WAV file of 48 kHz; killed by the clock."""
        words = [
            "timeout",
            "-s",
            "INT",
            str(seconds),
            "parec",
            f"--device={source}",
            "--rate=48000",
        ]
        words += ["--channels=1", "--format=float32le", "--file-format=wav", str(path)]
        return self.spawn(*words)

    def record_both(self, before: str, after: str, *, seconds: float) -> npt.NDArray[np.float32]:
        """Record two sources side by side; see `rig.ruler`."""
        return read_both(self.environment, before, after, seconds=seconds)

    def modules(self) -> str:
        """Return the modules, one a line."""
        return self.run("pactl", "list", "short", "modules")
