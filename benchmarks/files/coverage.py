"""Count files called *marked already*: those that are, and those with a gap.

Speech is marked at standard strength, as a whole, or clip by clip and then joined, or with the
unmarked original put back for some seconds; written as WAV, and as MP3 and Opus by ffmpeg; and
asked about as `protect` would.  The limit was chosen with ``--half tune``; the table of
docs/decisions.md is that of ``--half report``, some minutes of work.

    python -m benchmarks.files.coverage --half report
"""

from __future__ import annotations

import argparse
import math
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
from scipy.signal import resample_poly

from benchmarks.data.speech import load_clips
from sottovoce import Notice, protect
from sottovoce.files.coverage import is_covered
from sottovoce.files.listening import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

_SR = 16_000
_NOTICE = Notice(owner_id=0x4F2A91C077DE)
_CODECS = {
    "wav": (),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "96k"),
    "opus": ("-c:a", "libopus", "-b:a", "32k", "-compression_level", "4"),
}
# Seconds, how many files, seconds without the mark, and how those files are written.
_PLAN = (
    (60, 10, (5, 10, 20), ("wav", "mp3", "opus")),
    (300, 3, (5, 20, 60), ("wav", "opus")),
    (600, 2, (5, 60), ("wav",)),
)

Audio = npt.NDArray[np.float32]
Case = tuple[str, Audio, int, tuple[str, ...]]


def _is_already(y: Audio, sr: int) -> bool:
    listener = Listener(sr=sr)
    for begin in range(0, y.shape[1], 10 * sr):
        listener.listen(y[:, begin : begin + 10 * sr])
    detection = listener.finish()
    return is_covered(detection, _NOTICE, listener.loudness, sounding_s=listener.sounding_s)


def _recode(y: Audio, sr: int, codec: str, folder: Path) -> tuple[Audio, int]:
    path = folder / "in.wav"
    sf.write(path, np.clip(y.T, -1, 1), sr, subtype="PCM_16")
    if codec != "wav":
        small, back = folder / f"small.{codec}", folder / "back.wav"
        quiet = ("ffmpeg", "-v", "error", "-y", "-i")
        subprocess.run([*quiet, path, *_CODECS[codec], small], check=True)  # noqa: S603
        subprocess.run([*quiet, small, "-c:a", "pcm_s16le", back], check=True)  # noqa: S603
        path = back
    decoded, decoded_sr = sf.read(path, dtype="float32", always_2d=True)
    return decoded.T, decoded_sr


def _mark(y: Audio, sr: int) -> Audio:
    return protect(y, sr=sr, notice=_NOTICE)


def _cases(half: Any, rng: np.random.Generator) -> Iterator[Case]:  # noqa: ANN401 - a literal
    every = tuple(_CODECS)
    clips = [clip for kind in ("speech", "music", "noise") for clip in load_clips(half, kind=kind)]
    speech: list[Audio] = []
    by_person: dict[str, list[Audio]] = {}
    for clip in clips:
        y, sr = sf.read(clip.path, dtype="float32", always_2d=True)
        length = "10 s or more" if len(y) >= 10 * sr else "under 10 s"
        name = length if clip.kind == "speech" else "music and noise"
        yield f"marked whole: {name}", _mark(y.T.copy(), sr), sr, every
        if clip.kind == "speech":
            common = math.gcd(_SR, sr)
            low = resample_poly(y.mean(axis=1), _SR // common, sr // common).astype(np.float32)
            speech.append(low)
            by_person.setdefault(clip.person, []).append(low)
    persons = sorted(by_person)

    def talk(seconds: int, *, of_one: bool) -> Audio:
        pool = by_person[persons[rng.integers(len(persons))]] if of_one else speech
        parts: list[Audio] = []
        while sum(map(len, parts)) < seconds * _SR:
            parts.append(pool[rng.integers(len(pool))])
        return np.concatenate(parts)[: seconds * _SR]

    def join(seconds: int) -> Audio:
        parts: list[Audio] = []
        while sum(map(len, parts)) < seconds * _SR:
            parts.append(_mark(speech[rng.integers(len(speech))], _SR))
        return np.concatenate(parts)[None]

    for _ in range(20):
        yield "joined from marked clips: 45 s", join(45), _SR, every
    for seconds, n_files, holes, codecs in _PLAN:
        for number in range(n_files):
            y = talk(seconds, of_one=number % 2 == 0)
            marked = _mark(y, _SR)
            yield "marked whole: 1 to 10 minutes", marked[None], _SR, every
            if seconds > 60:
                yield f"joined from marked clips: {seconds} s", join(seconds), _SR, every
            for hole in holes:
                middle = int(rng.uniform(0.2, 0.6) * seconds)
                places = {"beginning": 0, "middle": middle, "end": seconds - hole}
                for place, begin in places.items():
                    part = slice(begin * _SR, (begin + hole) * _SR)
                    mixed = marked.copy()
                    mixed[part] = y[part]
                    yield f"{hole} s without the mark: {place}", mixed[None], _SR, codecs


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    n_files: Counter[str] = Counter()
    n_already: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, y, sr, codecs in _cases(arguments.half, np.random.default_rng(arguments.seed)):
            for codec in codecs:
                n_files[name] += 1
                n_already[name] += _is_already(*_recode(y, sr, codec, Path(folder)))
    print("| what | files | called marked already |\n| --- | ---: | ---: |")
    for name, n in n_files.items():
        print(f"| {name} | {n} | {n_already[name]} |")


if __name__ == "__main__":
    main()
