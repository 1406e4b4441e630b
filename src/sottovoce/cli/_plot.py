"""The picture of a check: the sound, the marked voices in time, and the evidence."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sottovoce.cli._words import describe_voice, format_chance, format_path
from sottovoce.core.evidence import FOUND_FPR, threshold
from sottovoce.errors import MissingExtraError, SottovoceError
from sottovoce.files.counts import say_count
from sottovoce.files.reading import open_audio
from sottovoce.files.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from sottovoce import Detection
    from sottovoce.files import CheckedPart
    from sottovoce.files.reading import OpenAudio

__all__ = ["draw_check"]

_N_COLUMNS = 1_200
_N_FFT_S = 0.032
_N_MELS = 96
_TOP_HZ = 8_000.0
_RANGE_DB = 70.0
_SHORT_S = 10.0
_LINE_LENGTH = 120
_MOST_ROWS = 24
_COLOURS = ("tab:orange", "tab:green", "tab:purple", "tab:red", "tab:brown", "tab:pink")


def draw_check(
    path: Path,
    parts: Sequence[CheckedPart],
    target: Path,
    *,
    partial: bool = False,
) -> str:
    """Draw what a check found; of several tracks, draw the one with the strongest evidence.

    Parameters
    ----------
    path : Path
        The audio.
    parts : sequence of CheckedPart
        What was found in each of its tracks.
    target : Path
        Where to write the picture; its suffix chooses the format.
    partial : bool
        Whether to accept the readable part of a file that is cut short.

    Returns
    -------
    drawn : str
        Which track was drawn; empty where there is only one.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    SottovoceError
        If the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise MissingExtraError("matplotlib", extra="plot", purpose="draw a picture") from err
    number = min(range(len(parts)), key=lambda n: _rank(parts[n].detection))
    detection, drawn = parts[number].detection, format_path(parts[number].name)
    n_voices = min(max(len(detection.voices), 1), _MOST_ROWS + 1)
    figure = Figure(figsize=(11, 6.6 + 0.3 * n_voices), layout="constrained")
    heights = [3.2, 0.5 + 0.45 * n_voices, 2.2]
    sound, voices, evidence = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    title = format_path(path.name) + (f", {drawn} of {len(parts)}" if drawn else "")
    figure.suptitle(f"{title}\n{_headline(detection)}", fontsize=13, parse_math=False)
    with open_audio(path, part=number, partial=partial) as file:
        _draw_sound(sound, file, duration_s=detection.duration_s)
    _draw_voices(voices, detection)
    _draw_evidence(evidence, detection)
    _label_time(evidence, duration_s=detection.duration_s)
    try:
        figure.savefig(target, dpi=110)
    except (OSError, ValueError) as err:
        raise SottovoceError(
            f"{format_path(target)}: the picture cannot be written: {err}",
            remedy="Choose another place for it.",
        ) from err
    return drawn


def _rank(detection: Detection) -> tuple[bool, float]:
    return not detection.found, detection.log10_p


def _label_time(axes: Axes, *, duration_s: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    # specshow takes the ticks off the axis that all three share
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 5, 6, 10]))
    axes.tick_params(labelbottom=True)
    axes.set_xlim(0, duration_s)
    if duration_s < _SHORT_S:
        axes.xaxis.set_major_formatter("{x:.1f}")
        axes.set_xlabel("time in the recording (seconds)")
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: format_time(seconds)))
        axes.set_xlabel("time in the recording (minutes:seconds)")


def _headline(detection: Detection) -> str:
    chance = f"chance of a false alarm: at most {format_chance(detection.log10_p)}"
    if detection.verdict == "protected":
        return f"A do-not-train mark was found ({chance})"
    if detection.verdict == "suspected":
        return f"A mark is suspected, but not found: the evidence is too weak ({chance})"
    return f"No mark found in {detection.duration_s:.1f} s (this does not prove that there is none)"


def _draw_sound(axes: Axes, file: OpenAudio, *, duration_s: float) -> None:
    import librosa.display

    levels_db, column_s, sr = _spectrogram(file, duration_s=duration_s)
    librosa.display.specshow(
        levels_db,
        sr=sr,
        hop_length=1,
        x_axis=None,
        y_axis="mel",
        fmax=min(_TOP_HZ, sr / 2),
        x_coords=(np.arange(levels_db.shape[1]) + 0.5) * column_s,
        vmin=-_RANGE_DB,
        vmax=0.0,
        cmap="magma",
        ax=axes,
    )
    axes.set_facecolor("black")
    axes.set(title="The sound (brighter is louder)", xlabel="", ylabel="frequency (Hz)")


def _spectrogram(
    file: OpenAudio, *, duration_s: float
) -> tuple[npt.NDArray[np.float32], float, float]:
    """Return mel levels in dB below the loudest, seconds per column, and the sampling rate.

    A column averages all frames that begin in it, so that hours fit the same picture and
    only a second is held in memory.
    """
    import librosa

    sr = file.info.sr
    n_fft = 2 ** math.ceil(math.log2(_N_FFT_S * sr))
    hop = n_fft // 4
    column = max(1, round(duration_s * sr / hop / _N_COLUMNS)) * hop
    window = np.hanning(n_fft).astype(np.float32)
    to_mel = librosa.filters.mel(
        sr=sr, n_fft=n_fft, n_mels=_N_MELS, fmax=min(_TOP_HZ, sr / 2)
    ).astype(np.float32)
    columns = []
    y = np.zeros(n_fft // 2, dtype=np.float32)  # so that frames are centred
    for block in file.blocks(max(column, n_fft, round(sr)) / sr):
        y = np.concatenate([y, block.mean(axis=0).astype(np.float32)])
        while len(y) >= column + n_fft:
            frames = librosa.util.frame(
                y[: column + n_fft - hop], frame_length=n_fft, hop_length=hop, axis=0
            )
            power = np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2
            columns.append(to_mel @ power.mean(axis=0))
            y = y[column:]
    if not columns:
        columns.append(np.zeros(_N_MELS, dtype=np.float32))
    levels_db = librosa.power_to_db(np.stack(columns, axis=1), ref=np.max, top_db=_RANGE_DB)
    return levels_db.astype(np.float32), column / sr, sr


def _draw_voices(axes: Axes, detection: Detection) -> None:
    axes.set(title="Marked voices: when each is marked, and what its mark says", yticks=[])
    if not detection.voices:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center")
    rows = detection.voices[:_MOST_ROWS]
    n_more = len(detection.voices) - len(rows) + detection.n_more_voices
    for row, voice in enumerate(rows):
        colour = _COLOURS[row % len(_COLOURS)]
        bars = [(start, stop - start) for start, stop in voice.segments_s]
        axes.broken_barh(bars, (row - 0.32, 0.64), color=colour, alpha=0.45)
        _write_row(axes, row, textwrap.fill(f"{row + 1}: {describe_voice(voice)}", _LINE_LENGTH))
    if n_more:
        _write_row(axes, len(rows), f"and {say_count(n_more, 'more voice')}")
    axes.set_ylim(max(len(rows) + bool(n_more), 1) - 0.5, -0.5)


def _write_row(axes: Axes, row: int, words: str) -> None:
    """Write the description of a voice beside its row."""
    transform = axes.get_yaxis_transform()
    axes.text(0.01, row, words, transform=transform, va="center", fontsize=9, parse_math=False)


def _draw_evidence(axes: Axes, detection: Detection) -> None:
    enough = threshold(FOUND_FPR, n_hypotheses=detection.n_hypotheses)
    highest = max(enough, detection.score)
    for row, voice in enumerate(detection.voices[:_MOST_ROWS]):
        times, scores = np.asarray(voice.evidence, dtype=float).reshape(-1, 2).T
        colour = _COLOURS[row % len(_COLOURS)]
        axes.plot(times, scores, color=colour, marker=".", label=f"voice {row + 1}")
        highest = max(highest, *scores)
    axes.axhline(
        enough, color="black", ls="--", label="enough by itself: one false alarm in a million"
    )
    if not detection.voices:
        label = "best score found anywhere, over the whole recording"
        axes.axhline(detection.score, color="tab:blue", ls=":", label=label)
    axes.axhspan(-1, 1, color="grey", alpha=0.25, label="usual range by chance")
    axes.set(
        title="Evidence in the 5 seconds around each moment (the verdict combines all of it)",
        ylabel="strength (z-score)",
        ylim=(-2.0, 1.4 * highest),
    )
    axes.legend(loc="upper center", fontsize=8, ncols=3)
