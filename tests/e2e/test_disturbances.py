"""What a computer does to sound that runs: other programs, other block sizes, sleep."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import soundfile as sf

import sottovoce as sv
from rig.ruler import find_delay_s
from tests.e2e.conftest import CLIP

pytestmark = pytest.mark.device
_SPOKEN_S = 1.5
"""Speech in blocks of each size."""
_ASLEEP_S = 5


def test_the_mark_survives_blocks_that_change_in_size_while_somebody_speaks(server, mic, tmp_path):
    live = mic()
    live.wait_for(status="marking", block=512)
    recording = server.record(tmp_path / "out.wav", source="sottovoce", seconds=18)
    live.wait_for(recorders=1)
    server.play(CLIP)
    time.sleep(_SPOKEN_S)
    # Another program that insists on less delay, as a musician's does.
    words = ["pw-record", "-P", "{ node.force-quantum = 128 }", "--target", "hw_mic"]
    other = server.spawn(*words, str(tmp_path / "other.wav"))
    live.wait_for(block=128)
    time.sleep(_SPOKEN_S)
    other.terminate()
    for block in (1024, 64, 512):
        server.run("pw-metadata", "-n", "settings", "0", "clock.force-quantum", str(block))
        live.wait_for(block=block)
        time.sleep(_SPOKEN_S)
    # Nobody insists any more; the server keeps the size until the graph rests.
    server.run("pw-metadata", "-n", "settings", "0", "clock.force-quantum", "0")
    time.sleep(_SPOKEN_S)
    state = live.wait_for(confirmation="heard")
    assert state["unmarked"] == 0
    # Marking takes as long in blocks of every size.
    assert {each["delay_ms"] for each in live.states() if each["block"]} == {16.0}
    recording.wait()
    y, sr = sf.read(tmp_path / "out.wav", dtype="float32")
    detection = sv.detect(y, sr=sr)
    assert detection.found
    assert detection.log10_p < -12


def find_processes(server, *words):
    """Return the numbers of this server's processes whose command line holds one of the words."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # no process, or it has ended
        if any(word in command for word in words) and str(server.folder).encode() in environment:
            found.append(int(folder.name))
    return found


def measure_delay_s(server):
    """Return the time between the microphone and what goes out, while somebody speaks."""
    return find_delay_s(server.record_both("hw_mic", "sottovoce", seconds=4)[48_000:])


OURS = ("sottovoce", "pw-cli", "pw-dump", "pw-record")
THEIRS = ("pipewire", "wireplumber")


@pytest.mark.by_turns
@pytest.mark.parametrize("asleep", [OURS, THEIRS, OURS + THEIRS], ids=["ours", "server", "all"])
def test_after_five_seconds_without_the_processor_all_is_as_before(server, mic, asleep):
    """As when a computer sleeps and wakes.

    A container cannot put its machine to sleep.  Here the processes are stopped and the clock
    goes on, which is harder: in a real sleep the clock that they look at stops with them.
    """
    live = mic()
    live.wait_for(status="marking")
    player = server.play(CLIP)
    live.wait_for(confirmation="heard")
    # The names of our own modules name the sound system, too.
    others = {player.pid, *(find_processes(server, "sottovoce") if asleep == THEIRS else ())}
    numbers = [n for n in find_processes(server, *asleep) if n not in others]
    assert len(numbers) > 2
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    time.sleep(_ASLEEP_S)
    for number in reversed(numbers):
        os.kill(number, signal.SIGCONT)
    time.sleep(1)  # what waited in every buffer comes out
    player.kill()
    server.play(CLIP)
    assert measure_delay_s(server) == 0.016
    # Found before the sleep does not count: it was found since.
    server.wait(lambda: live.states()[-1]["found_ago_s"] < 3, "the mark")
    state = live.wait_for(status="marking", confirmation="heard")
    assert state["delay_ms"] == 16.0
    assert state["unmarked"] == 0
