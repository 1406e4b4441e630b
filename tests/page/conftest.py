from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sottovoce.page.build import build_page

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """The page, built once."""
    path = tmp_path_factory.mktemp("page") / "sottovoce.html"
    path.write_bytes(build_page())
    return path
