"""Stopped in the middle: by Ctrl-C, by force, by a full disk.  Nothing may be broken by it."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import numpy as np
import pytest
import soundfile as sf

N_TAKES = 4
TAKE_S = 240
CALM = {"PYTHONWARNINGS": ""}
"""No error for an unclosed file: where Ctrl-C comes between the return of `open` and the `with`
around it, Python closes the file at once, since nobody holds it, and warns that it had to."""


@pytest.fixture
def takes(shell, rng):
    """A folder of takes that keep the program busy for some seconds."""
    folder = shell.folder / "takes"
    folder.mkdir()
    y = rng.normal(scale=0.1, size=48_000 * TAKE_S).astype(np.float32)
    for number in range(N_TAKES):
        sf.write(folder / f"{number}.wav", y, 48_000, subtype="PCM_16")
    return folder


def read_all(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_for_output(folder, process):
    """Wait until something is being written."""
    end = time.monotonic() + 60
    while not (folder.exists() and any(path.is_file() for path in folder.rglob("*"))):
        assert process.poll() is None, "it was done before it could be interrupted"
        assert time.monotonic() < end
        time.sleep(0.01)


def assert_whole(folder):
    """Every file that is there under its own name is complete."""
    for path in folder.rglob("[0-9].wav"):
        assert sf.info(path).frames == 48_000 * TAKE_S


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("to_group", [False, True], ids=["to the parent", "to all"])
def test_ctrl_c_leaves_nothing_half_written(jobs, to_group, shell, takes):
    before = read_all(takes)
    options = ["-o", "out", "--owner", "anonymous", "--jobs", jobs]
    arguments = ["protect", "takes", *options]
    with shell.start(*arguments, environment=CALM, start_new_session=True) as process:
        wait_for_output(shell.folder / "out", process)
        if to_group:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert read_all(takes) == before
    assert_whole(shell.folder / "out")
    names = {path.name for path in (shell.folder / "out").rglob("*") if path.is_file()}
    assert names <= {f"{number}.wav" for number in range(N_TAKES)}
    assert len(names) < N_TAKES


@pytest.mark.slow
@pytest.mark.parametrize("in_place", [False, True])
def test_killed_by_force_it_leaves_the_original_and_no_damaged_file(in_place, shell, takes):
    before = read_all(takes)
    options = ["--in-place"] if in_place else ["-o", "out"]
    out = takes if in_place else shell.folder / "out"
    arguments = ["protect", "takes", *options, "--owner", "anonymous", "--jobs", "1"]
    with shell.start(*arguments, start_new_session=True) as process:
        if in_place:
            end = time.monotonic() + 60
            while len(list(out.iterdir())) == N_TAKES and time.monotonic() < end:
                time.sleep(0.005)
        else:
            wait_for_output(out, process)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert_whole(out)
    if not in_place:
        assert read_all(takes) == before


@pytest.mark.disk
def test_a_full_disk_is_told_and_leaves_nothing(shell, takes, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        done = shell("protect", takes / "0.wav", "-o", small / "out.wav", "--owner", "anonymous")
        assert done.code == 2
        assert "space" in done.err.lower()
        assert list(small.iterdir()) == []
        assert (takes / "0.wav").stat().st_size > 48_000
    finally:
        subprocess.run(["umount", small], check=True)
