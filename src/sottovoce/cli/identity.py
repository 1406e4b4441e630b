"""`sottovoce id`: create and show the key behind an owner id."""

from __future__ import annotations

import click

from sottovoce.cli import _output
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._whose import load_own
from sottovoce.cli._words import format_path
from sottovoce.errors import SottovoceError

__all__ = ["identity"]

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
        "sottovoce id show",
    ),
)
def identity() -> None:
    """Create and show your key and the owner id that your marks carry.

    The key stays on this machine, in your configuration folder; only the owner id goes into
    the sound.  Keep a copy of the key file: without it nobody can prove that the id is yours.
    """


@identity.command(
    "new",
    epilog=examples(
        "sottovoce id new",
        "sottovoce id new --name audiobook-2026",
    ),
)
@_NEW_NAME
@JSON
def new(*, name: str | None, as_json: bool) -> None:
    """Create a new key.

    An existing key is never replaced.
    """
    from sottovoce.rights import DEFAULT_IDENTITY, format_owner_id, make_identity

    made = make_identity(name or DEFAULT_IDENTITY)
    if as_json:
        _output.result_json(made.to_dict())
        return
    _output.result(f"{made.name}: owner id {format_owner_id(made.owner_id)}")
    _output.explain(f"The key is in {format_path(made.path)}; keep a copy of it.")


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
        if as_json:
            _output.result_json(known.to_dict())
        else:
            place = format_path(known.path)
            _output.result(f"{known.name}: owner id {format_owner_id(known.owner_id)}  ({place})")
    for failure in failures[1:]:
        remedy = _output.name_flags(failure.remedy)
        _output.explain(format_path(f"{failure}  {remedy}"), kind="error")
    if failures:
        raise failures[0]
