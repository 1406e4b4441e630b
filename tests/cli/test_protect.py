"""`sottovoce protect`, end to end."""

from __future__ import annotations

import json
import os
import stat
import time

import numpy as np
import pytest
import soundfile as sf


def write(path, y, sr=16_000, **options):
    sf.write(path, y, sr, **options)
    return path


def test_with_nothing_set_up_a_take_is_marked_and_found(shell, take):
    before = take.read_bytes()
    done = shell("protect", "take.wav")
    assert done.code == 0
    assert done.err.count("Created your key: owner id") == 1
    assert "take.protected.wav" in done.out
    assert take.read_bytes() == before
    (key,) = shell.folder.parent.glob("config/sottovoce/identities/*.json")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    owner = json.loads(key.read_text())["owner"]

    check = shell("check", "take.protected.wav")
    assert check.code == 0
    assert "PROTECTED" in check.out
    assert f"refuses every use by machines; owner {owner}" in check.out
    # The second time there is nothing to say about a key.
    assert "Created your key" not in shell("protect", "take.wav").err


def test_json_says_what_was_done(shell, take):
    done = shell("protect", "take.wav", "--owner", "4f2a-91c0-77de", "--json")
    (line,) = done.out.splitlines()
    fields = json.loads(line)
    assert fields["file"] == "take.wav"
    assert fields["path"] == "take.protected.wav"
    assert fields["status"] == "marked"
    assert fields["duration_s"] == pytest.approx(24.73)
    assert fields["payload"]["owner"] == "4f2a-91c0-77de"
    assert fields["payload"]["owner_id"] == 0x4F2A91C077DE
    assert fields["payload"]["policy"] == 0x7F
    assert fields["payload"]["year"] == min(max(time.gmtime().tm_year, 2026), 2041)


def test_format_rate_channels_and_length_stay(shell, rng):
    y = rng.normal(scale=0.1, size=(44_100, 2))
    write(shell.folder / "stereo.flac", y, 44_100, subtype="PCM_24")
    assert shell("protect", "stereo.flac", "-o", "out.flac").code == 0
    before, after = (sf.info(shell.folder / name) for name in ("stereo.flac", "out.flac"))
    for field in ("samplerate", "channels", "frames", "format", "subtype"):
        assert getattr(after, field) == getattr(before, field)


@pytest.mark.slow
def test_a_folder_is_mirrored_and_one_bad_file_stops_nothing(shell, rng):
    for name in ("takes/one.wav", "takes/day two/two.flac"):
        path = shell.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, rng.normal(scale=0.1, size=20_000))
    (shell.folder / "takes" / "bad.wav").write_text("this is no sound")
    (shell.folder / "takes" / "notes.txt").write_text("left alone")
    done = shell("protect", "takes", "-o", "out", "--owner", "anonymous", "--jobs", "2")
    assert done.code == 2
    assert {name for name in shell.files() if name.startswith("out")} == {
        "out/one.wav",
        "out/day two/two.flac",
    }
    assert "not examined: 1 .txt (document)" in done.err
    named, closing = done.err.splitlines()[-2:]
    assert named.startswith("failed: ")
    assert "takes/bad.wav" in named
    assert closing == "3 in: 2 marked, 1 failed (named above)"


def test_in_place_replaces_the_file_itself(shell, take):
    before = take.read_bytes()
    assert shell("protect", "take.wav", "--in-place").code == 0
    assert shell.files() == {"take.wav"}
    assert take.read_bytes() != before
    assert shell("check", "take.wav").code == 0


@pytest.mark.slow
def test_a_take_that_carries_the_owners_mark_is_left_unless_asked(shell, take):
    assert shell("protect", "take.wav", "--in-place").code == 0
    once = take.read_bytes()
    done = shell("protect", "take.wav", "--in-place")
    assert done.code == 0
    assert "already carries your mark" in done.out
    assert take.read_bytes() == once
    assert shell("protect", "take.wav", "--in-place", "--remark").code == 0
    assert take.read_bytes() != once


@pytest.mark.slow
def test_policy_owner_and_strength_are_chosen(shell, take):
    done = shell("id", "new", "--name", "book")
    owner = done.out.split()[-1]
    options = ["--policy", "clone,mine", "--owner", "book", "--strength", "strong"]
    assert shell("protect", "take.wav", *options).code == 0
    found = json.loads(shell("check", "take.protected.wav", "--json").out)
    (voice,) = found["voices"]
    assert voice["payload"]["policy"] == 0b100100
    assert voice["payload"]["owner"] == owner


@pytest.mark.slow
def test_a_stronger_mark_is_a_larger_change(shell, take, clip):
    changes = []
    for strength in ("studio", "standard", "strong", "2.5"):
        done = shell("protect", "take.wav", "-o", "out.wav", "--strength", strength)
        assert done.code == 0
        marked, _ = sf.read(shell.folder / "out.wav", dtype="float32")
        changes.append(float(np.sqrt(np.mean((marked - clip[0]) ** 2))))
    assert changes == sorted(changes)


@pytest.mark.parametrize("text", ["", "loud", "0", "-1", "3.1", "nan", "inf"])
def test_a_strength_that_is_none_is_refused(shell, take, text):
    done = shell("protect", "take.wav", "--strength", text)
    assert done.code == 2
    assert "invalid strength" in done.err
    assert not (shell.folder / "take.protected.wav").exists()


@pytest.mark.slow
def test_a_strength_may_carry_its_unit(shell, take):
    def level(text):
        assert shell("protect", "take.wav", "--strength", text, "-o", "out.wav").code == 0
        return np.std(sf.read(shell.folder / "out.wav")[0] - sf.read(take)[0])

    assert level("1.8 dB") == pytest.approx(2 * level("0.9"), rel=0.1)


def test_a_short_take_is_marked_and_told(shell, rng):
    write(shell.folder / "word.wav", rng.normal(scale=0.1, size=8_000))
    done = shell("protect", "word.wav", "--owner", "anonymous")
    assert done.code == 0
    assert "only 0.5 s long" in done.out


BAD_FILES = {
    "empty": lambda path, y: path.write_bytes(b""),
    "text": lambda path, y: path.write_text("not audio at all\n" * 100),
    "truncated": lambda path, y: path.write_bytes(write(path, y).read_bytes()[:30]),
    "no frames": lambda path, y: write(path, y[:0]),
    "not a number": lambda path, y: write(path, y * np.nan, subtype="FLOAT"),
    "infinite": lambda path, y: write(path, np.full_like(y, np.inf), subtype="FLOAT"),
    "slow": lambda path, y: write(path, y, 7_999),
    "wide": lambda path, y: write(path, np.tile(y[:100, None], 65)),
    "pipe": lambda path, y: os.mkfifo(path),
}


@pytest.mark.parametrize("command", ["protect", "check"])
@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_input_gets_one_line_with_a_remedy_and_nothing_is_written(command, kind, shell, rng):
    path = shell.folder / "bad.wav"
    BAD_FILES[kind](path, rng.normal(scale=0.1, size=16_000))
    before = shell.files()
    options = ["--owner", "anonymous"] if command == "protect" else []
    done = shell(command, "bad.wav", *options)
    assert done.code == 2, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("error: bad.wav: ")
    assert line.endswith(".")
    assert shell.files() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.wav"], "does not exist"),
        (["/dev/zero"], "/dev/zero"),
        (["take.wav", "-o", "take.wav"], "would be overwritten"),
        (["take.wav", "-o", "there.wav", "--in-place"], "contradict"),
        (["takes", "-o", "takes/out"], "inside the input folder"),
        (["empty"], "no audio file"),
        (["take.wav", "--policy", "nothing"], "unknown policy"),
        (["take.wav", "--owner", "nobody"], "no identity named 'nobody'"),
        (["take.wav", "--strength", "9"], "invalid strength"),
        (["take.wav", "-o", "out.xyz"], "out.xyz"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_call_that_cannot_work_leaves_nothing_behind(arguments, message, shell, take, rng):
    for name in ("takes", "empty"):
        (shell.folder / name).mkdir()
    write(shell.folder / "takes" / "one.wav", rng.normal(scale=0.1, size=8_000))
    before = shell.files()
    owner = [] if "--owner" in arguments else ["--owner", "anonymous"]
    done = shell("protect", *arguments, *owner)
    assert done.code == 2
    assert message in done.err
    assert shell.files() == before


@pytest.fixture
def places(shell, take):
    """Outputs that cannot be: a file, a pipe, a link to nowhere's folder."""
    (shell.folder / "second.wav").write_bytes(take.read_bytes())
    (shell.folder / "plain").write_text("a file without a suffix")
    os.mkfifo(shell.folder / "pipe.wav")
    (shell.folder / "folder").mkdir()
    return shell.folder


@pytest.mark.parametrize(
    ("inputs", "out", "message"),
    [
        (("take.wav", "second.wav"), "plain", "-o names the file plain, but several inputs"),
        (("folder",), "plain", "-o names the file plain, but folder is a folder"),
        (("take.wav",), "plain", "plain: has a different suffix from take.wav"),
        (("take.wav",), "/dev/null", "/dev/null: is neither a file nor a folder"),
        (("take.wav", "second.wav"), "/dev/null", "/dev/null: is neither a file nor a folder"),
        (("take.wav",), "pipe.wav", "pipe.wav: is neither a file nor a folder"),
        (("take.wav",), "plain/out.wav", "plain is a file, not a folder"),
        (("take.wav", "second.wav"), "plain/out", "plain is a file"),
        (("take.wav",), "/dev/null/deep/out.wav", "/dev/null is a file"),
        (("take.wav",), "/proc/nowhere/out.wav", "/proc/nowhere"),
        (("take.wav",), f"{'x' * 300}.wav", "file name too long"),
    ],
)
def test_an_output_that_cannot_be_is_named_with_a_remedy(inputs, out, message, shell, places):
    (places / "folder" / "one.wav").write_bytes((places / "take.wav").read_bytes())
    before = shell.files()
    done = shell("protect", *inputs, "-o", out, "--owner", "anonymous")
    assert done.code == 2
    assert message in done.err
    assert "unexpected" not in done.err
    remedy = done.err.strip().rpartition(": " if "\n" not in done.err.strip() else "\n")[2]
    assert remedy.endswith(".")
    assert shell.files() == before
    assert (places / "pipe.wav").is_fifo()


def test_a_folder_that_cannot_be_written_to_is_named(shell, take):
    """Root may write anywhere but where the kernel makes the files."""
    done = shell("protect", "take.wav", "-o", "/proc/out.wav", "--owner", "anonymous")
    assert done.code == 2
    assert "no permission to write" in done.err or "/proc cannot be written to" in done.err


def test_a_file_without_a_suffix_may_replace_another(shell, take):
    for name in ("bare", "there"):
        (shell.folder / name).write_bytes(take.read_bytes())
    assert shell("protect", "bare", "-o", "there", "--owner", "anonymous").code == 0
    assert (shell.folder / "there").read_bytes() != take.read_bytes()


@pytest.mark.parametrize("command", ["protect", "check"])
@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("take.flac", "Did you mean take.wav?"),
        ("tke.wav", "Did you mean take.wav?"),
        ("nothing.mp3", "Check the name and the folder."),
        ("away/a/take.wav", "Check the name: away is not a folder."),
        ("x" * 300, "Check the name and the folder."),
    ],
)
def test_a_name_that_is_not_there_gets_a_remedy(command, name, remedy, shell, take):
    done = shell(command, name)
    assert done.code == 2
    assert done.err.strip() == f"error: {name}: does not exist. {remedy}"


@pytest.mark.parametrize(
    ("head", "name", "words"),
    [
        (b"PK\x03\x04", "a.zip", "is an archive (ZIP), not audio. Unpack it"),
        (b"PK\x03\x04", "a.docx", "is a document (DOCX), not audio"),
        (b"%PDF-1.7", "a.wav", "is a document (PDF), not audio"),
    ],
)
def test_what_is_not_audio_is_named_by_what_it_is(head, name, words, shell):
    (shell.folder / name).write_bytes(head + bytes(2_000))
    assert words in shell("protect", name, "--owner", "anonymous").err


def test_an_archive_without_a_suffix_is_counted_as_one(shell, take):
    (shell.folder / "old").write_bytes(b"PK\x03\x04" + bytes(2_000))
    (shell.folder / "nil").touch()
    done = shell("check", ".")
    assert "not examined: 1 file of 0 bytes, 1 .zip (archive)" in done.err


def test_wrong_options_are_a_usage_error(shell, take):
    done = shell("protect", "take.wav", "--nonsense")
    assert done.code == 2
    assert "Usage:" in done.err


def test_debug_shows_the_traceback(shell):
    with shell.start("--debug", "protect", "nowhere.wav", "--owner", "anonymous") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" in err


def test_a_name_with_escape_sequences_is_shown_harmlessly(shell, rng):
    name = "take\x1b[2J.wav"
    write(shell.folder / name, rng.normal(scale=0.1, size=8_000))
    done = shell("protect", name, "--owner", "anonymous")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "take\x1b[2J.protected.wav" in shell.files()


def test_a_failure_tells_that_the_copy_there_is_of_an_earlier_run(shell, take):
    assert shell("protect", "take.wav", "-o", "out", "--owner", "anonymous").code == 0
    copy = shell.folder / "out" / "take.wav"
    old = copy.read_bytes()
    take.write_bytes(take.read_bytes()[:5_000])
    done = shell("protect", "take.wav", "-o", "out", "--owner", "anonymous")
    assert done.code == 2
    (line,) = done.err.splitlines()
    told = "; the copy at out/take.wav is from an earlier run. "
    assert "is cut short" in line.partition(told)[0]
    assert "--partial" in line.partition(told)[2]
    assert copy.read_bytes() == old
    fields = json.loads(shell("protect", take.name, "-o", "out", "--json").out)
    assert "the copy at out/take.wav is from an earlier run" in fields["error"]
    take.unlink()
    assert (
        "the copy at out/take.wav is from an earlier run"
        in shell("protect", take.name, "-o", "out").err
    )


def test_a_failure_tells_of_no_copy_where_there_is_none(shell, take):
    take.write_bytes(take.read_bytes()[:5_000])
    (shell.folder / "out").mkdir()
    for options in (["-o", "out"], ["--in-place"]):
        done = shell("protect", "take.wav", *options, "--owner", "anonymous")
        assert done.code == 2
        assert "earlier run" not in done.err


@pytest.mark.slow
def test_a_protected_copy_that_is_marked_is_left_and_gets_no_second_suffix(shell, take):
    assert shell("protect", "take.wav").code == 0
    before = shell.files()
    done = shell("protect", "take.protected.wav", "--receipt", "r.html")
    assert done.code == 0
    assert done.out.startswith("take.protected.wav: already carries your mark, left as it is")
    assert shell.files() == before | {"r.html"}
    assert "1 already marked" in (shell.folder / "r.html").read_text()
    fields = json.loads(shell("protect", "take.protected.wav", "--json").out)
    assert (fields["status"], fields["path"]) == ("already", "take.protected.wav")
    # Where another place is named, it is delivered.
    assert shell("protect", "take.protected.wav", "-o", "out").code == 0
    assert (shell.folder / "out" / "take.protected.wav").is_file()


@pytest.mark.slow
def test_a_protected_copy_without_the_mark_gets_the_next_number(shell, rng):
    for name, target in (
        ("a.protected.wav", "a.protected-2.wav"),
        ("a.protected-2.wav", "a.protected-3.wav"),
        (".protected.wav", ".protected.protected.wav"),
    ):
        if not (shell.folder / name).exists():
            write(shell.folder / name, rng.normal(scale=0.1, size=24_000))
        done = shell("protect", name, "--owner", "anonymous", "--remark")
        assert done.code == 0
        assert f"as {target}" in done.out


def test_originals_named_with_their_copies_are_told_apart(shell, take):
    copy = shell.folder / "take.protected.wav"
    copy.write_bytes(take.read_bytes())
    done = shell("protect", "take.wav", copy.name, "--owner", "anonymous")
    assert done.code == 2
    assert "Name only the original take.wav" in done.err
    assert "--in-place" not in done.err


@pytest.mark.slow
def test_a_tilde_that_the_shell_left_is_the_persons_folder(shell, take, tmp_path):
    home = {"HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    done = shell("protect", "take.wav", "--owner", "anonymous", "-o", "~/out.wav", environment=home)
    assert done.code == 0
    assert (tmp_path / "home" / "out.wav").is_file()
    assert not (shell.folder / "~").exists()
