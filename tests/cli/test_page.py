from __future__ import annotations

import sottovoce.page


def test_a_page_that_was_not_built_is_named(shell):
    if sottovoce.page.built_page() is None:
        done = shell("page", "-o", "page.html")
        assert (done.code, "make page" in done.err) == (2, True)
        assert shell.files() == set()


def test_the_page_is_written_and_nothing_is_overwritten(tmp_path, monkeypatch):
    import pytest

    from sottovoce.cli.page import page
    from sottovoce.errors import ParameterError

    built = tmp_path / "built.html"
    built.write_text("<!doctype html>")
    monkeypatch.setattr(sottovoce.page, "built_page", lambda: built)
    out = tmp_path / "new.html"
    page.callback(out=out)
    assert out.read_bytes() == built.read_bytes()
    with pytest.raises(ParameterError, match="already exists"):
        page.callback(out=out)
