"""Where a container cannot tell an encoder's delay, the sound still lies where it lay."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.film_files import (
    FILMS,
    compare_streams,
    describe_film,
    make_film,
    measure_start,
    measure_sync,
)
from sottovoce import Notice
from sottovoce.files import protect_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

OWNER = Notice(owner_id=0x5EED)
LOUD = [name for name in FILMS if name.startswith("loud")]


@pytest.mark.slow
@pytest.mark.parametrize("name", LOUD)
def test_sound_that_begins_at_once_stays_in_time(
    tmp_path: Path, clip_path: Path, name: str
) -> None:
    source = make_film(FILMS[name], tmp_path, clip_path)
    target = source.with_stem("out")
    protect_file(source, target, notice=OWNER, prove=False)
    assert measure_sync(source, target, 0, sr=48_000) == [0, 0, 0]
    assert measure_start(source, target, 0) == 0
    assert compare_streams(describe_film(source), describe_film(target)) == []


@pytest.mark.slow
def test_delays_do_not_add_up(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["loud_mp2.ts"], tmp_path, clip_path)
    before = source
    for number in range(3):
        after = source.with_stem(f"out{number}")
        protect_file(before, after, notice=OWNER, remark=True, prove=False)
        before = after
    assert measure_sync(source, before, 0, sr=48_000) == [0, 0, 0]
    assert measure_start(source, before, 0) == 0


def test_tracks_of_an_avi_last_as_long_as_they_did(tmp_path: Path, clip_path: Path) -> None:
    source, target = tmp_path / "two.avi", tmp_path / "out.avi"
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc=d=6:s=64x64 -t 6 -i {clip_path} -ss 8 -t 6"
        f" -i {clip_path} -map 0 -map 1 -map 2 -c:v mpeg4 -c:a ac3 -ar 48000 {source}"
    )
    subprocess.run(command.split(), check=True)
    protect_file(source, target, notice=OWNER, track=1, prove=False)
    for index in range(2):
        assert measure_sync(source, target, index, sr=48_000) == [0, 0, 0]
    old, new = describe_film(source), describe_film(target)
    assert [one["nb_frames"] for one in new["streams"]] == [
        one["nb_frames"] for one in old["streams"]
    ]


@pytest.mark.parametrize(("codec", "sr"), [("wmav2", 16_000), ("wmav2", 22_050), ("wmav1", 32_000)])
def test_wma_of_low_rates_stays_in_time(
    tmp_path: Path, clip_path: Path, codec: str, sr: int
) -> None:
    source, target = tmp_path / "film.wmv", tmp_path / "out.wmv"
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc=d=7:s=64x64 -ss 2 -t 7 -i {clip_path}"
        f" -c:v wmv2 -c:a {codec} -ar {sr} {source}"
    )
    subprocess.run(command.split(), check=True)
    protect_file(source, target, notice=OWNER, prove=False)
    assert measure_sync(source, target, 0, sr=sr) == [0, 0, 0]
    assert measure_start(source, target, 0) == 0
