"""Films and compressed sound: the browser's codecs decode them, and the page checks every track."""

from __future__ import annotations

import json
import re
import subprocess

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS
from rig.firefox import Firefox
from sottovoce.errors import SottovoceError
from sottovoce.files import detect_file, detect_parts

pytest.importorskip("playwright.sync_api", reason="of the group `full`")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

SR = 48_000
VIDEO = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5"]
WHOLE = {
    "speech.m4a": ["-c:a", "aac"],
    "speech.aac": ["-c:a", "aac"],
    "speech.ogg": ["-c:a", "libvorbis"],
    "speech.opus": ["-c:a", "libopus"],
    "speech.weba": ["-c:a", "libopus", "-f", "webm"],
    "film.mp4": [*VIDEO, "-c:a", "aac", "-c:v", "mpeg4", "-shortest"],
    "film.mov": [*VIDEO, "-c:a", "pcm_s16le", "-c:v", "mpeg4", "-shortest"],
    "film.mkv": [*VIDEO, "-c:a", "flac", "-c:v", "mpeg4", "-shortest"],
    "film.webm": [*VIDEO, "-c:a", "libvorbis", "-c:v", "libvpx", "-shortest"],
    "film.ts": [*VIDEO, "-c:a", "aac", "-c:v", "mpeg2video", "-shortest"],
    "speech.mka": ["-c:a", "libmp3lame"],
}


def encode(folder, name, *options) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-i", "marked.wav", *options, name]
    subprocess.run(command, cwd=folder, check=True)


@pytest.fixture(scope="module")
def folder(make_once, clip):
    """Marked speech in every kind of file."""
    return make_once("media", lambda folder: make_media(folder, *clip))


def make_media(folder, y, sr) -> None:
    folder.mkdir()
    y = y[: 15 * sr]
    wide = np.interp(np.arange(len(y) * SR // sr) * sr / SR, np.arange(len(y)), y)
    marked = sv.protect(wide.astype(np.float32), sr=SR, notice=sv.Notice(owner_id=7))
    sf.write(folder / "marked.wav", marked, SR)
    sf.write(folder / "plain.wav", wide, SR)
    for name, options in WHOLE.items():
        encode(folder, name, *options)
    both = ["-i", "plain.wav", "-map", "1", "-map", "0", "-c:a", "aac"]
    encode(folder, "two.mp4", *both)
    encode(folder, "two.mkv", *VIDEO, "-map", "0", "-map", "0", "-c:a:0", "ac3", "-c:a:1", "aac")
    encode(folder, "other.mka", "-c:a", "ac3")
    encode(folder, "flac.oga", "-c:a", "flac")
    encode(folder, "opus.ts", "-c:a", "libopus")
    encode(folder, "mp2.ts", "-c:a", "mp2")
    encode(folder, "mute.mp4", *VIDEO, "-map", "1", "-c:v", "mpeg4", "-t", "2")
    encode(folder, "front.mp4", "-c:a", "aac", "-movflags", "faststart")
    for name, cut in (
        ("front.mp4", "cut.mp4"),
        ("film.webm", "cut.webm"),
        ("speech.ogg", "cut.ogg"),
    ):
        data = (folder / name).read_bytes()
        (folder / cut).write_bytes(data[: 2 * len(data) // 3])
    rng = np.random.default_rng(1)
    for name in ("front.mp4", "film.mkv", "speech.aac", "speech.opus"):
        damaged = bytearray((folder / name).read_bytes())
        middle = len(damaged) // 2
        damaged[middle : middle + 3000] = rng.bytes(3000)
        (folder / f"damaged-{name}").write_bytes(damaged)
    (folder / "noise.webm").write_bytes(b"\x1a\x45\xdf\xa3" + rng.bytes(9000))
    (folder / "joined.opus").write_bytes(2 * (folder / "speech.opus").read_bytes())


def check(page, paths) -> dict[str, str]:
    """Check files; return what the page says of each."""
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(paths)
    page.locator("#checked progress").first.wait_for()
    while page.locator("#checked progress").count():
        page.wait_for_timeout(200)
    # With what is folded away.
    rows = [row.text_content() for row in page.locator("#checked li").all()]
    return dict(zip([path.name for path in paths], rows, strict=True))


@pytest.fixture(scope="module")
def said(make_once, shared_tab, folder):
    """What the page says of all of them, in Chromium."""
    paths = sorted(path for path in folder.iterdir() if path.suffix != ".wav")

    def ask(answers) -> None:
        answers.write_text(json.dumps(check(shared_tab.open(), paths)))

    return json.loads(make_once("said-of-media.json", ask).read_text())


@pytest.mark.parametrize("name", WHOLE)
def test_the_mark_is_found_in_every_kind(said, folder, name) -> None:
    assert "mark was found" in said[name]
    assert "Owner 0000-0000-0007" in said[name]
    answer = json.JSONDecoder().raw_decode(said[name], said[name].index("{"))[0]
    native = detect_file(folder / name)
    assert native.found
    assert answer["duration_s"] == pytest.approx(native.duration_s, abs=0.15)
    assert answer["log10_p"] == pytest.approx(native.log10_p, rel=0.1)
    assert "notes" not in answer


def test_tracks_that_sound_at_once_do_not_add_up(said, folder) -> None:
    answer = json.JSONDecoder().raw_decode(said["two.mp4"], said["two.mp4"].index("{"))[0]
    native = detect_parts(folder / "two.mp4")
    assert answer["duration_s"] == pytest.approx(native[0].detection.duration_s, abs=0.15)
    assert [one["track"] for one in answer["tracks"]] == [part.name for part in native]
    assert [voice["track"] for voice in answer["voices"]] == ["track 2"]
    assert "Voice 1 (sound track 2)" in said["two.mp4"]


def test_every_track_is_checked_and_one_that_cannot_be_is_named(said) -> None:
    assert "mark was found" in said["two.mp4"]
    assert "Sound track 1 (ac3) was not checked" in said["two.mkv"]
    assert "mark was found" in said["two.mkv"]
    assert "cannot decode the sound of this file (ac3)" in said["other.mka"]
    assert "There is no sound in it." in said["mute.mp4"]


def test_sound_of_an_unlisted_codec_is_not_said_to_be_missing(said) -> None:
    """Ogg and transport streams are listed only as far as the page knows their codecs."""
    for name in ("flac.oga", "opus.ts"):
        assert "Use the command" in said[name]
        assert "no sound" not in said[name]
    assert "cannot decode the sound of this file" in said["mp2.ts"]


@pytest.mark.parametrize("name", ["cut.mp4", "cut.webm", "cut.ogg"])
def test_a_cut_file_is_told_as_the_command_tells_it(said, folder, name) -> None:
    with pytest.raises(SottovoceError) as caught:
        detect_file(folder / name)
    assert "mark was found" not in said[name]
    assert caught.value.message.split(":")[0] in said[name]


def test_damage_is_told_and_the_rest_is_checked(said) -> None:
    assert re.search(
        r"found.*\d s of it could not be decoded and became", said["damaged-front.mp4"]
    )
    assert re.search(r"found.*at least 0.\d\d s of it .* are missing", said["damaged-film.mkv"])
    assert re.search(
        r"found.*invalid bytes.*\d\.\d s of it can be read", said["damaged-speech.aac"]
    )
    assert "is damaged: 1 page is missing or incomplete" in said["damaged-speech.opus"]
    assert "not a readable audio file" in said["noise.webm"]
    assert "Use the command" in said["joined.opus"]


@pytest.mark.by_turns
def test_firefox_checks_the_same(page_file, folder, tmp_path) -> None:
    """With its own codecs."""
    names = ["film.mp4", "film.webm", "speech.opus", "cut.mp4", "two.mkv"]
    with Firefox(tmp_path) as firefox:
        firefox.open(page_file.as_uri())
        firefox.wait("document.getElementById('loading').hidden")
        firefox.run("document.getElementById('tab-check').click()")
        firefox.choose("#unknown", [folder / name for name in names])
        firefox.wait("document.querySelectorAll('#checked li').length === 5")
        firefox.wait("document.querySelectorAll('#checked progress').length === 0")
        rows = firefox.run("[...document.querySelectorAll('#checked li')].map((x) => x.innerText)")
    said = dict(zip(names, rows, strict=True))
    for name in ("film.mp4", "film.webm", "speech.opus", "two.mkv"):
        assert "Owner 0000-0000-0007" in said[name]
    assert "is cut short" in said["cut.mp4"]
    assert "Sound track 1 (ac3) was not checked" in said["two.mkv"]


@pytest.mark.by_turns
def test_decoding_can_be_cancelled_and_the_next_file_is_checked(
    browser_page, folder, tmp_path
) -> None:
    """A long film is cancelled while its sound is decoded."""
    command = ["ffmpeg", "-v", "error", "-stream_loop", "26", "-i", folder / "marked.wav"]
    subprocess.run([*command, "-c:a", "aac", tmp_path / "long.m4a"], check=True)
    page = browser_page
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files([tmp_path / "long.m4a", folder / "speech.m4a"])
    row = page.locator("#checked li", has_text="long.m4a")
    row.get_by_text(re.compile(r"^[1-9]\d? %$")).wait_for(timeout=READY_MS)
    row.get_by_role("button", name="Cancel").click()
    page.locator("#checked details").wait_for(timeout=READY_MS)
    rows = page.locator("#checked li").all_inner_texts()
    assert len(rows) == 1
    assert "Owner 0000-0000-0007" in rows[0]
