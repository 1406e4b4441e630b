"""The badges of tabs, after the browser has ended the worker that set them."""

from __future__ import annotations

import pytest

from tests.extension.node.running import run_node

pytestmark = pytest.mark.browser


def test_a_frame_that_went_while_no_worker_was_there_is_forgotten() -> None:
    answer = run_node("badge.mjs", None, flags=["--no-warnings"])
    assert (answer["before"], answer["after"]) == ("!", "✓")
    assert answer["kept"] == [[7, {"3": {"word": "marked", "reason": ""}}]]
