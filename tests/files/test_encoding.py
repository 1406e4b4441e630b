"""Encoding once more keeps codec, rate, layout, length and level; lossless stays lossless."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile as sf

from sottovoce.errors import UnsupportedFormatError
from sottovoce.files.audio_info import AudioInfo
from sottovoce.files.encoding import choose_encoding
from sottovoce.files.track_description import describe_track
from sottovoce.files.writing import convertible_suffixes, open_writer, writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.codec

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@pytest.fixture(scope="module")
def speech(clip: tuple[np.ndarray, int]) -> dict[int, np.ndarray]:
    """Two seconds and an odd number of samples, at the rates that codecs know."""
    import soxr

    y = clip[0][: 2 * 16_000 + 123]
    return {sr: soxr.resample(y, 16_000, sr) for sr in (8_000, 16_000, 44_100, 48_000)}


def encode(
    path: Path,
    y: np.ndarray,
    sr: int,
    *,
    muxer: str,
    codec: str,
    layout: str,
    sample_format: str = "flt",
    bit_rate: int = 0,
) -> None:
    """Write (channels, n) through PyAV as other programs would."""
    import av

    options = {"bits_per_raw_sample": "24"} if sample_format == "s32" else {}
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=sr, options=options)
        stream.layout = layout
        names = [form.name for form in stream.codec_context.codec.audio_formats]
        stream.format = next((n for n in names if n.startswith(sample_format)), names[0])
        if bit_rate:
            stream.bit_rate = bit_rate
        scales = {"s16": (32767, "i2", 0), "s32": (2**23 - 1, "i4", 8)}
        packed: Any = y.T.astype("f4")
        if sample_format in scales:
            scale, dtype, shift = scales[sample_format]
            packed = (y.T * scale).astype(dtype) << shift
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(packed).reshape(1, -1), format=sample_format, layout=layout
        )
        frame.sample_rate = sr
        frame.pts = 0
        for part in (frame, None):
            container.mux(stream.encode(part))


def decode(path: Path, index: int = 0) -> tuple[np.ndarray, dict[str, Any]]:
    """Return (channels, n), with the edit list of MP4 applied to the end, and what it is."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        context = stream.codec_context
        layout = context.layout.name
        resampler = av.AudioResampler(format="flt", layout=layout, rate=context.sample_rate)
        parts = [
            part.to_ndarray().reshape(-1, context.layout.nb_channels)
            for frame in container.decode(stream)
            for part in resampler.resample(frame)
        ]
        y = np.concatenate(parts).T
        if container.format.name.startswith("mov") and stream.duration:
            y = y[:, : round(stream.duration * stream.time_base * context.sample_rate)]
        facts = {
            "codec": context.codec.canonical_name,
            "layout": layout,
            "format": context.format.name,
            "sr": context.sample_rate,
        }
    return y, facts


def info_of(path: Path, y: np.ndarray, sr: int, **more: Any) -> AudioInfo:
    facts = {"format": path.suffix[1:].upper(), "subtype": "?", "n_bytes": path.stat().st_size}
    return AudioInfo(
        path=str(path), sr=sr, n_channels=len(y), n_frames=y.shape[1], **(facts | more)
    )


def write_again(source: Path, target: Path, y: np.ndarray, sr: int, **more: Any) -> None:
    writer = open_writer(target, info_of(source, y, sr, **more))
    for start in range(0, y.shape[1], 30_011):
        writer.write(y[:, start : start + 30_011], y[:, start : start + 30_011])
    writer.close()


def level_db(y: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(np.square(y, dtype=np.float64))))


LOSSLESS: Sequence[tuple[str, str, str, str]] = [
    ("mp4", ".m4a", "alac", "s16"),
    ("mp4", ".m4a", "alac", "s32"),
    ("mov", ".mov", "pcm_s16be", "s16"),
    ("mov", ".mov", "pcm_s24le", "s32"),
    ("wv", ".wv", "wavpack", "s16"),
    ("wv", ".wv", "wavpack", "s32"),
    ("tta", ".tta", "tta", "s16"),
    ("tta", ".tta", "tta", "s32"),
    ("matroska", ".mka", "flac", "s16"),
    ("matroska", ".mka", "flac", "s32"),
    ("matroska", ".mka", "pcm_f32le", "flt"),
    ("matroska", ".mka", "wavpack", "s16"),
]


@pytest.mark.parametrize("channels", [2, 6])
@pytest.mark.parametrize(("muxer", "suffix", "codec", "sample_format"), LOSSLESS)
def test_lossless_formats_keep_every_bit(
    tmp_path: Path,
    speech: dict[int, np.ndarray],
    muxer: str,
    suffix: str,
    codec: str,
    sample_format: str,
    channels: int,
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    y = np.stack([np.roll(speech[44_100], 997 * k) for k in range(channels)])
    layout = LAYOUTS[channels]
    encode(
        source,
        y,
        44_100,
        muxer=muxer,
        codec=codec,
        layout=layout,
        sample_format=sample_format,
    )
    old, facts = decode(source)
    write_again(source, target, old, 44_100)
    new, new_facts = decode(target)
    assert new_facts == facts
    np.testing.assert_array_equal(new, old)
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, target.name]


LOSSY: Sequence[tuple[str, str, str, int, int, int, int]] = [
    # muxer, suffix, encoder, rate, channels, bit rate, samples that it may grow by
    ("mp4", ".m4a", "aac", 44_100, 2, 96_000, 0),
    ("mp4", ".mp4", "aac", 48_000, 6, 256_000, 0),
    ("3gp", ".3gp", "aac", 16_000, 1, 48_000, 0),
    ("mp4", ".mp4", "libmp3lame", 48_000, 2, 128_000, 0),
    ("mp4", ".mp4", "ac3", 48_000, 6, 448_000, 0),
    ("mp4", ".mp4", "mp2", 48_000, 2, 128_000, 0),
    ("matroska", ".mka", "aac", 48_000, 2, 128_000, 0),
    ("matroska", ".mka", "ac3", 48_000, 6, 448_000, 0),
    ("matroska", ".mka", "libmp3lame", 44_100, 2, 128_000, 0),
    ("matroska", ".mka", "libopus", 48_000, 8, 512_000, 0),
    ("webm", ".webm", "libopus", 48_000, 2, 128_000, 0),
    ("asf", ".wma", "wmav1", 44_100, 2, 128_000, 0),
    ("asf", ".wma", "wmav2", 44_100, 1, 64_000, 0),
    ("mp3", ".mp3", "libmp3lame", 44_100, 2, 128_000, 0),
    ("adts", ".aac", "aac", 44_100, 2, 128_000, 1024),
    ("ac3", ".ac3", "ac3", 48_000, 6, 448_000, 1536),
    ("eac3", ".eac3", "eac3", 48_000, 2, 192_000, 1536),
    ("mp2", ".mp2", "mp2", 48_000, 1, 128_000, 1152),
    ("mpegts", ".ts", "aac", 48_000, 2, 128_000, 1024),
    ("mpegts", ".ts", "mp2", 48_000, 2, 128_000, 1152),
]


@pytest.mark.parametrize(("muxer", "suffix", "codec", "sr", "channels", "bit_rate", "slack"), LOSSY)
def test_lossy_formats_keep_what_they_are_and_their_length(
    tmp_path: Path,
    speech: dict[int, np.ndarray],
    muxer: str,
    suffix: str,
    codec: str,
    sr: int,
    channels: int,
    bit_rate: int,
    slack: int,
) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    y = np.stack([speech[sr] * 0.9**k for k in range(channels)])
    sample_format = "s16" if codec == "mp2" else "flt"
    encode(
        source,
        y,
        sr,
        muxer=muxer,
        codec=codec,
        layout=LAYOUTS[channels],
        sample_format=sample_format,
        bit_rate=bit_rate,
    )
    old, facts = decode(source)
    write_again(source, target, old, sr)
    new, new_facts = decode(target)
    assert new_facts == facts
    assert old.shape[1] <= new.shape[1] <= old.shape[1] + slack
    assert level_db(new[:, : old.shape[1]]) - level_db(old) == pytest.approx(0.0, abs=0.1)
    assert target.stat().st_size >= 0.97 * source.stat().st_size


@pytest.mark.parametrize(("muxer", "suffix", "codec"), [("adts", ".aac", "aac")])
def test_an_encoders_delay_does_not_add_up(
    tmp_path: Path, speech: dict[int, np.ndarray], muxer: str, suffix: str, codec: str
) -> None:
    y = np.concatenate([np.zeros((1, 2_048)), speech[44_100][None]], axis=1)
    paths = [tmp_path / f"{k}{suffix}" for k in range(4)]
    encode(paths[0], y, 44_100, muxer=muxer, codec=codec, layout="mono", bit_rate=64_000)
    first = decode(paths[0])[0]
    for old, new in pairwise(paths):
        write_again(old, new, decode(old)[0], 44_100)
    last = decode(paths[-1])[0]
    assert last.shape == first.shape
    assert np.corrcoef(first[0], last[0])[0, 1] > 0.99


MP3_CASES = [
    (16_000, 1, 32, False),
    (16_000, 2, 160, False),
    (44_100, 1, 64, False),
    (44_100, 2, 128, False),
    (44_100, 2, 192, False),
    (48_000, 1, 224, False),
    (48_000, 2, 256, False),
    (48_000, 2, 320, False),
    (16_000, 1, 48, True),
    (44_100, 2, 150, True),
    (48_000, 1, 96, True),
    (48_000, 2, 208, True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sr", "channels", "kbps", "is_vbr"), MP3_CASES)
def test_ten_encodings_of_mp3_keep_level_length_and_kind(
    tmp_path: Path, speech: dict[int, np.ndarray], sr: int, channels: int, kbps: int, is_vbr: bool
) -> None:
    y = np.stack([speech[sr], 0.5 * speech[sr][::-1]])[:channels]
    paths = [tmp_path / f"{k}.mp3" for k in range(11)]
    encode(
        paths[0],
        y,
        sr,
        muxer="mp3",
        codec="libmp3lame",
        layout=LAYOUTS[channels],
        bit_rate=1000 * kbps,
    )
    first = sf.read(paths[0], always_2d=True)[0].T
    for old, new in pairwise(paths):
        z = sf.read(old, always_2d=True)[0].T
        more = {"bit_rate": 1000.0 * kbps, "is_vbr": is_vbr}
        write_again(old, new, z, sr, **more)
    last = sf.read(paths[-1], always_2d=True)[0].T
    assert first.shape == last.shape == decode(paths[-1])[0].shape == y.shape
    assert level_db(last) - level_db(first) == pytest.approx(0.0, abs=0.1)
    head = paths[-1].read_bytes()[:400]
    assert (b"Xing" in head) == is_vbr
    assert (b"Info" in head) == (not is_vbr)


def test_a_full_scale_mp3_is_not_clipped(tmp_path: Path) -> None:
    """What LAME turns down is turned up before, in floats, over full scale and back."""
    y = 0.99 * np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)[None]
    source, target = tmp_path / "a.mp3", tmp_path / "b.mp3"
    encode(source, y, 48_000, muxer="mp3", codec="libmp3lame", layout="mono", bit_rate=128_000)
    write_again(source, target, y, 48_000, bit_rate=128_000.0)
    new = decode(target)[0][0, 5_000:40_000]
    spectrum = np.abs(np.fft.rfft(new * np.hanning(len(new))))
    third = np.abs(np.fft.rfftfreq(len(new), 1 / 48_000) - 3 * 997) < 20
    assert spectrum[third].max() < 1e-3 * spectrum.max()
    assert np.sqrt(2.0 * np.mean(new**2)) == pytest.approx(0.99, rel=0.01)


@pytest.mark.parametrize("layout", ["5.1", "5.1(side)", "5.0", "quad", "7.1", "7.1(wide)"])
def test_the_layout_is_kept_not_only_the_count(
    tmp_path: Path, speech: dict[int, np.ndarray], layout: str
) -> None:
    import av

    n = av.AudioLayout(layout).nb_channels
    source, target = tmp_path / "a.wv", tmp_path / "b.wv"
    y = np.stack([np.roll(speech[48_000], 500 * k) for k in range(n)])
    encode(source, y, 48_000, muxer="wv", codec="wavpack", layout=layout, sample_format="s16")
    old, facts = decode(source)
    write_again(source, target, old, 48_000)
    assert decode(target)[1] == facts


@pytest.mark.parametrize("n", range(1, 65))
def test_every_number_of_channels_is_written(tmp_path: Path, n: int) -> None:
    y = np.arange(n)[:, None] / 100.0 + np.zeros(2_000)
    source, target = tmp_path / "a.mka", tmp_path / "b.mka"
    encode(
        source,
        y,
        48_000,
        muxer="matroska",
        codec="pcm_s16le",
        layout=f"{n} channels",
        sample_format="s16",
    )
    old, _ = decode(source)
    write_again(source, target, old, 48_000)
    np.testing.assert_array_equal(decode(target)[0], old)


def test_a_format_without_encoder_names_one_that_works(
    tmp_path: Path, speech: dict[int, np.ndarray]
) -> None:
    """FLAC in Ogg, given as a format that libsndfile does not know either."""
    path = tmp_path / "take.ogg"
    y = speech[48_000][None]
    encode(path, y, 48_000, muxer="ogg", codec="flac", layout="mono", sample_format="s16")
    info = info_of(path, y, 48_000, format="OGA")
    assert not writable(info)
    assert convertible_suffixes(info) == (".flac", ".wav")
    with pytest.raises(UnsupportedFormatError, match="cannot be written") as caught:
        open_writer(tmp_path / "out.ogg", info)
    assert caught.value.remedy == "Write it to another format: take.flac or take.wav."
    for suffix in convertible_suffixes(info):
        write_again(path, tmp_path / f"out{suffix}", y, 48_000, format="OGA")
        assert sf.info(tmp_path / f"out{suffix}").subtype == "PCM_16"
    np.testing.assert_allclose(sf.read(tmp_path / "out.flac")[0], y[0], atol=2.0**-14)


def test_rates_are_never_lower_than_the_originals(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"\0")
    y = np.zeros((2, 44_100))
    for kbps in (31, 33, 63.5, 130, 191, 257, 319):
        info = info_of(path, y, 44_100, bit_rate=1000.0 * kbps)
        encoding = choose_encoding(describe_track(info))
        assert encoding is not None
        assert encoding.bit_rate >= 1000.0 * kbps / 1.015
