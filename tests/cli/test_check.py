"""`sottovoce check`, end to end."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest
import soundfile as sf

import sottovoce as sv


def test_the_original_has_no_mark(shell, take):
    done = shell("check", "take.wav")
    assert done.code == 1
    assert re.fullmatch(r"take\.wav: no mark found in 24\.7 s \(p = \S+\)\n", done.out)
    assert "--thorough" in done.err


@pytest.mark.slow
def test_a_marked_take_says_whose_it_is_and_what_is_refused(shell, marked_take):
    done = shell("check", marked_take, "--timeline")
    assert done.code == 0
    assert "PROTECTED" in done.out
    assert "cloning the voice" in done.out
    assert "owner 4f2a-91c0-77de" in done.out
    assert re.search(r"marked 0:0\d-0:2\d", done.out)


def test_json_has_the_documented_fields(shell, marked_take):
    (line,) = shell("check", marked_take, "--json").out.splitlines()
    fields = json.loads(line)
    assert fields["file"] == str(marked_take)
    assert fields["verdict"] == "protected"
    assert fields["log10_p"] < -6
    assert fields["seconds"] == pytest.approx(24.73)
    (voice,) = fields["voices"]
    assert {"log10_p", "offset_s", "speed", "segments_s", "payload"} <= voice.keys()
    assert voice["payload"]["policy"] == 0x0F
    assert voice["payload"]["owner_id"] == 0x4F2A91C077DE
    assert voice["payload"]["owner"] == "4f2a-91c0-77de"
    assert voice["payload"]["year"] >= 2026


def test_json_of_a_failure_has_error_and_remedy(shell):
    done = shell("check", "nowhere.wav", "--json")
    fields = json.loads(done.out)
    assert done.code == 2
    assert fields.keys() == {"file", "verdict", "error", "remedy"}
    assert fields["verdict"] == "error"


def test_exit_codes_are_those_of_grep(shell, take, marked_take):
    assert shell("check", "take.wav").code == 1
    assert shell("check", "take.wav", marked_take).code == 0
    assert shell("check", "take.wav", marked_take, "nowhere.wav").code == 2


@pytest.mark.slow
def test_results_of_a_folder_come_in_order(shell, take, marked_take):
    for name in ("c.wav", "a.wav"):
        shutil.copy(take, shell.folder / name)
    shutil.copy(marked_take, shell.folder / "b.wav")
    done = shell("check", ".", "--json", "--jobs", "2")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["file"] for line in lines] == ["a.wav", "b.wav", "c.wav", "take.wav"]
    assert [line["verdict"] == "protected" for line in lines] == [False, True, False, False]


def test_too_short_says_how_much_it_would_need(shell, clip):
    y, sr = clip
    sf.write(shell.folder / "short.wav", y[: int(0.7 * sr)], sr)
    done = shell("check", "short.wav")
    assert done.code == 1
    assert "no mark found in 0.7 s; too short to tell (5 s needed)" in done.out


def test_absence_is_never_claimed(shell, take):
    done = shell("check", "take.wav")
    assert "not marked" not in done.out
    assert "unmarked" not in done.out


@pytest.mark.slow
def test_the_picture_is_drawn(shell, marked_take):
    done = shell("check", marked_take, "--plot", "found.png")
    assert done.code == 0
    assert "found.png" in done.err
    picture = (shell.folder / "found.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000


def test_a_picture_of_two_files_is_refused(shell, take, marked_take):
    done = shell("check", "take.wav", marked_take, "--plot", "found.png")
    assert done.code == 2
    assert "Name one file." in done.err


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("found.xyz", ".png, .svg or .pdf"), ("nowhere/found.png", "Create the folder")],
)
def test_where_no_picture_can_be_drawn_is_said_before_the_work(name, remedy, shell, take):
    done = shell("check", "take.wav", "--plot", name)
    assert (done.code, done.out) == (2, "")
    assert remedy in done.err


def test_without_matplotlib_the_extra_is_named(shell, marked_take, tmp_path):
    missing = tmp_path / "missing" / "matplotlib"
    missing.mkdir(parents=True)
    (missing / "__init__.py").write_text("raise ImportError('not here')")
    paths = os.pathsep.join(filter(None, [str(missing.parent), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": paths}
    done = shell("check", marked_take, "--plot", "found.png", environment=environment)
    assert done.code == 2
    assert "pip install 'librosa>=0.11' 'matplotlib>=3.9'" in done.err


@pytest.mark.slow
def test_nothing_but_text_goes_into_a_pipe(shell, take, marked_take):
    done = shell("check", "take.wav", marked_take)
    assert "\x1b" not in done.out + done.err
    assert "\r" not in done.out + done.err


@pytest.mark.slow
def test_a_terminal_gets_a_progress_bar(shell, take, marked_take):
    with on_a_terminal() as (theirs, read):
        with shell.start("check", "take.wav", marked_take, "--jobs", "1", stderr=theirs) as process:
            out, _ = process.communicate(timeout=120)
        shown = read()
    assert process.returncode == 0
    assert "checking" in shown
    assert len(out.splitlines()) == 3


@pytest.mark.slow
def test_lines_stand_above_the_bar(shell, take, marked_take):
    names = ["take.wav", "long " * 30 + ".wav", "nowhere.wav", marked_take]
    (shell.folder / names[1]).write_bytes(take.read_bytes())
    with on_a_terminal() as (theirs, read):
        with shell.start(
            "check",
            *names,
            "--jobs",
            "1",
            stdout=theirs,
            stderr=theirs,
            environment={"TERM": "xterm"},
        ) as process:
            process.wait(timeout=120)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", read())
    lines = re.split(r"[\r\n]+", shown)
    assert any("checking" in line and "%" in line for line in lines)
    told = [line for line in lines if "PROTECTED" in line or "no mark found" in line]
    assert [line.partition(": ")[0] for line in told] == [
        "take.wav",
        names[1],
        str(marked_take),
    ]
    assert any(line.startswith("failed: nowhere.wav") for line in lines)


@contextmanager
def on_a_terminal():
    """Give the program's end of a terminal, and what reads what was written to it."""
    ours, theirs = pty.openpty()

    def read():
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:  # what Linux says where the other side has closed
            pass
        return shown.decode()

    try:
        yield theirs, read
    finally:
        os.close(ours)


@pytest.mark.slow
def test_who_has_read_enough_is_no_trouble(shell, take):
    with shell.start("check", *["take.wav", "./take.wav", "nowhere"] * 2) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.slow
def test_thorough_finds_a_take_that_plays_faster(shell, marked_take, clip):
    y, sr = sf.read(marked_take, dtype="float32")
    sf.write(shell.folder / "fast.wav", y, round(sr * 1.04))
    assert shell("check", "fast.wav").code == 1
    done = shell("check", "fast.wav", "--thorough", "--json")
    assert done.code == 0
    assert json.loads(done.out)["voices"][0]["speed"] == pytest.approx(1.04, abs=0.005)


@pytest.mark.by_turns
@pytest.mark.slow
def test_an_owner_who_is_asked_for_is_matched_in_two_seconds(shell, clip):
    notice = sv.Notice(owner_id=0x4F2A91C077DE)
    marked = sv.protect(clip[0], sr=16_000, notice=notice, phase_s=3.0)
    sf.write(shell.folder / "short.wav", marked[:32_000], 16_000)
    assert "owner not decoded yet" in shell("check", "short.wav").out
    done = shell("check", "short.wav", "--owner", "4f2a-91c0-77de")
    assert done.code == 0
    assert "matched: the mark is that of owner 4f2a-91c0-77de (p ≤ 10^-" in done.out
    assert "first of 10,000 random ids" in done.out
    # Somebody else, and the same id with a wrong digit or two digits exchanged.
    for other in ("aaaa-bbbb-cccc", "4f2a-91c0-77df", "4f2a-91c0-7d7e", "anonymous"):
        done = shell("check", "short.wav", "--owner", other)
        assert done.code == 1
        assert "its owner cannot be read" in done.out
        assert "matched" not in done.out
    fields = json.loads(shell("check", "short.wav", "--owner", "4f2a-91c0-77de", "--json").out)
    (voice,) = fields["voices"]
    assert fields["asked_for_found"]
    assert voice["notice"]["owner"] == "4f2a-91c0-77de"
    assert (voice["matched"]["rank"], voice["matched"]["n_ids"]) == (1, 10_000)
    assert voice["matched"]["log10_p"] < -6
    shell("id", "new", "--name", "default")
    assert shell("check", "short.wav", "--mine").code == 1


@pytest.mark.slow
def test_a_clip_of_a_few_samples_can_be_checked_and_drawn(shell):
    sf.write(shell.folder / "tiny.wav", [0.1] * 100, 16_000)
    done = shell("check", "tiny.wav", "--plot", "tiny.png")
    assert done.code == 1
    assert "too short to tell" in done.out
    assert (shell.folder / "tiny.png").is_file()


@pytest.mark.slow
def test_asking_about_an_owner_is_answered_in_words_and_code(shell, marked_take):
    theirs, nobody = "4f2a-91c0-77de", "aaaa-bbbb-cccc"
    assert shell("check", marked_take, "--owner", theirs).code == 0
    done = shell("check", marked_take, "--owner", nobody)
    assert done.code == 1
    assert "PROTECTED" not in done.out
    assert "not that of the owner asked about" in done.out
    assert f"the mark names owner {theirs}" in done.out
    assert "--thorough" not in done.err
    fields = json.loads(shell("check", marked_take, "--mine", "--json").out)
    assert (fields["found"], fields["asked_for_found"]) == (True, False)
    assert fields["voices"][0]["yours"] is None
    assert "neither one of your identities" in shell("check", marked_take, "--owner", "4f-9c").err
    for name in ("default", "audiobook"):
        shell("id", "new", "--name", name)
    done = shell("check", marked_take, "--owner", "nobody")
    assert done.code == 2
    assert "there is no identity named 'nobody'\nYour identities: audiobook, default." in done.err
    assert "id new" not in done.err


def test_a_closed_pipe_is_not_taken_for_no_mark(shell, marked_take):
    import os

    read, write = os.pipe()
    os.close(read)
    with shell.start("check", marked_take, stdout=write) as process:
        os.close(write)
        process.communicate(timeout=60)
    assert process.returncode == 141


@pytest.mark.codec
@pytest.mark.slow
def test_the_picture_of_several_tracks_is_of_the_one_with_a_mark(shell, take, marked_take):
    pytest.importorskip("matplotlib")
    pytest.importorskip("librosa")
    maps = ["-map", "0:a", "-map", "1:a", "-c:a", "flac", "two.mka"]
    command = ["ffmpeg", "-v", "error", "-i", str(take), "-i", str(marked_take), *maps]
    subprocess.run(command, cwd=shell.folder, check=True)
    done = shell("check", "two.mka", "--plot", "two.png")
    assert done.code == 0
    assert "The picture is in two.png.  It shows track 2 of 2" in done.err
    assert (shell.folder / "two.png").read_bytes().startswith(b"\x89PNG")
