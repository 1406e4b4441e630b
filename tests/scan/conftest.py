"""A small data set: marked, unmarked, short, and what is no audio; and recordings of noise."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.bombs import FAULTY_DECODER
from sottovoce.scan.datasets.table_cells import close_tables
from sottovoce.scan.finding import Finding
from sottovoce.scan.limits import Limits
from sottovoce.scan.recording import Recording
from sottovoce.scan.reports.page import write_report
from sottovoce.scan.reports.summary import summarise
from sottovoce.scan.workers import kept_pool
from sottovoce.scan.workers.examine import examine
from tests.scan.reporting import JOB, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sottovoce.scan.reports.run_info import RunInfo
    from sottovoce.scan.reports.summary import Summary
    from sottovoce.scan.source import Source

OWNER = 0x4F2A91C077DE
SR = 16_000


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


def encode(seed: int = 0, *, seconds: float = 0.5, form: str = "WAV") -> bytes:
    """The bytes of a file of quiet noise."""
    y = np.random.default_rng(seed).standard_normal(round(seconds * SR)) * 0.05
    file = io.BytesIO()
    sf.write(file, y, SR, format=form, subtype="PCM_16")
    return file.getvalue()


@pytest.fixture
def takes(tmp_path: Path) -> list[str]:
    """Paths of five recordings in a folder `takes`, relative to where that is."""
    folder = tmp_path / "takes"
    folder.mkdir()
    names = [f"takes/{i}.wav" for i in range(5)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(encode(i))
    return names


@pytest.fixture(autouse=True)
def _tables_are_closed() -> Iterator[None]:
    yield
    close_tables()


@pytest.fixture
def faulty_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """Every Python process that starts from now on dies of certain bytes; gives such bytes."""
    (tmp_path / "fault").mkdir()
    (tmp_path / "fault" / "sitecustomize.py").write_text(FAULTY_DECODER)
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "fault"), before]))
    kept_pool._close(os.getpid())
    yield encode(form="FLAC") + b"BOMB"
    kept_pool._close(os.getpid())


def recordings(source: Source) -> dict[str, Recording]:
    """Those that can be examined, by id; an id that comes twice is a failure."""
    found = [one for one in source.recordings() if isinstance(one, Recording)]
    assert len({one.id for one in found}) == len(found)
    return {one.id: one for one in found}


def findings(source: Source) -> list[Finding]:
    return [one for one in source.recordings() if isinstance(one, Finding)]


def read(source: Source) -> dict[str, Finding]:
    """What comes of looking at every recording."""
    return {name: examine(one, limits=Limits()) for name, one in recordings(source).items()}


def told(source: Source) -> list[Finding]:
    """All that is said of what a source names, be it by the source or by whoever looks."""
    return [*findings(source), *read(source).values()]


def refuse(*names: str) -> Callable[[str], bool]:
    return lambda recording_id: recording_id in names


def all_read(source: Source, n: int) -> bool:
    """Whether so many recordings were found, and all decoded in full length."""
    found = read(source)
    return len(found) == n and all(
        one.status == "undetermined" and one.seconds == 0.5 for one in found.values()
    )


@pytest.fixture
def report(tmp_path: Path):
    """Write a page from findings, or from a summary made by hand, and read it."""

    def write(
        findings: list[Finding],
        *,
        job: RunInfo = JOB,
        summary: Summary | None = None,
        strongest: list[Finding] | None = None,
    ) -> Page:
        marked = [one for one in findings if one.marked]
        write_report(
            tmp_path / "report.html",
            job=job,
            summary=summary or summarise(findings),
            strongest=marked if strongest is None else strongest,
            unread=[one for one in findings if one.log10_p is None],
        )
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write
