"""Of a film only the sound changes: another program hashes every packet of the rest."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.film_files import FILMS, compare_streams, describe_film, make_film, measure_sync
from sottovoce import Notice
from sottovoce.errors import AudioFileError, UnsupportedFormatError
from sottovoce.files import detect_file, protect_file
from sottovoce.files.films.grafting import can_graft
from sottovoce.files.films.losses import name_losses
from sottovoce.files.keeping.boxes import top_boxes
from tests.cli.conftest import hear_ctrl_c

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

OWNER = Notice(owner_id=0x5EED)
# One of each way to keep a picture and its sound, quick to make.
KEPT = (
    "h264_aac.mp4",
    "h264_pcm24.mov",
    "mpeg4_vorbis.mkv",
    "vp8_opus.webm",
    "obs_tracks.mkv",
    "obs_pieces.mp4",
    "obs_hybrid.mp4",
    "faststart.mp4",
    "front_cues.mkv",
    "live.mkv",
    "phone.mp4",
    "phone.mkv",
    "hdr.mkv",
    "late_sound.mp4",
    "late_sound.mkv",
    "late_picture.mp4",
    "starts_at_5.mkv",
    "b_frames.mp4",
    "variable.mp4",
    "edited.mp4",
    "everything.mkv",
    "everything.mov",
    "timecode.mov",
    "camera.mp4",
    "surround_ac3.mkv",
    "gap.mkv",
    "gap.mp4",
    "gap.ts",
    "film.avi",
)


def order_of(path: Path) -> list[bytes]:
    """Return the outermost boxes of an MP4 in their order, each name once."""
    with path.open("rb") as file:
        names = [box[0] for box in top_boxes(file)]
    return list(dict.fromkeys(names))


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("name", KEPT)
def test_all_but_the_sound_of_a_film_is_as_it_was(
    tmp_path: Path, clip_path: Path, name: str
) -> None:
    source = make_film(FILMS[name], tmp_path, clip_path)
    target = source.with_stem("out")
    assert name_losses(source) == ()
    done = protect_file(source, target, notice=OWNER)
    assert done.status == "marked"
    old = describe_film(source)
    assert compare_streams(old, describe_film(target)) == []
    if source.suffix in {".mp4", ".mov"}:
        assert order_of(target) == order_of(source)
    sounds = [one for one in old["streams"] if one["codec_type"] == "audio"]
    for index, sound in enumerate(sounds):
        lags = measure_sync(source, target, index, sr=int(sound["sample_rate"]))
        assert lags == [0, 0, 0]
    assert detect_file(target).found
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_gaps_in_the_sound_become_silence_and_are_told(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["gap.mkv"], tmp_path, clip_path)
    done = protect_file(source, source.with_stem("out"), notice=OWNER)
    assert done.duration_s == pytest.approx(12.0, abs=0.1)
    assert any("3 gaps of 1.4 s" in line and "became silence" in line for line in done.warnings)


@pytest.mark.by_turns
@pytest.mark.slow
def test_a_film_that_was_marked_can_be_marked_again(tmp_path: Path, clip_path: Path) -> None:
    for name in ("h264_aac.mp4", "obs_pieces.mp4", "mpeg4_aac.mkv"):
        source = make_film(FILMS[name], tmp_path, clip_path)
        first, second = source.with_stem("first"), source.with_stem("second")
        protect_file(source, first, notice=OWNER, prove=False)
        assert can_graft(first)
        protect_file(first, second, notice=OWNER, remark=True, prove=False)
        assert compare_streams(describe_film(source), describe_film(second)) == []
        assert measure_sync(source, second, 0, sr=48_000) == [0, 0, 0]


@pytest.mark.slow
def test_one_track_of_several_is_marked_and_the_others_are_copied(
    tmp_path: Path, clip_path: Path
) -> None:
    source = make_film(FILMS["obs_tracks.mp4"], tmp_path, clip_path)
    target = source.with_stem("out")
    protect_file(source, target, notice=OWNER, track=2, prove=False)
    sides = [describe_film(path)["packets"] for path in (source, target)]
    for index in range(5):
        old, new = (
            [one["data_hash"] for one in side if one["stream_index"] == index] for side in sides
        )
        assert (old == new) is (index != 2)


def test_sound_that_nobody_encodes_is_refused_naming_what_works(
    tmp_path: Path, clip_path: Path
) -> None:
    source = tmp_path / "film.mkv"
    command = (
        f"ffmpeg -loglevel error -f lavfi -i testsrc=d=3:s=64x64 -t 3 -i {clip_path}"
        f" -c:v mpeg4 -c:a dca -ar 48000 -ac 2 -strict -2 {source}"
    )
    subprocess.run(command.split(), check=True)
    with pytest.raises(UnsupportedFormatError, match="dts") as caught:
        protect_file(source, tmp_path / "out.mkv", notice=OWNER)
    assert "film.flac or film.wav" in caught.value.remedy
    done = protect_file(source, tmp_path / "out.flac", notice=OWNER, prove=False)
    assert done.status == "marked"
    assert "lost: the picture, its tags and everything else that is not audio" in done.warnings
    assert {path.name for path in tmp_path.iterdir()} == {"film.mkv", "out.flac"}


def test_a_disk_without_room_is_told_before_the_work(
    tmp_path: Path, clip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(FILMS["h264_aac.mp4"], tmp_path, clip_path)
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 1000)  # noqa: PYI024
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    began = time.monotonic()
    with pytest.raises(AudioFileError, match=r"\d+ MB needed, 0 MB free"):
        protect_file(source, source.with_stem("out"), notice=OWNER)
    assert time.monotonic() - began < 5.0
    assert not source.with_stem("out").exists()


def test_progress_moves_on_to_the_end(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["obs_tracks.mkv"], tmp_path, clip_path)
    told: list[float] = []
    protect_file(source, source.with_stem("out"), notice=OWNER, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert np.diff(told).max() < 0.3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_film_that_is_interrupted_leaves_nothing_behind(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["h264_aac.mp4"], tmp_path, clip_path)
    before = set(tmp_path.iterdir())
    script = (
        "import sys; from sottovoce import Notice; from sottovoce.files import protect_file\n"
        "tell = lambda share: print(share, flush=True)\n"
        "protect_file(sys.argv[1], sys.argv[2], notice=Notice(owner_id=1), progress=tell)"
    )
    command = [sys.executable, "-c", script, str(source), str(source.with_stem("out"))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.slow
def test_a_film_joined_without_encoding_is_as_long_as_its_table_says(
    tmp_path: Path, clip_path: Path
) -> None:
    piece = make_film(FILMS["h264_aac.mp4"], tmp_path, clip_path)
    source = tmp_path / "joined.mp4"
    command = f"ffmpeg -loglevel error -stream_loop 2 -i {piece} -c copy {source}"
    subprocess.run(command.split(), check=True)
    target = source.with_stem("out")
    protect_file(source, target, notice=OWNER)
    assert compare_streams(describe_film(source), describe_film(target)) == []
    assert measure_sync(source, target, 0, sr=48_000) == [0, 0, 0]
