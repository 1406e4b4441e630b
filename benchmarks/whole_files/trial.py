"""Everything that is asked of one file, in a process of its own: a crash is a result too.

Prints one JSON object a line, so that what was learnt before a crash is kept.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.whole_files.handed import handed_made
from benchmarks.whole_files.peers import ask_peers, tag_of, track_samples
from benchmarks.whole_files.recipes import make
from benchmarks.whole_files.sound import OWNER, Made, Missing, Workshop
from sottovoce import files
from sottovoce.errors import SottovoceError
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_BLOCK_S = 10.0
_SUFFIX = re.compile(r"\.(wav|flac|m4a|mka|mkv|mp4|mp3|opus|ogg)\b")


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _attempt(job: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a job says, or how it was refused."""
    try:
        return job()
    except SottovoceError as err:
        return {"refused": str(err), "remedy": getattr(err, "remedy", "") or ""}
    except Exception as err:  # noqa: BLE001 - whatever escapes is a finding
        return {"escaped": f"{type(err).__name__}: {err}"[:300]}


def _read(path: Path, *, partial: bool = False) -> dict[str, Any]:
    """Read every track or link; tell of the first, and how long all of them are."""
    square, counts, rates = 0.0, [], []
    n_parts = 1
    while len(counts) < n_parts:
        with open_audio(path, part=len(counts), partial=partial) as file:
            file.check_whole()
            n_parts, n, own = len(file.parts), 0, 0.0
            for block in file.blocks(_BLOCK_S):
                n += block.shape[1]
                own += float(np.square(block, dtype=np.float64).mean(axis=0).sum())
            if not counts:
                square, n_channels = own / max(n, 1), file.info.n_channels
            counts.append(n)
            rates.append(file.info.sr)
    return {
        "sr": rates[0],
        "n_channels": n_channels,
        "n": counts[0],
        "parts": counts,
        "seconds": sum(n / sr for n, sr in zip(counts, rates, strict=True)),
        "rms_db": round(10 * math.log10(square), 3) if square else None,
    }


def _look(path: Path, *, partial: bool = False) -> dict[str, Any]:
    """Say which parts of a file carry a mark, and in which the owner is read."""
    found = [part.detection for part in files.detect_parts(path, partial=partial)]
    owner = OWNER.owner_id
    return {
        "found": [one.found for one in found],
        "owner": [
            any(v.notice and v.notice.owner_id == owner for v in one.voices) for one in found
        ],
    }


def _protect(source: Path, target: Path, *, partial: bool = False) -> dict[str, Any]:
    # The phase would be random: the same file shall give the same row.
    phase_s = Workshop(source.parent, source.name).phase_s
    done = files.protect_file(source, target, notice=OWNER, partial=partial, phase_s=phase_s)
    return {"status": done.status, "warnings": list(done.warnings), "seconds": done.duration_s}


def _listen(source: Path, target: Path, made: Made, before: dict[str, Any]) -> dict[str, Any]:
    """Return what is in a file that was written."""
    after = _attempt(lambda: _read(target))
    same = before.get("rms_db") is not None and after.get("rms_db") is not None
    return {
        "n": after.get("n"),
        "sr": after.get("sr"),
        "refused": after.get("refused"),
        "level_db": round(after["rms_db"] - before["rms_db"], 3) if same else None,
        "tracks": track_samples(target, made) if made.is_tracks else None,
        "title_kept": tag_of(source) == tag_of(target),
        "look": _attempt(lambda: _look(target)),
    }


def _protect_whole(made: Made, folder: Path, before: dict[str, Any]) -> dict[str, Any]:
    """Protect a file; where it is refused, do what the remedy says."""
    target = folder / f"marked{made.path.suffix}"
    said = _attempt(lambda: _protect(made.path, target))
    if "status" in said:
        return {**said, "out": _listen(made.path, target, made, before)}
    if made.refusal in ("less", "cut") and "refused" in said:
        rest = _attempt(lambda: _protect(made.path, target, partial=True))
        if "status" in rest:
            rest["out"] = _listen(made.path, target, made, {})
        said["partial"] = rest
    if made.refusal == "unwritable" and "refused" in said:
        words = f"{said['refused']} {said['remedy']}".replace(str(made.path), "")
        for suffix in _SUFFIX.findall(words):
            other = folder / f"marked.{suffix}"
            said["other"] = _attempt(lambda other=other: _protect(made.path, other))  # type: ignore[misc]
            if "status" in said["other"]:
                said["other"]["out"] = _listen(made.path, other, made, before)
                break
    return said


def _describe(made: Made) -> dict[str, Any]:
    return {**asdict(made), "path": made.path.name}


def _run(task: dict[str, Any], folder: Path) -> None:
    """Ask everything."""
    shop = {"name": task["name"], "seed": task["seed"], "clips": tuple(task["clips"])}
    handed = task.get("handed")
    made = handed_made(Path(handed) / task["name"]) if handed else make(Workshop(folder, **shop))
    _say(made=_describe(made))
    read = _attempt(lambda: _read(made.path))
    _say(read=read)
    if "refused" in read and made.refusal in ("less", "cut"):
        _say(read_partial=_attempt(lambda: _read(made.path, partial=True)))
    _say(peers=ask_peers(made))
    _say(protect=_protect_whole(made, folder, read))
    partial = made.refusal in ("less", "cut")
    for number in range(made.n_marks):
        if handed:
            marked = handed_made(Path(task["handed_marked"]) / task["name"])
        else:
            place = folder / f"take{number}"
            place.mkdir()
            marked = make(Workshop(place, marked=number, **shop))
        look = _attempt(lambda m=marked: _look(m.path))  # type: ignore[misc]
        if partial and "refused" in look:
            rest = _attempt(lambda m=marked: _look(m.path, partial=True))  # type: ignore[misc]
            look["partial"] = rest
        _say(**{f"take{number}": look})


def main() -> None:
    """Run the trial that stands, as JSON, in the only argument."""
    task = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="sottovoce-whole-") as place:
        try:
            _run(task, Path(place))
        except Missing as err:
            _say(missing=str(err))
        except subprocess.TimeoutExpired as err:
            _say(missing=f"{err.cmd[0]} did not end")


if __name__ == "__main__":
    main()
