"""A loopback driver on the rig's audio server, as PortAudio sees one on macOS.

Two devices of ALSA lead to the audio server: *Headset* to its microphone `hw_mic`, and
*BlackHole 2ch* to a loudspeaker of its own, whose monitor is the driver's other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rig.server import AudioServer

__all__ = ["FAR_END", "LOOPBACK", "add_loopback"]

LOOPBACK = "BlackHole 2ch"
FAR_END = "blackhole.monitor"
"""What the audio server calls what a call would record."""

_CONFIG = """\
</usr/share/alsa/alsa.conf>
pcm."Headset" {
    type asym
    capture.pcm { type pulse device hw_mic }
    playback.pcm { type null }
    hint.description "Headset"
}
pcm."BlackHole 2ch" {
    type asym
    capture.pcm { type pulse device blackhole.monitor }
    playback.pcm { type pulse device blackhole }
    hint.description "BlackHole 2ch"
}
"""


def add_loopback(server: AudioServer) -> None:
    """Make the driver; programs that are started from now on find it."""
    server.add_sink("blackhole")
    path = server.folder / "asound.conf"
    path.write_text(_CONFIG)
    server.environment["ALSA_CONFIG_PATH"] = str(path)
