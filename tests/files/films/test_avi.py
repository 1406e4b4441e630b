"""AVI has no time stamps: where a packet lies in its stream says when it sounds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import av
import pytest

from benchmarks.film_files import compare_streams, describe_film, measure_start
from sottovoce import Notice
from sottovoce.errors import UnsupportedFormatError
from sottovoce.files import protect_file
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

OWNER = Notice(owner_id=0x5EED)


def make(clip_path: Path, target: Path, options: str) -> Path:
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc=d=8:s=64x64 -ss 2 -t 8 -i {clip_path}"
        f" -ss 4 -t 8 -i {clip_path} -map 0 -map 1 {options} {target}"
    )
    subprocess.run(command.split(), check=True)
    return target


def times_of(path: Path, track: int) -> list[int]:
    """Return the time of each packet of a track, in ticks of a frame."""
    with av.open(str(path)) as film:
        stream = film.streams.audio[track]
        return [packet.dts for packet in film.demux(stream) if packet.dts is not None]


def n_samples_of(path: Path, track: int) -> int:
    with open_audio(path, part=track) as file:
        n = sum(block.shape[1] for block in file.blocks(10.0))
        assert file.notes == ()
        return n


def test_packets_that_count_as_two_frames_are_no_gap(tmp_path: Path, clip_path: Path) -> None:
    source = make(clip_path, tmp_path / "film.avi", "-c:v mpeg4 -c:a aac -b:a 96k")
    jumps = times_of(source, 0)
    assert jumps[-1] >= len(jumps)  # else there is nothing to see
    target = tmp_path / "out.avi"
    done = protect_file(source, target, notice=OWNER, prove=False)
    assert not any("gap" in line for line in done.warnings)
    assert measure_start(source, target, 0) == 0
    assert n_samples_of(source, 0) == n_samples_of(target, 0) == 1024 * len(jumps)
    assert times_of(target, 0) == list(range(len(jumps)))


def test_a_track_that_is_copied_gets_no_empty_packets(tmp_path: Path, clip_path: Path) -> None:
    options = "-map 2 -c:v mpeg4 -c:a:0 ac3 -ar:a:0 48000 -c:a:1 aac -b:a:1 96k"
    source, target = make(clip_path, tmp_path / "two.avi", options), tmp_path / "out.avi"
    protect_file(source, target, notice=OWNER, track=1, prove=False)
    n = len(times_of(source, 1))
    assert times_of(target, 1) == list(range(n))
    old, new = describe_film(source), describe_film(target)
    assert new["streams"][2]["nb_frames"] == old["streams"][2]["nb_frames"] == str(n)


@pytest.mark.parametrize(
    ("suffix", "options", "tag"),
    [(".mp4", "-c:v libx264 -c:a aac -ar 48000", ""), (".mkv", "-c:v mpeg4 -c:a mp3", "XVID")],
)
def test_the_picture_keeps_the_name_of_its_codec(
    tmp_path: Path, clip_path: Path, suffix: str, options: str, tag: str
) -> None:
    film = make(clip_path, tmp_path / f"film{suffix}", options)
    source, target = tmp_path / "old.avi", tmp_path / "new.avi"
    command = f"ffmpeg -v error -i {film} -c copy {'-vtag ' + tag if tag else ''} {source}"
    subprocess.run(command.split(), check=True)
    done = protect_file(source, target, notice=OWNER, prove=False)
    assert done.status == "marked"
    told = compare_streams(describe_film(source), describe_film(target))
    # A frame that is repeated behind the last one does not come again.
    assert all(one.startswith("stream 0") and "tag" not in one for one in told)
    hashes = [
        subprocess.run(
            f"ffmpeg -v error -i {path} -map 0:v -f framemd5 -".split(),
            check=True,
            capture_output=True,
        ).stdout
        for path in (source, target)
    ]
    assert hashes[0] == hashes[1]


def test_a_film_is_refused_rather_than_written_without_its_picture(
    tmp_path: Path, clip_path: Path
) -> None:
    options = "-c:v libx265 -x265-params log-level=error -c:a aac -ar 48000"
    film = make(clip_path, tmp_path / "film.mp4", options)
    source = tmp_path / "film.avi"
    subprocess.run(f"ffmpeg -v error -i {film} -c copy {source}".split(), check=True)
    with pytest.raises(UnsupportedFormatError, match=r"stream 0, hevc\) .* as AVI") as caught:
        protect_file(source, tmp_path / "out.avi", notice=OWNER)
    assert "MKV" in caught.value.remedy
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", "film.avi"}
