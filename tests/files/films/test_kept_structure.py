"""What few programs write into films, and few look at, is kept with the rest."""

from __future__ import annotations

import json
import struct
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from benchmarks.film_files import FILMS, compare_streams, describe_film, make_film, measure_sync
from sottovoce import Notice
from sottovoce.errors import AudioFileError, UnsupportedFormatError
from sottovoce.files import detect_file, protect_file
from sottovoce.files.decoding import matroska_names as names
from sottovoce.files.decoding.ebml import make_element, read_number, split_elements
from sottovoce.files.films.grafting import can_graft
from sottovoce.files.films.losses import name_losses
from sottovoce.files.films.transport import read_broadcast
from sottovoce.files.keeping.boxes import top_boxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.codec

OWNER = Notice(owner_id=0x5EED)
SEGMENT_UID, EDITION, ORDERED = 0x73A4, 0x45B9, 0x45DD
BEHIND = b"\x00\x01 what another program left here " * 40


def rebuild(path: Path, edit: Callable[[int, bytes], list[tuple[int, bytes]]]) -> None:
    """Write a Matroska file again whose outermost elements are what `edit` makes of them."""
    data = path.read_bytes()
    (head_name, head), (_, body) = split_elements(data)
    parts = []
    for name, content in split_elements(body):
        if name not in (names.CUES, names.SEEK_HEAD, names.VOID):
            parts += [make_element(*one) for one in edit(name, content)]
    path.write_bytes(make_element(head_name, head) + make_element(names.SEGMENT, b"".join(parts)))


def outermost(path: Path) -> list[tuple[int, bytes]]:
    data = path.read_bytes()
    n_name, _ = read_number(data, keep_mark=True)
    n_size, size = read_number(data, n_name)
    at = n_name + n_size + size
    n_size, size = read_number(data, at + 4)
    body = at + 4 + n_size
    return split_elements(data[body : body + size])


def odd_matroska(name: int, content: bytes) -> list[tuple[int, bytes]]:
    """Give a segment an identity, two editions, a time scale, and clusters with silent tracks."""
    if name == names.INFO:
        return [(name, content + make_element(SEGMENT_UID, bytes(range(16))))]
    if name == names.TRACKS:
        scale = make_element(names.TRACK_SCALE, struct.pack(">d", 1.0))
        entries = split_elements(content)
        return [(name, b"".join(make_element(one, entry + scale) for one, entry in entries))]
    if name == names.CLUSTER:
        numbers = b"".join(make_element(names.SILENT_NUMBER, bytes([n])) for n in (2, 9))
        return [(name, content + make_element(names.SILENT_TRACKS, numbers))]
    if name == names.CHAPTERS:
        ordered = make_element(EDITION, make_element(ORDERED, b"\x01"))
        return [(name, content + ordered)]
    return [(name, content)]


@pytest.mark.slow
def test_matroska_keeps_its_identity_editions_and_what_stands_behind_it(
    tmp_path: Path, clip_path: Path
) -> None:
    source = make_film(FILMS["front_cues.mkv"], tmp_path, clip_path)
    rebuild(source, odd_matroska)
    source.write_bytes(source.read_bytes() + BEHIND)
    target = source.with_stem("out")
    done = protect_file(source, target, notice=OWNER, keep_all=True)
    assert not any(line.startswith("lost") for line in done.warnings)
    assert target.read_bytes().endswith(BEHIND)
    sides = [dict(outermost(path)) for path in (source, target)]
    for name in (names.INFO, names.CHAPTERS):
        assert sides[1][name] == sides[0][name]
    silent = dict(split_elements(sides[1][names.CLUSTER]))[names.SILENT_TRACKS]
    assert [number for _, number in split_elements(silent)] == [b"\x09"]
    assert compare_streams(describe_film(source), describe_film(target)) == []
    assert measure_sync(source, target, 0, sr=48_000) == [0, 0, 0]


def test_sound_that_pauses_for_longer_than_a_cluster_can_tell_is_filled(
    tmp_path: Path, clip_path: Path
) -> None:
    """Where 40 s between two clusters become silence, its blocks need clusters of their own."""
    source = make_film(FILMS["mpeg4_pcm16.mkv"], tmp_path, clip_path)
    n_seen = 0

    def pause(name: int, content: bytes) -> list[tuple[int, bytes]]:
        nonlocal n_seen
        if name != names.CLUSTER:
            return [(name, content)]
        n_seen += 1
        inner = split_elements(content)
        late = 40_000 * (n_seen > 1)
        inner = [
            (one, (int.from_bytes(data, "big") + late).to_bytes(4, "big"))
            if one == names.TIMESTAMP
            else (one, data)
            for one, data in inner
        ]
        return [(name, b"".join(make_element(*one) for one in inner))]

    rebuild(source, pause)
    assert n_seen > 1
    target = source.with_stem("out")
    done = protect_file(source, target, notice=OWNER, keep_all=True)
    assert done.duration_s == pytest.approx(52.0, abs=0.2)
    assert compare_streams(describe_film(source), describe_film(target)) == []


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("name", ["h264_aac.mp4", "obs_pieces.mp4"])
@pytest.mark.parametrize("behind", [BEHIND, b"Made by a program that signs with words."])
def test_mp4_keeps_what_stands_behind_its_last_box(
    tmp_path: Path, clip_path: Path, name: str, behind: bytes
) -> None:
    source = make_film(FILMS[name], tmp_path, clip_path)
    source.write_bytes(source.read_bytes() + behind)
    target = source.with_stem("out")
    assert can_graft(source)
    protect_file(source, target, notice=OWNER, keep_all=True)
    assert target.read_bytes().endswith(behind)
    assert compare_streams(describe_film(source), describe_film(target)) == []


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("flags", ["+dash", "+global_sidx"])
def test_the_index_of_segments_names_the_new_pieces(
    tmp_path: Path, clip_path: Path, flags: str
) -> None:
    piece = make_film(FILMS["obs_pieces.mp4"], tmp_path, clip_path)
    source = tmp_path / "indexed.mp4"
    command = (
        f"ffmpeg -v error -i {piece} -map 0 -c copy"
        f" -movflags frag_keyframe+empty_moov+default_base_moof{flags} {source}"
    )
    subprocess.run(command.split(), check=True)
    target = source.with_stem("out")
    protect_file(source, target, notice=OWNER, keep_all=True)
    sides = [read_indices(path) for path in (source, target)]
    assert sides[0]
    assert len(sides[1]) == len(sides[0])
    for old, new in zip(*sides, strict=True):
        assert new["track"] == old["track"]
        assert new["scale"] == old["scale"]
        # A frame of sound lies in the piece in which it begins.
        most = new["scale"] * 0.1 if old["track"] > 1 else 0
        assert abs(new["begin"] - old["begin"]) <= most
        for one, other in zip(old["durations"], new["durations"], strict=True):
            assert abs(one - other) <= most
    assert detect_file(target).found


def read_indices(path: Path) -> list[dict]:
    """Read every ``sidx``; each segment must begin with a piece and end where a box begins."""
    data = path.read_bytes()
    with path.open("rb") as file:
        boxes = list(top_boxes(file))
    names_at = {at: name for name, at, *_ in boxes} | {len(data): b"end"}
    found = []
    for name, at, n_head, size in boxes:
        if name != b"sidx":
            continue
        body = data[at + n_head : at + size]
        half = 8 if body[0] else 4
        begin, offset, count = (
            int.from_bytes(body[12 : 12 + half], "big"),
            int.from_bytes(body[12 + half : 12 + 2 * half], "big"),
            int.from_bytes(body[14 + 2 * half : 16 + 2 * half], "big"),
        )
        rows = list(struct.iter_unpack(">III", body[16 + 2 * half : 16 + 2 * half + 12 * count]))
        edges = [at + size + offset]
        edges += [edges[0] + sum(row[0] for row in rows[: i + 1]) for i in range(count)]
        assert all(names_at[edge] == b"moof" for edge in edges[:-1])
        assert all(stop in names_at for _, stop in pairwise(edges))
        found.append(
            {
                "track": int.from_bytes(body[4:8], "big"),
                "scale": int.from_bytes(body[8:12], "big"),
                "begin": begin,
                "durations": [row[1] for row in rows],
            }
        )
    return found


def odd_time(name: int, content: bytes) -> list[tuple[int, bytes]]:
    """As `odd_matroska`, with a time scale that only FFmpeg works with."""
    ((name, content),) = odd_matroska(name, content)
    return [(name, content.replace(struct.pack(">d", 1.0), struct.pack(">d", 1.5)))]


def test_what_cannot_be_grafted_is_named_before_it_is_written(
    tmp_path: Path, clip_path: Path
) -> None:
    source = make_film(FILMS["front_cues.mkv"], tmp_path, clip_path)
    rebuild(source, odd_time)
    target = source.with_stem("out")
    assert name_losses(source) == (
        "the identity of its segment",
        "time scales of tracks",
        "chapter editions",
    )
    with pytest.raises(UnsupportedFormatError, match="would lose the identity"):
        protect_file(source, target, notice=OWNER, keep_all=True)
    assert not target.exists()


@pytest.mark.slow
def test_what_an_mp4_loses_is_named(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["obs_pieces.mp4"], tmp_path, clip_path)
    levels = struct.pack(">I4sI", 12, b"ssix", 0)
    source.write_bytes(source.read_bytes() + levels + struct.pack(">I4s", 8, b"emsg"))
    target = source.with_stem("out")
    lost = name_losses(source)
    assert "its segment index" in lost
    assert "boxes (emsg)" in lost
    assert any(one.startswith("its list of brands (isom") for one in lost)
    with pytest.raises(UnsupportedFormatError, match=r"would lose .*boxes \(emsg\)"):
        protect_file(source, target, notice=OWNER, keep_all=True)
    done = protect_file(source, target, notice=OWNER, prove=False)
    assert f"lost: {', '.join(lost)}" in done.warnings


@pytest.mark.parametrize("keep_all", [True, False])
def test_a_graft_that_fails_late_is_no_rewrite(
    tmp_path: Path, clip_path: Path, *, keep_all: bool
) -> None:
    source = make_film(FILMS["front_cues.mkv"], tmp_path, clip_path)

    def encrypt(name: int, content: bytes) -> list[tuple[int, bytes]]:
        block = make_element(names.ENCRYPTED, b"\x89\x00\x00\x00") if name == names.CLUSTER else b""
        return [(name, content + block)]

    rebuild(source, encrypt)
    before = set(tmp_path.iterdir())
    assert name_losses(source) == ()
    with pytest.raises(AudioFileError, match="encrypted blocks") as caught:
        protect_file(source, source.with_stem("out"), notice=OWNER, keep_all=keep_all)
    assert "Remux" in caught.value.remedy
    assert set(tmp_path.iterdir()) == before


def test_samples_outside_of_the_data_are_known_before(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["h264_aac.mp4"], tmp_path, clip_path)
    data = source.read_bytes()
    source.write_bytes(data.replace(b"mdat", b"free", 1) + struct.pack(">I4s", 8, b"mdat"))
    assert not can_graft(source)
    assert any("brands" in one for one in name_losses(source))


@pytest.mark.slow
def test_a_transport_stream_keeps_its_number_and_the_name_of_its_service(
    tmp_path: Path, clip_path: Path
) -> None:
    plain = make_film(FILMS["film.ts"], tmp_path, clip_path)
    named, two = tmp_path / "named.ts", tmp_path / "two.ts"
    command = (
        f"ffmpeg -v error -i {plain} -map 0 -c copy -metadata service_name=Fünf"
        " -metadata service_provider=Us -mpegts_service_id 77 -mpegts_transport_stream_id 5"
        f" {named}"
    )
    subprocess.run(command.split(), check=True)
    target = named.with_stem("out")
    assert name_losses(named) == ()
    protect_file(named, target, notice=OWNER, prove=False)
    show = ["ffprobe", "-v", "error", "-show_programs", "-of", "json"]
    sides = [
        json.loads(subprocess.run([*show, path], check=True, capture_output=True).stdout)[
            "programs"
        ]
        for path in (named, target)
    ]
    for key in ("program_id", "pmt_pid", "tags"):
        assert sides[1][0][key] == sides[0][0][key]
    assert read_broadcast(target) == read_broadcast(named)
    assert read_broadcast(named).names == {"service_name": "Fünf", "service_provider": "Us"}
    command = (
        f"ffmpeg -v error -i {plain} -map 0 -c copy -program program_num=1:st=0"
        f" -program program_num=2:st=1 {two}"
    )
    subprocess.run(command.split(), check=True)
    with pytest.raises(UnsupportedFormatError, match="would lose its 2 programs"):
        protect_file(two, target, notice=OWNER, keep_all=True)


@pytest.mark.slow
def test_transport_streams_with_times_keep_them(tmp_path: Path, clip_path: Path) -> None:
    source = make_film(FILMS["film.ts"], tmp_path, clip_path).rename(tmp_path / "plain.ts")
    timed = tmp_path / "film.m2ts"
    command = f"ffmpeg -v error -i {source} -map 0 -c copy -mpegts_m2ts_mode 1 {timed}"
    subprocess.run(command.split(), check=True)
    target = timed.with_stem("out")
    protect_file(timed, target, notice=OWNER, prove=False)
    assert target.read_bytes()[4::192].startswith(b"GGGG")
