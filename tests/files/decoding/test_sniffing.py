"""Sound is told from other things by its first bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile as sf

from sottovoce.files.decoding.sniffing import HEAD_BYTES, sounds_like_audio

KINDS = ["WAV", "RF64", "W64", "FLAC", "AIFF", "CAF", "OGG", "MP3", "AU", "NIST", "VOC"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sr", [16_000, 44_100])
def test_what_libsndfile_writes_is_sound(kind, sr, rng):
    file = io.BytesIO()
    file.name = f"x.{kind.lower()}"
    y = rng.normal(scale=0.1, size=2 * sr)
    sf.write(file, y, sr, format=kind, subtype="PCM_U8" if kind == "VOC" else None)
    assert sounds_like_audio(file.getvalue()[:HEAD_BYTES])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"plain text",
        b"GGG" * 300,
        "Ātext in UTF-16 with a byte order mark, long enough".encode("utf-16") * 9,
        b"\xff\xd8\xff\xe0\0\x10JFIF\0" * 90,
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"PK\x03\x04" + bytes(500),
        b"%PDF-1.7\n" + bytes(500),
        b"RIFF\x10\0\0\0WEBPVP8 " + bytes(500),
        b"\0\0\0\x18ftypheic" + bytes(500),
        b"\xff" * 1_000,
    ],
    ids=lambda head: repr(head[:6]),
)
def test_other_things_are_not(head):
    assert not sounds_like_audio(head)


def test_noise_is_hardly_ever_taken_for_sound():
    # The shortest magic numbers have 16 bits; a few of those, and a search for frames, make less
    # than one in a thousand, which 20,000 seeded trials would exceed by chance never.
    rng = np.random.default_rng(0)
    taken = sum(sounds_like_audio(rng.bytes(2_000)) for _ in range(20_000))
    assert taken <= 20
