"""A telephone call between two of Debian's baresip: from a microphone to the far end's samples.

baresip will not speak over the loopback interface, so both live in a network namespace of their
own, on the two ends of a virtual cable.  The audio server is reached through a file, which a
namespace does not hide.  Nothing is played at the far end: its decoded sound goes into a file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import soundfile as sf

from rig.takes import SR, TAKES, Take, compare, is_whole, load_resampled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from rig.server import AudioServer

__all__ = ["CODECS", "Codec", "hold_sip_call"]

Codec = Literal["opus", "PCMU"]

CODECS: dict[Codec, str] = {"opus": "opus/48000/2", "PCMU": "pcmu/8000/1"}
_LIKENESS: dict[Codec, float] = {"opus": 0.90, "PCMU": 0.75}
# Up to where each lets sound pass.
_UP_TO_HZ: dict[Codec, float] = {"opus": 12_000.0, "PCMU": 3_400.0}
_PACKAGES = {"baresip": "baresip-core", "ip": "iproute2", "unshare": "util-linux"}
_MODULES = "/usr/lib/baresip/modules"
_ALSA_PLUGINS = "/usr/share/alsa/alsa.conf.d/50-pulseaudio.conf"
_NEAR, _FAR = "198.51.100.1", "198.51.100.2"  # TEST-NET-2 (RFC 5737): nobody's
_READY_S = 10.0
_MARGIN_S = 30.0
_CABLE = f"""
ip link set lo up && ip link add near type veth peer name far &&
ip addr add {_NEAR}/24 dev near && ip addr add {_FAR}/24 dev far &&
ip link set near up && ip link set far up && echo up && exec cat
"""
_CONFIG = """\
module_path {modules}
module g711.so
module opus.so
module alsa.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
sip_listen {address}:5060
net_interface {interface}
audio_source {source}
audio_player aubridge,nobody
audio_alert aubridge,nobody
opus_bitrate 24000
snd_path {folder}
"""


def hold_sip_call(
    server: AudioServer, clip: Path, *, codec: Codec, source: str = "sottovoce"
) -> Take:
    """Say a clip in a telephone call; a damaged take is counted and repeated.

    Parameters
    ----------
    server : AudioServer
        Where the caller's microphone is.
    clip : pathlib.Path
        What the hardware microphone hears.
    codec : {"opus", "PCMU"}
        Opus at 24 kb/s, or the telephone's of 8 kHz and 64 kb/s.
    source : str
        The node that the caller records.

    Returns
    -------
    take : Take
        What the far end decoded; its `stats` name the codec that was agreed on.

    Raises
    ------
    RuntimeError
        If a program is missing, no call comes about, or every take was damaged.
    """
    _check_programs()
    played = load_resampled(clip)
    likeness = 0.0
    for n_damaged in range(TAKES):
        y, agreed = _take(server, clip, codec, source, len(played) / SR)
        likeness = compare(played, y, up_to_hz=_UP_TO_HZ[codec])
        if is_whole(played, y) and likeness >= _LIKENESS[codec]:
            stats = {"codec": agreed}
            return Take(y=y, likeness=likeness, n_damaged=n_damaged, stats=stats)
    raise RuntimeError(f"{TAKES} takes of {clip.name} were damaged, the last {likeness:.2f}")


def _check_programs() -> None:
    missing = {_PACKAGES[program] for program in _PACKAGES if shutil.which(program) is None}
    if not Path(_ALSA_PLUGINS).is_file():
        missing.add("libasound2-plugins")
    if missing:
        raise RuntimeError(f"apt-get install {' '.join(sorted(missing))}")


def _take(
    server: AudioServer, clip: Path, codec: Codec, source: str, length_s: float
) -> tuple[npt.NDArray[np.float32], str]:
    """Hold one call; return what the far end decoded, and the codec that it names."""
    with tempfile.TemporaryDirectory(dir=server.folder) as name, ExitStack() as stack:
        folder = Path(name)
        silence = folder / "silence.wav"
        # A file is sent only if its rate and channels are those of the codec.
        sr, n_channels = map(int, CODECS[codec].split("/")[1:])
        sf.write(silence, np.zeros((round((length_s + _MARGIN_S) * sr), n_channels)), sr)
        cable = stack.enter_context(_lay_cable())
        ends = [
            _Phone(folder / "far", _FAR, "far", f"aufile,{silence}", codec),
            _Phone(folder / "near", _NEAR, "near", "alsa,pulse", codec),
        ]
        for phone, dial in zip(ends, ((), ("-e", f"/dial sip:far@{_FAR}")), strict=True):
            words = ("-t", str(round(length_s + _MARGIN_S)), *dial)
            stack.callback(phone.end)
            phone.start(cable, {**server.environment, "PULSE_SOURCE": source}, *words)
            phone.wait_for("baresip is ready")
        ends[0].wait_for("Call established")
        agreed = ends[0].wait_for(r"Set audio decoder: (\w+)")[1]
        if agreed != codec:
            raise RuntimeError(f"they agreed on {agreed}, not {codec}: {ends[0].said()}")
        time.sleep(1.0)
        server.play(clip).wait()
        time.sleep(1.0)
        for phone in reversed(ends):
            phone.end()
        decoded = list((folder / "far").glob("*-dec.wav"))
        if len(decoded) != 1:
            raise RuntimeError(f"the far end kept {len(decoded)} files: {ends[0].said()}")
        return load_resampled(decoded[0]), agreed


@contextmanager
def _lay_cable() -> Iterator[int]:
    """Make the namespace and its cable; give the number of the process that keeps them.

    It waits for our end of a pipe: whatever ends us ends it, and with it the namespace.
    """
    command = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    with subprocess.Popen(
        [*command, "sh", "-c", _CABLE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as keeper:
        try:
            if keeper.stdout.readline() != "up\n":
                raise RuntimeError(f"no network of its own: {keeper.stderr.read()}")
            yield keeper.pid
        finally:
            keeper.kill()


class _Phone:
    """One baresip in a folder of its own, on one end of the cable."""

    def __init__(
        self, folder: Path, address: str, interface: str, source: str, codec: Codec
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._log = folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None
        settings = {"address": address, "interface": interface, "source": source, "folder": folder}
        (folder / "config").write_text(_CONFIG.format(modules=_MODULES, **settings))
        account = f"<sip:{interface}@{address}:5060>;regint=0;answermode=auto"
        (folder / "accounts").write_text(f"{account};audio_codecs={CODECS[codec]}\n")
        (folder / "contacts").touch()

    def start(self, cable: int, environment: dict[str, str], *words: str) -> None:
        """Start it; it ends by itself after a while, whatever becomes of us."""
        enter = ["nsenter", f"--net=/proc/{cable}/ns/net"]
        if os.geteuid():
            enter = ["nsenter", "--user", "--net", f"--target={cable}", "--preserve-credentials"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*enter, "baresip", "-4", "-f", str(self._folder), *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def said(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return where it says so, as soon as it does."""
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            match = re.search(pattern, self.said())
            if match:
                return match
            time.sleep(0.05)
        raise RuntimeError(f"no {pattern!r} from baresip: {self.said()}")

    def end(self) -> None:
        """Hang up, and close its files."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
