"""Protect one film in a process of its own, and say what became of it."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.film_files.compare import compare_streams, describe_film
from benchmarks.film_files.recipes import FILMS, make_film
from benchmarks.film_files.sync import measure_start, measure_sync
from benchmarks.whole_files.sound import OWNER
from sottovoce.files import protect_file
from sottovoce.files.checking import detect_parts
from sottovoce.files.keeping.boxes import top_boxes

__all__ = ["main", "make_long", "try_film", "try_long"]


def try_film(name: str, speech: Path) -> dict[str, Any]:
    """Return what became of a film.

    Parameters
    ----------
    name : str
        Name of its recipe.
    speech : Path
        Sound to be put in.
    """
    film = FILMS[name]
    row: dict[str, Any] = {
        "name": name,
        "kind": film.kind,
        "container": name.rsplit(".", 1)[-1],
        "video": film.video,
        "audio": film.audio,
    }
    with tempfile.TemporaryDirectory(prefix="sottovoce-film-") as place:
        try:
            source = make_film(film, Path(place), speech)
        except subprocess.CalledProcessError:
            return {**row, "missing": "what FFmpeg has no encoder for"}
        target = source.with_stem("out")
        done = protect_file(source, target, notice=OWNER)
        old, new = describe_film(source), describe_film(target)
        sounds = [one for one in old["streams"] if one["codec_type"] == "audio"]
        found = [part.detection for part in detect_parts(target)]
        return {
            **row,
            "differences": compare_streams(old, new),
            "order_kept": _order(source) == _order(target),
            "lags": [
                [
                    *measure_sync(source, target, index, sr=int(one["sample_rate"])),
                    measure_start(source, target, index),
                ]
                for index, one in enumerate(sounds)
            ],
            "found": [one.found for one in found],
            "owner": [
                any(v.notice and v.notice.owner_id == OWNER.owner_id for v in one.voices)
                for one in found
            ],
            "said": [line for line in done.warnings if "lossy" not in line],
        }


def _order(path: Path) -> list[bytes]:
    """Return the order of the outermost boxes of an MP4, pieces counted once."""
    if path.suffix not in {".mp4", ".mov", ".m4v", ".3gp"}:
        return []
    with path.open("rb") as file:
        names = [box[0] for box in top_boxes(file)]
    return [name for at, name in enumerate(names) if name not in names[:at]]


def make_long(folder: Path, speech: Path, *, hours: float, suffix: str) -> Path:
    """Make a film of some hours: a small picture, and speech that is looped."""
    seconds = round(3600 * hours)
    path = folder / f"long{suffix}"
    piece = folder / f"piece{suffix}"
    # A piece is encoded once and repeated as it is: two hours of picture take long to encode.
    commands = (
        f"-f lavfi -i testsrc=d=120:s=320x180:r=25 -stream_loop -1 -i {speech} -t 120"
        f" -c:v libx264 -preset ultrafast -b:v 400k -c:a aac -b:a 96k -ac 2 -ar 48000 {piece}",
        f"-stream_loop -1 -i {piece} -map 0:v -map 0:a -t {seconds} -c copy {path}",
    )
    for words in commands:
        command = ["ffmpeg", "-y", "-loglevel", "error", *words.split()]
        subprocess.run(command, check=True)  # noqa: S603 - our own words
    piece.unlink()
    return path


def try_long(speech: Path, *, hours: float, suffix: str) -> dict[str, Any]:
    """Protect a long film in a process of its own; return time, memory and progress."""
    with tempfile.TemporaryDirectory(prefix="sottovoce-film-") as place:
        source = make_long(Path(place), speech, hours=hours, suffix=suffix)
        size = source.stat().st_size
        began = time.perf_counter()
        script = (
            "import sys; from benchmarks.film_files.trial import _measure; _measure(sys.argv[1])"
        )
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-c", script, str(source)], capture_output=True, check=True
        )
        seconds = time.perf_counter() - began
        row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        shutil.rmtree(place, ignore_errors=True)
    return {"name": f"long{suffix}", "hours": hours, "n_bytes": size, "seconds": seconds, **row}


def _measure(path: str) -> None:
    import resource

    source = Path(path)
    told: list[tuple[float, float]] = []
    began = time.perf_counter()
    done = protect_file(
        source,
        source.with_stem("out"),
        notice=OWNER,
        progress=lambda share: told.append((share, time.perf_counter() - began)),
    )
    pauses = [b[1] - a[1] for a, b in itertools.pairwise(told)]
    row = {
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "n_told": len(told),
        "is_steady": [share for share, _ in told] == sorted(share for share, _ in told),
        "longest_pause_s": max(pauses, default=0.0),
        "marked_s": done.marked_s,
        "duration_s": done.duration_s,
        "left_over": [p.name for p in source.parent.iterdir() if p.name.startswith(".")],
    }
    print(json.dumps(row))


def main() -> None:
    """Print one row as JSON."""
    name, speech = sys.argv[1:]
    print(json.dumps(try_film(name, Path(speech))))


if __name__ == "__main__":
    main()
