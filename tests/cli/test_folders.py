"""Folders, end to end: files in are files out, or named."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile as sf

OWNER = ("--owner", "4f2a-91c0-77de")


@pytest.fixture
def takes(shell, rng):
    """A folder with sound, other things and links."""
    folder = shell.folder / "takes"
    folder.mkdir()
    for name in ("one.wav", "two.flac", "three"):
        kind = "WAV" if name == "three" else None
        sf.write(folder / name, rng.normal(scale=0.1, size=24_000), 16_000, format=kind)
    for name in ("notes.pdf", "old.zip", ".hidden"):
        (folder / name).write_bytes(b"no sound")
    return folder


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_delivery_holds_everything_and_the_last_line_adds_up(shell, takes):
    (takes / "bad.wav").write_text("this is no sound")
    (takes / "again.wav").symlink_to("one.wav")
    (takes / "hard.wav").hardlink_to(takes / "one.wav")
    (shell.folder / "secret.wav").write_bytes((takes / "one.wav").read_bytes())
    (takes / "out.wav").symlink_to("../secret.wav")
    done = shell("protect", "takes", "-o", "out", *OWNER)
    assert done.code == 2
    delivered = ["again.wav", "hard.wav", "one.wav", "three", "two.flac"]
    assert names_in(shell.folder / "out") == delivered
    assert not (shell.folder / "out" / "again.wav").is_symlink()
    lines = done.err.splitlines()
    (left_out,) = (line for line in lines if line.startswith("not examined: "))
    kinds = ["1 .pdf (document)", "1 .zip (archive)", "1 hidden file"]
    assert sorted(left_out.partition(": ")[2].split(", ")) == kinds
    assert "not followed: takes/out.wav (the link leads out of the folder)" in lines
    assert lines[-1] == "6 in: 5 marked, 1 failed (named above)"
    assert sum("takes/bad.wav" in line for line in lines) == 1


@pytest.mark.slow
def test_json_tells_what_was_left_out_in_a_last_line(shell, takes):
    (takes / "dead.wav").symlink_to("nowhere")
    for command, key in (("protect", "status"), ("check", "verdict")):
        options = ["-o", "out", *OWNER] if command == "protect" else []
        *files, last = map(json.loads, shell(command, "takes", "--json", *options).out.splitlines())
        assert [one["file"] for one in files] == ["takes/one.wav", "takes/three", "takes/two.flac"]
        assert last == {
            "file": None,
            key: "not looked at",
            "not_looked_at": {".pdf": 1, ".zip": 1, "hidden": 1},
            "links_not_followed": [{"path": "takes/dead.wav", "reason": "leads nowhere"}],
        }


def test_nothing_found_is_an_error_and_says_what_was_there(shell):
    (shell.folder / "papers").mkdir()
    (shell.folder / "papers" / "a.pdf").write_text("paper")
    for command in ("protect", "check"):
        done = shell(command, "papers")
        assert done.code == 2
        assert "there is no audio file in this folder" in done.err
        assert "not examined: 1 .pdf (document)" in done.err


@pytest.mark.slow
def test_sound_behind_a_link_that_is_not_followed_is_not_examined(shell, takes):
    assert shell("check", "takes").code == 1
    (takes / "more").symlink_to("/usr")
    done = shell("check", "takes")
    assert done.code == 2
    assert "not followed: takes/more" in done.err
    assert done.err.splitlines()[-1] == "3 in: 3 without a mark found"


@pytest.mark.slow
def test_in_place_each_file_is_marked_once_under_all_its_names(shell, takes, clip):
    sf.write(takes / "one.wav", *clip, subtype="PCM_16")
    (takes / "hard.wav").hardlink_to(takes / "one.wav")
    (takes / "link.wav").symlink_to("one.wav")
    (shell.folder / "kept.wav").hardlink_to(takes / "one.wav")
    before = (shell.folder / "kept.wav").read_bytes()
    done = shell("protect", "takes/one.wav", "takes", "--in-place", *OWNER)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == "3 in: 3 marked"
    assert "a hard link to it, was updated and has the mark too" in done.out
    assert "1 other name of this file (hard links)" in done.out
    assert (takes / "link.wav").is_symlink()
    assert (takes / "hard.wav").samefile(takes / "one.wav")
    assert (takes / "one.wav").read_bytes() != before
    assert (shell.folder / "kept.wav").read_bytes() == before
    assert not [path for path in takes.iterdir() if "part" in path.name]
    assert shell("check", "takes/hard.wav").code == 0


@pytest.mark.slow
def test_the_words_of_the_mark_are_said_only_where_one_was_written(shell, take):
    assert "Each mark says" in shell("protect", "take.wav", "--in-place", *OWNER).err
    assert "Each mark says" not in shell("protect", "take.wav", "--in-place", *OWNER).err


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_names_that_are_not_utf_8_work(as_json, shell, rng):
    raw = b"t\xe9l\xe9"
    folder = shell.folder / os.fsdecode(raw)
    folder.mkdir()
    y = rng.normal(scale=0.1, size=24_000)
    with (folder / os.fsdecode(raw + b".wav")).open("wb") as file:
        sf.write(file, y, 16_000, format="WAV")
    (folder / "two.wav").write_bytes((folder / os.fsdecode(raw + b".wav")).read_bytes())
    options = ["--json"] if as_json else []
    done = shell("protect", folder.name, "-o", "out", *OWNER, *options)
    assert done.code == 0, done
    assert sorted(os.listdir(os.fsencode(shell.folder / "out"))) == [b"two.wav", raw + b".wav"]  # noqa: PTH208
    if as_json:
        named = [json.loads(line)["file"] for line in done.out.splitlines()]
        assert raw + b"/" + raw + b".wav" in map(os.fsencode, named)
    else:
        assert "t\\udce9l\\udce9.wav: marked" in done.out
    assert shell("check", folder.name, *options).code == 1
    assert shell("protect", folder.name, "--in-place", *OWNER, *options).code == 0


@pytest.mark.slow
def test_a_file_whose_name_looks_like_an_option_gets_a_hint(shell, rng):
    sf.write(shell.folder / "-take.wav", rng.normal(scale=0.1, size=24_000), 16_000)
    for command in ("protect", "check"):
        done = shell(command, "-take.wav")
        assert done.code == 2
        assert "write ./-take.wav" in done.err
        assert "./-nothing.wav" not in shell(command, "-nothing.wav").err
    assert shell("protect", "./-take.wav", *OWNER).code == 0
    assert (shell.folder / "-take.protected.wav").is_file()


def test_a_read_only_original_can_be_replaced(shell, take, clip):
    take.chmod(0o444)
    assert shell("protect", "take.wav", "--in-place", *OWNER).code == 0
    assert take.stat().st_mode & 0o777 == 0o444
    assert len(sf.read(take)[0]) == len(np.ravel(clip[0]))
