"""Run the extension's modules in Node.js, with sound in files of float32."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNAL = Path(__file__).parents[3] / "extension" / "src" / "signal"
_HERE = Path(__file__).parent
_TIMEOUT_S = 300.0


def run_node(script: str, question: object, *, flags: Sequence[str] = ()) -> Any:
    """Return the JSON that a script of this folder answers to the JSON of a question."""
    done = subprocess.run(
        ["node", *flags, _HERE / script, SIGNAL],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write_sound(path: Path, y: np.ndarray) -> str:
    """Write sound of shape (channels, n), channel after channel, and return the file's name."""
    y.astype("<f4").tofile(path)
    return str(path)


def read_sound(path: Path, n_channels: int) -> np.ndarray:
    return np.fromfile(path, dtype="<f4").reshape(n_channels, -1)
