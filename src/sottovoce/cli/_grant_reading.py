"""The commands that read grants: `sottovoce grant show`, `verify` and `list`."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._grant_words import describe_state, tell_grant, tell_verdict
from sottovoce.cli._granting import check_own, load_grantee, read_owner
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._signing import (
    OWNER_KEY,
    join_uses,
    load_named,
    parse_option_day,
)
from sottovoce.cli._words import format_path
from sottovoce.core.policy import find_uses
from sottovoce.errors import SottovoceError

__all__ = ["list_grants", "show", "verify"]

_FILE = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")


@click.command(
    "show",
    epilog=examples("sottovoce grant show acme-2026.grant", "sottovoce grant show a.grant --json"),
)
@_FILE
@JSON
def show(*, file: Path, as_json: bool) -> None:
    """Show what a grant says, whether or not it is in force."""
    from sottovoce.rights.grants import read_grant_file

    verdict = check_own(read_grant_file(file))
    if as_json:
        _output.result_json(verdict.to_dict())
        return
    _output.result(f"{format_path(file)}: {verdict.problem or 'in force'}")
    tell_grant(verdict)
    _output.explain("The owner's key is not checked; `grant verify` does that.", kind="note")


@click.command(
    "verify",
    epilog=examples(
        "sottovoce grant verify acme.grant --owner-key kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "sottovoce grant verify acme.grant --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --as acme --newest statements.jws --json",
    ),
)
@_FILE
@OWNER_KEY
@click.option("--as", "as_name", default=None, metavar="NAME", help="Your identity, the licensee.")
@click.option(
    "--grantee-key", default=None, metavar="THUMBPRINT", help="Key of the licensee, without proof."
)
@click.option(
    "--newest",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Further statements of the owner, or an agent's revocation; may be repeated.",
)
@click.option("--on", "day", default=None, metavar="DAY", help="Day of the use.  [default: today]")
@JSON
@click.pass_context
def verify(
    context: click.Context,
    *,
    file: Path,
    owner_key: str | None,
    as_name: str | None,
    grantee_key: str | None,
    newest: tuple[Path, ...],
    day: str | None,
    as_json: bool,
) -> None:
    """Verify a grant, without a network: whether it permits anything, to whom and until when.

    Type --owner-key from the contract: an owner id alone is too short to believe a permission.

    Exit code: 0 valid; 1 not valid; 2 a file could not be read.
    """
    from sottovoce.rights.grants import read_grant_file, read_newest, verify_grant

    if as_name is not None and grantee_key is not None:
        raise click.UsageError("--as and --grantee-key exclude each other")
    known = [read_newest(path) for path in newest]
    received = read_grant_file(file)
    verdict = verify_grant(
        received,
        owner_key=owner_key,
        grantee=grantee_key if as_name is None else load_grantee(load_named(as_name), received),
        newest=[token for one in known for token in one.statements],
        revocations=known,
        day=parse_option_day(day),
    )
    if as_json:
        _output.result_json(verdict.to_dict())
    else:
        tell_verdict(verdict)
    if not verdict.valid:
        context.exit(ExitCode.NOT_FOUND)


@click.command(
    "list",
    epilog=examples("sottovoce grant list", "sottovoce grant list --json"),
)
@JSON
def list_grants(*, as_json: bool) -> None:
    """List the grants and delegations that you have signed, and whether they are in force."""
    from sottovoce.rights.days import present_day
    from sottovoce.rights.grants import read_grant_file
    from sottovoce.rights.jws import digest_token, peek_payload
    from sottovoce.rights.own_files import list_own_grants, read_own_statements

    paths = list_own_grants()
    if not paths:
        _output.explain("You have signed no grant yet.", kind="note")
    for path in paths:
        try:
            file = read_grant_file(path)
            fields = peek_payload(file.grant or file.delegation)
            own = tuple(read_own_statements(read_owner(file.grant or file.delegation)))
            verdict = check_own(file, own)
        except SottovoceError as err:
            _output.explain(format_path(f"{path}: {err}"), kind="error")
            continue
        state = describe_state(verdict, today=present_day())
        if not file.grant:
            is_revoked = digest_token(file.delegation) in verdict.standing.revoked_grants
            state = "revoked" if is_revoked else "delegation"
        if as_json:
            _output.result_json({"path": str(path), "state": state, **fields})
            continue
        whom = fields.get("grantee") or fields.get("agent") or {}
        uses = join_uses(find_uses(fields["uses"]))
        _output.result(
            format_path(
                f"{fields['serial']}  {state}  until {fields['to']}  {whom.get('name')}: {uses}"
            )
        )
