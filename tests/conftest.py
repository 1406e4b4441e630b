"""What every test may use: seeded randomness, sampling rates, and one clip of real speech."""

from __future__ import annotations

import os
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


class BySharing(LoadScopeScheduling):  # type: ignore[misc] - it has no types
    """Gives such a file to one process as a whole, and every other test to whichever is idle."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return path if path.startswith(SHARING) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BySharing:
    return BySharing(config, log)


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
