"""The browser extension, built once, and browsers that have it."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rig.extension import GRANTED, MarkingChromium, write_microphone

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def build() -> Any:
    """The script that builds the extension, as a module."""
    path = ROOT / "extension" / "tools" / "build.py"
    spec = importlib.util.spec_from_file_location("extension_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_extension(build, tmp_path_factory):
    """Return what builds the extension for a browser; files may be replaced."""

    bundle_once = functools.cache(build.bundle_scripts)

    def make(browser: str, *, granted: tuple[str, ...] = GRANTED, **replaced: str) -> Path:
        folder = tmp_path_factory.mktemp(browser)
        build.write_folder(browser, folder, bundle_once(), granted=granted)
        for stem, text in replaced.items():
            (folder / f"{stem}.js").write_text(text)
        return folder

    return make


@pytest.fixture(scope="session")
def microphone(tmp_path_factory, clip_path) -> Path:
    """The shipped clip, as Chromium's fake microphone plays it."""
    path = tmp_path_factory.mktemp("microphone") / "clip.wav"
    write_microphone(path, clip_path)
    return path


@pytest.fixture(scope="module")
def marking_chromium(make_extension, microphone) -> Iterator[MarkingChromium]:
    """The browser of a module, whose tests open tabs in it."""
    pytest.importorskip("playwright.sync_api", reason="of the group `full`")
    if shutil.which("chromium") is None:
        pytest.fail("apt-get install chromium")
    with MarkingChromium(make_extension("chromium"), microphone) as browser:
        yield browser


@pytest.fixture
def reached(marking_chromium):
    """A page that sees behind the wrapper."""
    page = marking_chromium.open("reached.html")
    yield page
    page.close()
