"""Damage and cuts that the structure of a file proves are refused or told, never passed over."""

from __future__ import annotations

import io
import struct
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce.core.payload import Notice
from sottovoce.errors import IncompleteAudioError, SottovoceError
from sottovoce.files import protect_file
from sottovoce.files.decoding import boxes
from sottovoce.files.decoding.ogg import sum_up
from sottovoce.files.reading import open_audio
from tests.files.decoding.test_joined import KINDS, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SR = 48_000
N = 240_000


def read(data: bytes, *, partial: bool = False) -> tuple[int, tuple[str, ...]]:
    with open_audio("memory", data=data, partial=partial) as file:
        return sum(block.shape[1] for block in file.blocks(1.0)), file.notes


def is_told(data: bytes, *, whole: int) -> bool:
    """Return whether a file is refused, told of, or complete."""
    try:
        n, notes = read(data)
    except SottovoceError:
        return True
    return bool(notes) or n >= whole


def ogg(subtype: str, *, seed: int = 1) -> bytes:
    file = io.BytesIO()
    y = np.random.default_rng(seed).standard_normal(N) * 0.1
    sf.write(file, y, SR, subtype, format="OGG")
    return file.getvalue()


def pages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        n_head = 27 + data[at + 26]
        n = n_head + sum(data[at + 27 : at + n_head])
        yield data[at : at + n]
        at += n


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("which", ["first of sound", "middle", "last but one"])
def test_a_missing_page_is_refused(subtype: str, which: str) -> None:
    all_pages = list(pages(ogg(subtype)))
    first = next(i for i, page in enumerate(all_pages) if any(page[6:14]))
    place = {"first of sound": first, "middle": len(all_pages) // 2}.get(which, -2)
    del all_pages[place]
    data = b"".join(all_pages)
    with pytest.raises(IncompleteAudioError, match="1 page is missing"):
        read(data)
    n, notes = read(data, partial=True)
    assert n > N // 3
    assert any("missing" in note for note in notes)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_page_whose_checksum_is_wrong_is_refused(subtype: str) -> None:
    data = bytearray(ogg(subtype))
    middle = data.find(b"OggS", len(data) // 2) + 600
    data[middle] ^= 0xFF
    with pytest.raises(IncompleteAudioError, match="1 page is missing or incomplete"):
        read(bytes(data))
    assert read(bytes(data), partial=True)[0] > N // 2


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_link_that_lost_its_beginning_is_refused(subtype: str) -> None:
    one, two = ogg(subtype), list(pages(ogg(subtype, seed=2)))
    data = one + b"".join(two[1:])
    with pytest.raises(IncompleteAudioError, match="beginning is missing"):
        read(data)
    assert read(data, partial=True)[0] >= N


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_damaged_link_does_not_hide_the_next(subtype: str) -> None:
    one, two, three = (ogg(subtype, seed=seed) for seed in (1, 2, 3))
    n_good = read(two)[0]
    data = one[: len(one) // 2] + two + three
    with pytest.raises(IncompleteAudioError, match="file 1 of 3"):
        read(data)
    n, _ = read(data, partial=True)
    assert n > 2 * n_good


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_recording_of_a_broadcast_is_whole(subtype: str) -> None:
    """It has the first pages, and then those of the moment at which it began."""
    head: list[bytes] = []
    late: list[bytes] = []
    for page in pages(ogg(subtype)):
        is_sound = any(page[6:14])
        (late if is_sound else head).append(page)
    moved = []
    for page in late:
        granule = int.from_bytes(page[6:14], "little") + 48_000_000
        number = int.from_bytes(page[18:22], "little") + 5000
        moved.append(repaired(page, granule=granule, number=number))
    n, _ = read(b"".join([*head, *moved]))
    assert n >= N - 4000


def repaired(page: bytes, *, granule: int, number: int) -> bytes:
    data = bytearray(page)
    data[6:14] = granule.to_bytes(8, "little")
    data[18:22] = number.to_bytes(4, "little")
    return sum_up(bytes(data))


CONTAINERS = ["mka", "webm", "flv", "avi", "wma", "tta", "wv", "ogg", "opus", "fragments.mp4"]


@pytest.mark.codec
@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("share", [0.35, 0.8])
def test_a_cut_container_is_refused_and_its_readable_part_can_be_read(
    tmp_path: Path, name: str, share: float
) -> None:
    data = encode(tmp_path, f"a.{name}", *KINDS[name], seed=1, n=N)
    data = data[: int(share * len(data))]
    with pytest.raises(IncompleteAudioError) as caught:
        read(data)
    assert caught.value.remedy == "Get a complete copy."
    n, notes = read(data, partial=True)
    assert (share - 0.25) * N < n < (share + 0.15) * N
    assert notes


@pytest.mark.codec
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_hole_in_a_container_is_refused_or_told(tmp_path: Path, name: str) -> None:
    data = encode(tmp_path, f"a.{name}", *KINDS[name], seed=1, n=N)
    n_whole = read(data)[0]
    middle = len(data) // 2
    hole = data[:middle] + data[middle + len(data) // 8 :]
    assert is_told(hole, whole=n_whole + 1)


@pytest.mark.codec
@pytest.mark.parametrize("name", ["mka", "webm", "flv", "avi", "wma", "tta", "wv", "ogg", "opus"])
def test_noise_over_a_container_is_refused_or_told(tmp_path: Path, name: str) -> None:
    data = bytearray(encode(tmp_path, f"a.{name}", *KINDS[name], seed=1, n=N))
    middle, n = len(data) // 2, len(data) // 8
    data[middle : middle + n] = np.random.default_rng(4).bytes(n)
    assert is_told(bytes(data), whole=1 << 40)


@pytest.mark.codec
@pytest.mark.parametrize("name", ["tta", "wv"])
def test_a_damaged_piece_of_a_lossless_stream_is_silence_and_no_noise(
    tmp_path: Path, name: str
) -> None:
    data = bytearray(encode(tmp_path, f"a.{name}", *KINDS[name], seed=1, n=N))
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(4).bytes(400)
    with open_audio("memory", data=bytes(data)) as file:
        y = np.concatenate(list(file.blocks(1.0)), axis=1)
        notes = file.notes
    assert y.shape[1] == N
    assert np.abs(y).max() < 0.8
    assert any("became silence" in note for note in notes)


@pytest.mark.codec
def test_a_gap_in_time_is_told(tmp_path: Path) -> None:
    data = encode(tmp_path, "a.ts", "-c:a", "aac", seed=1, n=N)
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    middle = len(packets) // 2
    del packets[middle : middle + len(packets) // 4]
    _, notes = read(b"".join(packets))
    assert any("gap" in note for note in notes)


@pytest.mark.codec
def test_a_stream_that_changes_its_kind_says_so(tmp_path: Path) -> None:
    data = encode(tmp_path, "a.ac3", "-c:a", "ac3", seed=1, n=N)
    data += encode(tmp_path, "b.ac3", "-c:a", "ac3", "-ar", "32000", seed=2, n=N)
    with pytest.raises(IncompleteAudioError, match="changes to 32,000 Hz"):
        read(data)


@pytest.mark.codec
def test_a_movie_without_its_index_is_said_to_be_cut(tmp_path: Path) -> None:
    data = encode(tmp_path, "a.m4a", "-c:a", "aac", seed=1, n=N)
    with pytest.raises(SottovoceError, match="cut short: the index"):
        read(data[: len(data) // 2])


@pytest.mark.codec
@pytest.mark.parametrize("limit", ["_MOST_BOXES", "_MOST_BYTES"])
def test_a_walk_that_was_ended_cuts_no_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    options = ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "100000"]
    data = encode(tmp_path, "a.mp4", *options, seed=1, n=N)
    monkeypatch.setattr(boxes, limit, 60)
    assert read(data)[0] >= N


@pytest.mark.codec
def test_tables_that_know_too_little_cut_no_sound(tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path, "a.m4a", "-c:a", "alac", seed=1, n=N))
    at = data.find(b"stts")
    n_samples, delta = struct.unpack(">II", data[at + 12 : at + 20])
    data[at + 12 : at + 20] = struct.pack(">II", n_samples // 2, delta)
    n, notes = read(bytes(data))
    assert n == N
    assert any("more than its header says" in note for note in notes)


@pytest.mark.codec
@pytest.mark.parametrize("codec", ["alac", "libopus"])
def test_what_libsndfile_cannot_read_ffmpeg_may(tmp_path: Path, codec: str) -> None:
    data = encode(tmp_path, "a.caf", "-c:a", codec, seed=1, n=N)
    assert abs(read(data)[0] - N) <= 960
    data = encode(tmp_path, "a.wav", "-c:a", "ac3", seed=1, n=N)
    assert abs(read(data)[0] - N) <= 1536


def test_silence_behind_a_size_that_is_too_small_hides_nothing() -> None:
    y = np.zeros(300_000, dtype="<i2")
    y[:50_000] = y[-50_000:] = 1000
    fmt = struct.pack("<HHIIHH", 1, 1, SR, 2 * SR, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", 100_000)
    data = b"RIFF" + struct.pack("<I", len(body) + 100_000) + body + y.tobytes()
    n, notes = read(data)
    assert n == 300_000
    assert any("more than its header says" in note for note in notes)
    assert read(data[: 44 + 100_000] + bytes(200_000))[0] == 50_000


@pytest.mark.codec
@pytest.mark.parametrize("codec", ["aac", "libopus", "flac"])
def test_the_part_of_a_damaged_matroska_can_be_marked(
    tmp_path: Path, clip: tuple[np.ndarray, int], codec: str
) -> None:
    y, sr = clip
    sf.write(tmp_path / "in.wav", np.tile(y, 2), sr)
    command = ["ffmpeg", "-v", "error", "-i", "in.wav", "-c:a", codec, "a.mka"]
    subprocess.run(command, cwd=tmp_path, check=True)
    data = bytearray((tmp_path / "a.mka").read_bytes())
    # Inside of a cluster, so that all that stands outermost is sound.
    at = data.find(b"\x1f\x43\xb6\x75", data.find(b"\x1f\x43\xb6\x75") + 4) + 2000
    data[at : at + 3000] = np.random.default_rng(1).bytes(3000)
    (tmp_path / "a.mka").write_bytes(data)
    out = tmp_path / "out.mka"
    done = protect_file(tmp_path / "a.mka", out, notice=Notice(owner_id=5), partial=True)
    assert done.status == "marked"
    assert any("damaged" in line for line in done.warnings)
