"""One audio server for each test: a fault in one must not reach the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rig.mic import MicProgram
from benchmarks.rig.server import AudioServer

CLIP = Path(__file__).parents[2] / "examples" / "data" / "sense_and_sensibility.flac"


@pytest.fixture
def server():
    server = AudioServer()
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
