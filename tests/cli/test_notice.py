"""The first use of the program makes a key."""

from __future__ import annotations

import subprocess
import sys

import pytest

FIRST_USE = """
import sys, time
from pathlib import Path
from sottovoce.cli._notice import choose_notice
import sottovoce.rights
print("ready", flush=True)
sys.stdin.readline()
print(choose_notice(owner=None, policy="all").owner_id)
"""


@pytest.mark.slow
def test_eight_first_uses_at_once_make_one_key_and_no_failure(shell):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE],
            env=shell.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in processes]
    assert {process.returncode for process in processes} == {0}, ends
    assert len({out for out, _ in ends}) == 1
    assert sum("Created your key" in err for _, err in ends) == 1
    folder = shell.folder.parent / "config" / "sottovoce" / "identities"
    assert [path.name for path in folder.iterdir()] == ["default.json"]
