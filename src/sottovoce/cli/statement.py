"""`sottovoce statement`: sign, show, verify and publish what you refuse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._declaring import commit_seal, declare
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._recovery import check_new, settle_words
from sottovoce.cli._secrets import WORDS_FROM
from sottovoce.cli._signing import (
    IDENTITY,
    OUT,
    OWNER_KEY,
    join_uses,
    load_named,
    load_signer,
    read_own,
    refuse_unsigned,
)
from sottovoce.cli._words import format_path

if TYPE_CHECKING:
    from sottovoce.rights.statements import Standing

__all__ = ["statement"]

_FILE = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")


@click.group(
    "statement",
    epilog=examples(
        "sottovoce statement new --contact mailto:agent@example.org",
        "sottovoce statement html -o refusal.html",
        "sottovoce statement verify statements.jws",
    ),
)
def statement() -> None:
    """Sign, show, verify and publish what you refuse.

    A statement says in full what the mark in your recordings says in eight bits, and is signed with
    the key behind your owner id.  Statements form a chain: each one names the one before it, and
    anyone can verify them without a network.  The current key can only add refusals; lifting one
    takes the next key, which comes from your recovery words: see `sottovoce id rotate`.
    """


@statement.command(
    "new",
    epilog=examples(
        "sottovoce statement new --declared-name Ada --contact mailto:me@example.org",
        "sottovoce statement new --name book --policy training --on-request clone",
        "sottovoce statement new --link https://registry.example/4711 -o statements.jws",
    ),
)
@IDENTITY
@click.option(
    "--policy",
    default=None,
    metavar="all|training|cloning|USES",
    help="The refused uses, as for `protect`.  [default: those of the last statement, or all]",
)
@click.option(
    "--on-request",
    default=None,
    metavar="USES",
    help="Refused uses for which you may be asked, separated by commas.",
)
@click.option(
    "--role",
    type=click.Choice(["speaker", "guardian", "heir", "agent", "rightsholder"]),
    default=None,
    help="In which role you declare this.  [default: that of the last statement, or speaker]",
)
@click.option("--declared-name", default=None, metavar="TEXT", help="Your name; may be left out.")
@click.option("--pseudonym", default=None, metavar="TEXT", help="The name that you are known by.")
@click.option("--contact", default=None, metavar="URI", help="Where to ask: mailto:… or https://….")
@click.option(
    "--link",
    "links",
    multiple=True,
    metavar="URI",
    help="Another address, such as your entry in a registry; may be repeated.",
)
@click.option("--since", default=None, metavar="DAY", help="Since when the refusal is known.")
@click.option("--minor-until", default=None, metavar="DAY", help="Day on which you come of age.")
@click.option(
    "--mark",
    "marks",
    multiple=True,
    metavar="POLICY:YEAR",
    help="Another policy and year that marks of this identity carry; may be repeated."
    "  [default: the refused uses and the present year]",
)
@click.option(
    "--disown",
    multiple=True,
    metavar="FILE|SHA256",
    help="A recording that somebody else marked with your id, or the SHA-256 of its decoded sound;"
    " may be repeated.",
)
@click.option(
    "--successor",
    "successors",
    multiple=True,
    metavar="THUMBPRINT",
    help="Key of an heir or agent who may take the id over, at any time; may be repeated.",
)
@WORDS_FROM
@click.option(
    "--without-words",
    is_flag=True,
    help="Sign the first statement without recovery words.  Nobody can ever replace this key then,"
    " not even you after a theft, and what you refuse can never be lifted.",
)
@OUT
@JSON
def new(
    *,
    name: str | None,
    words_from: str | None,
    without_words: bool,
    out: Path | None,
    as_json: bool,
    **said: Any,  # noqa: ANN401 - what is declared
) -> None:
    """Sign a statement: the first one, or one that follows those before it.

    The first one also names the key that may replace yours.  That key comes from your recovery
    words, which are made now if you have none.

    Whatever is not given stays as it is in the last statement.  Statements are stored beside your
    keys and never replaced; -o writes all of them to a file that you can publish or send.
    """
    from sottovoce.rights.own_files import read_own_statements, write_own_statement
    from sottovoce.rights.statements import (
        continue_statements,
        make_statement,
        write_statements,
    )

    if out is not None:
        check_new(out)
    identity = load_named(name)
    tokens = read_own_statements(identity.owner_id)
    declaration = declare(said, tokens)
    if not tokens:
        settle_words(identity, words_from, is_without=without_words)
    elif words_from is not None or without_words:
        raise click.UsageError("--words-from and --without-words are for the first statement")
    _, keys = load_signer(name)
    declaration = commit_seal(declaration, identity)
    if tokens:
        token = continue_statements(
            tokens,
            key=keys.private_key,
            declaration=declaration,
            successors=said["successors"] or None,
        )
    else:
        token = make_statement(
            declaration,
            key=keys.private_key,
            next_thumbprint=keys.next_thumbprint,
            recovery_thumbprint=keys.recovery_thumbprint,
            successors=said["successors"],
        )
    tokens.append(token)
    path = write_own_statement(token, owner_id=identity.owner_id, seq=len(tokens))
    _, standing = read_own(identity.owner_id)
    if out is not None:
        write_statements(out, tokens)
    if as_json:
        _output.result_json({"path": str(path), **standing.to_dict()})
    else:
        _output.result(f"Signed statement {len(tokens)}: {standing.words}")
        _output.explain(f"It is stored in {format_path(path)}.")
    if standing.statement is not None and not standing.statement.next_key:
        _output.explain(
            "no next key is announced: this key can never be replaced, and what it refuses can"
            " never be lifted, except by grants.",
            kind="note",
        )


@statement.command(
    "show",
    epilog=examples(
        "sottovoce statement show",
        "sottovoce statement show statements.jws",
        "sottovoce statement show --name book -o statements.jws",
    ),
)
@_FILE
@IDENTITY
@OUT
@JSON
def show(*, file: Path | None, name: str | None, out: Path | None, as_json: bool) -> None:
    """Show the newest statement of an identity, or of a file; -o writes all of them to a file."""
    from sottovoce.rights.statements import write_statements

    tokens, standing = _read(file, name)
    if out is not None:
        write_statements(out, tokens)
    if as_json:
        one = standing.statement
        _output.result_json({**standing.to_dict(), "statement": one.to_dict() if one else None})
        return
    _tell(standing)


@statement.command(
    "verify",
    epilog=examples(
        "sottovoce statement verify statements.jws",
        "sottovoce statement verify statements.jws newer.jws --json",
        "sottovoce statement verify acme.grant --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@OWNER_KEY
@JSON
@click.pass_context
def verify(
    context: click.Context, *, files: tuple[Path, ...], owner_key: str | None, as_json: bool
) -> None:
    """Verify the statements of an owner, without a network, and explain each one.

    Without --owner-key, the refusals of all statements add up: the twelve digits of an owner id
    are too few to believe that one was lifted.

    Exit code: 0 valid; 1 not valid, or in conflict; 2 a file could not be read.
    """
    from sottovoce.rights.statements import read_statements, verify_statements

    tokens = [token for file in files for token in read_statements(file)]
    standing = verify_statements(tokens, owner_key=owner_key)
    if as_json:
        _output.result_json(standing.to_dict())
    else:
        _tell(standing)
        for step in standing.steps:
            _output.result(f"  {format_path(step.words)}")
    if not standing.valid or standing.conflict:
        context.exit(ExitCode.NOT_FOUND)


@statement.command(
    "html",
    epilog=examples(
        "sottovoce statement html -o refusal.html",
        "sottovoce statement html statements.jws -o refusal.html",
    ),
)
@_FILE
@IDENTITY
@OUT
@JSON
def html(*, file: Path | None, name: str | None, out: Path | None, as_json: bool) -> None:
    """Write a page to publish: what you refuse, and the signed statements to check it by.

    The page is one file without scripts, and loads nothing from elsewhere.
    """
    from sottovoce.rights.own_files import write_once
    from sottovoce.rights.statements import make_page

    _, standing = _read(file, name)
    path = out or Path("statement.html")
    write_once(path, make_page(standing).encode())
    path.chmod(0o644)  # to be published
    if as_json:
        _output.result_json({"path": str(path), "owner_id": standing.owner_id})
    else:
        _output.result(f"Wrote {format_path(path)}")


@statement.command(
    "texts",
    epilog=examples(
        "sottovoce statement texts",
        "sottovoce statement texts --language de",
        "sottovoce statement texts --name book --json",
    ),
)
@_FILE
@IDENTITY
@click.option(
    "--language",
    type=click.Choice(["en", "de", "fr", "es"]),
    default="en",
    show_default=True,
    help="Language of the texts.",
)
@JSON
def texts(*, file: Path | None, name: str | None, language: str, as_json: bool) -> None:
    """Print short texts for a call's chat, a display name, an e-mail signature and a contract.

    The rider for a contract covers consent, uses, time limit, payment and transfer.  It is a
    template and no legal advice.
    """
    from sottovoce.rights.statements import make_texts

    _, standing = _read(file, name)
    for text in make_texts(standing, language=language):
        if as_json:
            _output.result_json(text.to_dict())
            continue
        note = f"\n\n{text.note}" if text.note else ""
        _output.result(f"# {text.title}\n{text.text}{note}\n")


def _read(file: Path | None, name: str | None) -> tuple[list[str], Standing]:
    """Return the statements of a file, or those that the user has signed."""
    from sottovoce.rights.statements import read_statements, verify_statements

    if file is not None:
        tokens = list(read_statements(file))
        return tokens, verify_statements(tokens)
    identity = load_named(name)
    tokens, standing = read_own(identity.owner_id)
    refuse_unsigned(tokens, identity.name)
    return tokens, standing


def _tell(standing: Standing) -> None:
    """Write what statements add up to."""
    from sottovoce.rights import format_owner_id

    if not standing.valid:
        _output.result(f"NOT VALID: {format_path(standing.problem)}")
        if standing.remedy:
            _output.explain(standing.remedy)
        return
    head = "CONFLICT" if standing.conflict else "valid"
    _output.result(f"{head}: owner {format_owner_id(standing.owner_id)} {standing.words}")
    if standing.conflict:
        _output.result(f"  {standing.conflict}: refusals add up, and no permission counts")
    rows = {
        "refused": join_uses(standing.refused),
        "may be asked for": join_uses(standing.on_request),
        "known up to": str(standing.known_to),
        "of age from": str(standing.minor_until) if standing.minor_until else "",
        "first key": standing.inception_key + ("" if standing.is_anchored else "  (not checked)"),
        "current key": standing.current_key,
    }
    one = standing.statement
    if one is not None:
        rows |= {
            "next key": one.next_key or "none: this key can never be replaced",
            "says name": ", ".join(filter(None, [one.name, one.pseudonym])),
            "says role": one.role,
            "says since": str(one.since),
            "contact": one.contact,
            "links": ", ".join(one.links),
            "seal": one.seal,
            "time stamps": f"{one.n_anchors}, not checked" if one.n_anchors else "",
        }
    for label, value in rows.items():
        if value:
            _output.result(f"  {label + ':':<18}{format_path(value)}")
