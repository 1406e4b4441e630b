"""What every test may use: seeded randomness, sampling rates, and one clip of real speech."""

from __future__ import annotations

import argparse
import os
import re
import zlib
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile as sf
from xdist.scheduler import LoadScopeScheduling

CLIP_PATH = Path(__file__).parent.parent / "examples" / "data" / "sense_and_sensibility.flac"

hypothesis.settings.register_profile("dev", max_examples=20, deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

# Files whose tests share what takes long to start: a browser, an interpreter, a cluster, a store.
SHARING = (
    "tests/page/",
    "tests/extension/test_browser_",
    "tests/extension/test_build.py",
    "tests/extension/test_signal_browsers.py",
    "tests/cli/test_seal_command.py",
    "tests/scan/test_cluster.py",
    "tests/scan/test_store.py",
)
# As in the Makefile.
WITH_AUDIO_SERVER = ("tests/e2e/", "tests/extension/")


class BySharing(LoadScopeScheduling):  # type: ignore[misc] - it has no types
    """Gives such a file to one process as a whole, and every other test to whichever is idle."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return path if path.startswith(SHARING) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BySharing:
    return BySharing(config, log)


def _read_turn(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 1 to N")
    return int(found[1]), int(found[2])


def pytest_addoption(parser: pytest.Parser) -> None:
    help_turn = "Share of the tests marked by_turns, K/N."
    parser.addoption("--turn", type=_read_turn, default=(1, 1), help=help_turn)
    parser.addoption("--left-out", type=Path, help="File for the names of those left out.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other turns, and have each where the Makefile looks for it."""
    for item in items:
        if item.get_closest_marker("device") and not item.nodeid.startswith(WITH_AUDIO_SERVER):
            raise pytest.UsageError(f"{item.nodeid}: `device` is only for {WITH_AUDIO_SERVER}")
    turn, n_turns = config.getoption("--turn")
    # By the name alone, so that every process and every choice of tests agree.
    others = {
        item.nodeid
        for item in items
        if item.get_closest_marker("by_turns")
        and zlib.crc32(item.nodeid.encode()) % n_turns != turn % n_turns
    }
    path = config.getoption("--left-out")
    if path is not None and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        # What is repeated collects less than the run before it.
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in sorted(others))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in others])
    items[:] = [item for item in items if item.nodeid not in others]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_260_101)


@pytest.fixture(params=[8_000, 16_000, 44_100, 48_000], ids=lambda sr: f"{sr}Hz")
def sr(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="session")
def clip_path() -> Path:
    """The clip that ships with the repository: 24.7 s of speech, 16 kHz, mono, 16 bit."""
    return CLIP_PATH


@pytest.fixture(scope="session")
def clip(clip_path: Path) -> tuple[np.ndarray, int]:
    """The samples of the shipped clip, read-only, and its sampling rate."""
    y, clip_sr = sf.read(clip_path, dtype="float32")
    y.flags.writeable = False
    return y, clip_sr


@pytest.fixture
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, so that no test sees or makes the person's own keys."""
    folder = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder
