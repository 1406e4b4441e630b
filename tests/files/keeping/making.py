"""Make files with every kind of tag, and carry them over."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

from sottovoce.files import read, read_info
from sottovoce.files.keeping import carry_over, plan_keeping

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.files.keeping import Keeping

LAME = b"LAME3.100"


def run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def carry(source: Path, target: Path) -> tuple[Keeping, tuple[str, ...]]:
    """Plan, carry over, and hold the sound of the copy against what it was before."""
    info = read_info(source)
    before = read(target)[0]
    keeping = plan_keeping(source, info)
    lines = carry_over(source, target, info)
    after = read(target)[0]
    assert before.shape == after.shape
    assert np.array_equal(before, after)
    return keeping, lines


def frame(name: bytes, body: bytes, version: int = 3) -> bytes:
    size = len(body)
    raw = synchsafe(size) if version == 4 else size.to_bytes(4, "big")
    return name + raw + b"\0\0" + body


def synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames: bytes, version: int = 3, padding: int = 64) -> bytes:
    content = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, 0]) + synchsafe(len(content)) + content


def ape(**items: bytes) -> bytes:
    body = b"".join(
        len(value).to_bytes(4, "little") + bytes(4) + key.encode() + b"\0" + value
        for key, value in items.items()
    )
    numbers = (2000, len(body) + 32, len(items))
    head = b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in numbers)
    ends = [(flags << 29).to_bytes(4, "little") + bytes(8) for flags in (5, 4)]
    return head + ends[0] + body + head + ends[1]


CHAPTER = b"ch0\0" + bytes(4) + (3000).to_bytes(4, "big") + bytes(4) + b"\0\0\x10\0"
KEPT = [
    frame(b"TIT2", b"\x01\xff\xfeT\0\xed\0t\0"),
    frame(b"TPE1", b"\0Ann/Bob"),
    frame(b"TENC", b"\0Ann's desk"),
    frame(b"APIC", b"\0image/png\0\x03\0\x89PNG" + bytes(500)),
    frame(b"XYZZ", b"a frame that nobody knows"),
]
DROPPED = [
    frame(b"TSSE", b"\0" + LAME),
    frame(b"TLEN", b"\x006000"),
    frame(b"COMM", b"\0engiTunSMPB\0 00000000 00000210"),
    frame(b"TXXX", b"\0MP3GAIN_UNDO\0+003,+003,N"),
]


def encode_m4a(path: Path, y: np.ndarray, *options: str) -> None:
    wav = path.with_suffix(".wav")
    sf.write(wav, y, 16_000)
    run("ffmpeg", "-v", "error", "-y", "-i", wav, *options, "-c:a", "aac", path)


def encode_av(path: Path, y: np.ndarray, **options: str) -> None:
    """Encode as a writer of the product does, without tags."""
    import av

    with av.open(str(path), "w", format="ipod", options=options) as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
