"""The real speech that benchmarks and training share, and its fixed split in two halves.

Clips are read from the folder in the environment variable `SOTTOVOCE_SPEECH`, `../shared/speech`
beside the repository by default; its `manifest.csv` says who speaks and under which licence.
Nothing of it is copied into the repository.

**The split.**  Persons, not clips, are dealt to the halves `tune` (training, tuning, anything that
is used twice) and `report` (figures that are published): the lowest bit of the first byte of
SHA-256 of ``"sottovoce split 38810: " + person``, 1 for report.  Names that may share a person
count as one person (`_SAME_PERSON`).  Music and noise are dealt in the same way, so that no
background of a figure was heard in training.

The number in that label is the first, counted from 0, for which the tune half holds 26 or more
persons with 530 s or more of permissively licensed speech in 6 or more languages and permissive
music and noise, while the report half holds 25 or more persons, 45 or more clips of 5 s or more,
9 or more languages, every sample rate of the set, music and noise.  It was chosen from the manifest
alone, before any result was seen, and it never changes.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import soundfile as sf

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Clip",
    "Half",
    "Kind",
    "half_of",
    "load_clips",
    "person_of",
    "speech_dir",
    "split_table",
]

Half = Literal["tune", "report"]
Kind = Literal["speech", "music", "noise"]

_SALT = "sottovoce split 38810: "
_ROOT = Path(__file__).resolve().parents[2]

# The start of a speaker's name in the manifest -> the person to count.  Meetings of one corpus and
# readers of one small production may share voices without saying so.
_SAME_PERSON = {"AMI": "AMI", "fillets-cs": "fillets-cs", "fleurs-en": "fleurs-en"}


def person_of(speaker: str) -> str:
    """Return the person behind a speaker's name in the manifest."""
    for start, person in _SAME_PERSON.items():
        if speaker.startswith(start):
            return person
    return speaker


def half_of(person: str) -> Half:
    """Return the half that a person was dealt to, for ever."""
    digest = hashlib.sha256((_SALT + person).encode()).digest()
    return "report" if digest[0] & 1 else "tune"


def _is_permissive(licence: str) -> bool:
    """Whether a licence asks at most for credit: public domain, CC0, CC-BY and BSD-like."""
    if "SA" in licence or "GPL" in licence or "NC" in licence:
        return False
    return any(word in licence for word in ("public domain", "CC0", "CC-BY", "BSD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One file of the set.

    Attributes
    ----------
    path : Path
        The file, FLAC or Ogg.
    speaker, person : str
        The name in the manifest, and the person whom the split counts.
    licence, language : str
        As in the manifest.
    sr : int
        Sampling rate, in Hz.
    channels : int
        Number of channels.
    seconds : float
        Length.
    kind : {"speech", "music", "noise"}
        What is heard.
    permissive : bool
        Whether weights may be trained on it.
    half : {"tune", "report"}
        The side of the split.
    """

    path: Path
    speaker: str
    person: str
    licence: str
    language: str
    sr: int
    channels: int
    seconds: float
    kind: Kind
    permissive: bool
    half: Half

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name

    def load(self) -> tuple[npt.NDArray[np.float32], int]:
        """Read the clip: float32 of shape (n,) or (channels, n), and its rate in Hz."""
        y, sr = sf.read(self.path, dtype="float32", always_2d=True)
        # (n, channels) on disk -> time last
        return (y[:, 0].copy() if y.shape[1] == 1 else np.ascontiguousarray(y.T)), int(sr)


def speech_dir() -> Path:
    """Return the folder of the speech set: `SOTTOVOCE_SPEECH`, or its usual place."""
    default = _ROOT.parent / "shared" / "speech"
    return Path(os.environ.get("SOTTOVOCE_SPEECH", str(default))).expanduser().resolve()


def load_clips(
    half: Half | None = None,
    *,
    kind: Kind | None = "speech",
    permissive: bool | None = None,
    min_s: float = 0.0,
) -> list[Clip]:
    """List the clips of one half in the order of their names.

    Parameters
    ----------
    half : {"tune", "report"} or None
        The side of the split; None for both.
    kind : {"speech", "music", "noise"} or None
        What is heard; None for everything.
    permissive : bool or None
        Only clips with (True) or without (False) a permissive licence; None for both.
    min_s : float
        Leave out shorter clips.

    Returns
    -------
    clips : list of Clip
        Sorted by file name.

    Raises
    ------
    FileNotFoundError
        If the folder has no `manifest.csv`; the message says how to name another folder.
    """
    manifest = speech_dir() / "manifest.csv"
    if not manifest.is_file():
        message = f"no speech at {manifest.parent}: set SOTTOVOCE_SPEECH to the folder of the set"
        raise FileNotFoundError(message)
    with manifest.open(newline="", encoding="utf-8") as file:
        clips = [_clip(row, manifest.parent) for row in csv.DictReader(file)]
    return sorted(
        (
            clip
            for clip in clips
            if half in (None, clip.half)
            and kind in (None, clip.kind)
            and permissive in (None, clip.permissive)
            and clip.seconds >= min_s
        ),
        key=lambda clip: clip.name,
    )


def _clip(row: dict[str, str], folder: Path) -> Clip:
    """Turn a row of the manifest into a `Clip`."""
    kind = row["kind"]
    if kind not in ("speech", "music", "noise"):
        raise ValueError(f"{row['file']}: unknown kind {kind!r} in the manifest")
    person = person_of(row["speaker"])
    return Clip(
        path=folder / row["file"],
        speaker=row["speaker"],
        person=person,
        licence=row["licence"],
        language=row["language"],
        sr=int(row["sample_rate"]),
        channels=int(row["channels"]),
        seconds=float(row["seconds"]),
        kind=kind,  # type: ignore[arg-type]  # narrowed by the check above
        permissive=_is_permissive(row["licence"]),
        half=half_of(person),
    )


def split_table() -> str:
    """Return seconds, clips, persons, languages and rates of each half as a text table."""
    lines = [
        f"{'half':<8}{'kind':<8}{'permissive':<12}{'clips':>6}{'persons':>9}{'seconds':>9}"
        "  rates (kHz); languages"
    ]
    for half in ("tune", "report"):
        for kind in ("speech", "music", "noise"):
            for permissive in (True, None):
                clips = load_clips(half, kind=kind, permissive=permissive)
                label = "yes" if permissive else "all"
                lines.append(f"{half:<8}{kind:<8}{label:<12}" + _row(clips))
    return "\n".join(lines)


def _row(clips: Sequence[Clip]) -> str:
    """Return the counts of some clips as the end of a line of the table."""
    rates = ", ".join(f"{sr / 1000:g}" for sr in sorted({clip.sr for clip in clips}))
    languages = ", ".join(sorted({clip.language[:2] for clip in clips} - {"-"}))
    persons = {clip.person for clip in clips}
    seconds = sum(clip.seconds for clip in clips)
    return f"{len(clips):>6}{len(persons):>9}{seconds:>9.0f}  {rates}; {languages}"


if __name__ == "__main__":
    sys.stdout.write(split_table() + "\n")
