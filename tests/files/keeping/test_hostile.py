"""Tags that lie about their sizes cost neither memory nor a traceback."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import AudioFileError
from sottovoce.files import read, read_info
from sottovoce.files.keeping import carry_over, plan_keeping
from sottovoce.files.keeping.splicing import splice

if TYPE_CHECKING:
    from pathlib import Path

HUGE = b"\x7f\x7f\x7f\x7f"
SIZE_FF = b"\xff\xff\xff\xff"


def hostile(kind: str, sound: bytes) -> bytes:
    """Return a file of a kind with a size in it that lies."""
    files = {
        "id3": b"ID3\x04\0\0" + HUGE + sound,
        "frame": b"ID3\x04\0\0\0\0\0\x14TIT2" + HUGE + b"\0\0" + bytes(10) + sound,
        "ape": sound + b"APETAGEX\xd0\x07\0\0" + SIZE_FF + SIZE_FF + bytes(12),
        "lyrics": sound + b"999999LYRICS200",
        "footer": sound + b"3DI\x04\0\x10" + HUGE,
        "flac": b"fLaC\x00\0\0\x22" + bytes(34) + b"\x04\xff\xff\xff" + bytes(40),
        "comments": b"fLaC\0\0\0\x22" + bytes(34) + b"\x84\0\0\x08" + bytes(4) + SIZE_FF,
        "ogg": b"OggS\0\x02" + bytes(20) + b"\xff" + b"\xff" * 255 + bytes(99),
        "boxes": b"\0\0\0\x08ftyp\0\0\0\x10moov\0\0\0\x08udta\0\0\0\x08moov\0\0\0\0mdat",
        "box": b"\0\0\0\x08ftyp\0\0\0\x18moov" + SIZE_FF + b"udta" + bytes(8),
        "zero": b"\0\0\0\x08ftyp\0\0\0\x20moov\0\0\0\0udta\0\0\0\0meta\0\0\0\0ilst",
        "riff": b"RIFF\0\0\0\0WAVEid3 \x20\0\0\0ID3\x03\0\0" + HUGE + bytes(22),
        "caf": b"caff\0\1\0\0mark" + SIZE_FF * 2 + bytes(8),
    }
    return files[kind]


KINDS = [
    *("id3", "frame", "ape", "lyrics", "footer", "flac", "comments", "ogg", "boxes", "box"),
    *("zero", "riff", "caf"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_lies_about_sizes_are_told_in_bounded_memory(
    tmp_path: Path, clip: tuple[np.ndarray, int], kind: str
) -> None:
    made = tmp_path / "made.mp3"
    sf.write(made, clip[0][:16_000], 16_000)
    info = read_info(made)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(hostile(kind, made.read_bytes()))
    target.write_bytes(hostile(kind, made.read_bytes()))
    subtype = "PCM_16" if kind in {"riff", "caf"} else info.subtype
    info = replace(info, path=str(source), subtype=subtype, format="WAV")
    tracemalloc.start()
    try:
        plan_keeping(source, info)
        carry_over(source, target, info)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.codec
@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".opus", ".m4a"])
def test_flipped_bytes_in_the_tags_never_raise_nor_touch_the_sound(
    tmp_path: Path, clip: tuple[np.ndarray, int], rng: np.random.Generator, suffix: str
) -> None:
    from tests.files.keeping.making import encode_m4a

    good, source, target = (tmp_path / f"{name}{suffix}" for name in ("good", "a", "b"))
    if suffix == ".m4a":
        encode_m4a(good, clip[0][:16_000], "-metadata", "title=Take", "-movflags", "faststart")
    else:
        kind = {"format": "OGG", "subtype": "OPUS"} if suffix == ".opus" else {}
        sf.write(good, clip[0][:16_000], 16_000, **kind)
    data = good.read_bytes()
    info = read_info(good)
    sound = read(good)[0]
    for _ in range(100):
        bad = bytearray(data)
        for at in rng.integers(0, min(len(bad), 1500), 3):
            bad[at] = rng.integers(256)
        source.write_bytes(bad)
        target.write_bytes(data)
        plan_keeping(source, info)
        carry_over(source, target, info)
        with contextlib.suppress(AudioFileError):
            if suffix == ".flac":  # refuses blocks that it cannot read, in the original too
                read(source)
            assert np.array_equal(read(target)[0], sound)


@pytest.mark.slow
def test_a_picture_of_100_mb_is_kept(tmp_path: Path, clip: tuple[np.ndarray, int]) -> None:
    from tests.files.keeping.making import frame, id3

    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    sf.write(target, clip[0][:16_000], 16_000)
    sound = target.read_bytes()
    picture = frame(b"APIC", b"\0image/png\0\x03\0" + bytes(100 << 20))
    source.write_bytes(id3(picture) + sound)
    info = replace(read_info(target), path=str(source))
    assert plan_keeping(source, info).lost == ()
    assert carry_over(source, target, info) == ()
    assert target.read_bytes() == source.read_bytes()


@given(
    old=st.binary(max_size=60), new=st.binary(max_size=60), cut=st.tuples(*[st.integers(0, 60)] * 2)
)
def test_splicing_is_slicing(old: bytes, new: bytes, cut: tuple[int, int]) -> None:
    start, stop = sorted(min(value, len(old)) for value in cut)
    file = io.BytesIO(old)
    splice(file, start, stop - start, new)
    assert file.getvalue() == old[:start] + new + old[stop:]
