"""Tags, chapters, dates and language of M4A come through; missing chapters are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sottovoce.files import read_info
from sottovoce.files.keeping import carry_over
from tests.files.keeping.making import carry, encode_av, encode_m4a, run

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    return clip[0][: 6 * 16_000 + 1]


@pytest.fixture
def book(tmp_path: Path, speech: np.ndarray) -> Path:
    """An audiobook with chapters, a date, a language and every kind of tag."""
    from mutagen.mp4 import MP4, MP4Cover

    chapters = tmp_path / "chapters.txt"
    one = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    text = one.format(0, 3000, "One") + one.format(3000, 6000, "Two")
    chapters.write_text(";FFMETADATA1\n" + text)
    path = tmp_path / "book.m4a"
    options = ["-i", str(chapters), "-map_chapters", "1", "-map", "0:a"]
    options += ["-metadata", "creation_time=2026-01-02T03:04:05Z"]
    encode_m4a(path, speech, *options, "-metadata:s:a:0", "language=deu")
    file = MP4(path)
    file["\xa9nam"], file["\xa9ART"], file["trkn"] = ["Títle"], ["Ann", "Bob"], [(3, 10)]
    file["stik"], file["cpil"], file["cprt"] = [2], True, ["mine"]
    file["\xa9lyr"], file["\xa9day"] = ["la"], ["2026"]
    file["covr"] = [MP4Cover(b"\x89PNG" + bytes(5000), MP4Cover.FORMAT_PNG)]
    file["----:org.example:rights"] = [b"mine"]
    file["----:com.apple.iTunes:iTunSMPB"] = [b" 00000000 00000840"]
    file.save()
    return path


@pytest.mark.codec
@pytest.mark.parametrize("flags", ["", "faststart"])
def test_tags_of_a_book_are_kept(
    tmp_path: Path, speech: np.ndarray, book: Path, flags: str
) -> None:
    import av
    from mutagen.mp4 import MP4

    target = tmp_path / "b.m4a"
    encode_av(target, speech, **({"movflags": flags} if flags else {}))
    keeping, lines = carry(book, target)
    assert keeping.lost == ()
    assert keeping.technical == ("encoder", "iTunSMPB")
    old, new = MP4(book).tags, MP4(target).tags
    for name in ("\xa9too", "----:com.apple.iTunes:iTunSMPB"):
        old.pop(name, None)
        if name != "\xa9too":
            assert name not in new
        new.pop(name, None)
    assert dict(new) == dict(old)
    assert [chapter.title for chapter in MP4(target).chapters] == ["One", "Two"]
    assert lines == ()
    with av.open(str(target)) as container:
        assert container.metadata["creation_time"].startswith("2026-01-02T03:04:05")
        assert container.streams.audio[0].language == "deu"
    run("ffmpeg", "-v", "error", "-xerror", "-i", target, "-map", "0:a", "-f", "null", "-")


@pytest.mark.codec
def test_chapters_that_the_copy_lacks_are_told(tmp_path: Path, book: Path) -> None:
    source, target = tmp_path / "a.mka", tmp_path / "b.mka"
    run("ffmpeg", "-v", "error", "-i", book, "-map", "0:a", "-c", "copy", source)
    run("ffmpeg", "-v", "error", "-i", source, "-map_chapters", "-1", "-c", "copy", target)
    assert carry_over(source, target, read_info(source)) == ("2 chapters were not kept",)
