"""What careful programs make of a file: a second count beside the maker's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.whole_files.sound import Made

__all__ = ["ask_peers", "tag_of", "track_samples"]

_BYTES = 2


def _size(command: list[str]) -> int:
    """Return how many bytes a program writes."""
    if shutil.which(command[0]) is None:
        return -1
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)  # noqa: S603
    return len(done.stdout)


def _ffmpeg(path: Path, track: int, channels: int) -> int:
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-map", f"0:a:{track}"]
    command += ["-f", "s16le", "-c:a", "pcm_s16le", "-ac", str(channels), "-"]
    return _size(command) // _BYTES // channels


def track_samples(path: Path, made: Made) -> list[int]:
    """Return the samples of each track as ffmpeg counts them."""
    return [_ffmpeg(path, number, part.n_channels) for number, part in enumerate(made.parts)]


def ask_peers(made: Made) -> dict[str, int]:
    """Return the samples that each program reads; of the first part where there are several."""
    path, channels = str(made.path), made.parts[0].n_channels
    width = 3 if "24" in made.path.name else _BYTES
    own = {
        "FLAC": ("flac", "-s -d -c -F --force-raw-format --endian=little --sign=signed", width),
        "MP3": ("mpg123", "-q -s", _BYTES),
        "MP2": ("mpg123", "-q -s", _BYTES),
        "Opus": ("opusdec", "--quiet --rate 48000 --no-dither", _BYTES),
        "Vorbis": ("oggdec", "-Q -R -o -", _BYTES),
    }
    counts = {"ffmpeg": _ffmpeg(made.path, 0, channels)}
    if made.form in own:
        program, options, width = own[made.form]
        behind = ["-"] if program == "opusdec" else []
        size = _size([program, *options.split(), path, *behind])
        counts[program] = size // width // channels
    return {name: n for name, n in counts.items() if n >= 0}


def tag_of(path: Path) -> str:
    """Return the title, wherever the format has it."""
    entries = "format_tags=title:stream_tags=title"
    command = ["ffprobe", "-v", "quiet", "-of", "json", "-show_entries", entries, str(path)]
    if shutil.which(command[0]) is None or not path.is_file():
        return ""
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)  # noqa: S603
    said = json.loads(done.stdout or b"{}")
    tags = [said.get("format", {}).get("tags", {})]
    tags += [stream.get("tags", {}) for stream in said.get("streams", [])]
    titles = (value for own in tags for key, value in own.items() if key.lower() == "title")
    return next(titles, "")
