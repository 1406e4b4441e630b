"""`sottovoce id words`: the recovery words, on paper."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._options import OutPath, examples
from sottovoce.cli._recovery import (
    can_replace,
    make_words,
    take_words,
    without_words,
    write_page,
)
from sottovoce.cli._secrets import WORDS_FROM
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

__all__ = ["words"]


@click.command(
    "words",
    epilog=examples(
        "sottovoce id words                shows the words once, and asks for some of them",
        "sottovoce id words -o words.pdf   writes a page to print",
    ),
)
@click.option(
    "-o",
    "--out",
    type=OutPath(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Write a page to print to this new file: .pdf or .svg.  Delete it after printing.",
)
@click.option(
    "--new",
    "is_new",
    is_flag=True,
    help="Make other words for the identities without any; those that have words keep theirs.",
)
@WORDS_FROM
def words(*, out: Path | None, is_new: bool, words_from: str | None) -> None:
    """Make 24 recovery words, or give the words that you have to new identities.

    From the words alone, a lost or stolen key is replaced, and a backup is opened.  They are shown
    once and stored nowhere on this machine: write them down, or print them with -o.
    """
    from sottovoce.rights import commit, known_words, list_identities, load_identity

    own = [load_identity(name) for name in list_identities()]
    if not own:
        raise ParameterError(
            "there is no identity yet", remedy="Create it with `make_identity(name='default')`."
        )
    missing = without_words(own)
    if is_new or not (words_from or known_words()):
        if not missing:
            raise ParameterError(
                "every identity has recovery words, and keeps them",
                remedy="Create another identity with `make_identity(name=…)`.",
            )
        make_words(missing, out=out)
    elif missing or out is not None:
        known = take_words(words_from)
        for each in missing:
            commit(known, each.owner_id)
        if out is not None:
            write_page(known, own, out)
    for each in missing:
        _output.result(f"{each.name}: has recovery words")
        if can_replace(each) is None:
            _output.explain(
                f"{each.name}: its statements were signed without recovery words.  The words open"
                " backups, but can never replace this key.",
                kind="warning",
            )
    if not missing and out is None:
        _output.explain("Every identity has recovery words; -o prints yours again.", kind="note")
    _explain_next(out)


def _explain_next(out: Path | None) -> None:
    if out is not None:
        _output.explain(f"Print {format_path(out)}, then delete it.", kind="note")
    _output.explain(
        "Keep the words on paper, away from this computer; who has them can take over your owner"
        " ids.  Then run: sottovoce id backup"
    )
