"""Only the marked tracks of a film change; pictures, words, chapters and names stay."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sottovoce.errors import AudioFileError
from sottovoce.files.audio_info import AudioInfo
from sottovoce.files.films.losses import name_losses
from sottovoce.files.muxing import mux_tracks, track_path
from sottovoce.files.track_description import describe_track
from sottovoce.files.track_writer import open_track_writer
from sottovoce.files.writing import atomic_path, open_writer
from tests.files.test_encoding import decode

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

SUBTITLES = "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,200 --> 00:00:02,000\nWorld\n"
CHAPTERS = (
    ";FFMETADATA1\ntitle=A film\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=3000\ntitle=Two\n"
)
DATE = "2020-01-02T03:04:05.000000Z"
FILMS = {
    "film.mp4": "-c:a aac -c:s mov_text",
    "front.mp4": "-c:a aac -c:s mov_text -movflags faststart",
    "pieces.mp4": "-c:a aac -sn -movflags frag_keyframe+empty_moov+delay_moov",
    "film.mov": "-c:a pcm_s24le -c:s mov_text",
    "film.mkv": "-c:a ac3 -c:s srt",
    "film.webm": "-c:a libvorbis -c:v libvpx -deadline realtime -c:s webvtt",
    "film.ts": "-c:a aac -sn",
    "film.wmv": "-c:a wmav2 -c:v wmv2 -bf 0 -sn",
}


def make_film(folder: Path, name: str, clip_path: Path) -> Path:
    (folder / "s.srt").write_text(SUBTITLES)
    (folder / "m.txt").write_text(CHAPTERS)
    inputs = (
        "-f lavfi -i testsrc=d=3:s=160x120:r=25"
        f" -t 3 -i {clip_path} -itsoffset 0.5 -ss 6 -t 2 -i {clip_path}"
        f" -i {folder}/s.srt -i {folder}/m.txt"
        " -map_metadata 4 -map_chapters 4 -map 0:v -map 1:a -map 2:a -map 3:s"
        " -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:1 title=Dub"
        f" -disposition:a:1 dub -ar 48000 -ac 2 -metadata creation_time={DATE}"
    )
    path = folder / name
    command = ["ffmpeg", "-loglevel", "error", *inputs.split(), *FILMS[name].split(), str(path)]
    subprocess.run(command, check=True)
    return path


def describe(path: Path) -> dict[str, Any]:
    """Return hashes of all streams, and what the container says about them and itself."""
    import av

    streams: dict[int, Any] = {}
    with av.open(str(path)) as container:
        hashes = {stream.index: hashlib.sha256() for stream in container.streams}
        times: dict[int, list[float]] = {stream.index: [] for stream in container.streams}
        for packet in container.demux():
            if packet.size:
                hashes[packet.stream_index].update(bytes(packet))
                times[packet.stream_index].append(float((packet.pts or 0) * packet.time_base))
        for stream in container.streams:
            names = {
                key: value
                for key, value in stream.metadata.items()
                if key.upper() not in {"DURATION", "ENCODER"}
            }
            streams[stream.index] = {
                "type": stream.type,
                "names": names,
                "disposition": int(stream.disposition),
                "hash": hashes[stream.index].hexdigest(),
                "times": np.array(times[stream.index]),
                "start": float((stream.start_time or 0) * stream.time_base),
            }
        named = {
            key: value
            for key, value in container.metadata.items()
            if key.lower() != "encoder" and not key.endswith("brands")
        }
        chapters = [
            (float(c["start"] * c["time_base"]), c["metadata"]["title"])
            for c in container.chapters()
        ]
    return {"streams": streams, "named": named, "chapters": chapters}


def track_info(path: Path, index: int) -> tuple[AudioInfo, np.ndarray]:
    y, facts = decode(path, index)
    size = path.stat().st_size
    info = AudioInfo(
        path=str(path),
        format="FILM",
        subtype="?",
        sr=facts["sr"],
        n_channels=len(y),
        n_frames=y.shape[1],
        n_bytes=size,
        n_tracks=2,
        track=index,
    )
    return info, y


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
def test_everything_but_the_sound_of_a_film_is_copied(
    tmp_path: Path, clip_path: Path, name: str
) -> None:
    source = make_film(tmp_path, name, clip_path)
    target = tmp_path / f"out{source.suffix}"
    tracks = {}
    for index in range(2):
        info, y = track_info(source, index)
        track = describe_track(info)
        tracks[track.index] = track_path(target)
        writer = open_track_writer(tracks[track.index], info, track)
        writer.write(y, y)
        writer.close()
    assert name_losses(source) == ()
    mux_tracks(source, tracks, target)
    old, new = describe(source), describe(target)
    assert new["named"] == old["named"]
    assert new["chapters"] == old["chapters"]
    assert list(new["streams"]) == list(old["streams"])
    for index, stream in old["streams"].items():
        other = new["streams"][index]
        for key in ("type", "names", "disposition"):
            assert other[key] == stream[key]
        if index not in tracks:
            assert other["hash"] == stream["hash"]
            np.testing.assert_allclose(other["times"], stream["times"], atol=2e-3)
    for index, kind in enumerate(sorted(tracks)):
        (_, y), (_, z) = track_info(source, index), track_info(target, index)
        assert y.shape[1] <= z.shape[1] <= y.shape[1] + 2048
        # In seconds of the film the sound is where it was, but for a codec's delay.
        begins = [describe_side["streams"][kind]["start"] for describe_side in (old, new)]
        lag = (z.shape[1] - y.shape[1]) / 48_000
        assert begins[1] == pytest.approx(begins[0], abs=lag + 2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "order"),
    [("film.mp4", b"mdat moov"), ("front.mp4", b"moov mdat"), ("pieces.mp4", b"moof")],
)
def test_the_index_of_an_mp4_stays_where_it_was(
    tmp_path: Path, clip_path: Path, name: str, order: bytes
) -> None:
    source = make_film(tmp_path, name, clip_path)
    target = tmp_path / "out.mp4"
    info, y = track_info(source, 0)
    writer = open_writer(target, info)
    writer.write(y, y)
    writer.close()
    data = target.read_bytes()
    places = [data.find(word) for word in order.split()]
    assert min(places) > 0
    assert places == sorted(places)
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".srt", ".txt"}


def test_an_audio_book_keeps_cover_chapters_and_date(tmp_path: Path, clip_path: Path) -> None:
    (tmp_path / "m.txt").write_text(CHAPTERS)
    source, target = tmp_path / "book.m4b", tmp_path / "out.m4b"
    command = (
        f"ffmpeg -loglevel error -t 3 -i {clip_path} -f lavfi -i testsrc=d=1:s=64x64:r=1"
        f" -i {tmp_path}/m.txt -map 0:a -map 1:v -map_chapters 2 -map_metadata 2"
        " -disposition:v:0 attached_pic -c:v mjpeg -c:a aac -metadata artist=Me"
        f" -metadata creation_time={DATE} -metadata:s:a language=fra -f ipod {source}"
    )
    subprocess.run(command.split(), check=True)
    info, y = track_info(source, 0)
    writer = open_writer(target, info)
    writer.write(y, y)
    writer.close()
    old, new = describe(source), describe(target)
    assert new["named"] == old["named"]
    assert new["chapters"] == old["chapters"]
    kinds = {"audio", "video"}
    olds = {s["type"]: s for s in old["streams"].values() if s["type"] in kinds}
    news = {s["type"]: s for s in new["streams"].values() if s["type"] in kinds}
    assert news["video"]["hash"] == olds["video"]["hash"]
    assert news["audio"]["names"] == olds["audio"]["names"]
    assert decode(target)[0].shape == y.shape


def test_attachments_and_covers_of_matroska_are_kept(tmp_path: Path, clip_path: Path) -> None:
    (tmp_path / "note.txt").write_text("words")
    subprocess.run(
        f"ffmpeg -loglevel error -f lavfi -i testsrc=d=1:s=64x64:r=1 {tmp_path}/cover.png".split(),
        check=True,
    )
    source, target = tmp_path / "a.mka", tmp_path / "b.mka"
    command = (
        f"ffmpeg -loglevel error -t 3 -i {clip_path} -attach {tmp_path}/cover.png"
        f" -attach {tmp_path}/note.txt -metadata:s:t:0 mimetype=image/png"
        f" -metadata:s:t:1 mimetype=text/plain -c:a libopus {source}"
    )
    subprocess.run(command.split(), check=True)
    info, y = track_info(source, 0)
    writer = open_writer(target, info)
    writer.write(y, y)
    writer.close()
    data = target.read_bytes()
    for word in (b"cover.png", b"note.txt", b"words", (tmp_path / "cover.png").read_bytes()):
        assert word in data


def write_all(writer: Any, y: np.ndarray) -> None:
    writer.write(y, y)
    writer.close()


def test_what_cannot_be_copied_leaves_no_file_behind(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(tmp_path, "film.mp4", clip_path)
    info, y = track_info(source, 0)
    target = tmp_path / "missing" / "out.mp4"
    writer = open_writer(target, info)
    with pytest.raises(AudioFileError, match="its folder does not exist"), atomic_path(target):
        write_all(writer, y)
    assert not target.parent.exists()


def test_a_full_disk_is_called_that(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(tmp_path, "film.mp4", clip_path)
    info, y = track_info(source, 0)
    track = describe_track(info)
    full = track_path(tmp_path / "out.mp4")
    full.symlink_to("/dev/full")
    writer = open_track_writer(full, info, track)
    with pytest.raises(OSError, match="No space left"):
        write_all(writer, y)
