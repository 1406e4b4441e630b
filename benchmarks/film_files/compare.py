"""Compare two films as another program sees them: FFmpeg's own ffprobe."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["compare_streams", "describe_film"]

_OF_THE_FILE = {"filename", "size", "bit_rate", "probe_score", "start_time", "duration"}
_OF_THE_WRITER = {"encoder", "ENCODER", "software"}
_OF_SOUND = (
    *("codec_name", "codec_tag_string", "profile", "sample_rate", "channels"),
    *("channel_layout", "bits_per_sample", "bits_per_raw_sample", "disposition", "id"),
)
_COUNTED = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_", "ENCODER")
_START_S = 1.1e-3


def describe_film(path: Path) -> dict[str, Any]:
    """Return all that ffprobe says of a film: streams, packets with their hashes, chapters."""
    command = [
        *("ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters"),
        *("-show_packets", "-show_data_hash", "sha256", "-of", "json", str(path)),
    ]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare_streams(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what of a film is not as it was, apart from the samples of its sound.

    Parameters
    ----------
    old, new : dict
        From `describe_film`.

    Returns
    -------
    differences : list of str
        Empty where all is equal.
    """
    found = [f"the file's {word}" for word in _differing(_file(old), _file(new))]
    if old["chapters"] != new["chapters"]:
        found.append("chapters")
    if len(old["streams"]) != len(new["streams"]):
        return [*found, f"{len(old['streams'])} streams became {len(new['streams'])}"]
    for before, after in zip(old["streams"], new["streams"], strict=True):
        index = before["index"]
        name = f"stream {index} ({before.get('codec_name', before['codec_type'])})"
        if before["codec_type"] == "audio":
            found += [f"{name}: {word}" for word in _compare_sound(before, after)]
            continue
        found += [f"{name}: {word}" for word in _differing(before, after)]
        packets = [_packets(film, index) for film in (old, new)]
        if packets[0] != packets[1]:
            found.append(f"{name}: {_tell_packets(*packets)}")
    return found


def _file(film: dict[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in film["format"].items() if key not in _OF_THE_FILE}
    tags = own.get("tags", {})
    own["tags"] = {key: value for key, value in tags.items() if key not in _OF_THE_WRITER}
    return own


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _compare_sound(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = [key for key in _OF_SOUND if old.get(key) != new.get(key)]
    tags = [
        {
            key: value
            for key, value in side.get("tags", {}).items()
            if not key.upper().startswith(_COUNTED)
        }
        for side in (old, new)
    ]
    found += ["tags"] if tags[0] != tags[1] else []
    # Matroska rounds times to a millisecond.
    starts = [float(side.get("start_time", 0)) for side in (old, new)]
    return found + (["start"] if abs(starts[0] - starts[1]) > _START_S else [])


def _packets(film: dict[str, Any], index: int) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in packet.items() if key != "pos"}
        for packet in film["packets"]
        if packet["stream_index"] == index
    ]


def _tell_packets(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    if len(old) != len(new):
        return f"{len(old)} packets became {len(new)}"
    keys = {
        key for a, b in zip(old, new, strict=True) for key in {*a, *b} if a.get(key) != b.get(key)
    }
    return f"packets differ in {', '.join(sorted(keys))}"
