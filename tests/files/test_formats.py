"""Every format keeps its rate, channels, sample format and length, and the mark is found in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from sottovoce.files import detect_file, protect_file, read, read_blocks, read_info

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = sv.Notice(owner_id=0x77)
LOSSLESS = [
    ("WAV", "PCM_U8", ".wav"),
    ("WAV", "PCM_16", ".wav"),
    ("WAV", "PCM_24", ".wav"),
    ("WAV", "PCM_32", ".wav"),
    ("WAV", "FLOAT", ".wav"),
    ("WAV", "DOUBLE", ".wav"),
    ("WAVEX", "PCM_24", ".wav"),
    ("RF64", "PCM_16", ".wav"),
    ("W64", "PCM_16", ".w64"),
    ("W64", "FLOAT", ".w64"),
    ("AIFF", "PCM_S8", ".aiff"),
    ("AIFF", "PCM_16", ".aiff"),
    ("AIFF", "PCM_24", ".aif"),
    ("AIFF", "FLOAT", ".aiff"),
    ("CAF", "PCM_16", ".caf"),
    ("CAF", "PCM_24", ".caf"),
    ("CAF", "FLOAT", ".caf"),
    ("CAF", "ALAC_16", ".caf"),
    ("FLAC", "PCM_S8", ".flac"),
    ("FLAC", "PCM_16", ".flac"),
    ("FLAC", "PCM_24", ".flac"),
]
LOSSY = [
    ("OGG", "VORBIS", ".ogg"),
    ("OGG", "OPUS", ".opus"),
    ("MP3", "MPEG_LAYER_III", ".mp3"),
]


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> dict[int, np.ndarray]:
    """Twelve seconds and an odd number of samples, at three rates."""
    import soxr

    y = clip[0][: 12 * 16_000 + 123]
    return {sr: soxr.resample(y, 16_000, sr) for sr in (16_000, 44_100, 48_000)}


def write_source(
    path: Path, y: np.ndarray, sr: int, channels: int, file_format: str, subtype: str
) -> None:
    block = y[:, None] if channels == 1 else np.stack([y, 0.5 * y[::-1]], axis=1)
    sf.write(path, block, sr, subtype, format=file_format)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("file_format", "subtype", "suffix"), LOSSLESS + LOSSY)
def test_a_protected_file_is_like_its_original(
    tmp_path: Path,
    speech: dict[int, np.ndarray],
    file_format: str,
    subtype: str,
    suffix: str,
    channels: int,
) -> None:
    sr = 48_000 if subtype == "OPUS" else 44_100 if channels == 2 else 16_000
    source, target = tmp_path / f"take{suffix}", tmp_path / f"out{suffix}"
    write_source(source, speech[sr], sr, channels, file_format, subtype)
    before = source.read_bytes()
    # At some phases twelve seconds are too few to read the owner after a lossy codec.
    result = protect_file(source, target, notice=NOTICE, phase_s=0.5)
    assert result.status == "marked"
    old, new = sf.info(source), sf.info(target)
    for name in ("frames", "samplerate", "channels", "format", "subtype"):
        assert getattr(old, name) == getattr(new, name)
    assert source.read_bytes() == before
    detection = detect_file(target)
    assert detection.verdict == "protected"
    assert detection.voices[0].notice == NOTICE
    assert not detect_file(source).found
    lossy = (file_format, subtype, suffix) in LOSSY
    assert any("lossy" in line for line in result.warnings) == lossy
    if lossy:
        assert target.stat().st_size >= 0.97 * source.stat().st_size
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(("file_format", "subtype", "suffix"), LOSSLESS)
def test_samples_that_the_mark_leaves_alone_keep_every_bit(
    tmp_path: Path, rng: np.random.Generator, file_format: str, subtype: str, suffix: str
) -> None:
    """A tone above the bands, with digital silence around it, passes through unchanged."""
    y = 0.9 * np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000)
    y[:10_000] = 0.0
    y[-10_000:] = 0.0
    source, target = tmp_path / f"take{suffix}", tmp_path / f"out{suffix}"
    write_source(source, y, 48_000, 1, file_format, subtype)
    protect_file(source, target, notice=NOTICE)
    kind = "float64" if subtype == "DOUBLE" else "float32" if subtype == "FLOAT" else "int32"
    old, _ = sf.read(source, dtype=kind)
    new, _ = sf.read(target, dtype=kind)
    silent = np.r_[0:9_000, 39_500:48_000]
    np.testing.assert_array_equal(new[silent], old[silent])


def test_float_files_keep_what_is_over_full_scale(tmp_path: Path) -> None:
    y = np.full(16_000, 1.5, dtype=np.float32)
    sf.write(tmp_path / "a.wav", y, 16_000, "FLOAT")
    protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    assert np.abs(sf.read(tmp_path / "b.wav")[0]).max() == pytest.approx(1.5, rel=1e-3)


def test_64_bit_files_are_not_rounded_to_32(tmp_path: Path, rng: np.random.Generator) -> None:
    y = np.round(rng.standard_normal(16_000) * 0.1 * 2**31).astype(np.int32)
    sf.write(tmp_path / "a.wav", y, 16_000, "PCM_32")
    protect_file(tmp_path / "a.wav", tmp_path / "b.wav", notice=NOTICE)
    new, _ = sf.read(tmp_path / "b.wav", dtype="int32")
    assert (new & 0xFF).any()


def test_read_and_read_blocks_agree(tmp_path: Path, speech: dict[int, np.ndarray]) -> None:
    path = tmp_path / "a.flac"
    write_source(path, speech[16_000], 16_000, 2, "FLAC", "PCM_16")
    y, sr = read(path)
    assert (y.shape, sr, y.dtype) == ((2, 192_123), 16_000, np.float32)
    blocks = list(read_blocks(path, block_s=0.7))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), y)
    assert blocks[0].shape == (2, 11_200)
    assert read(path)[0].ndim == 2


def encode_av(path: Path, y: np.ndarray, sr: int, *, muxer: str, codec: str) -> None:
    """Write (channels, n) through PyAV, as a phone or a browser would."""
    import av

    layout = "mono" if len(y) == 1 else "stereo"
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=sr)
        stream.layout = layout
        stream.bit_rate = 64_000 * len(y)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(y, dtype=np.float32), format="fltp", layout=layout
        )
        frame.sample_rate = sr
        converter = av.AudioResampler(format=stream.format.name, layout=layout, rate=sr)
        for part in [*converter.resample(frame), None]:
            for packet in stream.encode(part):
                container.mux(packet)


@pytest.mark.codec
def test_a_flac_that_does_not_know_its_length_can_be_checked(
    tmp_path: Path, speech: dict[int, np.ndarray]
) -> None:
    path = tmp_path / "streamed.flac"
    sf.write(path, sv.protect(speech[16_000], sr=16_000, notice=NOTICE), 16_000)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert detect_file(path).voices[0].notice == NOTICE
    assert detect_file(path).duration_s == pytest.approx(192_123 / 16_000)


@pytest.mark.codec
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sr", [16_000, 44_100, 48_000])
def test_m4a_keeps_its_length(
    tmp_path: Path, speech: dict[int, np.ndarray], sr: int, channels: int
) -> None:
    source, target = tmp_path / "take.m4a", tmp_path / "out.m4a"
    encode_av(source, np.tile(speech[sr], (channels, 1)), sr, muxer="ipod", codec="aac")
    # At some phases twelve seconds are too few to read the owner after a lossy codec.
    result = protect_file(source, target, notice=NOTICE, phase_s=0.5)
    assert (result.format, result.subtype) == ("M4A", "AAC")
    old, new = read(source), read(target)
    assert old[0].shape == new[0].shape
    assert old[1] == new[1] == sr
    assert detect_file(target).voices[0].notice == NOTICE
    assert target.stat().st_size >= 0.97 * source.stat().st_size


@pytest.mark.codec
@pytest.mark.parametrize(("muxer", "suffix"), [("webm", ".webm"), ("matroska", ".mkv")])
def test_recordings_of_calls_are_checked_and_written(
    tmp_path: Path, speech: dict[int, np.ndarray], muxer: str, suffix: str
) -> None:
    path = tmp_path / f"call{suffix}"
    marked = sv.protect(speech[48_000], sr=48_000, notice=NOTICE, phase_s=0.0)
    encode_av(path, marked[None], 48_000, muxer=muxer, codec="libopus")
    assert detect_file(path).verdict == "protected"
    assert read_info(path).subtype == "OPUS"
    target = tmp_path / f"out{suffix}"
    # Two marks that begin at nearly the same moment are told apart less well.
    protect_file(path, target, notice=sv.Notice(owner_id=0x78), remark=True, phase_s=1.0)
    assert read_info(target) == replace(
        read_info(path), path=str(target), n_bytes=target.stat().st_size
    )
