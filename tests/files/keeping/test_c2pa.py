"""A marked copy carries no C2PA manifest that it would fail."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from sottovoce.files import read, read_info
from sottovoce.files.keeping import carry_over, plan_keeping

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("c2pa", reason="c2pa-python comes with the group of all tests")

MANIFEST = "the C2PA manifest, which the mark makes invalid"
MIMES = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".m4a": "audio/mp4"}


@pytest.mark.codec
@pytest.mark.parametrize("suffix", sorted(MIMES))
def test_a_manifest_is_named_and_no_reader_finds_it(
    tmp_path: Path, clip: tuple[np.ndarray, int], suffix: str
) -> None:
    from tests.files.keeping.signing import read_state, sign

    plain, source, target = (tmp_path / f"{name}{suffix}" for name in ("plain", "a", "b"))
    wav = tmp_path / "made.wav"
    sf.write(wav, clip[0][: 6 * 16_000], 16_000)
    words = ["ffmpeg", "-v", "error", "-i", str(wav), "-metadata", "title=Take", str(plain)]
    subprocess.run(words, check=True)
    sign(plain, source, MIMES[suffix])
    assert read_state(source, MIMES[suffix]) == "Valid"
    info = read_info(source)
    assert MANIFEST in plan_keeping(source, info).dropped
    assert not any("C2PA" in line for line in plan_keeping(plain, read_info(plain)).dropped)
    if suffix == ".wav":  # copied, and other samples put in
        data = bytearray(source.read_bytes())
        at = data.index(b"data") + 8
        data[at : at + 1000] = bytes(1000)
        target.write_bytes(data)
        assert read_state(target, MIMES[suffix]) == "Invalid"
    else:
        shutil.copy(plain, target)
    before = read(target)[0]
    assert carry_over(source, target, info) == ()
    assert np.array_equal(read(target)[0], before)
    assert read_state(target, MIMES[suffix]) == "none"
    assert MANIFEST not in plan_keeping(target, read_info(target)).dropped


@pytest.mark.parametrize("kind", [b"application/x-c2pa-manifest-store", b"application/c2pa"])
def test_a_manifest_in_the_id3_tag_of_a_wav_goes_and_nothing_moves(
    tmp_path: Path, clip: tuple[np.ndarray, int], kind: bytes
) -> None:
    from tests.files.keeping.making import KEPT, frame, id3

    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    sf.write(source, clip[0][:16_000], 16_000)
    tag = id3(*KEPT, frame(b"GEOB", b"\0" + kind + b"\0c2pa\0\0" + bytes(200)), padding=64)
    data = source.read_bytes()
    body = data[8:] + b"id3 " + len(tag).to_bytes(4, "little") + tag + bytes(len(tag) & 1)
    source.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    shutil.copy(source, target)
    assert plan_keeping(source, read_info(source)).dropped == (MANIFEST,)
    carry_over(source, target, read_info(source))
    left = target.read_bytes()
    assert len(left) == len(source.read_bytes())
    assert kind not in left
    assert b"".join(KEPT) in left
    assert left[: len(data)][8:] == source.read_bytes()[: len(data)][8:]
