"""Files that are written beside their place and moved there when they are whole."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sottovoce.errors import AudioFileError
from sottovoce.files.atomic import atomic_path, part_path, remove_parts

DAY_S = 86_400


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def fail_halfway(target):
    with atomic_path(target) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError


def test_the_part_is_there_empty_and_private_and_gone_afterwards(tmp_path, umask):
    target = tmp_path / "take.wav"
    with atomic_path(target) as part:
        assert (part.read_bytes(), mode_of(part)) == (b"", 0o600)
        assert part.parent == tmp_path
        assert part.suffix == ".wav"
        part.write_bytes(b"sound")
        assert not target.exists()
    assert (target.read_bytes(), mode_of(target)) == (b"sound", 0o644)
    assert names_in(tmp_path) == ["take.wav"]


def test_a_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "take.wav"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        fail_halfway(target)
    assert (target.read_bytes(), names_in(tmp_path)) == (b"old", ["take.wav"])


def test_the_original_lends_all_that_is_not_sound(tmp_path, umask):
    target = tmp_path / "take.wav"
    target.write_bytes(b"old")
    os.utime(target, ns=(1_000_000_000, 2_000_000_001))
    kept = {"user.rating": b"five"}
    try:
        os.setxattr(target, "user.rating", b"five")
    except OSError:  # not every file system has them
        kept = {}
    target.chmod(0o440)
    with atomic_path(target, keep=target) as part:
        part.write_bytes(b"new sound")
    status = target.stat()
    assert target.read_bytes() == b"new sound"
    assert mode_of(target) == 0o440
    assert (status.st_atime_ns, status.st_mtime_ns)[1] == 2_000_000_001
    assert {name: os.getxattr(target, name) for name in kept} == kept


def test_a_private_original_makes_a_private_copy(tmp_path, umask):
    original = tmp_path / "take.wav"
    original.touch(0o600)
    with atomic_path(tmp_path / "out.wav", mode_from=original):
        pass
    assert mode_of(tmp_path / "out.wav") == 0o600
    assert (tmp_path / "out.wav").stat().st_mtime >= original.stat().st_mtime


READ_ONLY = """
import os, sys
from pathlib import Path
from sottovoce.files.atomic import atomic_path
if os.geteuid() == 0:  # which may write everything: become nobody
    os.setgroups([])
    os.setgid(65_534)
    os.setuid(65_534)
take = Path(sys.argv[1])
for target, options in ((take, {"keep": take}), (take.with_name("out.wav"), {"mode_from": take})):
    with atomic_path(target, **options) as part:
        part.write_bytes(b"new")
"""


def test_an_ordinary_user_can_replace_a_read_only_file():
    # Not pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as folder:
        take = Path(folder, "take.wav")
        take.write_bytes(b"old")
        take.chmod(0o444)
        if os.geteuid() == 0:
            os.chown(folder, 65_534, 65_534)
            os.chown(take, 65_534, 65_534)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, take], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for path in (take, take.with_name("out.wav")):
            assert (path.read_bytes(), mode_of(path)) == (b"new", 0o444)


def test_old_parts_are_swept_and_nothing_else(tmp_path):
    swept = [".take.0123abcd.part.wav", ".x.0123abcd0000ffff.part.flac", ".a.b.0123abcd.part"]
    left = [".take.0123abcd.part.wav.bak", ".take.0123.part.wav", "take.0123abcd.part.wav", ".part"]
    for name in (*swept, *left, ".new.0123abcd.part.wav"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, time.time() - 1.1 * DAY_S))
    os.utime(tmp_path / ".new.0123abcd.part.wav")
    with atomic_path(tmp_path / "take.wav"):
        pass
    assert names_in(tmp_path) == sorted([*left, ".new.0123abcd.part.wav", "take.wav"])


def test_the_parts_of_a_killed_process_are_removed_and_of_no_other(tmp_path):
    for name in ("take.wav", "x" * 60 + ".wav", "t\udce9.wav"):
        target = tmp_path / name
        with atomic_path(target) as part, atomic_path(tmp_path / "other.wav") as other:
            track = part_path(part)
            track.touch()
            assert remove_parts(target, process=os.getpid() + 1) == 0
            assert remove_parts(target, process=os.getpid()) == 2
            assert (part.exists(), track.exists(), other.exists()) == (False, False, True)
            part.touch()


@pytest.mark.parametrize("name", [b"t\xe9l\xe9.wav", b"take.w\xe9v", b"x" * 200 + b".wav"])
def test_names_of_any_bytes_are_kept_and_the_part_is_utf_8(name, tmp_path):
    target = tmp_path / os.fsdecode(name)
    with atomic_path(target) as part:
        part.name.encode("utf-8")
    assert names_in(tmp_path) == [os.fsdecode(name)]


def vanish(folder):
    with atomic_path(folder / "take.wav") as part:
        part.unlink()
        folder.rmdir()


def test_a_folder_that_is_missing_or_vanishes_is_told(tmp_path):
    folder = tmp_path / "gone"
    for _ in range(2):
        with pytest.raises(AudioFileError, match="its folder does not exist") as caught:
            vanish(folder)
        assert caught.value.remedy
        folder.mkdir()
