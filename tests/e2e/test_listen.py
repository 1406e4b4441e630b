"""`sottovoce listen` on a real PipeWire: what the others in a call say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device
PROGRAM = Path(sys.executable).with_name("sottovoce")


def listen(server, *words):
    return subprocess.run(
        [PROGRAM, "listen", *words],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.by_turns
def test_two_marked_voices_in_the_loudspeakers_are_told_apart(server):
    y, sr = sf.read(CLIP, dtype="float32")
    owners = {0x4F2A91C077DE, 0x123456789ABC}
    voices = [
        sv.protect(np.roll(y, 7 * sr * i), sr=sr, notice=sv.Notice(owner_id=owner), strength_db=1.6)
        for i, owner in enumerate(sorted(owners))
    ]
    path = server.folder / "call.wav"
    sf.write(path, 0.5 * (voices[0] + voices[1]), sr)
    server.play(path, to="speakers")
    done = listen(server, "--json", "--for", "20")
    assert done.returncode == 0, done.stderr
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    found = [look for look in looks if look["found"]]
    assert found
    read = {v["payload"]["owner_id"] for look in looks for v in look["voices"] if v["payload"]}
    assert read == owners
    # Both begin with the clip, and the latency is that of the look which found the first.
    assert found[0] is next(look for look in looks if look["latency_s"] is not None)
    assert 0 < found[0]["latency_s"] < 12
    assert {look["latency_s"] for look in found} == {found[0]["latency_s"]}


def test_it_says_how_much_sound_it_took(server):
    y, sr = sf.read(CLIP, dtype="float32")
    path = server.folder / "call.wav"
    sf.write(path, sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), strength_db=1.6), sr)
    server.play(path, to="speakers")
    done = listen(server, "--for", "16")
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r".*found after \d+\.\d s of sound\)", done.stdout)
    assert "a mark, owner not read yet" in line or "the mark names owner" in line
    assert done.stdout.count("the mark names owner 0000-0000-0007") == 1


def test_an_unmarked_voice_is_not_found(server):
    server.play(CLIP, to="speakers")
    done = listen(server, "--for", "12")
    assert done.returncode == 1, done.stderr
    assert "no mark found" in done.stdout


def test_a_device_that_there_is_not_is_refused(server):
    done = listen(server, "--device", "nonesuch")
    assert done.returncode == 2
    assert "speakers" in done.stderr.lower()
