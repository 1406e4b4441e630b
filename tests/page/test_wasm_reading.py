"""The page reads FLAC and MPEG audio as the command does: to the sample, and to the word."""

from __future__ import annotations

import io
import json
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

from rig.wasm import run_wasm
from sottovoce.errors import SottovoceError
from sottovoce.files.decoding.flac import walk_flac
from sottovoce.files.decoding.mpeg import walk_mpeg
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SR = 48_000
BLOCK = 4096
READ = """
import json, os
import numpy as np
from sottovoce.errors import SottovoceError
from sottovoce.files.decoding.mpeg import walk_mpeg
from sottovoce.files.reading import open_audio

told = {}
for name in sorted(os.listdir("/here/cases")):
    for partial in (False, True):
        key = f"{name}-{partial}"
        try:
            with open_audio(f"/here/cases/{name}", partial=partial) as file:
                blocks = list(file.blocks(1.0))
                np.save(f"/here/{key}.npy", np.concatenate(blocks, axis=1))
                told[key] = [file.info.subtype, *file.notes]
        except SottovoceError as err:
            told[key] = [type(err).__name__, str(err), err.remedy]
json.dump(told, open("/here/told.json", "w"))
"""


def read_cases(folder: Path, cases: dict[str, bytes]) -> dict[str, list[str]]:
    """Read files in the page's Python; return what it says of each."""
    here = folder / "here"
    (here / "cases").mkdir(exist_ok=True)
    for path in (here / "cases").iterdir():
        path.unlink()
    for name, data in cases.items():
        (here / "cases" / name).write_bytes(data)
    run_wasm(folder, READ)
    told: dict[str, list[str]] = json.loads((here / "told.json").read_text())
    return told


def read_here(folder: Path, name: str, *, partial: bool) -> tuple[list[str], np.ndarray | None]:
    """Read a file in this Python; return what it says of it, and its sound."""
    path = folder / "here" / "cases" / name
    try:
        with open_audio(path, partial=partial) as file:
            y = np.concatenate(list(file.blocks(1.0)), axis=1)
            return [file.info.subtype, *file.notes], y
    except SottovoceError as err:
        words = str(err).replace(str(path), f"/here/cases/{name}")
        return [type(err).__name__, words, err.remedy], None


def encode(y: np.ndarray, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    sf.write(file, y, SR, subtype, format="FLAC")
    return file.getvalue()


def with_total(data: bytes, total: int) -> bytes:
    numbers = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
    return data[:18] + numbers.to_bytes(8, "big") + data[26:]


def flac_cases() -> dict[str, bytes]:
    rng = np.random.default_rng(5)
    y = (rng.standard_normal((20 * BLOCK + 1234, 2)) * 3000).astype("<i2")
    whole, deep, single = encode(y), encode(y[:, 0], "PCM_24"), encode(y[:1000])
    stream = walk_flac(io.BytesIO(whole), end=len(whole))[0]
    stream.index(io.BytesIO(whole))
    third, fifth = stream.places[3], stream.places[5]
    tag = b"ID3\x04\0\0\0\0\0\x0a" + b"TIT2\0\0\0\0\0\0"
    return {
        "single.flac": single,
        "piped.flac": with_total(whole, 0),
        "piped-single.flac": with_total(single, 0),
        "joined.flac": whole + single,
        "joined-rates.flac": whole + deep,
        "tag.flac": tag + whole,
        "empty.flac": with_total(whole[: stream.places[0]], 0),
        "junk-behind.flac": with_total(whole, 0) + rng.bytes(3000),
        "first-is-not-0.flac": whole[: stream.places[0]] + whole[third:],
        "junk-between.flac": whole[:third] + rng.bytes(9000) + whole[third:],
        "torn.flac": whole[: third + 500] + bytes(400) + whole[third + 900 :],
        "torn-deep.flac": deep[:9000] + bytes(400) + deep[9400:],
        "hole.flac": whole[:third] + whole[fifth:],
        "cut.flac": whole[: fifth + 700],
        "cut-single.flac": single[:-700],
        "header-only.flac": whole[: stream.places[0]],
        "bad-metadata.flac": whole[:43] + b"\xff" * 3 + whole[46:],
        "no-first-frame.flac": whole[: stream.places[0]] + bytes(stream.places[1]) + bytes(50),
    }


@pytest.mark.by_turns
def test_flac_is_read_as_the_command_reads_it(wasm_folder) -> None:
    """Also where libsndfile gives up, and FFmpeg takes over frame by frame."""
    told = read_cases(wasm_folder, cases := flac_cases())
    for name in cases:
        for partial in (False, True):
            words, y = read_here(wasm_folder, name, partial=partial)
            assert told[f"{name}-{partial}"] == words, name
            if y is not None:
                theirs = np.load(wasm_folder / "here" / f"{name}-{partial}.npy")
                np.testing.assert_array_equal(theirs, y, err_msg=name)
    assert told["single.flac-False"] == ["PCM_16"]
    assert "damaged" in " ".join(told["torn.flac-False"])


def mpeg_cases(folder: Path) -> dict[str, bytes]:
    rng = np.random.default_rng(5)
    y = rng.standard_normal((3 * SR, 2)) * 0.1
    sf.write(folder / "a.wav", y, SR, "PCM_16")
    sf.write(folder / "mono.wav", y[:2400, 0], SR, "PCM_16")
    lame, ffmpeg = ["lame", "--quiet"], ["ffmpeg", "-v", "error", "-i", "a.wav"]
    commands = {
        "told.mp3": [*lame, "-b", "96", "a.wav"],
        "bare.mp3": [*lame, "-t", "-b", "128", "a.wav"],
        "8k.mp3": [*lame, "-m", "m", "-b", "24", "--resample", "8", "a.wav"],
        "vbr.mp3": [*lame, "-V", "4", "a.wav"],
        "short.mp3": [*lame, "-b", "64", "mono.wav"],
        "24k.mp3": [*lame, "-b", "64", "--resample", "24", "a.wav"],
        "free.mp3": [*lame, "--freeformat", "-b", "200", "a.wav"],
        "layer2.mp2": [*ffmpeg, "-b:a", "192k"],
    }
    for name, command in commands.items():
        subprocess.run([*command, name], cwd=folder, check=True)
    cases = {name: (folder / name).read_bytes() for name in commands}
    told = cases["told.mp3"]
    return cases | {
        "joined.mp3": told + told,
        "cut.mp3": told[:-3000],
        "headless.mp3": cases["bare.mp3"][9000:],
        "cut-frame.mp3": cases["bare.mp3"][:-61],
        "junk.mp3": told[:9000] + rng.bytes(500) + told[9000:],
        "tag.mp3": b"ID3\x04\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0" + told,
        "noise.mp3": rng.bytes(20_000),
    }


@pytest.mark.by_turns
def test_mpeg_audio_is_read_as_the_command_reads_it(wasm_folder, tmp_path) -> None:
    told = read_cases(wasm_folder, cases := mpeg_cases(tmp_path))
    for name in cases:
        for partial in (False, True):
            words, y = read_here(wasm_folder, name, partial=partial)
            assert told[f"{name}-{partial}"] == words, name
            if y is not None:
                theirs = np.load(wasm_folder / "here" / f"{name}-{partial}.npy")
                # Two decoders, which round differently; where the beginning was cut off, mpg123
                # is silent until all that a frame needs is there.
                first = 3 * 1152 if name == "headless.mp3" else 0
                np.testing.assert_allclose(theirs[:, first:], y[:, first:], atol=2e-6)
    assert "IncompleteAudioError" in told["cut.mp3-False"]
    assert told["told.mp3-False"] == ["MPEG_LAYER_III"]


@pytest.mark.by_turns
def test_damaged_frames_of_mp3_keep_their_time_and_are_told(wasm_folder, tmp_path) -> None:
    whole = mpeg_cases(tmp_path)["bare.mp3"]
    run = walk_mpeg(io.BytesIO(whole), start=0, end=len(whole))[0]
    damaged = bytearray(whole)
    rng = np.random.default_rng(7)
    for at in run.places[20:100:5]:
        damaged[at + 4 : at + 36] = rng.bytes(32)  # what says how the frame is coded
    told = read_cases(wasm_folder, {"whole.mp3": whole, "damaged.mp3": bytes(damaged)})
    sounds = [
        np.load(wasm_folder / "here" / f"{name}.mp3-False.npy") for name in ("whole", "damaged")
    ]
    words, _ = read_here(wasm_folder, "damaged.mp3", partial=False)
    assert told["damaged.mp3-False"] == words
    assert sounds[0].shape == sounds[1].shape
    np.testing.assert_allclose(sounds[1][:, -9000:], sounds[0][:, -9000:], atol=1e-5)
    assert "could not be decoded and became silence" in told["damaged.mp3-False"][1]
