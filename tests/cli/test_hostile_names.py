"""Names of files that would write on the terminal, into a page or a formula."""

from __future__ import annotations

import shutil

import pytest

NAMES = ["\x1b[2J\x1b]0;owned\x07.wav", "\u202egpj.wav", "$x^{$_{.wav", "<script>&.wav", "a\nb.wav"]


def is_plain(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.by_turns
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_gets_nothing_but_text(shell, marked_take, name):
    shutil.copy(marked_take, shell.folder / name)
    (shell.folder / f"damaged {name}").write_bytes(b"RIFF\x10\0\0\0WAVEfmt ")
    done = shell("check", ".", f"no such {name}" if "\n" not in name else ".")
    again = shell("check", ".")
    for text in (done.out, done.err, again.out, again.err):
        assert is_plain(text)
    assert "PROTECTED" in again.out
    assert "damaged" in again.err


@pytest.mark.slow
def test_a_picture_takes_no_mathematics_from_a_name(shell, marked_take):
    shutil.copy(marked_take, shell.folder / "$x^{$_{.wav")
    done = shell("check", "$x^{$_{.wav", "--plot", "found.png")
    assert done.code == 0, done.err
    assert (shell.folder / "found.png").stat().st_size > 10_000


def test_a_page_gets_nothing_but_text(shell, take):
    name = "<script>alert(1)</script>".replace("/", "\u2215") + "\u202e.wav"
    take.rename(shell.folder / name)
    done = shell("protect", name, "--owner", "anonymous", "--receipt", "receipt.html")
    assert done.code == 0, done.err
    page = (shell.folder / "receipt.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
