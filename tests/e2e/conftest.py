"""One audio server for each test: a fault in one must not reach the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.mic import MicProgram
from rig.pulse import PulseServer
from rig.server import AudioServer

on_both_servers = pytest.mark.parametrize(
    "server", [AudioServer, PulseServer], indirect=True, ids=["pipewire", "pulseaudio"]
)
CLIP = Path(__file__).parents[2] / "examples" / "data" / "sense_and_sensibility.flac"


@pytest.fixture
def server(request):
    """PipeWire's, or one of the kinds in `on_both_servers`."""
    server = getattr(request, "param", AudioServer)()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def mic(server):
    started = []

    def start(*words, always=True):
        started.append(MicProgram(server, *words, always=always))
        return started[-1]

    yield start
    for each in started:
        each.end()
