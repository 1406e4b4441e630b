"""The package in a 32-bit interpreter, as a browser runs it, gives what it gives here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile as sf
from mutagen.flac import FLAC as FLAC_FILE

import sottovoce as sv
from rig.wasm import run_wasm
from sottovoce.page.build import _zip_package

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BITS = {"PCM_S8.flac": 8, "PCM_16.flac": 16, "PCM_24.flac": 24, "96k.flac": 24}

SIGNALS = """
import json, sys
import numpy as np
import sottovoce as sv

assert sys.maxsize == 2**31 - 1
assert not any(name.startswith("scipy") for name in sys.modules)
clip = np.load("/here/clip.npy")
found = {}
for sr in (16_000, 48_000, 192_000):
    at = np.arange(60 * sr) * (16_000 / sr) % (len(clip) - 1)
    y = np.interp(at, np.arange(len(clip)), clip).astype(np.float32)
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
    detection = sv.detect(marked, sr=sr)
    np.save(f"/here/{sr}.npy", marked[:: sr // 16_000])
    found[sr] = [detection.log10_p, detection.voices[0].notice.owner_id]
y = clip[: 20 * 16_000]
marked = sv.protect(y, sr=16_000, notice=sv.Notice(owner_id=7), phase_s=1.0)
slipped = np.concatenate([marked[:192_000], np.zeros(480, np.float32), marked[192_000:]])
found["slipped"] = sv.detect(slipped, sr=16_000).log10_p
json.dump(found, open("/here/found.json", "w"))
"""
FILES = """
import json
from sottovoce.page.bridge import check, protect

heard = []
options = json.dumps({"policy": "training", "strength": "standard", "owner_id": 7})
asked = json.dumps({"thorough": False, "own": {"7": "me"}, "name": "out.wav"})
answer = json.loads(protect("/here/take.wav", "/here/out.wav", options, heard.append))
checked = json.loads(check("/here/out.wav", asked, heard.append))
broken = json.loads(check("/here/broken.wav", asked, heard.append))
json.dump([answer, checked, broken, heard], open("/here/answers.json", "w"))
"""


@pytest.fixture(scope="module")
def folder(wasm_folder, clip) -> Path:
    """Python for WebAssembly, and a folder that it shares with the tests."""
    np.save(wasm_folder / "here" / "clip.npy", clip[0])
    return wasm_folder


@pytest.mark.by_turns
def test_a_minute_at_every_rate_is_marked_and_found_alike(folder, clip) -> None:
    """At 192 kHz, a view of all windows would exceed 32 bits many times."""
    run_wasm(folder, SIGNALS)
    found = json.loads((folder / "here" / "found.json").read_text())
    for sr in (16_000, 48_000, 192_000):
        at = np.arange(60 * sr) * (16_000 / sr) % (len(clip[0]) - 1)
        y = np.interp(at, np.arange(len(clip[0])), clip[0]).astype(np.float32)
        marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
        theirs = np.load(folder / "here" / f"{sr}.npy")
        np.testing.assert_allclose(theirs, marked[:: sr // 16_000], atol=1e-6)
        log10_p, owner_id = found[str(sr)]
        assert owner_id == 7
        assert log10_p == pytest.approx(sv.detect(marked, sr=sr).log10_p, rel=1e-6)
    # A voice is followed over 30 ms that were put in.
    marked = sv.protect(clip[0][: 20 * 16_000], sr=16_000, notice=sv.Notice(owner_id=7), phase_s=1)
    slipped = np.concatenate([marked[:192_000], np.zeros(480, np.float32), marked[192_000:]])
    assert found["slipped"] == pytest.approx(sv.detect(slipped, sr=16_000).log10_p, rel=1e-6)


def test_whole_files_are_marked_and_checked(folder, clip) -> None:
    here = folder / "here"
    sf.write(here / "take.wav", *clip, subtype="PCM_24")
    (here / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVE" + bytes(100))
    run_wasm(folder, FILES)
    answer, checked, broken, heard = json.loads((here / "answers.json").read_text())
    assert (answer["status"], checked["verdict"]) == ("marked", "protected")
    assert answer["notice"]["policy"] == checked["voices"][0]["notice"]["policy"] == 0x0F
    assert checked["voices"][0]["yours"] == "me"
    assert heard == sorted(heard[: heard.index(1.0) + 1]) + heard[heard.index(1.0) + 1 :]
    assert broken["error"].startswith("broken.wav: ")
    original, sr = sf.read(here / "take.wav", dtype="int32")
    marked, own_sr = sf.read(here / "out.wav", dtype="int32")
    assert (own_sr, marked.shape) == (sr, original.shape)
    detection = sv.detect(marked.astype(np.float32) / 2**31, sr=sr)
    assert detection.found
    assert detection.log10_p == pytest.approx(checked["log10_p"], abs=1e-3)


# The same dither and the same place of the pattern, for Python here and in WebAssembly.
ALIKE = """
import sys
import numpy as np
from sottovoce import Notice
from sottovoce.files import protect_file

np.random.default_rng = lambda *_: np.random.Generator(np.random.PCG64(7))
for bits in (16, 24):
    protect_file(
        f"{sys.argv[1]}/alike{bits}.wav", f"{sys.argv[1]}/{sys.argv[2]}{bits}.wav",
        notice=Notice(owner_id=7), phase_s=1.0, copies=False,
    )
"""


@pytest.mark.by_turns
def test_a_file_is_the_one_that_the_command_writes_to_a_step(folder, clip) -> None:
    here = folder / "here"
    stereo = np.stack([clip[0], np.roll(clip[0], 3000)], axis=1) * 0.5
    for bits in (16, 24):
        sf.write(here / f"alike{bits}.wav", stereo, clip[1], subtype=f"PCM_{bits}")
    run_wasm(folder, f"import sys; sys.argv = ['', '/here', 'theirs']\n{ALIKE}")
    subprocess.run([sys.executable, "-c", ALIKE, here, "ours"], check=True)
    for bits in (16, 24):
        theirs, ours = (
            sf.read(here / f"{whose}{bits}.wav", dtype="int32")[0] >> (32 - bits)
            for whose in ("theirs", "ours")
        )
        assert np.abs(theirs - ours).max() <= 1
        # Rounding to single precision elsewhere tips a sample over now and then.
        assert np.count_nonzero(theirs != ours) <= {16: 1e-4, 24: 1e-2}[bits] * ours.size
        assert np.count_nonzero(
            ours != sf.read(here / f"alike{bits}.wav", dtype="int32")[0] >> (32 - bits)
        )


FLAC = """
import json, os
from sottovoce.page.bridge import check, protect

answers = {}
options = json.dumps({"policy": "training", "strength": "standard", "owner_id": 7})
asked = json.dumps({"thorough": False, "own": {"7": "me"}, "name": "out.wav"})
for name in sorted(os.listdir("/here/flac")):
    target = f"/here/marked-{name}"
    answer = json.loads(protect(f"/here/flac/{name}", target, options, lambda share: None))
    found = {} if "error" in answer else json.loads(check(target, asked, lambda share: None))
    answers[name] = [answer, found.get("verdict")]
json.dump(answers, open("/here/answers.json", "w"))
"""


@pytest.mark.by_turns
def test_flac_is_exact_at_every_depth_and_keeps_what_is_in_it(folder, clip) -> None:
    """libFLAC itself reads and writes it; the samples are told from those of libsndfile."""
    here = folder / "here"
    (here / "flac").mkdir()
    y, sr = clip
    stereo = np.stack([y, np.roll(y, 3000)], axis=1) * 0.5
    for depth in ("PCM_S8", "PCM_16", "PCM_24"):
        sf.write(here / "flac" / f"{depth}.flac", stereo, sr, subtype=depth)
    sf.write(here / "flac" / "96k.flac", np.resize(y, (96_000 * 20,)), 96_000, subtype="PCM_24")
    tagged = FLAC_FILE(here / "flac" / "PCM_16.flac")
    tagged["title"] = "Take 3"
    tagged.save()
    whole = (here / "flac" / "PCM_16.flac").read_bytes()
    (here / "flac" / "torn.flac").write_bytes(whole[:9000] + bytes(400) + whole[9400:])
    (here / "flac" / "joined.flac").write_bytes(whole + whole)
    sf.write(here / "flac" / "word.flac", y[:1000], sr)
    with av.open(here / "flac" / "wide.flac", "w") as file:
        options = {"strict": "experimental", "bits_per_raw_sample": "32"}
        stream = file.add_stream("flac", rate=sr, layout="mono", options=options)
        stream.format = "s32"
        samples = (y[None] * 2**30).astype(np.int32)
        frame = av.AudioFrame.from_ndarray(samples, format="s32", layout="mono")
        frame.sample_rate = sr
        file.mux([*stream.encode(frame), *stream.encode(None)])
    sf.write(here / "flac" / "song.ogg", y, sr)
    run_wasm(folder, FLAC)
    answers = json.loads((here / "answers.json").read_text())
    for name in ("wide.flac", "song.ogg"):
        assert answers[name][0]["error"] == "format"
        assert not (here / f"marked-{name}").exists()
    assert re.fullmatch(
        r"torn.flac: is damaged: .* s are present", answers["torn.flac"][0]["error"]
    )
    assert (answers["word.flac"][0]["status"], answers["word.flac"][0]["marked_s"]) == ("marked", 0)
    assert sf.info(here / "marked-word.flac").frames == 1000
    assert answers["joined.flac"][1] == "protected"
    assert sf.info(here / "marked-joined.flac").frames == 2 * len(y)
    for name in ("PCM_S8.flac", "PCM_16.flac", "PCM_24.flac", "96k.flac"):
        answer, verdict = answers[name]
        assert (answer["status"], verdict) == ("marked", "protected")
        info, own = (sf.info(path) for path in (here / f"marked-{name}", here / "flac" / name))
        assert (info.subtype, info.frames) == (own.subtype, own.frames)
        # The checksum of all samples, which libsndfile does not look at.
        subprocess.run(["flac", "--silent", "--test", here / f"marked-{name}"], check=True)
        marked, original = (sf.read(path)[0] for path in (here / f"marked-{name}", own.name))
        assert 0 < np.abs(marked - original).max() < 0.2
        assert (
            sf.read(here / f"marked-{name}", dtype="int32")[0] % 2 ** (32 - BITS[name])
        ).max() == 0
    assert FLAC_FILE(here / "marked-PCM_16.flac")["title"] == ["Take 3"]


def test_the_package_in_the_page_is_complete(tmp_path) -> None:
    """Every module that the bridge can need is in the archive, and nothing of the command."""
    path = tmp_path / "package.zip"
    path.write_bytes(_zip_package())
    names = set(zipfile.ZipFile(path).namelist())
    assert {"sottovoce/core/weights_v1.npz", "sottovoce/page/bridge.py"} <= names
    assert not any(name.startswith(("sottovoce/cli", "sottovoce/scan")) for name in names)
