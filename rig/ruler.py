"""How much later one source is than another, and two sources of PulseAudio on one clock."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["find_delay_s", "find_delays", "read_both"]

_SR = 48_000
_BYTES = 4
_FRAGMENT_MS = 5
_WINDOW_S = 0.1
_SEARCH_S = 0.2
_LOUD = 1e-3


def read_both(
    environment: dict[str, str], before: str, after: str, *, seconds: float
) -> npt.NDArray[np.float32]:
    """Record two sources, and lay them side by side as they were heard.

    No recorder of PulseAudio hears two sources.  So two are read at once, and every piece is
    stamped when it comes: a stream began when its timeliest piece says that it did.  That is exact
    to the length of a piece, 5 ms, and to what else the computer does.

    Parameters
    ----------
    environment : dict
        What programs need to find the server.
    before, after : str
        Their names.
    seconds : float
        How long to record.

    Returns
    -------
    both : np.ndarray, shape=(n, 2), dtype=float32
        At 48 kHz.
    """
    recorders = [_start(environment, source) for source in (before, after)]
    pieces: list[list[bytes]] = [[], []]
    n_read, began_s = [0, 0], [np.inf, np.inf]
    with selectors.DefaultSelector() as selector:
        for i, recorder in enumerate(recorders):
            selector.register(recorder.stdout, selectors.EVENT_READ, i)
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for key, _ in selector.select(timeout=1.0):
                data = os.read(key.fd, 65_536)
                pieces[key.data].append(data)
                n_read[key.data] += len(data) // _BYTES
                said_s = time.monotonic() - n_read[key.data] / _SR
                began_s[key.data] = min(began_s[key.data], said_s)
    pairs = list(zip(pieces, n_read, strict=True))
    for recorder in recorders:
        recorder.kill()
        recorder.wait()
        recorder.stdout.close()
    y = [np.frombuffer(b"".join(some)[: _BYTES * n], dtype=np.float32) for some, n in pairs]
    y = [one[round((max(began_s) - s) * _SR) :] for one, s in zip(y, began_s, strict=True)]
    return np.stack([one[: min(map(len, y))] for one in y], axis=1)


def find_delay_s(both: npt.NDArray[np.float32]) -> float:
    """Return the one delay of the whole recording, in seconds."""
    before, after = both.T
    lags = signal.correlate(after, before, method="fft")
    return (int(np.argmax(lags)) - (len(before) - 1)) / _SR


def find_delays(both: npt.NDArray[np.float32], *, least: float = 0.95) -> list[float | None]:
    """Return the delay of each loud window in seconds, or None where the sound is broken.

    A window of 0.1 s is broken if nothing within 0.2 s correlates with it by `least`; a mark of
    the usual strength alone leaves an onset here and there under 0.95.
    """
    before, after = both.T
    n, most = round(_WINDOW_S * _SR), round(_SEARCH_S * _SR)
    energy = np.concatenate([[0.0], np.cumsum(after.astype(np.float64) ** 2)])
    norms = np.sqrt(np.maximum(energy[n:] - energy[:-n], 1e-12))
    delays: list[float | None] = []
    for start in range(0, len(before) - n - most, n):
        said, heard = before[start : start + n], after[start : start + n + most]
        if np.sqrt(np.mean(said**2)) < _LOUD:
            continue
        lags = signal.correlate(heard, said, mode="valid", method="fft")
        lags /= norms[start : start + most + 1] * np.linalg.norm(said)
        best = int(np.argmax(lags))
        delays.append(best / _SR if lags[best] > least else None)
    return delays


def _start(environment: dict[str, str], source: str) -> subprocess.Popen[bytes]:
    words = ["parec", f"--device={source}", f"--rate={_SR}", "--channels=1", "--raw"]
    words += ["--format=float32le", f"--latency-msec={_FRAGMENT_MS}"]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE)
