"""The GStreamer element in real pipelines."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import soundfile as sf

import sottovoce as sv

pytestmark = [pytest.mark.codec, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "examples" / "data" / "sense_and_sensibility.flac"


@pytest.fixture
def run(tmp_path):
    """Return what runs a pipeline; the loader is a Python of the system's own."""
    folder = tmp_path / "plugins" / "python"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "gstreamer_element.py", folder)
    environment = {
        "HOME": str(tmp_path),
        # The loader takes the modules that belong to the first Python in it.
        "PATH": "/usr/bin:/bin",
        "GST_PLUGIN_PATH": str(folder.parent),
        "GST_REGISTRY": str(tmp_path / "registry.bin"),
        "PYTHONPATH": f"{ROOT / 'src'}:{sysconfig.get_path('purelib')}",
    }

    def run(*elements: str) -> subprocess.CompletedProcess[str]:
        words = " ! ".join(elements).split()
        return subprocess.run(
            ["gst-launch-1.0", "-q", *words],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_file_comes_out_marked_and_as_long_as_before(run, tmp_path) -> None:
    out = tmp_path / "marked.wav"
    done = run(
        f"filesrc location={CLIP}",
        "decodebin",
        "audioconvert",
        "sottovoce owner=4f2a-91c0-77de",
        "wavenc",
        f"filesink location={out}",
    )
    assert done.returncode == 0, done.stderr
    assert sf.info(out).frames == sf.info(CLIP).frames
    y, sr = sf.read(out, dtype="float32")
    (voice,) = sv.detect(y, sr=sr).voices
    assert voice.notice.owner_id == 0x4F2A91C077DE


def test_stereo_at_another_rate_through_opus(run, tmp_path) -> None:
    out = tmp_path / "marked.opus"
    done = run(
        f"filesrc location={CLIP}",
        "decodebin",
        "audioconvert",
        "audioresample",
        "audio/x-raw,rate=44100,channels=2",
        "sottovoce",
        "audioconvert",
        "audioresample",
        "opusenc bitrate=24000",
        "oggmux",
        f"filesink location={out}",
    )
    assert done.returncode == 0, done.stderr
    y, sr = sf.read(out, dtype="float32")
    detection = sv.detect(y.T, sr=sr)
    assert detection.found
    assert detection.voices[0].notice.owner_id == 0


def test_a_live_source_goes_through_and_a_wrong_owner_is_named(run) -> None:
    done = run("audiotestsrc is-live=true num-buffers=20", "sottovoce", "fakesink sync=true")
    assert done.returncode == 0, done.stderr
    done = run("audiotestsrc num-buffers=20", "sottovoce owner=somebody", "fakesink")
    assert done.returncode != 0
    assert "'somebody' is not a valid owner id" in done.stderr
