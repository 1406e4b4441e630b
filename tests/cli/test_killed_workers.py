"""A worker that is killed in the middle of its work costs its own file, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

N_TAKES = 5


def writers_in(folder):
    """Return the processes that write part files in a folder, from their names."""
    with suppress(FileNotFoundError):
        return [int(path.name.split(".")[2][8:], 16) for path in folder.glob(".*.part.wav")]
    return []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes as Linux does")
@pytest.mark.parametrize("in_place", [False, True], ids=["delivered", "in place"])
@pytest.mark.slow
def test_it_costs_its_own_file(in_place, shell, rng):
    takes = shell.folder / "takes"
    takes.mkdir()
    y = rng.normal(scale=0.1, size=16_000 * 60).astype(np.float32)
    for number in range(N_TAKES):
        sf.write(takes / f"{number}.wav", y, 16_000, subtype="PCM_16")
    out = takes if in_place else shell.folder / "out"
    where = ["--in-place"] if in_place else ["-o", "out"]
    options = [*where, "--owner", "anonymous", "--jobs", "2", "--json"]
    with shell.start("protect", "takes", *options) as process:
        end = time.monotonic() + 60
        while not (writers := writers_in(out)):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.005)
        os.kill(writers[0], signal.SIGKILL)
        said, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in err
    lines = [json.loads(line) for line in said.splitlines()]
    (failed,) = [line for line in lines if line["status"] == "error"]
    assert [line["file"] for line in lines] == [f"takes/{n}.wav" for n in range(N_TAKES)]
    assert "died (SIGKILL)" in failed["error"]
    assert failed["error"].startswith(failed["file"])
    assert failed["remedy"]
    assert err.splitlines()[-1] == f"{N_TAKES} in: {N_TAKES - 1} marked, 1 failed (named above)"
    # Nothing is left of it, and everything else is there.
    expected = {f"{n}.wav" for n in range(N_TAKES)}
    if not in_place:
        expected.discard(Path(failed["file"]).name)
    assert {path.name for path in out.iterdir()} == expected
    for path in out.iterdir():
        assert sf.info(path).frames == len(y)
