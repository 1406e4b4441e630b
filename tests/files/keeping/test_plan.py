"""What travels beside the sound arrives, and what does not was named before."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.files import protect_file, read, read_info
from sottovoce.files.decoding.ogg import sum_up
from sottovoce.files.keeping import plan_keeping
from tests.files.keeping.making import CHAPTER, DROPPED, KEPT, ape, carry, frame, id3, run

if TYPE_CHECKING:
    from pathlib import Path


LYRICS2 = b"LYRICSBEGININD0000200LYR00005hello000034LYRICS200"
LYRICS1 = b"LYRICSBEGINhelloLYRICSEND"
ID3V1 = b"TAG" + b"Take".ljust(125, b"\0")


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    return clip[0][: 6 * 16_000 + 1]


def test_tags_around_an_mp3_are_kept_byte_for_byte(tmp_path: Path, speech: np.ndarray) -> None:
    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    sf.write(target, speech, 16_000)
    sound = target.read_bytes()
    tail = LYRICS1 + ape(Title=b"Take", REPLAYGAIN_TRACK_GAIN=b"-3 dB") + LYRICS2 + ID3V1
    source.write_bytes(id3(*KEPT, *DROPPED, frame(b"CHAP", CHAPTER)) + sound + tail)
    keeping, lines = carry(source, target)
    assert keeping.lost == lines == ()
    assert keeping.technical == ("MP3GAIN", "TLEN", "TSSE", "iTunSMPB")
    chapter = frame(b"CHAP", CHAPTER[:12] + b"\xff" * 8)
    assert target.read_bytes() == id3(*KEPT, chapter) + sound + tail


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_tag_with_nothing_stale_stays_to_the_byte(
    tmp_path: Path, speech: np.ndarray, version: int
) -> None:
    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    sf.write(target, speech, 16_000)
    sound = target.read_bytes()
    frames = [b"TT2\0\0\x05\0Take"] if version == 2 else [frame(b"TIT2", b"\0Take", version)]
    source.write_bytes(id3(*frames, version=version) + sound)
    keeping, _ = carry(source, target)
    assert not keeping.dropped
    assert target.read_bytes() == source.read_bytes()


def test_the_tags_of_joined_mp3s_are_named_as_lost(tmp_path: Path, speech: np.ndarray) -> None:
    source = tmp_path / "a.mp3"
    sf.write(source, speech, 16_000)
    one = id3(*KEPT) + source.read_bytes()
    source.write_bytes(one * 3)
    keeping = plan_keeping(source, read_info(source))
    assert keeping.lost == ("2 tags in the middle of the audio",)


def test_what_mp3gain_would_undo_is_dropped(tmp_path: Path, speech: np.ndarray) -> None:
    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    sf.write(target, speech, 16_000)
    sound = target.read_bytes()
    source.write_bytes(sound + ape(Title=b"Take", MP3GAIN_UNDO=b"+003,+003,N", Artist=b"Ann"))
    carry(source, target)
    assert target.read_bytes() == sound + ape(Title=b"Take", Artist=b"Ann")


def test_every_block_of_a_flac_is_kept_but_the_seek_table(
    tmp_path: Path, speech: np.ndarray
) -> None:
    from mutagen.flac import (
        FLAC,
        CueSheet,
        CueSheetTrack,
        CueSheetTrackIndex,
        Picture,
        SeekPoint,
        SeekTable,
    )

    source, target = tmp_path / "a.flac", tmp_path / "b.flac"
    sf.write(source, speech, 16_000)
    sf.write(target, speech * np.float32(0.5), 16_000)
    flac = FLAC(source)
    flac["artist"] = ["Ann", "Bob"]
    flac["title"] = "Take"
    flac["encoded_by"] = "Ann's desk"
    flac["encoder"] = "an old one"
    flac["replaygain_track_gain"] = "-3 dB"
    picture = Picture()
    picture.data, picture.mime = b"\x89PNG" + bytes(900), "image/png"
    flac.add_picture(picture)
    sheet = CueSheet(None)
    sheet.media_catalog_number = b"123"
    sheet.lead_in_samples = 0
    sheet.tracks = [CueSheetTrack(1, 0), CueSheetTrack(255, len(speech))]
    sheet.tracks[0].indexes = [CueSheetTrackIndex(1, 0)]
    flac.metadata_blocks.append(sheet)
    table = SeekTable(None)
    table.seekpoints = [SeekPoint(0, 0, 4096)]
    flac.metadata_blocks.append(table)
    flac.save()
    source.write_bytes(id3(*KEPT) + source.read_bytes() + ID3V1)
    digest = FLAC(target).info.md5_signature
    keeping, lines = carry(source, target)
    assert keeping.lost == lines == ()
    assert keeping.technical == ("ENCODER", "SEEKTABLE")
    old, new = FLAC(source), FLAC(target)
    kept = [pair for pair in old.tags if pair[0] != "encoder"]
    assert list(new.tags) == kept
    assert new.pictures[0].data == picture.data
    assert new.cuesheet.media_catalog_number == b"123"
    assert new.seektable is None
    assert new.info.md5_signature == digest
    data = target.read_bytes()
    assert data.startswith(id3(*KEPT) + b"fLaC")
    assert data.endswith(ID3V1)


@pytest.mark.codec
def test_a_flac_with_tags_all_over_still_decodes_elsewhere(
    tmp_path: Path, speech: np.ndarray
) -> None:
    source, target = tmp_path / "a.flac", tmp_path / "b.flac"
    sf.write(source, speech, 16_000)
    shutil.copy(source, target)
    source.write_bytes(id3(*KEPT) + source.read_bytes())
    carry(source, target)
    run("flac", "-t", "--silent", target)


@pytest.mark.parametrize(("suffix", "subtype"), [(".ogg", "VORBIS"), (".opus", "OPUS")])
@pytest.mark.parametrize("n_picture", [100, 300_000])
def test_comments_of_ogg_are_kept_in_order(
    tmp_path: Path, speech: np.ndarray, suffix: str, subtype: str, n_picture: int
) -> None:
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    read_tags: Any = OggOpus if subtype == "OPUS" else OggVorbis
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (source, target):
        sf.write(path, speech, 16_000, subtype, format="OGG")
    file = read_tags(source)
    items = [("TITLE", "Take"), ("Artist", "Ann"), ("x", "1"), ("Artist", "Bob")]
    items += [("METADATA_BLOCK_PICTURE", "A" * n_picture), ("ENCODED_BY", "Ann's desk")]
    items += [("R128_TRACK_GAIN", "-512")]
    file.tags[:] = [*items, ("ENCODER", "an old one")]
    file.save()
    own = [pair for pair in read_tags(target).tags if pair[0].upper() == "ENCODER"]
    vendor = read_tags(target).tags.vendor
    keeping, lines = carry(source, target)
    assert keeping.lost == lines == ()
    assert keeping.technical == ("ENCODER",)
    new = read_tags(target)
    assert list(new.tags) == items + own
    assert new.tags.vendor == vendor
    # A picture larger than a page moves the numbers of all pages behind it.
    again = target.read_bytes()
    carry(target, target)
    assert target.read_bytes()[:200] == again[:200]


@pytest.mark.codec
def test_ogg_pages_are_whole_for_another_reader(tmp_path: Path, speech: np.ndarray) -> None:
    from mutagen.oggvorbis import OggVorbis

    source, target = tmp_path / "a.ogg", tmp_path / "b.ogg"
    for path in (source, target):
        sf.write(path, speech, 16_000)
    file = OggVorbis(source)
    file["picture"] = "A" * 300_000
    file.save()
    carry(source, target)
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", str(target), "-f", "null", "-"],
        check=True,
        capture_output=True,
    )
    assert done.stderr == b""


def test_tags_of_further_links_of_a_chained_stream_are_named(
    tmp_path: Path, speech: np.ndarray
) -> None:
    from mutagen.oggvorbis import OggVorbis

    parts = []
    for number in range(3):
        path = tmp_path / f"{number}.ogg"
        sf.write(path, speech, 16_000)
        file = OggVorbis(path)
        file["title"] = f"Part {number}"
        file.save()
        parts.append(path.read_bytes())
    path = tmp_path / "chained.ogg"
    info = read_info(tmp_path / "0.ogg")
    path.write_bytes(b"".join(parts))
    assert plan_keeping(path, info).lost == ("the tags of 2 of 3 parts (chained stream)",)


def test_r128_gains_go_where_the_copy_has_a_gain_of_its_own(
    tmp_path: Path, speech: np.ndarray
) -> None:
    from mutagen.oggopus import OggOpus

    source, target = tmp_path / "a.opus", tmp_path / "b.opus"
    for path in (source, target):
        sf.write(path, speech, 16_000, "OPUS", format="OGG")
    file = OggOpus(source)
    file["R128_TRACK_GAIN"] = "-512"
    file["title"] = "Take"
    file.save()
    data = target.read_bytes()
    first = data[: 28 + data[27]]
    gained = sum_up(first[:44] + (-1536).to_bytes(2, "little", signed=True) + first[46:])
    target.write_bytes(gained + data[len(first) :])
    _, lines = carry(source, target)
    assert lines == ("R128 gains were not kept: the new file has its own gain",)
    assert "R128_TRACK_GAIN" not in OggOpus(target)
    assert OggOpus(target)["title"] == ["Take"]


def test_a_gain_in_the_head_of_an_opus_is_applied_once(tmp_path: Path, speech: np.ndarray) -> None:
    """So that R128 gains, which count from there on, stay true."""
    from mutagen.oggopus import OggOpus

    source, target = tmp_path / "a.opus", tmp_path / "b.opus"
    sf.write(source, speech, 16_000, "OPUS", format="OGG")
    file = OggOpus(source)
    file["R128_TRACK_GAIN"] = "-512"
    file.save()
    data = source.read_bytes()
    first = data[: 28 + data[27]]
    gained = sum_up(first[:44] + (-1536).to_bytes(2, "little", signed=True) + first[46:])
    source.write_bytes(gained + data[len(first) :])
    heard = read(source)[0]
    assert np.std(heard) == pytest.approx(np.std(speech) / 2, rel=0.05)  # -6 dB
    protect_file(source, target, notice=sv.Notice(owner_id=5))
    assert np.std(read(target)[0]) == pytest.approx(np.std(heard), rel=0.05)
    assert OggOpus(target)["R128_TRACK_GAIN"] == ["-512"]


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".caf"])
def test_an_uncompressed_copy_is_left_alone(
    tmp_path: Path, speech: np.ndarray, suffix: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    sf.write(source, speech, 16_000, "PCM_16")
    if suffix != ".caf":
        data = source.read_bytes()
        order = "little" if suffix == ".wav" else "big"
        tag = id3(*KEPT, *DROPPED, padding=65)
        body = data[8:] + b"ID3 " + len(tag).to_bytes(4, order) + tag + bytes(len(tag) & 1)
        source.write_bytes(data[:4] + len(body).to_bytes(4, order) + body)
    shutil.copy(source, target)
    keeping, lines = carry(source, target)
    assert keeping.lost == keeping.dropped == lines == ()
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "IMA_ADPCM"), (".caf", "ALAC_16")])
def test_chunks_go_with_sound_that_is_encoded_anew(
    tmp_path: Path, speech: np.ndarray, suffix: str, subtype: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (source, target):
        sf.write(path, speech, 16_000, subtype)
    data = source.read_bytes()
    if suffix == ".wav":
        body = data[8:] + b"iXML" + (5).to_bytes(4, "little") + b"<a/> \0"
        source.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    else:
        source.write_bytes(data + b"mark" + (5).to_bytes(8, "big") + b"hello")
    keeping, _ = carry(source, target)
    assert keeping.lost == ()
    assert target.read_bytes().endswith(b"<a/> \0" if suffix == ".wav" else b"hello")


def test_no_tag_needs_mutagen_but_those_of_wma(
    tmp_path: Path, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setitem(sys.modules, "mutagen", None)
    path = tmp_path / "a.flac"
    sf.write(path, speech, 16_000)
    assert plan_keeping(path, read_info(path)).lost == ()
    wma = tmp_path / "a.wma"
    wma.write_bytes(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(64))
    info = replace(read_info(path), path=str(wma), format="ASF", subtype="WMAV2")
    assert "pip install 'mutagen>=" in plan_keeping(wma, info).lost[0]
