"""Files of one kind that were joined into one: all of them are read."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce.core.payload import Notice
from sottovoce.errors import UnsupportedFormatError
from sottovoce.files import detect_parts, protect_file
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

SR = 48_000
LENGTHS = (60_000, 84_000)
KINDS = {
    "aiff": ["-c:a", "pcm_s16be"],
    "caf": ["-c:a", "pcm_s16le"],
    "w64": ["-c:a", "pcm_s16le"],
    "au": ["-c:a", "pcm_s16be"],
    "m4a": ["-c:a", "aac"],
    "alac.m4a": ["-c:a", "alac"],
    "mov": ["-c:a", "pcm_s16le"],
    "fragments.mp4": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"],
    "faststart.m4a": ["-c:a", "aac", "-movflags", "faststart"],
    "mka": ["-c:a", "flac"],
    "webm": ["-c:a", "libopus"],
    "wma": ["-c:a", "wmav2"],
    "flv": ["-c:a", "aac"],
    "avi": ["-c:a", "pcm_s16le"],
    "tta": ["-c:a", "tta"],
    "wv": ["-c:a", "wavpack"],
    "flac": ["-c:a", "flac"],
    "ogg": ["-c:a", "libvorbis"],
    "opus": ["-c:a", "libopus"],
    "aac": ["-c:a", "aac"],
    "mp3": ["-c:a", "libmp3lame"],
    "loas": ["-c:a", "aac", "-f", "latm"],
    "ac3": ["-c:a", "ac3"],
    "ts": ["-c:a", "mp2"],
    "adpcm.wav": ["-c:a", "adpcm_ima_wav"],
    "mp3.wav": ["-c:a", "libmp3lame"],
}
SLACK = 2 * 2048
"""What an encoder may put in front and behind where the container cannot say so, each time."""


def encode(folder: Path, name: str, *options: str, seed: int, n: int, sr: int = SR) -> bytes:
    y = np.random.default_rng(seed).standard_normal(n) * 0.1
    sf.write(folder / "in.wav", y, sr, "PCM_16")
    command = ["ffmpeg", "-y", "-v", "error", "-i", "in.wav", *options, name]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / name).read_bytes()


def count(data: bytes, *, part: int = 0) -> tuple[int, tuple[str, ...]]:
    with open_audio("memory", data=data, part=part) as file:
        return sum(block.shape[1] for block in file.blocks(1.0)), file.notes


@pytest.mark.codec
@pytest.mark.parametrize("name", KINDS)
def test_joined_files_are_read_one_after_the_other(tmp_path: Path, name: str) -> None:
    both = [
        encode(tmp_path, f"{i}.{name}", *KINDS[name], seed=i, n=n) for i, n in enumerate(LENGTHS)
    ]
    alone = [count(one)[0] for one in both]
    n, _ = count(b"".join(both))
    assert abs(n - sum(alone)) <= (SLACK if name in ("wma", "ts", "aac", "ac3", "loas") else 0)


@pytest.mark.codec
@pytest.mark.parametrize("name", ["aiff", "caf", "w64", "au", "m4a", "mka", "wma", "tta", "flv"])
def test_joined_files_of_other_rates_are_parts(tmp_path: Path, name: str) -> None:
    options = KINDS[name]
    data = encode(tmp_path, f"a.{name}", *options, seed=1, n=60_000)
    data += encode(tmp_path, f"b.{name}", *options, "-ar", "32000", seed=2, n=60_000)
    path = tmp_path / f"joined.{name}"
    path.write_bytes(data)
    parts = detect_parts(path)
    assert [part.name for part in parts] == ["file 1 of 2", "file 2 of 2"]
    assert all(1.2 < part.detection.duration_s < 1.4 for part in parts)
    with pytest.raises(UnsupportedFormatError, match="2 recordings joined"):
        protect_file(path, tmp_path / f"marked.{name}", notice=Notice(owner_id=5))


@pytest.mark.codec
@pytest.mark.parametrize(
    "name",
    [
        "m4a",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("aiff", "caf", "w64", "mov", "mka", "wma")
        ),
    ],
)
def test_joined_files_are_marked_from_the_first_to_the_last(
    tmp_path: Path, name: str, clip: tuple[np.ndarray, int]
) -> None:
    y, sr = clip
    sf.write(tmp_path / "in.wav", y, sr, "PCM_16")
    command = ["ffmpeg", "-v", "error", "-i", "in.wav", *KINDS[name], f"one.{name}"]
    subprocess.run(command, cwd=tmp_path, check=True)
    path = tmp_path / f"joined.{name}"
    path.write_bytes((tmp_path / f"one.{name}").read_bytes() * 2)
    done = protect_file(path, tmp_path / f"marked.{name}", notice=Notice(owner_id=5))
    assert done.status == "marked"
    assert done.duration_s == pytest.approx(2 * len(y) / sr, abs=0.1)
    assert done.marked_s > 1.2 * len(y) / sr
    assert any("2 files joined" in line for line in done.warnings)


@pytest.mark.codec
def test_a_film_behind_a_film_is_not_dropped(tmp_path: Path) -> None:
    sf.write(tmp_path / "in.wav", np.random.default_rng(1).standard_normal(60_000) * 0.1, SR)
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1.25", "-i"]
    command += ["in.wav", "-c:v", "mpeg4", "-c:a", "aac", "film.mp4"]
    subprocess.run(command, cwd=tmp_path, check=True)
    path = tmp_path / "films.mp4"
    path.write_bytes((tmp_path / "film.mp4").read_bytes() * 2)
    assert len(detect_parts(path)) == 2
    with pytest.raises(UnsupportedFormatError, match="joined"):
        protect_file(path, tmp_path / "marked.mp4", notice=Notice(owner_id=5))


@pytest.mark.codec
@pytest.mark.parametrize("name", ["flac", "ogg", "mka", "m4a"])
def test_a_file_of_another_kind_behind_a_wave_is_a_part(tmp_path: Path, name: str) -> None:
    other = encode(tmp_path, f"b.{name}", *KINDS[name], seed=2, n=84_000)
    sf.write(tmp_path / "a.wav", np.zeros(60_000), SR)
    data = (tmp_path / "a.wav").read_bytes() + other
    assert count_parts(data) == 2
    with open_audio("memory", data=data, part=0) as file:
        assert sum(block.shape[1] for block in file.blocks(1.0)) == 60_000


def count_parts(data: bytes) -> int:
    with open_audio("memory", data=data) as file:
        return len(file.parts)


@pytest.mark.codec
def test_a_wave_behind_one_of_unknown_size_is_found_whatever_its_first_chunk(
    tmp_path: Path,
) -> None:
    sf.write(tmp_path / "a.wav", np.zeros(60_000), SR)
    one = bytearray((tmp_path / "a.wav").read_bytes())
    at = one.find(b"data")
    one[at + 4 : at + 8] = b"\xff" * 4
    two = bytes(one[:12]) + b"JUNK" + (4).to_bytes(4, "little") + bytes(4) + bytes(one[12:])
    assert count(bytes(one) + two)[0] == 120_000


def test_more_files_than_any_recording_has_are_refused() -> None:
    one = b"#!AMR\n" + bytes(40)
    with pytest.raises(UnsupportedFormatError, match="more than 1,000 files"):
        count(one * 1200)
