"""Many files at once: in order, one failure at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import closing

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
