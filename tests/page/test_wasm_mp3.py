"""MP3 in the page: marked, encoded once again, and otherwise as it was."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf
from mutagen.id3 import APIC, TIT2
from mutagen.mp3 import MP3

from rig.wasm import run_wasm
from sottovoce.files import detect_file
from sottovoce.files.reading import open_audio, read_info

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROTECT = """
import json, os
from sottovoce.page.bridge import check, protect

answers = {}
options = json.dumps({"policy": "training", "strength": "standard", "owner_id": 7})
asked = json.dumps({"name": "a.mp3", "own": {}, "thorough": False})
for name in sorted(os.listdir("/here/mp3")):
    target = f"/here/marked-{name}"
    answer = json.loads(protect(f"/here/mp3/{name}", target, options, lambda share: None))
    found = {} if "error" in answer else json.loads(check(target, asked, lambda share: None))
    answers[name] = [answer, found.get("verdict")]
json.dump(answers, open("/here/answers.json", "w"))
"""
KINDS = {
    "128k.mp3": ["-b", "128"],
    "320k.mp3": ["-b", "320"],
    "mono.mp3": ["-m", "m", "-b", "64"],
    "vbr.mp3": ["-V", "3"],
    "22k.mp3": ["-b", "56", "--resample", "22.05"],
    "8k.mp3": ["-m", "m", "-b", "32", "--resample", "8"],
    "bare.mp3": ["-t", "-b", "160"],
}


def read(path) -> np.ndarray:
    with open_audio(path) as file:
        return np.concatenate(list(file.blocks(10.0)), axis=1)


@pytest.mark.by_turns
def test_mp3_keeps_its_length_its_level_its_tags_and_at_least_its_rate(
    wasm_folder, clip, tmp_path
) -> None:
    y, sr = clip
    here = wasm_folder / "here"
    (here / "mp3").mkdir()
    at = np.arange(12 * 44_100) * sr / 44_100
    wide = np.interp(at, np.arange(len(y)), y)
    sf.write(tmp_path / "a.wav", np.stack([wide, 0.5 * wide], axis=1), 44_100, "PCM_16")
    for name, options in KINDS.items():
        command = ["lame", "--quiet", *options, tmp_path / "a.wav", here / "mp3" / name]
        subprocess.run(command, check=True)
    tagged = MP3(here / "mp3" / "128k.mp3")
    tagged.add_tags()
    tagged.tags.add(TIT2(encoding=3, text="Take 3"))
    tagged.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=b"\x89PNG" * 999))
    tagged.save()
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", here / "mp3" / "layer2.mp2"]
    subprocess.run(command, check=True)
    run_wasm(wasm_folder, PROTECT)
    answers = json.loads((here / "answers.json").read_text())
    assert answers.pop("layer2.mp2")[0]["error"] == "format"
    assert answers.keys() == KINDS.keys()
    for name, (answer, verdict) in answers.items():
        source, target = here / "mp3" / name, here / f"marked-{name}"
        assert (answer["status"], verdict) == ("marked", "protected"), name
        before, after = read_info(source), read_info(target)
        assert (after.sr, after.n_channels) == (before.sr, before.n_channels)
        assert after.n_frames == before.n_frames
        assert after.bit_rate >= before.bit_rate * 0.99
        assert answer["encoded_kbps"] == round(after.bit_rate / 1000)
        assert answer["warnings"] == []
        original, marked = read(source), read(target)
        assert marked.shape == original.shape
        # In step to the sample, and as loud.
        gain = (marked * original).sum() / (original**2).sum()
        assert gain == pytest.approx(1.0, abs=0.02), name
        shifted = [(np.roll(marked, k, axis=1) * original).sum() for k in (-1, 0, 1)]
        assert np.argmax(shifted) == 1, name
        assert detect_file(target).voices[0].notice.policy == 0x0F
        # Players and other tools find the same length.
        assert MP3(target).info.length == pytest.approx(before.duration_s, abs=0.08), name
        told = subprocess.run(
            ["mpg123", "--quiet", "--wav", tmp_path / "b.wav", target],
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stderr == ""
        if shutil.which("mpg123") and "bare" not in name:
            assert sf.info(tmp_path / "b.wav").frames == after.n_frames, name
    tags = MP3(here / "marked-128k.mp3").tags
    assert tags["TIT2"].text == ["Take 3"]
    assert tags.getall("APIC")[0].data == b"\x89PNG" * 999
