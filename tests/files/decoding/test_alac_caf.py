"""ALAC in CAF is read to its last sample, whose frame is short, and can be protected."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sottovoce import Notice
from sottovoce.files import protect_file
from sottovoce.files.reading import open_audio

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.codec

SR = 48_000


def make_caf(path: Path, y: np.ndarray) -> None:
    """Write ALAC with FFmpeg, whose header libsndfile does not read."""
    import av

    with av.open(str(path), "w", format="caf") as output:
        stream = output.add_stream("alac", rate=SR)
        stream.layout, stream.format = "stereo", "s16p"
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(y.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = SR, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)


def read(path: Path) -> np.ndarray:
    with open_audio(path) as file:
        return np.concatenate(list(file.blocks(1.0)), axis=1)


@pytest.mark.parametrize("n", [100, 4096, 4097, 3 * 4096 + 2560])
def test_the_last_frame_is_as_long_as_it_says(
    tmp_path: Path, rng: np.random.Generator, n: int
) -> None:
    y = rng.integers(-3000, 3000, (n, 2), dtype=np.int16)
    make_caf(tmp_path / "a.caf", y)
    np.testing.assert_array_equal(read(tmp_path / "a.caf"), y.T / 32768)


def test_it_can_be_protected(tmp_path: Path, clip: tuple[np.ndarray, int]) -> None:
    y = np.repeat(np.round(clip[0][:160_000] * 32767).astype(np.int16)[:, None], 2, axis=1)
    source, target = tmp_path / "a.caf", tmp_path / "out.caf"
    make_caf(source, y)
    done = protect_file(source, target, notice=Notice(owner_id=5), strength_db=2.0)
    assert done.status == "marked"
    command = f"ffmpeg -v error -i {target} -f s16le -"
    played = subprocess.run(command.split(), check=True, capture_output=True).stdout
    assert len(played) == y.nbytes
