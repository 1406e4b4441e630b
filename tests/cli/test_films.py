"""What is said of films: without sound, cut short, with several tracks."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from sottovoce import Notice
from sottovoce.errors import AudioFileError
from sottovoce.files.checking import detect_nothing
from sottovoce.files.listening import Loudness
from sottovoce.files.proof import Encoded, measure_mark

pytestmark = pytest.mark.codec

OWNER = ("--owner", "4f2a-91c0-77de", "--policy", "training")
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=2")


def ffmpeg(folder, *words):
    command = ["ffmpeg", "-v", "error", "-y", *map(str, words)]
    subprocess.run(command, cwd=folder, check=True)
    return folder / words[-1]


def film_without_sound(folder, name="mute.mp4", *options):
    return ffmpeg(folder, *PICTURE, "-pix_fmt", "yuv420p", *options, name)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv", ".wmv", ".mts", ".ogv"])
def test_a_film_without_sound_is_delivered_as_it_is(suffix, shell):
    film = film_without_sound(shell.folder, "mute" + suffix)
    done = shell("protect", film.name, *OWNER)
    assert (done.code, done.err) == (0, "")
    copy = f"mute.protected{suffix}"
    assert done.out == f"{film.name}: no sound to mark, copied without a mark as {copy}\n"
    assert (shell.folder / copy).read_bytes() == film.read_bytes()


def test_a_film_without_sound_is_left_where_it_is_to_be_replaced(shell):
    film = film_without_sound(shell.folder)
    before = film.read_bytes(), film.stat().st_mtime_ns
    done = shell("protect", film.name, "--in-place", *OWNER)
    assert (done.code, done.err) == (0, "")
    assert done.out == "mute.mp4: no sound to mark, left as it is\n"
    assert (film.read_bytes(), film.stat().st_mtime_ns) == before
    assert shell.files() == {"mute.mp4"}


@pytest.mark.slow
def test_a_film_without_sound_is_counted_and_stands_in_the_receipt(shell, take):
    film = film_without_sound(shell.folder)
    done = shell("protect", "mute.mp4", "take.wav", "-o", "out", *OWNER, "--receipt", "r.json")
    assert done.code == 0
    assert done.err.splitlines()[-1] == "2 in: 1 marked, 1 without sound"
    receipt = json.loads((shell.folder / "r.json").read_text())
    assert receipt["totals"]["without_sound"] == 1
    mute = receipt["files"][0]
    assert (mute["status"], mute["n_tracks"], mute["tracks"]) == ("silent", 0, [])
    assert mute["sha256_in"] == mute["sha256_out"] != ""
    shell("protect", film.name, "-o", "again", *OWNER, "--receipt", "r.html")
    assert "0:00" not in (shell.folder / "r.html").read_text()


def test_a_film_without_sound_is_not_copied_under_the_name_of_another_kind(shell):
    film_without_sound(shell.folder)
    done = shell("protect", "mute.mp4", "-o", "mute.mkv", *OWNER)
    assert done.code == 2
    assert "formats are kept, not converted" in done.err
    assert shell.files() == {"mute.mp4"}


def test_a_check_says_in_a_line_that_a_film_has_no_sound(shell):
    film_without_sound(shell.folder)
    done = shell("check", "mute.mp4")
    assert (done.code, done.out, done.err) == (1, "mute.mp4: contains no sound\n", "")
    fields = json.loads(shell("check", "mute.mp4", "--json").out)
    assert (fields["verdict"], fields["found"], fields["seconds"]) == ("not found", False, 0.0)
    assert fields["notes"] == ["has no sound track"]
    done = shell("check", "mute.mp4", "--plot", "p.png")
    assert (done.code, done.err) == (1, "There is no sound to draw.\n")


@pytest.mark.parametrize("command", ["protect", "check"])
@pytest.mark.parametrize("kind", ["picture", "text", "cut short", "joined"])
def test_what_is_no_whole_film_without_sound_stays_an_error(command, kind, shell, take):
    path = shell.folder / "film.mkv"
    if kind == "picture":
        path.write_bytes(ffmpeg(shell.folder, *PICTURE, "-frames:v", 1, "p.png").read_bytes())
    elif kind == "text":
        path.write_text("not a film at all\n" * 100)
    else:
        data = film_without_sound(shell.folder, "mute.mkv").read_bytes()
        sounding = ffmpeg(shell.folder, "-i", take, "sound.mkv").read_bytes()
        path.write_bytes(data[:-1000] if kind == "cut short" else data + sounding)
    before = shell.files()
    done = shell(command, "film.mkv", *(OWNER if command == "protect" else ()))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: film.mkv: ")
    assert "not a readable audio file" in done.err or kind != "text"
    assert "is a picture" in done.err or kind != "picture"
    assert "is cut short" in done.err or kind != "cut short"
    assert "one of them has no sound track" in done.err or kind != "joined"
    assert shell.files() == before


LONG = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=24")
CUT = {
    "index in front": ("film.mp4", "-movflags", "+faststart"),
    "fragments": ("film.mp4", "-movflags", "frag_keyframe+empty_moov"),
    "Matroska": ("film.mkv",),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CUT)
def test_of_a_film_that_is_cut_short_the_seconds_are_told_once(kind, shell, take):
    name, *options = CUT[kind]
    sound = ("-i", take, "-c:v", "mpeg4", "-c:a", "aac", "-shortest")
    film = ffmpeg(shell.folder, *LONG, *sound, *options, name)
    film.write_bytes(film.read_bytes()[: film.stat().st_size * 6 // 10])
    done = shell("protect", name, *OWNER)
    told = r"is cut short: (1\d\.\d) of (at least )?(\d\d\.\d) s are present"
    assert done.code == 2
    match = re.search(rf"^error: {name}: {told}\. Get a complete copy, or add --partial", done.err)
    assert match
    assert bool(match[2]) == (kind == "fragments")
    for command in (["protect", *OWNER], ["check"]):
        done = shell(*command, name, "--partial")
        lines = [line for line in done.out.splitlines() if line.startswith("  ")]
        others = ("lossy", "s of sound", "lost: its list of brands")
        about = [line for line in lines if not any(words in line for words in others)]
        assert len(about) == 1, lines
        again = re.fullmatch(rf"  {told}", about[0])
        assert again
        assert float(again[1]) == pytest.approx(float(match[1]), abs=0.15)


@pytest.fixture
def two_tracks(shell, take):
    """Speech, and a tone in which no mark can be found."""
    names = ("language=eng", "title=Voice", "language=deu", "title=Game")
    words = [f"-metadata:s:a:{number // 2}={one}" for number, one in enumerate(names)]
    tone = ("-f", "lavfi", "-i", "sine=f=440:d=24")
    kinds = ("-c:a:0", "aac", "-c:a:1", "libopus", "-shortest")
    options = [part for word in words for part in word.split("=", 1)]
    return ffmpeg(
        shell.folder, "-i", take, *tone, "-map", "0:a", "-map", "1:a", *options, *kinds, "two.mkv"
    )


def test_a_track_that_is_not_there_is_answered_with_those_that_are(shell, two_tracks):
    done = shell("protect", "two.mkv", "--track", "3", *OWNER)
    assert done.code == 2
    assert done.err.strip() == (
        "error: two.mkv: no audio track 3."
        " It has 2: track 1 (Voice, eng), AAC; track 2 (Game, deu), Opus."
    )


@pytest.mark.slow
def test_every_track_is_named_with_its_outcome(shell, two_tracks, take, marked_take):
    maps = ("-map", "0:a", "-map", "1:a")
    ffmpeg(shell.folder, "-i", take, "-i", marked_take, *maps, "-c:a", "flac", "both.mka")
    done = shell("protect", "both.mka", "--owner", "4f2a-91c0-77de", "--policy", "training")
    length = r"2\d\.\d"
    assert re.fullmatch(
        r"both\.mka: 1 of 2 tracks marked, 1 carried your mark already, as both\.protected\.mka\n"
        rf"  track 1: marked, mark found in {length} of {length} s\n"
        r"  track 2: carried your mark already\n",
        done.out,
    )
    done = shell("check", "two.mkv")
    assert re.search(rf"\n  track 1 \(Voice, eng\): no mark found in {length} s\n", done.out)


def test_a_track_without_a_mark_to_find_is_named_with_the_way_around_it():
    nothing = detect_nothing()
    encoded = Encoded(
        part=1,
        name="track 2 (Game, deu)",
        sr=48_000,
        n_channels=1,
        n_samples=24 * 48_000,
        sounding_s=24.0,
        loud_s=24.0,
        before=nothing,
        loudness=Loudness(b"", 0.02),
        limited_s=0.0,
        phase_s=0.0,
        notes=(),
    )
    with pytest.raises(AudioFileError, match=r"not found in track 2 \(Game, deu\)") as caught:
        measure_mark(nothing, encoded, Notice(), path="two.mkv")
    assert "If another track has the speech, mark only that one (`track`)" in caught.value.remedy


def test_sound_that_nobody_encodes_is_answered_with_the_option_that_works(shell):
    command = "ffmpeg -v error -f lavfi -i testsrc=d=3:s=64x64 -f lavfi -i sine=d=3:r=48000"
    command += " -c:v mpeg4 -c:a dca -strict -2 film.mkv"
    subprocess.run(command.split(), cwd=shell.folder, check=True)
    (shell.folder / "film.mkv").rename(shell.folder / "my film.mkv")
    done = shell("protect", "my film.mkv", *OWNER)
    assert done.code == 2
    assert "another format: -o 'my film.flac' or -o 'my film.wav'." in done.err


def test_a_film_of_silence_is_said_to_be_without_a_mark(shell):
    command = "ffmpeg -v error -f lavfi -i testsrc=d=3:s=64x64"
    command += " -f lavfi -i anullsrc=r=48000:cl=mono -t 3 -c:v mpeg4 -c:a aac film.mkv"
    subprocess.run(command.split(), cwd=shell.folder, check=True)
    done = shell("protect", "film.mkv", *OWNER)
    assert (done.code, done.err) == (0, "")
    assert done.out == ("film.mkv: no sound to mark, copied without a mark as film.protected.mkv\n")


@pytest.mark.slow
def test_a_silent_track_that_is_named_ends_with_2_and_leaves_the_earlier_copy(shell, take):
    command = "ffmpeg -v error -f lavfi -i testsrc=d=9:s=64x64 -i take.wav"
    command += " -f lavfi -i anullsrc=r=48000:cl=mono -map 0 -map 1 -map 2 -t 9 -c:v mpeg4"
    command += " -c:a flac -metadata:s:a:0 title=Mic -metadata:s:a:1 title=Game film.mkv"
    subprocess.run(command.split(), cwd=shell.folder, check=True)
    assert shell("protect", "film.mkv", *OWNER).code == 0
    before = (shell.folder / "film.protected.mkv").read_bytes()
    done = shell("protect", "film.mkv", "--track", "2", *OWNER)
    assert done.code == 2
    assert "film.mkv: track 2 (Game) is silent; nothing was marked" in done.err
    assert "Other tracks: track 1 (Mic), FLAC." in done.err
    assert (shell.folder / "film.protected.mkv").read_bytes() == before
