"""What a file says of its samples is true of the new ones."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.files import protect_file
from sottovoce.files.keeping.chunks import read_chunks

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = sv.Notice(owner_id=9)
SR = 16_000


@pytest.fixture
def speech(clip: tuple[np.ndarray, int]) -> np.ndarray:
    y = clip[0][: 12 * SR]
    return np.stack([0.4 * y, 0.7 * np.roll(y, 100)], axis=1).astype(np.float32)


def read_chunk(path: Path, name: bytes, start: int = 0) -> tuple[bytes, int]:
    data = path.read_bytes()
    with path.open("rb") as file:
        chunk = next(chunk for chunk in read_chunks(file, start) if chunk.name == name)
    return data[chunk.body : chunk.body + chunk.n_bytes], chunk.body


def parse_peaks(body: bytes, form: str, n_before: int) -> list[tuple[float, int]]:
    return [tuple(pair) for pair in struct.iter_unpack(form, body[n_before:])]


def measure_peaks(path: Path, begin: int = 0, end: int | None = None) -> list[tuple[float, int]]:
    y = np.abs(sf.read(path, dtype="float32", always_2d=True)[0][begin:end])
    return [(float(y[:, c].max()), int(y[:, c].argmax())) for c in range(y.shape[1])]


@pytest.mark.parametrize(
    ("name", "container", "subtype", "order"),
    [
        ("a.wav", "WAV", "FLOAT", "<"),
        ("a.wav", "WAV", "DOUBLE", "<"),
        ("a.wav", "WAVEX", "FLOAT", "<"),
        ("a.aiff", "AIFF", "FLOAT", ">"),
    ],
)
def test_peaks_are_those_of_the_new_samples(
    name: str, container: str, subtype: str, order: str, speech: np.ndarray, tmp_path: Path
) -> None:
    source, target = tmp_path / name, tmp_path / f"out-{name}"
    sf.write(source, speech, SR, format=container, subtype=subtype)
    before, _ = read_chunk(source, b"PEAK")
    assert parse_peaks(before, f"{order}fI", 8) == measure_peaks(source)
    protect_file(source, target, notice=NOTICE)
    after, _ = read_chunk(target, b"PEAK")
    assert after[:8] == before[:8]
    assert parse_peaks(after, f"{order}fI", 8) == measure_peaks(target)
    assert after != before


def test_each_of_joined_files_gets_its_own_peaks(speech: np.ndarray, tmp_path: Path) -> None:
    sf.write(tmp_path / "one.wav", speech, SR, subtype="FLOAT")
    sf.write(tmp_path / "two.wav", 0.5 * speech[::-1], SR, subtype="FLOAT")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.wav", "two.wav"))
    (tmp_path / "both.wav").write_bytes(one + two)
    protect_file(tmp_path / "both.wav", tmp_path / "out.wav", notice=NOTICE)
    for number, start in enumerate((0, len(one))):
        part = tmp_path / f"part{number}.wav"
        part.write_bytes((tmp_path / "out.wav").read_bytes()[start : start + len(one)])
        body, _ = read_chunk(part, b"PEAK")
        assert parse_peaks(body, "<fI", 8) == measure_peaks(part)


def test_caf_counts_the_edit(speech: np.ndarray, tmp_path: Path) -> None:
    source, target = tmp_path / "a.caf", tmp_path / "b.caf"
    sf.write(source, speech, SR, subtype="FLOAT")
    body, at = read_chunk(source, b"peak")
    assert len(body) == 4 + 12 * 2
    protect_file(source, target, notice=NOTICE)
    after, same = read_chunk(target, b"peak")
    assert same == at
    assert parse_peaks(after, ">fQ", 4) == measure_peaks(target)
    assert int.from_bytes(after[:4], "big") == int.from_bytes(body[:4], "big") + 1
    assert read_chunk(target, b"data")[0][:4] == after[:4]


def test_a_file_without_such_a_chunk_keeps_every_byte_but_its_samples(
    speech: np.ndarray, tmp_path: Path
) -> None:
    sf.write(tmp_path / "a.wav", speech, SR, subtype="PCM_16")
    protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    assert (tmp_path / "b.wav").read_bytes()[:44] == (tmp_path / "a.wav").read_bytes()[:44]


@pytest.mark.parametrize(
    ("name", "words"), [(b"levl", "old peak envelope"), (b"MD5 ", "MD5 checksum")]
)
def test_what_cannot_be_true_any_more_is_left_out_and_told(
    name: bytes, words: str, speech: np.ndarray, tmp_path: Path
) -> None:
    sf.write(tmp_path / "a.wav", speech, SR, subtype="PCM_16")
    extra = name + struct.pack("<I", 16) + bytes(range(16))
    data = (tmp_path / "a.wav").read_bytes() + extra
    (tmp_path / "a.wav").write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    done = protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    assert any(line.startswith("left out: ") and words in line for line in done.warnings)
    copied = (tmp_path / "b.wav").read_bytes()
    assert len(copied) == len(data)
    assert copied[-24:] == b"JUNK" + struct.pack("<I", 16) + bytes(16)


def test_a_sphere_file_calls_its_checksum_that_of_the_source(
    speech: np.ndarray, tmp_path: Path
) -> None:
    fields = ["sample_count -i 192000", "sample_rate -i 16000", "channel_count -i 1"]
    fields += ["sample_n_bytes -i 2", "sample_byte_format -s2 01", "sample_coding -s3 pcm"]
    fields += ["sample_checksum -i 12345", "sample_max -i 9", "end_head"]
    header = "\n".join(["NIST_1A", "   1024", *fields]).encode() + b"\n"
    samples = (speech[:, 1] * 32_767).astype("<i2").tobytes()
    (tmp_path / "a.sph").write_bytes(header.ljust(1024) + samples)
    protect_file(tmp_path / "a.sph", tmp_path / "b.sph", notice=NOTICE)
    written = (tmp_path / "b.sph").read_bytes()
    assert b"source_checksum -i 12345\nsource_max -i 9\nend_head" in written[:1024]
    assert b"sample_count -i 192000" in written[:1024]
    assert len(written) == 1024 + len(samples)
