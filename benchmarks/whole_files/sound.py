"""The sound that goes into the files, and the programs that put it there."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

import sottovoce as sv
from benchmarks.data.speech import speech_dir
from benchmarks.harness.harness import rng_for

__all__ = ["OWNER", "SECONDS", "TITLE", "Made", "Missing", "Part", "Refusal", "Workshop", "ffmpeg"]

SECONDS = 12
TITLE = "Take one"
OWNER = sv.Notice(owner_id=0x5EED)
_SHIPPED = Path(__file__).parents[2] / "examples" / "data" / "sense_and_sensibility.flac"
_GAINS = (1.0, 0.7, 0.5, 0.1, 0.3, 0.4, 0.2, 0.25)

Refusal = Literal["never", "less", "cut", "changes", "unwritable"]
"""When `protect` may refuse a file.

*less*: its header says more than it holds, so a refusal that offers the rest is right, and so is
all that is there.  *cut*: the container proves that sound is missing, so nothing but a refusal is
right.  *changes*: rate or channels change on the way.  *unwritable*: nobody writes the format.
"""

Audio = npt.NDArray[np.floating]


class Missing(Exception):  # noqa: N818 - no error: the machine lacks a program
    """A program that this file needs is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A track, or a link of its own rate."""

    sr: int
    n_channels: int
    n_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One file and what is in it.

    Attributes
    ----------
    path : Path
        The file.
    kind, form : str
        What was done to it, and its format.
    parts : tuple of Part
        Tracks, or links of differing rate; links of one rate count as one part.
    tolerance : int
        Samples by which a careful reader may differ, as the format has no place for the delay.
    refusal : str
        See `Refusal`.
    is_more : bool
        It holds more than its header says, which has to be told.
    n_marks : int
        Takes that went in, each of which can be marked alone.
    is_tracks : bool
        The parts are tracks, side by side.
    """

    path: Path
    kind: str
    form: str
    parts: tuple[Part, ...]
    tolerance: int = 0
    refusal: Refusal = "never"
    is_more: bool = False
    n_marks: int = 1
    is_tracks: bool = False


@dataclass(frozen=True)
class Workshop:
    """A folder to write into, chance, speech, and which take is marked.

    Parameters
    ----------
    folder : Path
        Where files go.
    name : str
        Name of the new file; random draws depend on it.
    seed : int
        Seed of everything random.
    marked : int or None
        The take that carries the mark of `OWNER`; None for none.
    clips : tuple of str
        Names of clips to choose from; the shipped one where there are none.
    """

    folder: Path
    name: str
    seed: int = 0
    marked: int | None = None
    clips: tuple[str, ...] = ()
    scratches: list[Path] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Return where the file has to be."""
        return self.folder / self.name

    @cached_property
    def rng(self) -> np.random.Generator:
        """Return the chance of this file."""
        return rng_for(self.seed, self.name)

    @property
    def phase_s(self) -> float:
        """Return where in the pattern a mark begins."""
        return float(rng_for(self.seed, self.name, "phase").uniform(0, 10.24))

    def scratch(self, suffix: str) -> Path:
        """Return a place for something in between."""
        path = self.folder / f"{self.name}.{len(self.scratches)}.tmp{suffix}"
        self.scratches.append(path)
        return path

    def clean(self) -> None:
        """Remove what was in between."""
        for path in self.scratches:
            path.unlink(missing_ok=True)

    def take(self, sr: int = 48_000, channels: int = 1, *, number: int = 0) -> Audio:
        """Return speech of (channels, `SECONDS` of `sr`), marked where it is this take's turn."""
        if self.clips:
            which = int(rng_for(self.seed, self.name, number).integers(len(self.clips)))
            y, own = sf.read(speech_dir() / self.clips[which], dtype="float32", always_2d=True)
        else:
            y, own = sf.read(_SHIPPED, dtype="float32", always_2d=True)
            y = y[number * own * SECONDS // 2 % own * SECONDS :]
        mono = np.resize(soxr.resample(y[: own * SECONDS, 0], own, sr), sr * SECONDS)
        mono *= np.float32(0.5 / np.abs(mono).max())
        gains = np.array([_GAINS[c % len(_GAINS)] for c in range(channels)], dtype=np.float32)
        out = gains[:, None] * mono
        if self.marked == number:
            out = sv.protect(out, sr=sr, notice=OWNER, phase_s=self.phase_s)
        return out

    def pcm(self, sr: int = 48_000, channels: int = 1, *, bits: int = 16, number: int = 0) -> bytes:
        """Return a take as little-endian integers, the channels side by side."""
        y = self.take(sr, channels, number=number).T
        x = np.round(y * (2 ** (bits - 1) - 1)).astype("<i4").reshape(-1)
        if bits == 24:
            return x.view("u1").reshape(-1, 4)[:, :3].tobytes()
        return (
            (x + 128).astype("u1").tobytes() if bits == 8 else x.astype(f"<i{bits // 8}").tobytes()
        )

    def wav(self, sr: int = 48_000, channels: int = 1, *, bits: int = 16, number: int = 0) -> Path:
        """Return a take as a plain WAV to encode from."""
        path = self.scratch(".wav")
        subtype = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}[bits]
        sf.write(path, self.take(sr, channels, number=number).T, sr, subtype=subtype, format="WAV")
        return path


def run(*command: object, **more: object) -> bytes:
    """Run a program, or say that it is missing."""
    words = [str(word) for word in command]
    if shutil.which(words[0]) is None:
        raise Missing(words[0])
    done = subprocess.run(words, capture_output=True, check=False, **more)  # type: ignore[call-overload]  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.decode(errors='replace')[-400:]}")
    out: bytes = done.stdout
    return out


def ffmpeg(*arguments: object) -> bytes:
    """Run ffmpeg, which overwrites and writes nothing random; return its output."""
    return run("ffmpeg", "-hide_banner", "-v", "error", "-y", *arguments)
