"""The hook for pre-commit, as pre-commit would run it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sottovoce.files.reading import AUDIO_SUFFIXES

HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture
def hook():
    (one,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    return one


def test_it_looks_at_all_sound_and_at_nothing_else(hook):
    for suffix in AUDIO_SUFFIXES:
        assert re.search(hook["files"], f"takes/a{suffix}")
        assert re.search(hook["files"], f"takes/a{suffix.upper()}")
    for name in ("README.md", "wav", "a.wav.txt", "flac/a.py"):
        assert not re.search(hook["files"], name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (["clean.flac", "-dash.flac"], 0, []),
        (["clean.flac", "marked.flac", "broken.flac"], 1, ["marked.flac"]),
    ],
    ids=["unmarked", "marked"],
)
def test_it_fails_on_marks_and_leaves_nothing_behind(names, code, told, hook, clips):
    (clips / "-dash.flac").write_bytes((clips / "clean.flac").read_bytes())
    before = sorted(clips.parent.rglob("*"))
    program, *entry = hook["entry"].split()
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *entry, *hook["args"], *names],
        cwd=clips,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.splitlines()) == (code, told)
    assert ("broken.flac: not a readable audio file" in done.stderr) == ("broken.flac" in names)
    assert sorted(clips.parent.rglob("*")) == before
