"""FLAC and MPEG audio: each frame tells what is there, and what was lost is told."""

from __future__ import annotations

import io
import struct
import subprocess
from collections import Counter

import numpy as np
import pytest
import soundfile as sf

from sottovoce.errors import (
    IncompleteAudioError,
    SottovoceError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.files.decoding.flac import walk_flac
from sottovoce.files.decoding.mpeg import walk_mpeg
from sottovoce.files.decoding.shortfall import say_present
from sottovoce.files.reading import open_audio

SR = 48_000
BLOCK = 4096
N = 20 * BLOCK + 1234
Y = (np.random.default_rng(5).standard_normal(N) * 3000).astype("<i2")
ID3V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 1, 1 << 31) + bytes(8) + bytes(32)
JOINED = "is 2 files joined into one; all of them were read"


def flac(y: np.ndarray = Y, subtype: str = "PCM_16", total: int | None = None) -> bytes:
    file = io.BytesIO()
    sf.write(file, y, SR, subtype, format="FLAC")
    data = bytearray(file.getvalue())
    if total is not None:
        numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
        data[18:26] = numbers.to_bytes(8, "big")
    return bytes(data)


def frames_of(data: bytes) -> list[int]:
    file = io.BytesIO(data)
    stream = walk_flac(file, end=len(data))[0]
    stream.index(file)
    return list(stream.places)


def listen(
    data: bytes, *, partial: bool = False, name: str = "m", block_s: float = 1.0
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the sound of the first part of a file, and what is odd about it."""
    with open_audio(name, data=data, partial=partial) as file:
        y = np.concatenate(list(file.blocks(block_s)), axis=1)
        return y, file.notes


def as_float(y: np.ndarray = Y) -> np.ndarray:
    return np.atleast_2d(y.astype(np.float32) / 32_768)


class TestFlacIsWhole:
    """Nothing complete is refused, and nothing is said of it."""

    @pytest.mark.parametrize("behind", [b"", ID3V1, APE, bytes(5000), b"ID3\x03" + bytes(6)])
    @pytest.mark.parametrize("total", [None, 0])
    def test_whatever_stands_behind(self, behind: bytes, total: int | None) -> None:
        y, notes = listen(flac(total=total) + behind)
        np.testing.assert_array_equal(y, as_float())
        assert notes == ()

    def test_with_a_megabyte_of_junk_behind(self, rng: np.random.Generator) -> None:
        y, notes = listen(flac() + rng.bytes(1 << 20))
        assert y.shape == (1, N)
        assert notes == ()

    def test_noise_that_looks_like_a_header_is_no_frame(self, rng: np.random.Generator) -> None:
        """A false header in one file of 7000 is what the checksum of 8 bits lets through."""
        for _ in range(300):
            n = int(rng.choice([1, 100, 4000, 9000]))
            y = rng.standard_normal((n, 2)) * 0.2
            data = flac(y, "PCM_24") + rng.bytes(3000)
            (stream,) = walk_flac(io.BytesIO(data), end=len(data))
            assert (stream.n_frames, stream.missing, stream.has_jumps) == (n, "", False)

    @pytest.mark.parametrize("number", [0, 7, 19, 20, 21, 22, 500])
    @pytest.mark.parametrize("place", ["in the last frame", "in the middle", "behind"])
    def test_a_false_header_with_any_number_is_no_frame(self, number: int, place: str) -> None:
        data = flac()
        places = frames_of(data)
        coded = bytes([number]) if number < 128 else bytes([0xC0 | number >> 6, 0x80 | number & 63])
        head = data[places[0] : places[0] + 4] + coded
        false = head + bytes([crc8(head)])
        at = {"in the last frame": places[-1] + 99, "in the middle": places[9] + 99}
        where = at.get(place, len(data))
        changed = data[:where] + false + data[where + len(false) * (place != "behind") :]
        (stream,) = walk_flac(io.BytesIO(changed), end=len(changed))
        # One that continues the count is believed: in noise it takes a file of terabytes.
        is_next = {"in the last frame": 21, "in the middle": 10, "behind": 21}[place] == number
        assert stream.n_frames == N or is_next

    def test_with_a_first_frame_that_is_not_number_0(self) -> None:
        data = flac()
        places = frames_of(data)
        y, notes = listen(flac(total=0)[: places[0]] + data[places[5] :])
        np.testing.assert_array_equal(y, as_float()[:, 5 * BLOCK :])
        assert notes == ()

    def test_with_metadata_whose_length_makes_no_sense(self) -> None:
        data = bytearray(flac())
        data[43:46] = b"\xff\xff\xff"
        np.testing.assert_array_equal(listen(bytes(data))[0], as_float())

    @pytest.mark.parametrize("block_s", [0.01, 0.5, 10.0])
    def test_with_junk_between_frames(self, rng: np.random.Generator, block_s: float) -> None:
        data = flac()
        at = frames_of(data)[7]
        y, notes = listen(data[:at] + rng.bytes(5000) + data[at:], block_s=block_s)
        np.testing.assert_array_equal(y, as_float())
        assert notes == ()


class TestFlacIsDamaged:
    """What is lost is refused; on request silence stands for it."""

    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_S8"])
    @pytest.mark.parametrize("block_s", [0.01, 0.5, 10.0])
    def test_damage_becomes_silence_of_its_length(self, subtype: str, block_s: float) -> None:
        data = bytearray(flac(subtype=subtype))
        whole = listen(bytes(data))[0]
        places = frames_of(bytes(data))
        data[places[7] + 50] ^= 4
        with pytest.raises(IncompleteAudioError):
            listen(bytes(data), block_s=block_s)
        y, notes = listen(bytes(data), partial=True, block_s=block_s)
        whole[:, 7 * BLOCK : 8 * BLOCK] = 0
        np.testing.assert_array_equal(y, whole)
        assert any("became silence" in note for note in notes)

    @pytest.mark.parametrize("total", [None, 0])
    @pytest.mark.parametrize("first", [0, 1, 7])
    def test_a_hole_keeps_its_length(self, first: int, total: int | None) -> None:
        data = flac(total=total)
        places = frames_of(data)
        # From within one frame to within another.
        hurt = data[: places[first] + 50] + data[places[first + 3] + 50 :]
        with pytest.raises(IncompleteAudioError):
            listen(hurt)
        y, _ = listen(hurt, partial=True)
        whole = as_float()
        whole[:, first * BLOCK : (first + 4) * BLOCK] = 0
        np.testing.assert_array_equal(y, whole)

    @pytest.mark.parametrize("n_left", [1, 2, 12, 20])
    @pytest.mark.parametrize("more", [-9, 0, 9, 500])
    def test_a_cut_file_is_refused(self, n_left: int, more: int) -> None:
        data = flac()
        cut = data[: frames_of(data)[n_left] + more]
        n_whole = n_left - (more < 0)
        if n_whole == 0:
            with pytest.raises(UnreadableAudioError):
                listen(cut)
            return
        with pytest.raises(IncompleteAudioError):
            listen(cut)
        y, notes = listen(cut, partial=True)
        np.testing.assert_array_equal(y, as_float()[:, : n_whole * BLOCK])
        assert any("s are present" in note for note in notes)

    def test_one_without_a_total_is_refused_where_its_last_frame_is_not_whole(self) -> None:
        with pytest.raises(IncompleteAudioError):
            listen(flac(total=0)[:-5])

    def test_a_last_frame_that_is_lost_without_a_total_is_told(self) -> None:
        data = bytearray(flac(total=0))
        data[frames_of(bytes(data))[-1]] = 0
        assert any("after its last frame" in note for note in listen(bytes(data))[1])

    @pytest.mark.parametrize("damage", ["flip", "hole", "cut", "all"])
    def test_what_was_joined_behind_is_read(self, damage: str) -> None:
        data = bytearray(flac())
        places = frames_of(bytes(data))
        if damage == "flip":
            data[places[7] + 50] ^= 4
        elif damage == "hole":
            del data[places[7] + 50 : places[9] + 50]
        elif damage == "cut":
            del data[places[15] :]
        else:
            data[places[0] :] = bytes(len(data) - places[0])
        joined = bytes(data) + flac(Y[::-1].copy())
        with pytest.raises(IncompleteAudioError):
            listen(joined)
        y, notes = listen(joined, partial=True)
        np.testing.assert_array_equal(y[:, -N:], as_float()[:, ::-1])
        assert JOINED in notes

    def test_a_stream_without_its_marker_is_read(self) -> None:
        y, notes = listen(flac() + b"XLaC" + flac()[4:])
        np.testing.assert_array_equal(y, np.tile(as_float(), (1, 2)))
        assert any("more than its header says" in note for note in notes)

    def test_a_number_of_years_asks_for_no_silence(self) -> None:
        data = flac()
        places = frames_of(data)
        head = data[places[7] : places[7] + 4] + b"\xfd\xbf\xbf\xbf\xbf\xbf"
        frame = head + bytes([crc8(head)]) + data[places[7] + 6 : places[8] - 2]
        data = data[: places[7]] + frame + struct.pack(">H", crc16(frame)) + data[places[8] :]
        assert listen(data, partial=True)[0].shape[1] == N

    def test_flipped_bits_never_pass_in_silence(self, rng: np.random.Generator) -> None:
        data = flac()
        first = frames_of(data)[0]
        for _ in range(60):
            hurt = bytearray(data)
            hurt[int(rng.integers(first, len(data)))] ^= 1 << int(rng.integers(8))
            with pytest.raises(IncompleteAudioError):
                listen(bytes(hurt))


@pytest.mark.parametrize(
    ("n_present", "said"),
    [
        (10 * SR, "10.0 of 15.0 s are present"),
        (15 * SR - 480, "14.990 of 15.000 s are present"),
        (15 * SR - 5, "719,995 of 720,000 samples are present"),
    ],
)
def test_what_is_missing_can_be_seen_in_both_numbers(n_present: int, said: str) -> None:
    assert say_present(n_present, 15 * SR, SR) == said


def crc8(data: bytes) -> int:
    return _crc(data, 8, 0x07)


def crc16(data: bytes) -> int:
    return _crc(data, 16, 0x8005)


def _crc(data: bytes, n_bits: int, polynomial: int) -> int:
    crc, top = 0, 1 << (n_bits - 1)
    for byte in data:
        crc ^= byte << (n_bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & (2 * top - 1)
    return crc


@pytest.fixture(scope="module")
def mp3s(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what encoders make of the same sound."""
    folder = tmp_path_factory.mktemp("mp3")
    sf.write(folder / "a.wav", Y, SR, "PCM_16")
    sf.write(folder / "short.wav", Y[:2400], SR, "PCM_16")
    lame = ["lame", "--quiet"]
    kinds = {
        "told": [*lame, "-b", "96", "a.wav"],
        "bare": [*lame, "-t", "-b", "96", "a.wav"],
        "bare8": [*lame, "-b", "8", "--resample", "8", "a.wav"],
        "told24": [*lame, "-b", "24", "--resample", "8", "a.wav"],
        "vbr": [*lame, "-V", "4", "a.wav"],
        "short": [*lame, "-b", "96", "short.wav"],
        "half": [*lame, "-b", "64", "--resample", "24", "a.wav"],
        "free": [*lame, "--freeformat", "-b", "200", "a.wav"],
    }
    for name, command in kinds.items():
        subprocess.run([*command, f"{name}.mp3"], cwd=folder, check=True)
    return {name: (folder / f"{name}.mp3").read_bytes() for name in kinds}


@pytest.mark.codec
class TestMpeg:
    @pytest.mark.parametrize("name", ["told", "told24", "vbr"])
    @pytest.mark.parametrize("n", [1, 100, 300, 4000])
    def test_the_statistics_prove_a_cut(self, mp3s: dict[str, bytes], name: str, n: int) -> None:
        with pytest.raises(IncompleteAudioError):
            listen(mp3s[name][:-n])
        assert any("cut short" in note for note in listen(mp3s[name][:-n], partial=True)[1])

    @pytest.mark.parametrize("name", ["bare", "bare8"])
    def test_a_last_frame_that_is_not_whole_is_told(
        self, mp3s: dict[str, bytes], name: str
    ) -> None:
        assert any("ends within a frame" in note for note in listen(mp3s[name][:-61])[1])

    @pytest.mark.parametrize("name", ["told", "bare", "bare8", "vbr", "short"])
    @pytest.mark.parametrize("behind", [b"", ID3V1, APE, APE + ID3V1, bytes(5000)])
    def test_a_whole_one_is_read(self, mp3s: dict[str, bytes], name: str, behind: bytes) -> None:
        y, notes = listen(mp3s[name] + behind)
        assert y.shape == listen(mp3s[name])[0].shape
        assert notes == ()

    def test_a_count_that_includes_the_statistics_proves_nothing(
        self, mp3s: dict[str, bytes]
    ) -> None:
        data = bytearray(mp3s["told"])
        at = data.find(b"Info") + 8
        n_said, n_said_bytes = struct.unpack_from(">II", data, at)
        for n_more, n_more_bytes in ((1, 0), (1, 128), (1, 90_000), (0, 90_000), (9, 0)):
            struct.pack_into(">II", data, at, n_said + n_more, n_said_bytes + n_more_bytes)
            assert N <= listen(bytes(data))[0].shape[1] <= N + 1152

    def test_a_short_clip_that_was_joined_is_read(self, mp3s: dict[str, bytes]) -> None:
        y, notes = listen(mp3s["told"] + mp3s["short"] + mp3s["vbr"] + mp3s["short"] * 3)
        assert y.shape[1] == 2 * N + 4 * 2400
        assert notes == ("is 6 files joined into one; all of them were read",)

    def test_junk_does_not_become_sound(
        self, mp3s: dict[str, bytes], rng: np.random.Generator
    ) -> None:
        for junk in (
            rng.bytes(1 << 20),
            b"\xff\xd8" + rng.bytes(1 << 18).replace(b"\xff", b"\xff\0"),
        ):
            for parts in (("junk", "told"), ("told", "junk"), ("told", "junk", "vbr")):
                y, notes = listen(b"".join(mp3s.get(part, junk) for part in parts), name="a.mp3")
                assert y.shape[1] == N * (len(parts) - 1)
                assert set(notes) <= {JOINED}

    def test_a_lone_frame_at_the_end_of_junk_is_told(
        self, mp3s: dict[str, bytes], rng: np.random.Generator
    ) -> None:
        half = mp3s["half"]
        run = walk_mpeg(io.BytesIO(half), start=0, end=len(half))[0]
        y, notes = listen(mp3s["told"] + rng.bytes(3000) + half[run.places[5] : run.places[6]])
        assert y.shape == (1, N)
        assert any("skipped" in note for note in notes)

    def test_what_stands_between_frames_is_told(
        self, mp3s: dict[str, bytes], rng: np.random.Generator
    ) -> None:
        bare = bytearray(mp3s["bare"])
        bare[5000:8000] = rng.bytes(3000)
        y, notes = listen(bytes(bare))
        assert y.shape[1] < N
        assert any("between its frames" in note for note in notes)

    @pytest.mark.parametrize("front", ["", "told"])
    def test_free_format_is_refused_by_name(self, mp3s: dict[str, bytes], front: str) -> None:
        with pytest.raises(UnsupportedFormatError, match="free-format"):
            listen(mp3s.get(front, b"") + mp3s["free"], name="a.mp3")

    def test_each_rate_of_an_mp3_in_a_wave_is_a_part(self, mp3s: dict[str, bytes]) -> None:
        body = mp3s["told"] + mp3s["half"] + mp3s["told"]
        form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, SR, 12_000, 1, 0, 12, 1, 2, 288, 1, 0)
        wave = b"WAVEfmt " + struct.pack("<I", len(form)) + form
        wave += b"data" + struct.pack("<I", len(body)) + body
        lengths = []
        for part in range(3):
            data = b"RIFF" + struct.pack("<I", len(wave)) + wave
            with open_audio("a.wav", data=data, part=part) as file:
                assert len(file.parts) == 3
                n = sum(block.shape[1] for block in file.blocks(1.0))
                lengths.append((file.info.sr, n))
        assert lengths == [(SR, N), (SR // 2, -(-N // 2)), (SR, N)]

    def test_nothing_that_the_statistics_count_passes_in_silence(
        self, mp3s: dict[str, bytes], rng: np.random.Generator
    ) -> None:
        """Of three kinds of damage each is right, told or refused; nothing else happens."""
        whole = mp3s["vbr"]
        seen: Counter[str] = Counter()
        for _ in range(30):
            at, n = int(rng.integers(1500, len(whole) - 1500)), int(rng.choice([20, 100, 1500]))
            for hurt in (
                whole[:at] + rng.bytes(n) + whole[at:],
                whole[:at] + rng.bytes(n) + whole[at + n :],
                whole[:at] + whole[at + n :],
            ):
                try:
                    y, notes = listen(hurt)
                except SottovoceError:
                    seen["refused"] += 1
                    continue
                assert y.shape[1] == N or notes
                seen["read"] += 1
        assert min(seen["refused"], seen["read"]) > 5
