"""Edits of a film are followed to the sample: pieces of its sound in any order, and pauses."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce import Notice
from sottovoce.files import protect_file
from sottovoce.files.decoding.boxes import walk_boxes
from sottovoce.files.decoding.edits import find_pieces
from sottovoce.files.keeping.boxes import Box, find, join, read_box, split
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

SR = 48_000
ONE = 1 << 16
# Seconds that each edit plays, and the second of the sound with which it begins; -1 for a pause.
EDITS = {
    "skips": [(3.0, 1.0), (2.5, 5.0)],
    "repeats": [(4.0, 1.0), (4.0, 1.0)],
    "back": [(2.5, 6.0), (3.0, 1.0), (1.0, 0.1)],
    "pause": [(2.0, 1.0), (0.75, -1.0), (3.0, 5.0)],
    "late": [(0.5, -1.0), (2.5, 3.0), (2.5, 1.0)],
    "many": [(0.333, 0.1 + 0.5 * i) for i in range(16)],
}


def make_edited(path: Path, y: np.ndarray, edits: list[tuple[float, float]], codec: str) -> None:
    """Make a film whose sound is `y`, and give both of its tracks these edits."""
    wav = path.with_suffix(".wav")
    sf.write(wav, y, SR, "PCM_16")
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc=s=64x64:r=25:d={len(y) / SR} -i {wav} -c:v mpeg4"
        f" -c:a {codec} {path}"
    )
    subprocess.run(command.split(), check=True)
    with path.open("rb") as file:
        at, n_bytes, moov = read_box(file, b"moov")
    data = path.read_bytes()
    assert at + n_bytes == len(data)  # behind the samples, so that no address changes
    boxes = [
        Box(b"trak", _with_edits(box.data, edits)) if box.name == b"trak" else box
        for box in split(moov)
    ]
    path.write_bytes(data[:at] + join([Box(b"moov", join(boxes))]))


def _with_edits(trak: bytes, edits: list[tuple[float, float]]) -> bytes:
    head = find(trak, b"mdia", b"mdhd") or b""
    scale = int.from_bytes(head[12:16], "big")
    rows = [
        struct.pack(">Iii", round(1000 * n), round(at * scale) if at >= 0 else -1, ONE)
        for n, at in edits
    ]
    elst = Box(b"elst", bytes(4) + len(rows).to_bytes(4, "big") + b"".join(rows))
    boxes = [box for box in split(trak) if box.name != b"edts"]
    return join([boxes[0], Box(b"edts", join([elst])), *boxes[1:]])


def play(y: np.ndarray, edits: list[tuple[float, float]]) -> np.ndarray:
    pieces = []
    for n, at in edits:
        begin, size = round(max(at, 0.0) * SR), round(n * SR)
        pieces.append(y[begin : begin + size] if at >= 0 else np.zeros(size, y.dtype))
    return np.concatenate(pieces)


def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    y, sr = clip
    n = 9 * SR
    return np.interp(np.arange(n) / SR, np.arange(len(y)) / sr, y).astype(np.float32)


def read(path: Path) -> np.ndarray:
    with open_audio(path) as file:
        return np.concatenate(list(file.blocks(0.7)), axis=1)[0]


@pytest.mark.parametrize("name", EDITS)
def test_each_piece_is_read_to_the_sample(
    tmp_path: Path, clip: tuple[np.ndarray, int], name: str
) -> None:
    y = speech(clip)
    make_edited(tmp_path / "film.mov", y, EDITS[name], "pcm_s16le")
    expected = play(y, [edit for edit in EDITS[name] if edit != EDITS["late"][0]])
    found = read(tmp_path / "film.mov")
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=2**-15)


@pytest.mark.parametrize(("suffix", "codec"), [(".mov", "pcm_s16le"), (".mp4", "aac")])
@pytest.mark.parametrize("name", ["back", "pause"])
def test_pieces_stay_in_their_places_when_they_are_marked(
    tmp_path: Path, clip: tuple[np.ndarray, int], name: str, suffix: str, codec: str
) -> None:
    y = speech(clip)
    source, target = tmp_path / f"film{suffix}", tmp_path / f"out{suffix}"
    make_edited(source, y, EDITS[name], codec)
    protect_file(source, target, notice=Notice(owner_id=5), keep_all=True, prove=False)
    command = f"ffmpeg -v error -i {target} -map 0:a -ac 1 -f f32le -"
    done = subprocess.run(command.split(), check=True, capture_output=True)
    played, expected = np.frombuffer(done.stdout, "<f4"), read(source)
    at = 0
    for seconds, begin in EDITS[name]:
        piece = slice(at, at + round(seconds * SR))
        at = piece.stop
        if begin >= 0:
            assert lag_of(expected[piece], played[piece]) == 0


def lag_of(x: np.ndarray, y: np.ndarray) -> int:
    n = min(len(x), len(y))
    size = 2 * n
    spectrum = np.fft.rfft(x[:n], size).conj() * np.fft.rfft(y[:n], size)
    at = int(np.argmax(np.fft.irfft(spectrum, size)))
    return at if at < n else at - size


def test_opus_in_an_mp4_ends_where_its_edit_does(
    tmp_path: Path, clip: tuple[np.ndarray, int]
) -> None:
    """The last frame is filled up: what is behind the end is no sound, nor what is dropped."""
    y = speech(clip)[: 5 * SR + 77]
    source, target = tmp_path / "film.mp4", tmp_path / "out.mp4"
    sf.write(tmp_path / "in.wav", y, SR)
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc=s=64x64:r=25:d=6 -i {tmp_path}/in.wav"
        f" -c:v mpeg4 -c:a libopus -b:a 96k -movie_timescale {SR} {source}"
    )
    subprocess.run(command.split(), check=True)
    protect_file(source, target, notice=Notice(owner_id=5), prove=False)
    for path in (source, target):
        found = read(path)
        assert len(found) == len(y)
        assert lag_of(y, found) == 0


def test_edits_that_would_never_end_are_not_followed(
    tmp_path: Path, clip: tuple[np.ndarray, int]
) -> None:
    for number, edits in enumerate(
        [[(1.0, 0.0), (1e6, -1.0), (1.0, 0.0)], [(9.0, 0.0), (2e6, 1.0)], [(1.0, 8.0)] * 500]
    ):
        path = tmp_path / f"film{number}.mov"
        make_edited(path, speech(clip), edits, "pcm_s16le")
        with path.open("rb") as file:
            movie = walk_boxes(file, end=path.stat().st_size)
        assert find_pieces(movie, 2, SR) == []
