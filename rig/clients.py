"""Programs that record from a microphone, as people have them, and how loud it is in each."""

from __future__ import annotations

import base64
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soundfile as sf

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from rig.server import AudioServer

__all__ = ["CLIENTS", "hear_with", "measure_dbfs"]

CLIENTS = ("pw-record", "parecord", "ffmpeg", "chromium")
_SR = 48_000
_SETTLING_S = 1.0
_TAKES = 3
_LEAST_S = 0.5
"""A program that a busy computer starts late may hear less: it is asked again."""


def hear_with(
    client: str, server: AudioServer, *, source: str, label: str, seconds: float, page: Page | None
) -> npt.NDArray[np.float32]:
    """Record a source for some seconds with one of the programs.

    Parameters
    ----------
    client : {'pw-record', 'parecord', 'ffmpeg', 'chromium'}
        The program.
    server : AudioServer
        Where the source is.
    source, label : str
        Its name, and the name that people are shown, which is what a browser knows.
    seconds : float
        How long, at the least.
    page : playwright.sync_api.Page or None
        The browser's; others need none.

    Returns
    -------
    y : np.ndarray, shape=(n,), dtype=float32
        What it heard, its first second left out, in which streams begin.

    Raises
    ------
    RuntimeError
        If the program is not there, or hears less than half a second in every take.
    """
    for _ in range(_TAKES):
        y, sr = _hear(client, server, source, label, seconds + _SETTLING_S, page)
        y = y[round(_SETTLING_S * sr) :]
        if len(y) >= _LEAST_S * sr:
            return y
    raise RuntimeError(f"{client} heard {len(y) / sr:.1f} of {seconds:.1f} s")


def _hear(
    client: str, server: AudioServer, source: str, label: str, seconds: float, page: Page | None
) -> tuple[npt.NDArray[np.float32], int]:
    if client == "chromium":
        if page is None:
            raise ValueError("Chromium needs its page")
        text = page.evaluate("hear", {"label": label, "seconds": seconds})
        return np.frombuffer(base64.b64decode(text), dtype=np.float32), _SR
    if shutil.which(client) is None:
        raise RuntimeError(f"there is no {client}")
    path = server.folder / f"{client}.wav"
    path.unlink(missing_ok=True)
    subprocess.run(
        _make_command(client, source, path, seconds),
        env=server.environment,
        capture_output=True,
        check=False,
        timeout=seconds + 20,
    )
    if not path.exists():
        return np.zeros(0, dtype=np.float32), _SR
    y, sr = sf.read(path, dtype="float32")
    return y, sr


def measure_dbfs(y: npt.NDArray[np.float32]) -> float:
    """Return the root mean square, in dB relative to full scale; silence is -120."""
    return 10.0 * float(np.log10(np.mean(np.square(y, dtype=np.float64)) + 1e-12))


def _make_command(client: str, source: str, path: Path, seconds: float) -> list[str]:
    until = ["timeout", "-s", "INT", str(seconds)]
    match client:
        case "pw-record":
            words = ["pw-record", "--target", source, "--rate", str(_SR), "--channels", "1"]
            return [*until, *words, "--format", "f32", str(path)]
        case "parecord":
            # Ended, it loses what it has not written: two seconds, left to itself.
            words = ["parecord", f"--device={source}", f"--rate={_SR}", "--channels=1"]
            words.append("--latency-msec=100")
            return [*until, *words, "--format=float32le", "--file-format=wav", str(path)]
        case _:
            words = ["ffmpeg", "-nostdin", "-y", "-f", "pulse", "-ac", "1", "-ar", str(_SR)]
            return [*words, "-i", source, "-t", str(seconds), "-c:a", "pcm_f32le", str(path)]
