"""Nobody loses data: atomic output, untouched originals, clear refusals."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sottovoce as sv
from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    ParameterError,
    SottovoceError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.files import detect_file, protect_file, read_info, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTICE = sv.Notice(owner_id=9)


@pytest.fixture
def take(tmp_path: Path, clip: tuple[np.ndarray, int]) -> Path:
    path = tmp_path / "take.wav"
    sf.write(path, clip[0][: 8 * clip[1]], clip[1])
    return path


class TestPlaces:
    def test_the_original_is_not_its_own_target(self, take: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.wav"
        link.symlink_to(take)
        for target in (take, link):
            with pytest.raises(AudioFileError, match="both the input and the output"):
                protect_file(take, target, notice=NOTICE)

    def test_formats_are_not_converted(self, take: Path, tmp_path: Path) -> None:
        with pytest.raises(AudioFileError, match="a different suffix"):
            protect_file(take, tmp_path / "out.mp3", notice=NOTICE)

    def test_a_target_is_needed(self, take: Path) -> None:
        with pytest.raises(ParameterError, match="dst is missing"):
            protect_file(take, notice=NOTICE)

    def test_in_place_replaces_the_file_behind_a_link(self, take: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.wav"
        link.symlink_to(take)
        take.chmod(0o640)
        protect_file(link, notice=NOTICE, in_place=True)
        assert link.is_symlink()
        assert take.stat().st_mode & 0o777 == 0o640
        assert detect_file(take).found

    def test_a_missing_folder(self, take: Path, tmp_path: Path) -> None:
        with pytest.raises(AudioFileError, match="folder does not exist"):
            protect_file(take, tmp_path / "no" / "out.wav", notice=NOTICE)

    def test_progress_runs_to_the_end(self, take: Path, tmp_path: Path) -> None:
        shares: list[float] = []
        protect_file(take, tmp_path / "out.wav", notice=NOTICE, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


class TestAlreadyMarked:
    def test_the_same_owner_is_left_alone_unless_asked(self, take: Path, tmp_path: Path) -> None:
        once, twice = tmp_path / "once.wav", tmp_path / "twice.wav"
        protect_file(take, once, notice=NOTICE)
        assert protect_file(once, twice, notice=NOTICE).status == "already"
        assert twice.read_bytes() == once.read_bytes()
        assert protect_file(once, twice, notice=NOTICE, remark=True).status == "marked"

    def test_another_owner_may_add_their_mark(self, take: Path, tmp_path: Path) -> None:
        once, twice = tmp_path / "once.wav", tmp_path / "twice.wav"
        protect_file(take, once, notice=NOTICE)
        result = protect_file(once, twice, notice=sv.Notice(owner_id=10))
        assert result.status == "marked"

    def test_an_anonymous_mark_is_known_again(self, take: Path, tmp_path: Path) -> None:
        once = tmp_path / "once.wav"
        protect_file(take, once, notice=sv.Notice())
        again = protect_file(once, tmp_path / "twice.wav", notice=sv.Notice())
        assert again.status == "already"


class TestRefusals:
    """One line that names the file, a remedy, and nothing written."""

    def refuse(self, path: Path, message: str, kind: type[AudioFileError]) -> None:
        target = path.with_name("never" + path.suffix)
        for job in (lambda: protect_file(path, target, notice=NOTICE), lambda: detect_file(path)):
            with pytest.raises(kind, match=message) as caught:
                job()
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
            assert caught.value.remedy
            assert not target.exists()
        assert not list(path.parent.glob(".*.part*"))

    def test_no_audio(self, tmp_path: Path) -> None:
        for name in ("a.wav", "a.mp3", "a.flac"):
            (tmp_path / name).write_text("This is a letter.\n" * 100)
            self.refuse(tmp_path / name, "not a readable audio file", UnreadableAudioError)

    def test_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").touch()
        self.refuse(tmp_path / "a.wav", "0 bytes", UnreadableAudioError)

    def test_no_frames(self, tmp_path: Path) -> None:
        sf.write(tmp_path / "a.wav", np.zeros(0), 16_000)
        self.refuse(tmp_path / "a.wav", "no audio", UnreadableAudioError)

    def test_no_file(self, tmp_path: Path) -> None:
        self.refuse(tmp_path / "a.wav", "does not exist", UnreadableAudioError)

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").mkdir()
        self.refuse(tmp_path / "a.wav", "is a folder", UnreadableAudioError)

    def test_a_fifo(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.wav")
        self.refuse(tmp_path / "a.wav", "not a regular file", UnreadableAudioError)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_nan_and_infinity(self, tmp_path: Path, value: float) -> None:
        y = np.zeros(32_000, dtype=np.float32)
        y[20_000] = value
        sf.write(tmp_path / "a.wav", y, 16_000, "FLOAT")
        self.refuse(tmp_path / "a.wav", "NaN or infinite", UnreadableAudioError)

    @pytest.mark.parametrize("sr", [4_000, 384_000])
    def test_rates_out_of_range(self, tmp_path: Path, sr: int) -> None:
        sf.write(tmp_path / "a.wav", np.zeros(1_000), sr)
        self.refuse(tmp_path / "a.wav", f"{sr} Hz", UnsupportedFormatError)

    def test_too_many_channels(self, tmp_path: Path) -> None:
        sf.write(tmp_path / "a.wav", np.zeros((1_000, 65)), 16_000)
        self.refuse(tmp_path / "a.wav", "65 channels", UnsupportedFormatError)

    @pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".caf", ".w64", ".ogg"])
    def test_files_cut_short(self, tmp_path: Path, take: Path, suffix: str) -> None:
        whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
        y, sr = sf.read(take)
        sf.write(whole, y, sr)
        data = whole.read_bytes()
        part.write_bytes(data[: len(data) * 2 // 3])
        target = part.with_name("never" + suffix)
        with pytest.raises(UnreadableAudioError, match=r"cut short|damaged|not a readable"):
            protect_file(part, target, notice=NOTICE)
        assert not target.exists()

    @pytest.mark.codec
    def test_an_m4a_cut_short(self, tmp_path: Path, take: Path) -> None:
        from tests.files.test_formats import encode_av

        whole = tmp_path / "a.m4a"
        y, sr = sf.read(take, dtype="float32")
        encode_av(whole, y[None], sr, muxer="ipod", codec="aac")
        whole.write_bytes(whole.read_bytes()[:40_000])
        self.refuse(whole, "cut short", UnreadableAudioError)

    def test_containers_without_pyav_name_the_extra(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "av", None)
        (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
        with pytest.raises(MissingExtraError, match="PyAV") as caught:
            read_info(tmp_path / "a.m4a")
        assert "pip install 'av" in caught.value.remedy

    def test_short_files_are_marked_with_a_word(self, tmp_path: Path, take: Path) -> None:
        y, sr = sf.read(take)
        sf.write(tmp_path / "a.wav", y[:sr], sr)
        result = protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
        assert any("1.0 s long" in line for line in result.warnings)


class TestCrashes:
    def test_a_failing_write_leaves_nothing(
        self, take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "out.wav"
        target.write_bytes(b"what was there before")

        def fail(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("sottovoce.files.writing._PcmWriter.write", fail)
        with pytest.raises(KeyboardInterrupt):
            protect_file(take, target, notice=NOTICE)
        assert target.read_bytes() == b"what was there before"
        assert not list(tmp_path.glob(".*.part*"))

    @pytest.mark.slow
    @pytest.mark.parametrize("delay_s", [0.05, 0.3, 1.0])
    def test_kill_9_leaves_the_original_and_no_damaged_file(
        self, tmp_path: Path, delay_s: float
    ) -> None:
        source, target = tmp_path / "long.wav", tmp_path / "out.wav"
        rng = np.random.default_rng(0)
        with sf.SoundFile(source, "w", 48_000, 2, "PCM_24") as file:
            for _ in range(60):
                file.write(rng.standard_normal((480_000, 2)) * 0.1)
        before = source.stat().st_size, source.read_bytes()[:1_000_000]
        script = """
            import sys, sottovoce as sv
            from sottovoce.files import protect_file
            print("go", flush=True)
            for in_place in (False, True):
                protect_file(sys.argv[1], None if in_place else sys.argv[2],
                             notice=sv.Notice(owner_id=1), in_place=in_place, remark=True)
        """
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(source), str(target)],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"go\n"
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert (source.stat().st_size, source.read_bytes()[:1_000_000]) == before
        assert not target.exists() or sf.info(target).frames == sf.info(source).frames

    @pytest.mark.disk
    @pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
    def test_a_full_disk(self, small_disk: Path, take: Path, suffix: str) -> None:
        source = take.with_suffix(suffix)
        y, sr = sf.read(take)
        sf.write(source, np.tile(y, 40), sr)
        target = small_disk / f"out{suffix}"
        with pytest.raises(AudioFileError, match="no space left") as caught:
            protect_file(source, target, notice=NOTICE)
        assert "Free some space" in caught.value.remedy
        assert list(small_disk.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; mounting it needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True)
    if done.returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_fuzzed_files_give_a_verdict_or_a_refusal(
    data: st.DataObject, tmp_path: Path, clip: tuple[np.ndarray, int]
) -> None:
    suffix = data.draw(st.sampled_from([".wav", ".flac", ".ogg", ".aiff", ".caf", ".w64", ".mp3"]))
    good = tmp_path / f"good{suffix}"
    if not good.exists():
        sf.write(good, clip[0][:20_000], clip[1])
    raw = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(raw) - 1, 200)) | st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    bad = tmp_path / f"bad{suffix}"
    bad.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    refusals = []
    for job in (detect_file, functools.partial(_protect_beside, suffix=suffix)):
        try:
            job(bad)
        except SottovoceError as err:
            refusals.append(str(err))
    assert not any("\n" in refusal for refusal in refusals)


def _protect_beside(path: Path, *, suffix: str) -> None:
    protect_file(path, path.with_name(f"out{suffix}"), notice=NOTICE)


def test_write_is_atomic_and_knows_its_formats(tmp_path: Path) -> None:
    write(tmp_path / "a.opus", np.zeros((2, 4_800)), sr=48_000)
    assert read_info(tmp_path / "a.opus").subtype == "OPUS"
    with pytest.raises(UnsupportedFormatError, match="cannot be written"):
        write(tmp_path / "a.xyz", np.zeros(10), sr=16_000)


@pytest.mark.by_turns
@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """12 minutes of 48 kHz stereo hold 276 MB as floats; 300 MB must do for any length."""
    source = tmp_path / "long.flac"
    block = (np.random.default_rng(0).standard_normal((2_880_000, 2)) * 0.05).astype(np.float32)
    with sf.SoundFile(source, "w", 48_000, 2, "PCM_16") as file:
        for _ in range(12):
            file.write(block)
    script = """
        import pathlib, re, sys, sottovoce as sv
        from sottovoce.files import detect_file, protect_file
        protect_file(sys.argv[1], sys.argv[2], notice=sv.Notice(owner_id=1))
        detect_file(sys.argv[2])
        # Not ru_maxrss: that begins at the size of the process that started this one.
        status = pathlib.Path("/proc/self/status").read_text()
        print(re.search(r"VmHWM:\\s+([0-9]+) kB", status).group(1))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(source), str(tmp_path / "o.flac")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 300_000
