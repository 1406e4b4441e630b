"""Chunks and tags come through, whatever they are."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.files import protect_file

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = sv.Notice(owner_id=5)


def riff_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        chunks.append((name, data[at + 8 : at + 8 + size]))
        at += 8 + size + (size & 1)
    return chunks


def make_wav(path: Path, y: np.ndarray) -> None:
    """Write a WAV with chunks on both sides of the samples, odd sizes among them."""
    data = np.round(y * 32_767).astype("<i2").tobytes()
    before = [
        (b"bext", b"Origin".ljust(602, b"\0")),
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)),
        (b"JUNK", bytes(27)),
    ]
    after = [
        (b"LIST", b"INFOIART" + struct.pack("<I", 4) + b"Ann\0"),
        (b"iXML", b"<BWFXML><NOTE>odd</NOTE></BWFXML>"),
        (b"cue ", struct.pack("<I", 0)),
        (b"smpl", bytes(36)),
        (b"id3 ", b"ID3\x03\0\0\0\0\0\0"),
        (b"zzzz", b"unknown"),
    ]
    body = b"WAVE"
    for name, payload in [*before, (b"data", data), *after]:
        body += name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) & 1)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    return clip[0][: 8 * 16_000 + 1]


def test_every_chunk_of_a_wav_stays_where_it_was(tmp_path: Path, speech: np.ndarray) -> None:
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    make_wav(source, speech)
    protect_file(source, target, notice=NOTICE)
    old, new = riff_chunks(source.read_bytes()), riff_chunks(target.read_bytes())
    assert [name for name, _ in old] == [name for name, _ in new]
    for (name, before), (_, after) in zip(old, new, strict=True):
        assert (before == after) == (name != b"data")


@pytest.mark.parametrize("suffix", [".aiff", ".caf", ".w64"])
def test_other_uncompressed_files_change_in_their_samples_only(
    tmp_path: Path, speech: np.ndarray, suffix: str
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    with sf.SoundFile(source, "w", 16_000, 1, "PCM_16") as file:
        if suffix != ".w64":
            file.title = "A title"
        file.write(speech)
    protect_file(source, target, notice=NOTICE)
    old, new = source.read_bytes(), target.read_bytes()
    assert len(old) == len(new)
    assert sum(a != b for a, b in zip(old, new, strict=True)) <= 2 * len(speech)
    if suffix != ".w64":
        assert sf.SoundFile(target).title == "A title"


def tag(path: Path) -> None:
    """Put a title, two artists and a picture into a compressed file."""
    import base64

    from mutagen import File
    from mutagen.flac import FLAC, Picture
    from mutagen.id3 import APIC, TIT2, TPE1, TXXX
    from mutagen.mp3 import MP3

    picture = Picture()
    picture.data, picture.mime, picture.type = b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png", 3
    if path.suffix == ".mp3":
        mp3 = MP3(path)
        mp3.add_tags()
        mp3.tags.add(TIT2(encoding=3, text="Títle"))
        mp3.tags.add(TPE1(encoding=3, text=["Ann", "Bob"]))
        mp3.tags.add(TXXX(encoding=3, desc="rights", text="mine"))
        mp3.tags.add(APIC(encoding=3, mime="image/png", type=3, data=picture.data))
        mp3.save()
        return
    if path.suffix == ".m4a":
        from mutagen.mp4 import MP4, MP4Cover

        m4a = MP4(path)
        m4a["\xa9nam"] = ["Títle"]
        m4a["covr"] = [MP4Cover(picture.data, MP4Cover.FORMAT_PNG)]
        m4a["----:org.example:rights"] = [b"mine"]
        m4a.save()
        return
    file = File(path)
    file["title"] = ["Títle"]
    file["artist"] = ["Ann", "Bob"]
    if isinstance(file, FLAC):
        file.add_picture(picture)
    else:
        text = base64.b64encode(picture.write()).decode()
        file["metadata_block_picture"] = [text]
    file.save()


def tags_of(path: Path) -> dict[str, str]:
    from mutagen import File

    file = File(path)
    tags = {key: repr(value) for key, value in file.tags.items()}
    for number, picture in enumerate(getattr(file, "pictures", [])):
        tags[f"picture {number}"] = picture.write().hex()
    return tags


@pytest.mark.codec
@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus", ".mp3", ".m4a"])
def test_tags_and_pictures_are_kept(tmp_path: Path, speech: np.ndarray, suffix: str) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    if suffix == ".m4a":
        from tests.files.test_formats import encode_av

        encode_av(source, speech[None], 16_000, muxer="ipod", codec="aac")
    else:
        subtype = "OPUS" if suffix == ".opus" else None
        file_format = "OGG" if suffix in {".ogg", ".opus"} else None
        sf.write(source, speech, 16_000, subtype, format=file_format)
    tag(source)
    before = tags_of(source)
    assert len(before) >= 3
    protect_file(source, target, notice=NOTICE)
    assert tags_of(target) == before


def test_tags_are_kept_without_mutagen(
    tmp_path: Path, speech: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    sf.write(tmp_path / "a.flac", speech, 16_000)
    tag(tmp_path / "a.flac")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "mutagen", None)
        result = protect_file(tmp_path / "a.flac", tmp_path / "b.flac", notice=NOTICE)
    assert result.warnings == ()
    assert tags_of(tmp_path / "b.flac") == tags_of(tmp_path / "a.flac")
