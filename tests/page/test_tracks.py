"""What the structure of a file says of the tracks that a browser decoded."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import soundfile as sf

from sottovoce.errors import MissingExtraError
from sottovoce.page.tracks import check_tracks

pytestmark = pytest.mark.codec
ID3 = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)


def encode(folder, y, sr) -> bytes:
    sf.write(folder / "a.wav", y, sr)
    command = ["ffmpeg", "-v", "error", "-y", "-i", "a.wav", "-c:a", "aac", "a.aac"]
    subprocess.run(command, cwd=folder, check=True)
    return (folder / "a.aac").read_bytes()


def check(folder, data):
    (folder / "take.aac").write_bytes(data)
    track = {
        "number": 1,
        "path": str(folder / "a.wav"),
        **dict.fromkeys(("seconds", "listed", "promised"), 2.0),
    }
    track |= {"undecoded": 0, "gaps": 0, "silent": 0, "changes": ""}
    source = str(folder / "take.aac")
    return check_tracks(source, [track], thorough=False, tell=lambda _: None).parts[0].notes


@pytest.mark.parametrize("tag", [b"", ID3])
def test_aac_is_looked_through_behind_a_tag_as_without_one(tmp_path, tag) -> None:
    rng = np.random.default_rng(3)
    whole = encode(tmp_path, 0.1 * rng.standard_normal(2 * 44_100), 44_100)
    other = encode(tmp_path, 0.1 * rng.standard_normal(2 * 32_000), 32_000)
    assert check(tmp_path, tag + whole) == ()
    assert "ends within a frame" in " ".join(check(tmp_path, tag + whole[:-50]))
    with pytest.raises(MissingExtraError):
        check(tmp_path, tag + whole + other)
