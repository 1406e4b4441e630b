"""The examples as modules, and a few clips for them to judge."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile as sf

import sottovoce as sv

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import an example by its name."""

    def load_example(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load_example


@pytest.fixture(scope="session")
def marked_clip(clip, tmp_path_factory) -> Path:
    y, sr = clip
    path = tmp_path_factory.mktemp("marked") / "marked.flac"
    sf.write(path, sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7)), sr)
    return path


@pytest.fixture
def clips(clip_path: Path, marked_clip: Path, tmp_path: Path) -> Path:
    """A folder with an unmarked clip, a marked one, and one that is no sound."""
    folder = tmp_path / "clips"
    folder.mkdir()
    shutil.copy(clip_path, folder / "clean.flac")
    shutil.copy(marked_clip, folder / "marked.flac")
    (folder / "broken.flac").write_bytes(b"no sound")
    return folder
