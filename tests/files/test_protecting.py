"""`protect` proves what it says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.errors import (
    AudioFileError,
    IncompleteAudioError,
    OtherPolicyError,
    ParameterError,
    UnsupportedFormatError,
)
from sottovoce.files import detect_file, detect_parts, protect_file, read

NOTICE = sv.Notice(owner_id=9)


@pytest.fixture
def take(tmp_path: Path, clip: tuple[np.ndarray, int]) -> Path:
    path = tmp_path / "take.wav"
    sf.write(path, clip[0][: 16 * clip[1]], clip[1])
    return path


def test_the_seconds_that_carry_the_mark_are_told(take: Path, tmp_path: Path) -> None:
    done = protect_file(take, tmp_path / "out.wav", notice=NOTICE)
    assert done.status == "marked"
    assert 14.0 <= done.marked_s <= 16.0


def test_a_mark_that_cannot_be_found_fails_the_file(tmp_path: Path) -> None:
    """A tone between two bands' edges carries no mark, loud as it is."""
    sr = 48_000
    y = 0.5 * np.sin(2 * np.pi * 15_000 * np.arange(12 * sr) / sr)
    sf.write(tmp_path / "tone.wav", y, sr)
    with pytest.raises(AudioFileError, match="mark was not found in the new file"):
        protect_file(tmp_path / "tone.wav", tmp_path / "out.wav", notice=NOTICE)
    assert not (tmp_path / "out.wav").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_file_without_sound_is_copied(tmp_path: Path) -> None:
    sf.write(tmp_path / "quiet.flac", np.zeros(48_000), 16_000)
    done = protect_file(tmp_path / "quiet.flac", tmp_path / "out.flac", notice=NOTICE)
    assert done.status == "silent"
    assert (tmp_path / "out.flac").read_bytes() == (tmp_path / "quiet.flac").read_bytes()


def test_another_policy_is_refused_but_another_year_is_not(take: Path, tmp_path: Path) -> None:
    once = tmp_path / "once.wav"
    protect_file(take, once, notice=NOTICE)
    other = sv.Notice(owner_id=9, policy=3)
    with pytest.raises(OtherPolicyError, match="another policy") as caught:
        protect_file(once, tmp_path / "twice.wav", notice=other)
    assert caught.value.policy == NOTICE.policy
    assert not (tmp_path / "twice.wav").exists()
    later = sv.Notice(owner_id=9, year=NOTICE.year + 1)
    assert protect_file(once, tmp_path / "twice.wav", notice=later).status == "already"
    both = protect_file(once, tmp_path / "both.wav", notice=other, remark=True)
    assert both.status == "marked"
    found = {voice.notice.policy for voice in detect_file(both.path).voices if voice.notice}
    assert found == {NOTICE.policy, 3}


@pytest.mark.parametrize(
    ("owner_id", "said"),
    [
        (0, "already carried an anonymous mark, which stays in it"),
        (0x4F2A91C077DE, "already carried the mark of 4f2a-91c0-77de, which stays in it"),
    ],
)
def test_the_mark_of_somebody_else_is_told(
    owner_id: int, said: str, tmp_path: Path, clip: tuple[np.ndarray, int]
) -> None:
    y, sr = clip
    theirs = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=owner_id))
    sf.write(tmp_path / "theirs.wav", theirs, sr)
    for remark in (False, True):
        done = protect_file(
            tmp_path / "theirs.wav", tmp_path / "out.wav", notice=NOTICE, remark=remark
        )
        # Where both happen to be in step, yours may be found in a part only, and that is told.
        assert done.warnings[0] == said
        found = detect_file(tmp_path / "out.wav").voices
        assert {v.notice.owner_id for v in found if v.notice} >= {NOTICE.owner_id}


@pytest.mark.parametrize("behind_s", [0.004, 0.012, 2.56 - 0.008, 7.68])
def test_a_mark_that_would_be_in_step_with_another_is_moved(
    behind_s: float, tmp_path: Path, clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, sr = clip
    theirs = sv.Notice(owner_id=0x0B63D85E19A4)
    sf.write(tmp_path / "theirs.wav", sv.protect(y, sr=sr, notice=theirs, phase_s=3.0), sr)
    frame = round((3.0 + behind_s) / 0.008)
    monkeypatch.setattr("sottovoce.core.protector.secrets.randbelow", lambda _: frame)
    protect_file(tmp_path / "theirs.wav", tmp_path / "out.wav", notice=NOTICE)
    found = {voice.notice: voice.offset_s for voice in detect_file(tmp_path / "out.wav").voices}
    assert {*found} >= {theirs, NOTICE}
    apart = (found[theirs] - found[NOTICE]) % 2.56
    assert min(apart, 2.56 - apart) > 0.03


def test_a_phase_that_is_asked_for_is_kept(tmp_path: Path, clip) -> None:
    y, sr = clip
    theirs = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=0), phase_s=3.0)
    sf.write(tmp_path / "theirs.wav", theirs, sr)
    protect_file(tmp_path / "theirs.wav", tmp_path / "out.wav", notice=NOTICE, phase_s=4.0)
    own = [v for v in detect_file(tmp_path / "out.wav").voices if v.notice == NOTICE]
    assert own[0].offset_s == pytest.approx(-4.0 % 2.56, abs=0.004)


def test_a_file_that_is_marked_in_part_is_marked_whole(tmp_path: Path, clip) -> None:
    y, sr = clip
    half = np.concatenate([sv.protect(y[: 12 * sr], sr=sr, notice=NOTICE), y[12 * sr :]])
    sf.write(tmp_path / "half.wav", half, sr)
    done = protect_file(tmp_path / "half.wav", tmp_path / "out.wav", notice=NOTICE)
    assert done.status == "marked"


def test_in_place_leaves_a_marked_file_alone(take: Path) -> None:
    protect_file(take, notice=NOTICE, in_place=True)
    before, stamp = take.read_bytes(), take.stat().st_mtime_ns
    assert protect_file(take, notice=NOTICE, in_place=True).status == "already"
    assert (take.read_bytes(), take.stat().st_mtime_ns) == (before, stamp)


def test_a_cut_file_is_never_replaced_by_its_part(take: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(take.read_bytes()[:200_000])
    before = cut.read_bytes()
    with pytest.raises(IncompleteAudioError):
        protect_file(cut, notice=NOTICE, in_place=True)
    with pytest.raises(ParameterError, match="cannot replace it"):
        protect_file(cut, notice=NOTICE, in_place=True, partial=True)
    assert cut.read_bytes() == before
    done = protect_file(cut, tmp_path / "part.wav", notice=NOTICE, partial=True)
    assert any("cut short" in line for line in done.warnings)


def test_joined_waves_are_marked_to_their_end(take: Path, tmp_path: Path) -> None:
    joined = tmp_path / "joined.wav"
    joined.write_bytes(take.read_bytes() * 2)
    protect_file(joined, tmp_path / "out.wav", notice=NOTICE)
    y, sr = read(tmp_path / "out.wav")
    assert y.shape[-1] == 2 * 16 * sr
    assert sv.detect(y[16 * sr :], sr=sr).found


def test_joined_files_of_other_rates_are_refused_and_checked(take: Path, tmp_path: Path) -> None:
    y, sr = read(take)
    sf.write(tmp_path / "b.wav", sv.protect(y, sr=sr, notice=NOTICE)[::2], sr // 2)
    sf.write(tmp_path / "b.wav", sv.protect(y[::2].copy(), sr=sr // 2, notice=NOTICE), sr // 2)
    joined = tmp_path / "joined.wav"
    joined.write_bytes(take.read_bytes() + (tmp_path / "b.wav").read_bytes())
    with pytest.raises(UnsupportedFormatError, match="2 recordings joined"):
        protect_file(joined, tmp_path / "out.wav", notice=NOTICE)
    with pytest.raises(UnsupportedFormatError, match="joined into one"):
        read(joined)
    assert [part.detection.found for part in detect_parts(joined)] == [False, True]
    assert detect_file(joined).found


@pytest.mark.codec
def test_every_track_is_marked_or_the_one_that_is_named(take: Path, tmp_path: Path) -> None:
    film = tmp_path / "dub.mka"
    command = ["ffmpeg", "-v", "error", "-i", "take.wav", "-map", "0:a", "-map", "0:a"]
    command += ["-c:a", "flac", "-metadata:s:a:1", "language=fra", "dub.mka"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = protect_file(film, tmp_path / "both.mka", notice=NOTICE)
    assert done.n_tracks == 2
    parts = detect_parts(done.path)
    assert [part.detection.found for part in parts] == [True, True]
    assert "fr" in parts[1].name
    protect_file(film, tmp_path / "one.mka", notice=NOTICE, track=2)
    assert [part.detection.found for part in detect_parts(tmp_path / "one.mka")] == [False, True]
    with pytest.raises(ParameterError, match="no audio track 3"):
        protect_file(film, tmp_path / "one.mka", notice=NOTICE, track=3)


@pytest.mark.codec
def test_a_format_that_cannot_be_written_names_one_that_can(take: Path, tmp_path: Path) -> None:
    source = tmp_path / "take.spx"
    command = ["ffmpeg", "-v", "error", "-i", "take.wav", "-c:a", "libspeex", "take.spx"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with pytest.raises(UnsupportedFormatError) as caught:
        protect_file(source, tmp_path / "out.spx", notice=NOTICE)
    assert "take.flac" in caught.value.remedy
    done = protect_file(source, tmp_path / "take.flac", notice=NOTICE)
    assert done.status == "marked"
    assert detect_file(tmp_path / "take.flac").found


@pytest.mark.codec
@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mkv", "aac", "192k"),
        ("a.webm", "libopus", "128k"),
        ("a.mka", "ac3", "192k"),
        ("a.ts", "aac", "160k"),
        ("a.mp4", "aac", "160k"),
    ],
)
def test_a_copy_has_no_lower_rate(
    tmp_path: Path, rng: np.random.Generator, name: str, codec: str, rate: str
) -> None:
    """Of noise, that no encoder can save bits on."""
    import av

    def measure(path: Path) -> float:
        with av.open(str(path)) as container:
            packets = list(container.demux(container.streams.audio[0]))
        seconds = sum(float(one.duration * one.time_base) for one in packets if one.duration)
        return 8 * sum(one.size for one in packets) / seconds

    sf.write(tmp_path / "a.wav", rng.normal(scale=0.2, size=(12 * 48_000, 2)), 48_000)
    command = ["ffmpeg", "-v", "error", "-i", "a.wav", "-c:a", codec, "-b:a", rate, name]
    subprocess.run(command, cwd=tmp_path, check=True)
    out = tmp_path / f"out{Path(name).suffix}"
    protect_file(tmp_path / name, out, notice=NOTICE)
    assert measure(out) >= 0.97 * measure(tmp_path / name)


def test_a_file_without_a_suffix_can_be_protected(take: Path, tmp_path: Path) -> None:
    bare = tmp_path / "take"
    bare.write_bytes(take.read_bytes())
    assert protect_file(bare, tmp_path / "take.protected", notice=NOTICE).status == "marked"
    with pytest.raises(AudioFileError, match="a different suffix"):
        protect_file(bare, tmp_path / "take.flac", notice=NOTICE)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("how", ["another file", "the same file"])
def test_an_original_that_changes_meanwhile_is_not_replaced(
    how: str, take: Path, tmp_path: Path, *, in_place: bool
) -> None:
    y, sr = read(take)
    sf.write(tmp_path / "longer.wav", np.tile(y, 2), sr, "PCM_16")
    longer = (tmp_path / "longer.wav").read_bytes()
    out = None if in_place else tmp_path / "out.wav"

    def change(share: float) -> None:
        if share < 0.3 or take.stat().st_size == len(longer):
            return
        if how == "another file":
            (tmp_path / "longer.wav").replace(take)
        else:
            take.write_bytes(longer)

    with pytest.raises(AudioFileError, match="changed during processing"):
        protect_file(take, out, notice=NOTICE, in_place=in_place, progress=change)
    assert take.read_bytes() == longer
    assert not (tmp_path / "out.wav").exists()
