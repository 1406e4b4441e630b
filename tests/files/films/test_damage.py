"""A film with tables that lie is left to FFmpeg, or refused; nothing crashes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import soundfile as sf

from benchmarks.film_files import FILMS, make_film
from sottovoce.core.payload import Notice
from sottovoce.files import protect_file
from sottovoce.files.films.fragments import is_plain_fragmented
from sottovoce.files.films.matroska import is_plain_matroska
from sottovoce.files.films.movie import is_plain_movie
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

pytestmark = pytest.mark.codec

PLAIN = {
    "h264_aac.mp4": is_plain_movie,
    "obs_pieces.mp4": is_plain_fragmented,
    "mpeg4_opus.mkv": is_plain_matroska,
}


@pytest.mark.parametrize("name", PLAIN)
def test_bytes_that_flip_in_its_heads_never_crash_it(
    tmp_path: Path, clip_path: Path, name: str, rng: np.random.Generator
) -> None:
    source = make_film(FILMS[name], tmp_path, clip_path)
    data = bytearray(source.read_bytes())
    with source.open("rb") as file:
        assert PLAIN[name](file)
    place = max(data.find(b"moov"), 0)
    damaged = tmp_path / "damaged"
    for _ in range(150):
        changed = bytearray(data)
        for at in rng.integers(place, min(place + 6000, len(data)), 4):
            changed[at] = rng.integers(256)
        damaged.write_bytes(changed)
        with damaged.open("rb") as file:
            for is_plain in PLAIN.values():
                assert is_plain(file) in (True, False)


@pytest.mark.parametrize("name", PLAIN)
def test_a_film_that_is_cut_off_is_not_plain(tmp_path: Path, clip_path: Path, name: str) -> None:
    source = make_film(FILMS[name], tmp_path, clip_path)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    with source.open("rb") as file:
        assert not PLAIN[name](file)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_every_frame+empty_moov"])
def test_sound_that_ends_before_the_picture_is_written_to_its_end(
    tmp_path: Path, clip: tuple[np.ndarray, int], flags: str
) -> None:
    y, sr = clip
    sf.write(tmp_path / "in.wav", y[: 6 * sr], sr)
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=10:r=25", "-i"]
    command += ["in.wav", "-c:v", "mpeg4", "-g", "25", "-c:a", "aac", "-movflags", flags, "f.mp4"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = protect_file(tmp_path / "f.mp4", tmp_path / "out.mp4", notice=Notice(owner_id=5))
    assert done.status == "marked"
    lengths = []
    for name in ("f.mp4", "out.mp4"):
        with open_audio(tmp_path / name) as file:
            lengths.append(sum(block.shape[1] for block in file.blocks(1.0)))
    assert lengths[0] >= 6 * sr
    assert 0 <= lengths[1] - lengths[0] <= 2048
