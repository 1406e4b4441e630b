"""`sottovoce id`: create, show and keep the key behind an owner id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._recovery import can_replace
from sottovoce.cli._seals import has_seal_key, is_committed
from sottovoce.cli._secrets import ask_passphrase, choose_passphrase
from sottovoce.cli._whose import find_key, load_own
from sottovoce.cli._words import format_path
from sottovoce.cli.id_backup import backup, restore
from sottovoce.cli.id_rotate import revoke, rotate
from sottovoce.cli.id_words import words
from sottovoce.errors import SottovoceError
from sottovoce.files.counts import say_count

if TYPE_CHECKING:
    from sottovoce.rights import Identity
    from sottovoce.rights.keys.secret_files import AskPassphrase

__all__ = ["identity"]

_SEALS = "seals: long files get its seal, which only this key can find"
_UNCOMMITTED = (
    "no statement commits to its seal yet, so that you could not show it to others: sottovoce"
    " statement new"
)
_SEALS_NOT = "seals: none from this computer, where its key is missing or needs a passphrase"

_NEW_NAME = click.option(
    "--name",
    default=None,
    metavar="NAME",
    help="Name of the identity; one for each project keeps recordings from being linked by id."
    "  [default: default]",
)
_SHOWN_NAME = click.option(
    "--name",
    default=None,
    metavar="NAME",
    help="Show only the identity of this name.  [default: all identities]",
)


@click.group(
    "id",
    epilog=examples(
        "sottovoce id new",
        "sottovoce id new --name audiobook-2026",
        "sottovoce id list",
        "sottovoce id words -o words.pdf",
        "sottovoce id backup",
        "sottovoce id rotate -o statements.jws",
    ),
)
def identity() -> None:
    """Create, show and keep your key and the owner id that your marks carry.

    The key stays on this machine, in your configuration folder; only the owner id goes into
    the sound.  Without the key nobody can prove that the id is yours: `words` makes the recovery
    words for your paper, `backup` a file that only they open, and `rotate` and `revoke` replace
    a key by one from the words.
    """


@identity.command(
    "new",
    epilog=examples(
        "sottovoce id new",
        "sottovoce id new --name audiobook-2026",
    ),
)
@_NEW_NAME
@click.option(
    "--passphrase",
    "is_sealed",
    is_flag=True,
    help="Protect the seed that all your keys are made from with a passphrase, which is asked for."
    "  Only for the first identity: the seed does not change later.  Marking never needs it.",
)
@JSON
def new(*, name: str | None, is_sealed: bool, as_json: bool) -> None:
    """Create a new key.

    An existing key is never replaced.
    """
    from sottovoce.rights import (
        DEFAULT_IDENTITY,
        format_owner_id,
        make_identity,
        make_seed,
        seed_path,
    )

    ask: AskPassphrase = ask_passphrase
    if is_sealed:
        # One that exists is refused by `make_seed`, in its words.
        chosen = "" if seed_path().exists() else choose_passphrase()
        make_seed(passphrase=chosen)
        ask = lambda _: chosen  # noqa: E731 - it has just been typed twice
    made = make_identity(name or DEFAULT_IDENTITY, ask=ask)
    if as_json:
        _output.result_json(made.to_dict())
        return
    _output.result(f"{made.name}: owner id {format_owner_id(made.owner_id)}")
    _output.explain(
        f"Its key is made from {format_path(seed_path())}.  To keep it if this computer is lost,"
        " run: sottovoce id words, then: sottovoce id backup"
    )


@identity.command(
    "show",
    epilog=examples(
        "sottovoce id show",
        "sottovoce id show --name audiobook-2026 --json",
    ),
)
@_SHOWN_NAME
@JSON
def show(*, name: str | None, as_json: bool) -> None:
    """Show your owner ids, recomputed from the keys."""
    from sottovoce.rights import format_owner_id, list_identities

    names = [name] if name else list_identities()
    if not names:
        _output.explain("There is no key yet; create one with: sottovoce id new", kind="note")
    failures = []
    for each in names:
        try:
            known = load_own(each, verify=True)
        except SottovoceError as err:
            failures.append(err)  # one that is damaged must not hide the others
            continue
        seals = has_seal_key(known)
        if as_json:
            _output.result_json({**known.to_dict(), "seals": seals})
        else:
            place = format_path(known.path)
            _output.result(f"{known.name}: owner id {format_owner_id(known.owner_id)}  ({place})")
            _output.result(f"  {_SEALS if seals else _SEALS_NOT}")
            if seals and not is_committed(known.owner_id):
                _output.result(f"  {_UNCOMMITTED} --name {known.name}")
    for failure in failures[1:]:
        remedy = _output.name_flags(failure.remedy)
        _output.explain(format_path(f"{failure}  {remedy}"), kind="error")
    if failures:
        raise failures[0]


@identity.command(
    "list",
    epilog=examples(
        "sottovoce id list",
        "sottovoce id list --json",
    ),
)
@JSON
def list_all(*, as_json: bool) -> None:
    """List your identities, and what would be left after a loss.

    For each, where its key is, when it was last in a backup, and whether recovery words can replace
    the key.
    """
    from sottovoce.rights import list_identities
    from sottovoce.rights.keys.backup_notes import backup_dates, list_new_files

    dates = backup_dates()
    n_new = len(list_new_files()) if dates else 0
    rows, failures = [], []
    for name in list_identities():
        try:
            rows.append(_describe(load_own(name), dates, is_current=not n_new))
        except SottovoceError as err:
            failures.append(err)
    if as_json:
        for row in rows:
            _output.result_json(row)
    elif rows:
        _write_table(rows)
        _explain_gaps(rows)
        if n_new:
            lacking = say_count(n_new, "file")
            _output.explain(
                f"The last backup lacks {lacking}, such as statements and keys made since.  For a"
                " new one, run: sottovoce id backup",
                kind="warning",
            )
    elif not failures:
        _output.explain("There is no key yet; create one with: sottovoce id new", kind="note")
    for failure in failures[1:]:
        _output.explain(format_path(failure), kind="error")
    if failures:
        raise failures[0]


def _describe(known: Identity, dates: dict[str, str], *, is_current: bool) -> dict[str, Any]:
    from sottovoce.rights import format_owner_id

    owner = format_owner_id(known.owner_id)
    return {
        "name": known.name,
        "owner_id": known.owner_id,
        "owner": owner,
        "key": find_key(known),
        "backed_up": owner in dates,
        "backup_date": dates.get(owner),
        "backup_current": owner in dates and is_current,
        "recovery_words": can_replace(known),
    }


def _write_table(rows: list[dict[str, Any]]) -> None:
    width = max(len("name"), *(len(row["name"]) for row in rows))
    _output.result(f"{'name':<{width}}  {'owner id':<14}  key      backed up   recovery words")
    for row in rows:
        cells = [f"{row['name']:<{width}}", row["owner"], f"{row['key']:<7}"]
        cells.append(f"{row['backup_date'] or 'no':<10}")
        cells.append({True: "yes", False: "no", None: "never"}[row["recovery_words"]])
        _output.result("  ".join(cells))


def _explain_gaps(rows: list[dict[str, Any]]) -> None:
    """Say what to do about each *no*."""
    if any(row["key"] == "missing" for row in rows):
        _output.explain(
            "missing: this computer can mark with the identity, but not sign for it.  Restore a"
            " backup with: sottovoce id restore",
            kind="note",
        )
    words = [row["recovery_words"] for row in rows]
    if None in words:
        _output.explain(
            "never: the first statement was signed without recovery words, so that nothing can"
            " replace this key.  For new projects, create another identity.",
            kind="note",
        )
    if False in words:
        _output.explain("For recovery words, run: sottovoce id words", kind="note")
    elif not all(row["backed_up"] for row in rows):
        _output.explain("For a backup, run: sottovoce id backup", kind="note")


for _command in (words, backup, restore, rotate, revoke):
    identity.add_command(_command)
