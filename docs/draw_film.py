"""Draw the picture of the guide for videos: a film's sound before and after, and the difference.

Run as ``python docs/draw_film.py``; it needs FFmpeg's command and matplotlib.  The film is made
here: a test picture, and the clip of speech that ships with the code.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt

import sottovoce as sv
from sottovoce.files import protect_file

__all__ = ["draw", "main"]

_ROOT = Path(__file__).resolve().parents[1]
_CLIP = _ROOT / "examples" / "data" / "sense_and_sensibility.flac"
_SR = 48_000
_BEGIN_S, _LENGTH_S = 4.0, 6.0


def _decode(path: Path) -> np.ndarray:
    """Return the sound as a player aligns it with the picture, mixed to one channel."""
    words = f"-i {path} -map 0:a -af aresample=async=1:first_pts=0 -ac 1 -ar {_SR} -f f32le -"
    command = ("ffmpeg", "-v", "error", *words.split())
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    return np.frombuffer(done.stdout, "<f4")


def draw(target: Path) -> None:
    """Make a film, mark it, and draw both of its sounds.

    Parameters
    ----------
    target : Path
        PNG file to write.
    """
    with tempfile.TemporaryDirectory() as place:
        film, marked = Path(place) / "film.mov", Path(place) / "marked.mov"
        words = (
            f"-f lavfi -i testsrc=d=14:s=320x180:r=25 -t 14 -i {_CLIP} -c:v mpeg4 -c:a pcm_s24le"
            f" -ar {_SR} {film}"
        )
        command = ["ffmpeg", "-v", "error", *words.split()]
        subprocess.run(command, check=True)  # noqa: S603 - our own words
        protect_file(film, marked, notice=sv.Notice(owner_id=7), phase_s=0.0)
        before, after = _decode(film), _decode(marked)
    n = min(len(before), len(after))
    rows = (
        ("film.mov", before[:n], "#4c72b0"),
        ("film.protected.mov", after[:n], "#4c72b0"),
        ("the difference", after[:n] - before[:n], "#c44e52"),
    )
    piece = slice(round(_BEGIN_S * _SR), round((_BEGIN_S + _LENGTH_S) * _SR))
    time = np.arange(piece.start, piece.stop) / _SR
    figure, grid = plt.subplots(3, 1, figsize=(8.0, 4.2), sharex=True, layout="constrained")
    peak = 1.05 * float(np.abs(before[piece]).max())
    for axes, (name, y, colour) in zip(grid, rows, strict=True):
        axes.plot(time, y[piece], color=colour, linewidth=0.5)
        axes.set_ylim(-peak, peak)
        axes.set_title(name, fontsize="small", loc="left")
        axes.set_yticks([])
        axes.margins(x=0.0)
    grid[-1].set_xlabel("time in the film, s")
    figure.savefig(target, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Write the picture."""
    draw(_ROOT / "docs" / "img" / "film.png")


if __name__ == "__main__":
    main()
