"""A file with several audio tracks: what became of each of them is told."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.errors import AudioFileError
from sottovoce.files import detect_parts, protect_file
from sottovoce.files.reading import open_audio

NOTICE = sv.Notice(owner_id=9)

pytestmark = pytest.mark.codec


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory, clip: tuple[np.ndarray, int]) -> Path:
    """Speech, the same with the mark, and silence, 16 s each."""
    folder = tmp_path_factory.mktemp("tracks")
    y, sr = clip[0][: 16 * clip[1]], clip[1]
    sf.write(folder / "fresh.wav", y, sr)
    sf.write(folder / "marked.wav", sv.protect(y, sr=sr, notice=NOTICE), sr)
    sf.write(folder / "silent.wav", np.zeros_like(y), sr)
    return folder


def mix(tracks: Path, names: tuple[str, ...], out: Path) -> Path:
    inputs = [word for name in names for word in ("-i", f"{name}.wav")]
    maps = [word for number in range(len(names)) for word in ("-map", f"{number}:a")]
    command = ["ffmpeg", "-v", "error", *inputs, *maps, "-c:a", "flac", str(out)]
    subprocess.run(command, cwd=tracks, check=True)
    return out


def read_track(path: Path, part: int) -> np.ndarray:
    with open_audio(path, part=part) as file:
        return np.concatenate(list(file.blocks(10.0)), axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mka", pytest.param(".mkv", marks=pytest.mark.slow)])
def test_each_track_is_told_in_every_order(suffix: str, tracks: Path, tmp_path: Path) -> None:
    for number, names in enumerate(itertools.permutations(("fresh", "marked", "silent"))):
        source = mix(tracks, names, tmp_path / f"{number}{suffix}")
        done = protect_file(source, tmp_path / f"out{number}{suffix}", notice=NOTICE)
        kinds = {"fresh": "marked", "marked": "already", "silent": "silent"}
        assert [track.status for track in done.tracks] == [kinds[name] for name in names]
        assert [track.number for track in done.tracks] == [1, 2, 3]
        assert done.status == "marked"
        assert done.n_tracks == 3
        (told,) = (track for track in done.tracks if track.status == "marked")
        assert done.tracks_s == ((told.marked_s, 16.0),)
        assert done.marked_s == told.marked_s > 14.0
        assert told.name.startswith(f"track {names.index('fresh') + 1}")
        found = [part.detection.found for part in detect_parts(done.path)]
        assert found == [name != "silent" for name in names]
        for part, name in enumerate(names):
            same = np.array_equal(read_track(source, part), read_track(Path(done.path), part))
            assert same == (name != "fresh")


def test_another_track_is_described_as_if_it_were_opened(tracks: Path, tmp_path: Path) -> None:
    source = mix(tracks, ("fresh", "marked", "silent"), tmp_path / "a.mka")
    with open_audio(source, part=1) as file:
        described = [file.describe(part) for part in range(3)]
    for part, info in enumerate(described):
        with open_audio(source, part=part) as file:
            assert file.info == info


def test_to_dict_holds_the_tracks(tracks: Path, tmp_path: Path) -> None:
    source = mix(tracks, ("silent", "fresh"), tmp_path / "a.mka")
    done = protect_file(source, tmp_path / "b.mka", notice=NOTICE)
    first, second = done.to_dict()["tracks"]
    assert first == {
        "number": 1,
        "name": "track 1",
        "status": "silent",
        "duration_s": 16.0,
        "marked_s": 0.0,
    }
    assert second["status"] == "marked"


def test_a_file_whose_tracks_need_no_mark_is_copied(tracks: Path, tmp_path: Path) -> None:
    source = mix(tracks, ("marked", "silent"), tmp_path / "a.mka")
    done = protect_file(source, tmp_path / "b.mka", notice=NOTICE)
    assert done.status == "already"
    assert [track.status for track in done.tracks] == ["already", "silent"]
    assert (tmp_path / "b.mka").read_bytes() == source.read_bytes()


def test_one_named_track_keeps_its_number(tracks: Path, tmp_path: Path) -> None:
    source = mix(tracks, ("fresh", "fresh", "silent"), tmp_path / "a.mka")
    done = protect_file(source, tmp_path / "b.mka", notice=NOTICE, track=2)
    (track,) = done.tracks
    assert (track.number, track.status) == (2, "marked")
    assert [part.detection.found for part in detect_parts(done.path)] == [False, True, False]


def test_a_silent_track_that_was_asked_for_is_an_error_and_replaces_nothing(
    tracks: Path, tmp_path: Path
) -> None:
    source, target = mix(tracks, ("fresh", "silent"), tmp_path / "a.mka"), tmp_path / "b.mka"
    target.write_bytes(b"an earlier copy")
    with pytest.raises(AudioFileError, match="track 2 is silent; nothing was marked") as caught:
        protect_file(source, target, notice=NOTICE, track=2)
    assert caught.value.remedy == "Other tracks: track 1, FLAC."
    assert target.read_bytes() == b"an earlier copy"
    before = source.read_bytes()
    with pytest.raises(AudioFileError, match="silent"):
        protect_file(source, notice=NOTICE, track=2, in_place=True)
    assert source.read_bytes() == before
    only = tracks / "silent.wav"
    with pytest.raises(AudioFileError, match="track 1 is silent; nothing was marked") as caught:
        protect_file(only, tmp_path / "c.wav", notice=NOTICE, track=1)
    assert caught.value.remedy == "It has no other track."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mka", "b.mka"]
