"""What can be decoded is the recording, whatever a header says."""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import IncompleteAudioError, SottovoceError
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

SR = 48_000
N = 60_001
Y = (np.random.default_rng(3).standard_normal(N) * 3000).astype("<i2")
PCM = Y.tobytes()
ALL = 0xFFFFFFFF


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, SR, 2 * SR, 2, 16))
INFO = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Take one"))


def riff(*chunks: bytes, size: int | None = None, form: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if size is None else size) + body


def count(data: bytes, *, partial: bool = False) -> tuple[int, tuple[str, ...]]:
    """Return the samples of all parts of a file, and what is odd about it."""
    with open_audio("memory.wav", data=data, partial=partial) as file:
        n = sum(block.shape[1] for block in file.blocks(1.0))
        return n, file.notes


WAVES = {
    "data size 0": riff(FMT, chunk(b"data", PCM, 0), size=0),
    "data size -1": riff(FMT, chunk(b"data", PCM, ALL), size=ALL),
    "data size 0, a chunk behind": riff(FMT, chunk(b"data", PCM, 0), INFO, size=0),
    "data size -1, a chunk behind": riff(FMT, chunk(b"data", PCM, ALL), INFO, size=ALL),
    "16 bytes too many": riff(FMT, chunk(b"data", PCM, len(PCM) + 16)),
    "44 bytes too many, a chunk behind": riff(FMT, chunk(b"data", PCM, len(PCM) + 44), INFO),
    "half of the size": riff(FMT, chunk(b"data", PCM, len(PCM) // 4 * 2)),
    "two descriptions": riff(FMT, FMT, chunk(b"data", PCM)),
    "the description behind": riff(chunk(b"data", PCM), FMT),
    "ID3 behind": riff(FMT, chunk(b"data", PCM)) + b"ID3\x03\0\0\0\0\0\x0a" + bytes(10),
    "text behind": riff(FMT, chunk(b"data", PCM)) + b"\r\n<!-- end -->\r\n" * 20,
    "ID3 in front": b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + riff(FMT, chunk(b"data", PCM)),
    "RF64 with sizes of 0": riff(
        chunk(b"ds64", bytes(28)), FMT, chunk(b"data", PCM, ALL), form=b"RF64", size=ALL
    ),
    "BW64": riff(
        chunk(b"ds64", struct.pack("<QQQI", 0, len(PCM), N, 0)),
        FMT,
        chunk(b"data", PCM, ALL),
        form=b"BW64",
        size=ALL,
    ),
    "an odd chunk without padding": riff(FMT, chunk(b"iXML", b"<x/>\n"), chunk(b"data", PCM)),
}


@pytest.mark.parametrize("name", WAVES)
def test_a_wave_is_read_to_its_end(name: str) -> None:
    assert count(WAVES[name])[0] == N


@pytest.mark.parametrize("name", ["data size 0", "half of the size"])
def test_more_than_a_header_says_is_told(name: str) -> None:
    assert any("more than its header says" in note for note in count(WAVES[name])[1])


def test_samples_come_out_as_they_went_in() -> None:
    with open_audio("memory.wav", data=WAVES["data size 0, a chunk behind"]) as file:
        y = np.concatenate(list(file.blocks(0.3)), axis=1)[0]
    np.testing.assert_array_equal(y, Y.astype(np.float32) / 32_768)


RATES = {
    "WAV": struct.pack("<I", SR),
    "AIFF": b"\x40\x0e" + struct.pack(">Q", SR << 48),
    "CAF": struct.pack(">d", SR),
    "W64": struct.pack("<I", SR),
    "AU": struct.pack(">I", SR),
    "NIST": b"-i %d" % SR,
    "FLAC": (SR << 4).to_bytes(3, "big"),
}


@pytest.mark.parametrize("change", ["none", "cut", "more"])
@pytest.mark.parametrize("form", RATES)
def test_a_rate_of_zero_is_an_error_of_the_file(form: str, change: str) -> None:
    """However much is present: every length in seconds is divided by it."""
    file = io.BytesIO()
    sf.write(file, Y, SR, format=form, subtype="PCM_16")
    data = file.getvalue()
    at = data.index(RATES[form])
    n_bytes = len(RATES[form])
    zero = b"-i %05d" % 0 if form == "NIST" else bytes(n_bytes)
    data = data[:at] + zero + data[at + n_bytes :]
    data = {"none": data, "cut": data[: len(data) // 2], "more": data + bytes(5000)}[change]
    with pytest.raises(SottovoceError):
        count(data, partial=True)


@pytest.mark.parametrize(("form", "suffix"), [("WAV", "wav"), ("AIFF", "aiff"), ("W64", "w64")])
def test_a_cut_file_is_refused_and_its_part_can_be_asked_for(form: str, suffix: str) -> None:
    whole = io.BytesIO()
    sf.write(whole, Y, SR, "PCM_16", format=form)
    cut = whole.getvalue()[: len(PCM) // 2]
    with pytest.raises(IncompleteAudioError, match="cut short"):
        count(cut)
    n, notes = count(cut, partial=True)
    assert N // 2 - 100 < n <= N // 2
    assert any("cut short" in note for note in notes)
    del suffix


def test_joined_waves_are_read_one_after_the_other() -> None:
    one = riff(FMT, chunk(b"data", PCM), INFO)
    n, notes = count(one + one + one)
    assert n == 3 * N
    assert any("3 files joined" in note for note in notes)


def test_joined_waves_of_other_rates_are_parts() -> None:
    other = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16))
    data = riff(FMT, chunk(b"data", PCM)) + riff(other, chunk(b"data", PCM))
    lengths = []
    for part in range(2):
        with open_audio("memory.wav", data=data, part=part) as file:
            assert len(file.parts) == 2
            n = sum(block.shape[1] for block in file.blocks(1.0))
            lengths.append((file.info.sr, n))
    assert lengths == [(48_000, N), (16_000, N)]


@pytest.mark.parametrize("total", [0, 1, N // 2, N])
def test_a_flac_is_as_long_as_its_frames(total: int) -> None:
    whole = io.BytesIO()
    sf.write(whole, Y, SR, "PCM_16", format="FLAC")
    data = bytearray(whole.getvalue())
    numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
    data[18:26] = numbers.to_bytes(8, "big")
    n, notes = count(bytes(data))
    assert n == N
    assert any("more than its header" in note for note in notes) == (0 < total < N)


def test_joined_flacs_are_read_one_after_the_other() -> None:
    whole = io.BytesIO()
    sf.write(whole, Y, SR, "PCM_16", format="FLAC")
    assert count(whole.getvalue() * 2)[0] == 2 * N


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_chained_oggs_are_read_one_after_the_other(subtype: str) -> None:
    whole = io.BytesIO()
    sf.write(whole, Y, SR, subtype, format="OGG")
    once = count(whole.getvalue())[0]
    assert once == N
    assert count(whole.getvalue() * 2)[0] == 2 * N


def test_an_ogg_without_its_last_page_is_read() -> None:
    whole = io.BytesIO()
    sf.write(whole, np.tile(Y, 4), SR, "VORBIS", format="OGG")
    data = whole.getvalue()
    assert 0 < count(data[: data.rfind(b"OggS")])[0] < 4 * N


@pytest.mark.codec
def test_a_matroska_file_proves_that_it_was_cut(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(riff(FMT, chunk(b"data", PCM)))
    for name, options in (("a.mka", []), ("live.mka", ["-live", "1"])):
        command = ["ffmpeg", "-v", "error", "-i", "a.wav", "-c:a", "flac", *options, name]
        subprocess.run(command, cwd=tmp_path, check=True)
    whole, live = (tmp_path / "a.mka").read_bytes(), (tmp_path / "live.mka").read_bytes()
    assert count(whole)[0] == count(live)[0] == N
    with pytest.raises(IncompleteAudioError):
        count(whole[: len(whole) // 2])
    # One that was streamed does not know its size, so nothing proves that a part is missing.
    assert 0 < count(live[: len(live) // 2])[0] < N


@pytest.mark.codec
def test_an_mp3_is_as_long_as_its_frames(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(riff(FMT, chunk(b"data", PCM * 4)))
    lame = ["lame", "--quiet", "-V", "4"]
    subprocess.run([*lame, "-t", "a.wav", "bare.mp3"], cwd=tmp_path, check=True)
    subprocess.run([*lame, "a.wav", "told.mp3"], cwd=tmp_path, check=True)
    bare, told = ((tmp_path / f"{name}.mp3").read_bytes() for name in ("bare", "told"))
    assert count(told)[0] == 4 * N
    assert 4 * N <= count(bare)[0] <= 4 * N + 3 * 1152
    assert count(told + told)[0] == 8 * N
    assert count(bytes(3000) + told)[0] == 4 * N
    picture = b"ID3\x03\0\0" + bytes([0, 0x40, 0, 0]) + b"\xff\xd8" + bytes((1 << 20) - 2)
    assert count(picture + bare)[0] == count(bare)[0]
    at = told.find(b"Xing") + 8
    half = told[:at] + struct.pack(">I", 20) + told[at + 4 :]
    n, notes = count(half)
    assert 4 * N <= n <= 4 * N + 1152
    assert any("more than its header" in note for note in notes)
    with pytest.raises(IncompleteAudioError):
        count(told[: len(told) // 2])


@pytest.mark.codec
@pytest.mark.parametrize("channels", [1, 2, 6, 7, 8])
def test_the_sound_of_containers_has_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.mka"
    sf.write(tmp_path / "a.wav", np.tile(Y[:, None], (1, channels)), SR, "PCM_16")
    command = ["ffmpeg", "-v", "error", "-i", "a.wav", "-c:a", "flac", "a.mka"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with open_audio(path) as file:
        y = np.concatenate(list(file.blocks(0.5)), axis=1)
    assert y.shape == (channels, N)
    np.testing.assert_array_equal(y[-1], Y.astype(np.float32) / 32_768)


@pytest.mark.codec
def test_every_count_of_channels_is_read(tmp_path: Path) -> None:
    """PyAV counts one plane too many of planar frames with eight channels and more."""
    import av

    from sottovoce.files.decoding.frames import to_block

    for channels in range(1, 65):
        layout = av.AudioLayout(f"{channels}C") if channels > 8 else None
        names = ["mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1"]
        layout = layout or av.AudioLayout(names[channels - 1])
        flat = np.arange(channels * 32, dtype=np.float32)[None] / 4096
        packed = av.AudioFrame.from_ndarray(flat, format="flt", layout=layout)
        packed.sample_rate = SR
        (planar,) = av.AudioResampler(format="fltp", layout=layout, rate=SR).resample(packed)
        block = to_block(planar, {})
        np.testing.assert_array_equal(block, flat.reshape(32, channels).T)


def test_two_threads_that_read_leave_stderr_alone(tmp_path: Path) -> None:
    import os
    import threading

    from sottovoce.files import read

    for name in ("a.flac", "b.flac"):
        sf.write(tmp_path / name, Y, SR, "PCM_16")
    before = os.fstat(2)

    def work(name: str) -> None:
        for _ in range(20):
            read(tmp_path / name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a.flac", "b.flac")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (before.st_dev, before.st_ino)


@given(cut=st.integers(0, 400), noise=st.binary(min_size=1, max_size=60), at=st.integers(0, 300))
@pytest.mark.parametrize("name", ["data size 0", "BW64", "the description behind"])
def test_no_header_does_worse_than_an_error(name: str, cut: int, noise: bytes, at: int) -> None:
    data = bytearray(WAVES[name][:3000])
    data[at : at + len(noise)] = noise
    with contextlib.suppress(SottovoceError):
        count(bytes(data[: len(data) - cut]), partial=True)


def test_a_damaged_packet_that_claims_to_last_for_hours_is_left_out() -> None:
    """Silence in its place would be ten hours of zeros in one array."""
    out, y = io.BytesIO(), (Y[: 40 * 1024] / 32768).astype("f4")[None]
    n_packets = shift = 0
    with av.open(out, "w", format="mp4") as film:
        stream = film.add_stream("aac", rate=SR)
        stream.layout = "mono"

        def mux(packets: list[av.Packet]) -> None:
            nonlocal n_packets, shift
            for packet in packets:
                n_packets += 1
                if n_packets == 20:
                    noise = av.Packet(b"\xff" * 200)
                    noise.stream, noise.time_base = stream, packet.time_base
                    noise.pts = noise.dts = packet.pts
                    film.mux(noise)
                    shift = 10 * 3600 * SR
                packet.pts += shift
                packet.dts += shift
                film.mux(packet)

        for begin in range(0, y.shape[1], 1024):
            block = y[:, begin : begin + 1024]
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SR, begin
            mux(stream.encode(frame))
        mux(stream.encode(None))
    n, notes = count(out.getvalue(), partial=True)
    assert n == y.shape[1]
    assert "1 piece of it could not be decoded" in notes[0]
