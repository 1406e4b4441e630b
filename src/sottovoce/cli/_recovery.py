"""Recovery words for identities: made, shown once, typed back, and named by thumbprints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._secrets import have_words_typed, read_words
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sottovoce.rights import Identity, RecoveryWords

__all__ = [
    "can_replace",
    "check_new",
    "make_words",
    "read_known_words",
    "settle_words",
    "take_words",
    "today",
    "without_words",
    "write_page",
]


def today() -> str:
    """Return the date, as in 2026-11-28."""
    from sottovoce.rights.days import present_day

    return present_day().isoformat()


def without_words(identities: Sequence[Identity]) -> list[Identity]:
    """Return the identities that have named no keys on paper yet."""
    from sottovoce.rights import load_commitment

    return [each for each in identities if load_commitment(each.owner_id) is None]


def make_words(identities: Sequence[Identity], *, out: Path | None = None) -> RecoveryWords:
    """Make recovery words, have them written down, and name their keys for these identities.

    Parameters
    ----------
    identities : sequence of Identity
        Those without words.
    out : Path or None
        A new file for the page to print; None shows the words in the terminal.

    Returns
    -------
    words : RecoveryWords
        Nothing of them is stored but thumbprints.

    Raises
    ------
    ParameterError
        If what is typed is not the words; the page is removed again.
    """
    from sottovoce.rights import RecoveryWords, commit

    words = RecoveryWords.generate()
    if out is not None:
        write_page(words, identities, out)
        _output.explain(f"Print {format_path(out)} now, and type from the paper.", kind="note")
    try:
        have_words_typed(words, shown=out is None)
    except BaseException:
        if out is not None:
            out.unlink(missing_ok=True)
        raise
    for each in identities:
        commit(words, each.owner_id)
    return words


def take_words(words_from: str | None) -> RecoveryWords:
    """Return words that the user has: those named before on this machine, or from elsewhere."""
    from sottovoce.rights import known_words

    return read_known_words(words_from) if known_words() else read_words(words_from)


def settle_words(identity: Identity, words_from: str | None, *, is_without: bool) -> None:
    """See to it that the first statement of an identity can name a key on paper.

    Parameters
    ----------
    identity : Identity
        Has signed no statement yet.
    words_from : str or None
        Where the words are to be read from.
    is_without : bool
        Whether the user goes without, for good.

    Raises
    ------
    ParameterError
        If the user would have to be asked and cannot be, or contradicts what is stored.
    """
    from sottovoce.rights import commit, known_words, load_commitment

    has_words = load_commitment(identity.owner_id) is not None
    if is_without and (has_words or words_from is not None):
        raise ParameterError(
            f"{identity.name!r} has recovery words: its first statement names the key from them",
            remedy="Leave out --without-words.",
        )
    if words_from is not None:
        commit(take_words(words_from), identity.owner_id)
    elif not (has_words or is_without):
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise _wordless(identity)
        _output.explain(
            "Your first statement names the key that may replace this one.  It comes from 24"
            " recovery words, on paper; they are needed once, now.",
        )
        if known_words():
            commit(read_known_words(None), identity.owner_id)
        elif identity.stored_key is not None and click.confirm(
            # Of an identity that the browser page made, the words may have been made there, too.
            "Do you have 24 recovery words from the browser page?",
            err=True,
        ):
            commit(read_words(None), identity.owner_id)
        else:
            make_words([identity])


def can_replace(identity: Identity) -> bool | None:
    """Return whether recovery words can replace the key of an identity.

    Returns
    -------
    can : bool or None
        None if its statements name no such key, and never can.
    """
    from sottovoce.rights import load_commitment
    from sottovoce.rights.jws import peek_payload
    from sottovoce.rights.own_files import read_own_statements

    tokens = read_own_statements(identity.owner_id)
    if not tokens:
        return load_commitment(identity.owner_id) is not None
    keys = peek_payload(tokens[-1]).get("keys")
    return True if isinstance(keys, dict) and keys.get("next_thumbprint") else None


def _wordless(identity: Identity) -> ParameterError:
    return ParameterError(
        f"{identity.name!r} has no recovery words, and its first statement could name no key that"
        " may replace this one",
        remedy="Run: sottovoce id words.  Or give the words that you have by --words-from.  With"
        " --without-words you go without: this key can never be replaced then, and what it refuses"
        " can never be lifted.",
    )


def read_known_words(words_from: str | None) -> RecoveryWords:
    """Return words that the user has, which identities on this machine have named before."""
    from sottovoce.rights import known_words

    known = known_words()
    if not known:
        raise ParameterError(
            "no identity on this computer has recovery words yet",
            remedy="Make them with: sottovoce id words",
        )
    words = read_words(words_from)
    if words.check not in known:
        raise ParameterError(
            "these are not the recovery words of the identities on this computer",
            remedy="Use the words that you wrote down when you ran: sottovoce id words",
        )
    return words


def write_page(words: RecoveryWords, identities: Sequence[Identity], out: Path) -> None:
    """Write the page to print, for its owner alone; by its suffix as PDF or SVG."""
    from sottovoce.rights.keys.key_files import write_once
    from sottovoce.rights.keys.recovery_page import make_pdf, make_svg

    suffix = out.suffix.lower()
    if suffix not in {".pdf", ".svg"}:
        raise ParameterError(
            f"{out}: the page is written as PDF or SVG", remedy="Name a file that ends in .pdf."
        )
    check_new(out)
    owners = [(each.name, each.owner_id) for each in identities]
    if suffix == ".pdf":
        data = make_pdf(words, owners, date=today())
    else:
        data = make_svg(words, owners, date=today()).encode("utf-8")
    write_once(out, data)


def check_new(out: Path) -> None:
    """Refuse a name that is taken, or whose folder does not exist."""
    if out.exists() or out.is_symlink():
        raise ParameterError(f"{out} already exists", remedy="Name a new file (`out`).")
    if not out.parent.is_dir():
        raise ParameterError(f"{out.parent} is not a folder", remedy="Create the folder first.")
