"""Processes of a pool: ended at any moment without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from sottovoce.files import worker_processes
from sottovoce.files.worker_processes import WorkerProcesses
from tests.cli.conftest import hear_ctrl_c

STARTED_AND_ENDED = """
import sys, time
from pebble import ProcessPool
from sottovoce.files.worker_processes import WorkerProcesses
if __name__ == "__main__":
    processes = WorkerProcesses()
    pool = ProcessPool(3, context=processes)
    pool.schedule(time.sleep, args=(60,))
    time.sleep(float(sys.argv[1]))
    processes.end(pool)
    assert not processes.ids
"""

INTERRUPTED = """
import sys, time
from pebble import ProcessPool
from sottovoce.files.worker_processes import WorkerProcesses
if __name__ == "__main__":
    processes = WorkerProcesses()
    pool = ProcessPool(20, context=processes)
    print("begins", flush=True)
    try:
        pool.schedule(time.sleep, args=(60,))
        time.sleep(60)
    except KeyboardInterrupt:
        pass
    processes.end(pool)
    assert not processes.ids
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_a_pool_ends_while_its_processes_start(delay_s):
    ended = subprocess.run(
        [sys.executable, "-c", STARTED_AND_ENDED, str(delay_s)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
def test_an_interrupt_of_the_whole_group_while_processes_start(delay_s):
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=hear_ctrl_c,
    ) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(delay_s)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_no_process_starts_after_the_end():
    from pebble import ProcessPool

    processes = WorkerProcesses()
    processes.end(ProcessPool(1, context=processes))
    with pytest.raises(OSError, match="shut down"):
        processes.Process(target=time.sleep, args=(60,)).start()
    assert processes.ids == []


def test_that_no_worker_has_started_in_time_is_told_once(monkeypatch):
    monkeypatch.setattr(worker_processes, "START_S", -1.0)
    processes = WorkerProcesses()
    with pytest.warns(RuntimeWarning, match="no worker process has started"):
        processes.check()
    processes.check()


def test_nothing_is_told_once_a_worker_has_started(monkeypatch):
    monkeypatch.setattr(worker_processes, "START_S", -1.0)
    processes = WorkerProcesses()
    processes.started.value = 1
    processes.check()
