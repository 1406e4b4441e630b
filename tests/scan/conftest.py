"""A small data set: marked, unmarked, short, and what is no audio."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv

OWNER = 0x4F2A91C077DE


@pytest.fixture(scope="session")
def marked(clip):
    """The shipped clip with a mark, and its sampling rate."""
    y, sr = clip
    notice = sv.Notice(owner_id=OWNER, policy=0x0F, year=2026)
    return sv.protect(y, sr=sr, notice=notice, phase_s=0.3), sr


@pytest.fixture(scope="session")
def dataset(tmp_path_factory, clip, marked):
    """Four folders of recordings, one of them with marks."""
    root = tmp_path_factory.mktemp("dataset")
    y, sr = clip
    for name in ("anna", "bert", "carl", "odd"):
        (root / name).mkdir()
    sf.write(root / "anna" / "long.flac", marked[0], sr)
    sf.write(root / "anna" / "short.wav", marked[0][: 4 * sr], sr)
    sf.write(root / "bert" / "long.flac", y, sr)
    sf.write(root / "bert" / "part.ogg", y[: 10 * sr], sr)
    sf.write(root / "carl" / "word.wav", y[: sr // 2], sr)
    sf.write(root / "carl" / "silence.flac", np.zeros(20 * sr, dtype=np.float32), sr)
    (root / "odd" / "text.wav").write_text("no audio at all")
    (root / "odd" / "empty.mp3").touch()
    (root / "odd" / "notes.txt").write_text("left alone")
    return root
