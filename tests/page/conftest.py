from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rig.wasm import make_wasm
from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """The page, built once."""
    path = tmp_path_factory.mktemp("page") / "sottovoce.html"
    path.write_bytes(build_page())
    return path


@pytest.fixture(scope="module")
def wasm_folder(tmp_path_factory) -> Path:
    """Python for WebAssembly with the package, and ``here``, a folder that it sees."""
    folder = tmp_path_factory.mktemp("wasm")
    make_wasm(folder)
    return folder
