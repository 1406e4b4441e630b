"""Refuse everybody, license one: the example from the recording to the report."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM

SCRIPT = Path(__file__).parents[2] / "examples" / "licence.sh"


@pytest.mark.by_turns
@pytest.mark.slow
def test_exactly_what_is_granted_is_released(tmp_path) -> None:
    """The script ends with an error if another take is released, or for another use."""
    done = subprocess.run(
        ["bash", SCRIPT, tmp_path / "out"],
        env={**os.environ, "SOTTOVOCE": str(PROGRAM)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Licensed" in (tmp_path / "out" / "lab" / "scan" / "report.html").read_text()
    assert (tmp_path / "out" / "lab" / "scan" / "report.jws").exists()
