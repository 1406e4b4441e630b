"""Many files at once: in order, one failure at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sottovoce.cli._pool import Failure, run_batch
from sottovoce.errors import ParameterError


def work(item):
    """Return the square; negative numbers are trouble of several kinds."""
    if item == -1:
        raise ParameterError("minus one", remedy="Take another.")
    if item == -2:
        raise KeyError("a fault of ours")
    if item == -3:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == -4:
        raise MemoryError
    time.sleep(0.01 * (item % 3))
    return item * item


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_failures_stop_nothing(jobs):
    items = [5, -1, 4, -2, 3, -4, 2]
    outcomes = list(run_batch(work, items, jobs=jobs))
    assert [one for one in outcomes if not isinstance(one, Failure)] == [25, 16, 9, 4]
    refused, fault, memory = (one for one in outcomes if isinstance(one, Failure))
    assert (refused.message, refused.remedy) == ("minus one", "Take another.")
    assert "KeyError" in fault.message
    assert "--debug" in fault.remedy
    assert "memory" in memory.message


def test_a_file_that_kills_its_process_fails_alone():
    outcomes = list(run_batch(work, [1, 2, -3, 4, 5, 6], jobs=2))
    assert [one if isinstance(one, int) else "died" for one in outcomes] == [
        1,
        4,
        "died",
        16,
        25,
        36,
    ]
    assert "died" in outcomes[2].message


@pytest.mark.parametrize("item", [-1, -2])
def test_debug_lets_errors_out(item):
    with pytest.raises((ParameterError, KeyError)):
        list(run_batch(work, [item], jobs=1, debug=True))


def test_closing_early_ends_the_workers():
    with closing(run_batch(work, range(5_000), jobs=2)) as outcomes:  # 25 s of work
        assert next(outcomes) == 0
        started = time.monotonic()
    assert time.monotonic() - started < 5.0
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_every_death_costs_one_item_and_is_told_with_its_process():
    died = []
    items = [1, -3, 2, -3, -3, 4, -3]
    outcomes = list(
        run_batch(work, items, jobs=2, tidy=lambda item, process: died.append((item, process)))
    )
    assert [one if isinstance(one, int) else "died" for one in outcomes] == [
        item * item if item > 0 else "died" for item in items
    ]
    assert [item for item, _ in died] == [-3] * 4
    assert len({process for _, process in died}) == 4
    assert "SIGKILL" in outcomes[1].message
    assert "--jobs 1" in outcomes[1].remedy


@pytest.mark.slow
def test_one_job_survives_a_death_too():
    outcomes = list(run_batch(work, [1, -3, 2], jobs=1))
    assert (outcomes[0], outcomes[2]) == (1, 4)
    assert "died" in outcomes[1].message


def kill_workers(item):
    """Kill all workers as soon as this one is done, when none has anything to do."""
    if item == "kill":
        pid, parent = os.getpid(), os.getppid()
        if os.fork() == 0:
            time.sleep(0.3)
            for process in children_of(parent):
                if process != os.getpid():
                    os.kill(process, signal.SIGKILL)
            os._exit(0)
        return pid
    return item


def children_of(parent):
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [
        int(word)
        for word in text.split()
        if b"spawn_main" in Path(f"/proc/{word}/cmdline").read_bytes()
        and b"resource_tracker" not in Path(f"/proc/{word}/cmdline").read_bytes()
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes as Linux does")
def test_workers_that_die_without_work_cost_nothing():
    outcomes = run_batch(kill_workers, ["kill", *range(20)], jobs=2)
    next(outcomes)
    time.sleep(1.0)  # what is in flight gets done, the rest has not been handed out
    assert list(outcomes) == list(range(20))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes as Linux does")
def test_workers_that_die_while_they_start_cost_nothing():
    killed = []

    def kill_first():
        end = time.monotonic() + 20
        while len(killed) < 2 and time.monotonic() < end:
            for process in children_of(os.getpid()):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
            time.sleep(0.02)

    killer = threading.Thread(target=kill_first)
    killer.start()
    outcomes = list(run_batch(work, [1, 2, 3, 4], jobs=2))
    killer.join()
    assert len(killed) >= 2
    assert outcomes == [1, 4, 9, 16]
    assert multiprocessing.active_children() == []
