"""Secrets that the user types or reads: passphrases and recovery words.

They never pass as arguments, which other programs and the history of the shell would see, and
never stand in results, messages or logs.
"""

from __future__ import annotations

import secrets
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from sottovoce.rights import RecoveryWords

__all__ = [
    "WORDS_FROM",
    "ask_passphrase",
    "choose_passphrase",
    "have_words_typed",
    "read_words",
    "show_words",
]

_MOST_LINE = 4096
_N_ASKED = 4
_N_TRIES = 3
_N_COLUMNS = 3

WORDS_FROM = click.option(
    "--words-from",
    default=None,
    metavar="FILE|-",
    help="Read the recovery words from a file or from stdin (-).  [default: ask for them]",
)


def ask_passphrase(path: Path) -> str:
    """Ask for the passphrase of a file, hidden; read a line of stdin where it is no terminal."""
    question = f"Passphrase of {format_path(path)}"
    if sys.stdin.isatty():
        typed: str = click.prompt(question, hide_input=True, err=True)
        return typed
    return _read_line(question)


def choose_passphrase() -> str:
    """Ask for a new passphrase, twice; read one line of stdin where it is no terminal."""
    question = "New passphrase"
    if sys.stdin.isatty():
        typed: str = click.prompt(question, hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return _read_line(question)


def read_words(words_from: str | None) -> RecoveryWords:
    """Return the recovery words that the user has: from a file, from stdin, or typed."""
    from sottovoce.rights import RecoveryWords

    if words_from is None and sys.stdin.isatty():
        with _output.private_screen():
            return RecoveryWords.from_text(click.prompt("All 24 recovery words", err=True))
    if words_from in {None, "-"}:
        return RecoveryWords.from_text(sys.stdin.read(_MOST_LINE + 1))
    return RecoveryWords.from_text(_read_file(Path(str(words_from))))


def show_words(words: RecoveryWords) -> None:
    """Show new words once, numbered."""
    listed = words.words
    n_rows = len(listed) // _N_COLUMNS
    for row in range(n_rows):
        numbers = range(row, len(listed), n_rows)
        _output.result("".join(f"{n + 1:>4}  {listed[n]:<12}" for n in numbers).rstrip())


def have_words_typed(words: RecoveryWords, *, shown: bool) -> None:
    """Let the user type some of the new words, as a check that they are on paper.

    Parameters
    ----------
    words : RecoveryWords
        The new ones.
    shown : bool
        Whether to show them first; otherwise they are on a page.

    Raises
    ------
    ParameterError
        If what is typed is not the words.
    """
    if not sys.stdin.isatty():
        if shown:
            show_words(words)
        if read_words("-") != words:
            raise _mistyped()
        return
    if shown and not sys.stdout.isatty():
        raise ParameterError(
            "recovery words are not written into a pipe or file unasked",
            remedy="Run the command in a terminal, or name a page to print (`out`).",
        )
    if shown:
        with _output.private_screen():
            show_words(words)
            click.prompt(
                "\nWrite them down with their numbers; then press Enter",
                default="",
                show_default=False,
                err=True,
            )
    for n in sorted(secrets.SystemRandom().sample(range(len(words.words)), _N_ASKED)):
        with _output.private_screen() if shown else nullcontext():
            if not any(_asks_right(words.words[n], n) for _ in range(_N_TRIES)):
                raise _mistyped()


def _asks_right(word: str, n: int) -> bool:
    typed: str = click.prompt(f"Word {n + 1}", err=True)
    return typed.strip().lower() == word


def _mistyped() -> ParameterError:
    return ParameterError(
        "what was typed is not the new recovery words; nothing was stored",
        remedy="Destroy what you wrote down, and start again to get other words.",
    )


def _read_line(question: str) -> str:
    line = sys.stdin.readline(_MOST_LINE).rstrip("\r\n")
    if not line:
        raise ParameterError(
            f"{question}: nothing was typed",
            remedy="Run the command in a terminal, or give it a line on stdin.",
        )
    return line


def _read_file(path: Path) -> str:
    from sottovoce.rights import explain_exposure

    if warning := explain_exposure(path):
        _output.explain(format_path(warning), kind="warning")
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST_LINE + 1)
    except UnicodeDecodeError:
        raise ParameterError(
            f"{path} is not a text", remedy="Name the file that holds the recovery words."
        ) from None
