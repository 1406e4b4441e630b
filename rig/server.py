"""An audio server of its own: bus, PipeWire and WirePlumber in a private folder.

It has a loudspeaker, `speakers`, and a microphone, `hw_mic`, which hears what `hw_feed` is played.
A program that is missing ends the tests loudly: what is not run is not tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import soundfile as sf

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

__all__ = ["AudioServer", "find_process"]

_READY_S = 10.0


class AudioServer:
    """The server, from `start` to `stop`.

    Attributes
    ----------
    folder : pathlib.Path
        Its own, taken away by `close`.
    environment : dict
        What programs need to find it.

    Raises
    ------
    RuntimeError
        If a program is missing.
    """

    sink_options: ClassVar[tuple[str, ...]] = ()
    packages: ClassVar[dict[str, str]] = {
        "dbus-daemon": "dbus",
        "pactl": "pulseaudio-utils",
        "pipewire": "pipewire",
        "pipewire-pulse": "pipewire-pulse",
        "pw-link": "pipewire-bin",
        "pw-play": "pipewire-bin",
        "wireplumber": "wireplumber",
    }

    def __init__(self) -> None:
        missing = sorted({self.packages[p] for p in self.packages if shutil.which(p) is None})
        if missing:
            raise RuntimeError(f"apt-get install {' '.join(missing)}")
        self.folder = Path(tempfile.mkdtemp(prefix="sottovoce-rig-"))
        for name in ("run", "home"):
            (self.folder / name).mkdir(mode=0o700)
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("DISPLAY", "PULSE_SERVER")},
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "XDG_CONFIG_HOME": str(self.folder / "home" / "config"),
            "XDG_STATE_HOME": str(self.folder / "home" / "state"),
            "HOME": str(self.folder / "home"),
            "OMP_NUM_THREADS": "1",
        }
        self._bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self._bus.stdout.readline().strip()
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._clients: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the daemons, and make a loudspeaker and a microphone."""
        for program in ("pipewire", "wireplumber", "pipewire-pulse"):
            self._start_daemon(program)
            if program == "pipewire":
                self.wait(
                    lambda: (self.folder / "run" / "pipewire-0").exists(), "PipeWire's socket"
                )
        self.wait(lambda: "WirePlumber" in self.run("wpctl", "status"), "WirePlumber")
        self.wait(lambda: self.run("pactl", "info"), "the Pulse protocol")
        self.add_sink("speakers")
        self.run("pactl", "set-default-sink", "speakers")
        self.add_microphone("hw_mic", "HardwareMic", feed="hw_feed")

    def _start_daemon(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(words, env=self.environment, stdout=log, stderr=log)
            )

    def stop(self) -> None:
        """End the daemons; programs that use them stay."""
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(5)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons = []

    def close(self) -> None:
        """End everything and take the folder away."""
        for client in self._clients:
            client.kill()
            client.wait()
        self.stop()
        self._bus.kill()
        self._bus.wait()
        self._bus.stdout.close()
        shutil.rmtree(self.folder)

    def run(self, *words: str) -> str:
        """Return what a program prints, or nothing where it fails."""
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def wait(self, ready: Callable[[], object], what: str, within_s: float = _READY_S) -> None:
        """Wait until it is so, or say what was missing."""
        deadline = time.monotonic() + within_s
        while not ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"no sign of {what} within {within_s:.0f} s")
            time.sleep(0.05)

    def add_sink(self, name: str) -> str:
        """Make a loudspeaker; return its module."""
        return self.run(
            *("pactl", "load-module", "module-null-sink", f"sink_name={name}"),
            *("channel_map=mono", "rate=48000", *self.sink_options),
        ).strip()

    def add_microphone(self, name: str, description: str, *, feed: str) -> str:
        """Make a microphone that hears what is played to `feed`; return its module."""
        self.add_sink(feed)
        module = self.run(
            *("pactl", "load-module", "module-null-sink", "media.class=Audio/Source/Virtual"),
            *(f"sink_name={name}", "channel_map=mono", "rate=48000"),
            f"sink_properties=device.description={description}",
        ).strip()

        def link() -> bool:
            self.run("pw-link", f"{feed}:monitor_MONO", f"{name}:input_MONO")
            return f"{name}:input_MONO" in self.run("pw-link", "-l")

        self.wait(link, f"the port of {name}")
        return module

    def sources(self) -> list[str]:
        """Return the names of the microphones and monitors."""
        return [s["name"] for s in json.loads(self.run("pactl", "-f", "json", "list", "sources"))]

    def play(self, path: Path, *, to: str = "hw_feed") -> subprocess.Popen[bytes]:
        """Begin to play a file."""
        return self.spawn("pw-play", "--target", to, str(path))

    def record(self, path: Path, *, source: str, seconds: float) -> subprocess.Popen[bytes]:
        """Record a source to a WAV file of 48 kHz; killed by the clock."""
        words = ["timeout", "-s", "INT", str(seconds), "pw-record", "--target", source]
        words += ["--rate", "48000", "--channels", "1", "--format", "f32", str(path)]
        return self.spawn(*words)

    def record_both(self, before: str, after: str, *, seconds: float) -> npt.NDArray[np.float32]:
        """Record two sources at 48 kHz as one, so that both are cut at the same sample."""
        path = self.folder / "both.wav"
        ruler = self.spawn(
            *("timeout", "-s", "INT", str(seconds), "pw-record", "--target", "0"),
            *("-P", "{ node.name=ruler }", "--rate", "48000", "--channels", "2"),
            *("--format", "f32", str(path)),
        )
        self.wait(lambda: "ruler:input_FR" in self.run("pw-link", "-i"), "the ruler")
        self.run("pw-link", f"{before}:capture_MONO", "ruler:input_FL")
        self.run("pw-link", f"{after}:capture_MONO", "ruler:input_FR")
        ruler.wait()
        both, _ = sf.read(path, dtype="float32")
        return both

    def spawn(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program that ends with the server, if not before."""
        self._clients.append(subprocess.Popen(words, env=self.environment))
        return self._clients[-1]


def find_process(server: AudioServer, words: str) -> int:
    """Return the number of a process of this server's whose command line holds the words."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words_of_it = (folder / "cmdline").read_bytes().split(b"\0")
            command = b" ".join(words_of_it).decode(errors="replace")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is somebody else's
        if words in command and str(server.folder).encode() in environment:
            return int(folder.name)
    raise RuntimeError(f"there is no process {words!r}")
