"""`sottovoce grant`: allow one licensee what your mark refuses, and verify what others allow."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._grant_words import describe_state, tell_grant, tell_verdict
from sottovoce.cli._granting import (
    advise,
    check_own,
    digest_contract,
    find_statements,
    hash_input,
    keep,
    read_owner,
)
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._signing import (
    IDENTITY,
    OUT,
    OWNER_KEY,
    find_identity,
    join_uses,
    load_signer,
    parse_option_day,
    parse_uses,
    read_own,
    refuse_unsigned,
)
from sottovoce.cli._words import format_path
from sottovoce.errors import SottovoceError

__all__ = ["grant"]

_FILE = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
_USES = click.option(
    "--uses",
    required=True,
    metavar="USES",
    help="The allowed uses, separated by commas: train-generative, train-other, clone, biometric,"
    " input, mine, transfer.  There is no word for all of them.",
)
_TO = click.option(
    "--to", "last_day", default=None, metavar="DAY", help="Last day.  [default: after one year]"
)


@click.group(
    "grant",
    epilog=examples(
        "sottovoce grant key",
        "sottovoce grant new --name acme-2026 --grantee Acme --grantee-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --uses clone",
        "sottovoce grant verify acme-2026.grant --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
)
def grant() -> None:
    """Allow one licensee what your mark refuses, and verify what others allow.

    A grant names the licensee, the uses and a time, and is signed with your key.  It is one file,
    sent with the contract, and is verified without a network.  Nothing else lifts a mark.
    """


@grant.command(
    "key",
    epilog=examples("sottovoce grant key", "sottovoce grant key --name acme-2026 --json"),
)
@IDENTITY
@JSON
def key(*, name: str | None, as_json: bool) -> None:
    """Show the thumbprint of your key, to be written into a contract.

    An owner's thumbprint tells the licensee whose grants to believe; a licensee's tells the owner
    whom the grant is for.  An agent sends the owner the public key itself.
    """
    from sottovoce.rights.jws import format_public_key

    identity, keys = load_signer(name)
    public = format_public_key(keys.private_key)
    if as_json:
        fields = {"name": identity.name, "owner_id": identity.owner_id}
        _output.result_json({**fields, "thumbprint": keys.thumbprint, "public_key": public})
        return
    _output.result(f"{identity.name}: thumbprint {keys.thumbprint}")
    _output.result(f"  public key: {public}")


@grant.command(
    "new",
    epilog=examples(
        "sottovoce grant new --name acme-2026 --grantee Acme --grantee-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --uses train-generative,clone"
        " --contract contract.pdf",
        "sottovoce grant new --grantee Acme --grantee-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --uses mine --file take.wav --to 2027-03-31",
    ),
)
@IDENTITY
@click.option("--grantee", required=True, metavar="TEXT", help="Name of the licensee.")
@click.option("--grantee-key", required=True, metavar="THUMBPRINT", help="Key of the licensee.")
@click.option("--grantee-uri", default="", metavar="URI", help="Address of the licensee.")
@_USES
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Grant this file only, by its SHA-256; may be repeated.",
)
@click.option(
    "--pcm",
    multiple=True,
    metavar="SHA256",
    help="Grant only this decoded sound, by its SHA-256; may be repeated.",
)
@click.option("--from", "first_day", default=None, metavar="DAY", help="First day.")
@_TO
@click.option(
    "--contract",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="The signed contract; only its SHA-256 goes into the grant.",
)
@click.option(
    "--delegation",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="For agents: what `grant delegate` wrote for you.",
)
@OUT
@JSON
def new(
    *,
    name: str | None,
    grantee: str,
    grantee_key: str,
    grantee_uri: str,
    uses: str,
    files: tuple[Path, ...],
    pcm: tuple[str, ...],
    first_day: str | None,
    last_day: str | None,
    contract: Path | None,
    delegation: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Sign a grant for one licensee.

    Make an identity for each licensee, mark what you deliver with it, and grant that identity: a
    copy that leaks elsewhere stays refused.  For recordings that are delivered already, list the
    files.
    """
    from sottovoce.rights.grants import make_grant

    identity, keys = load_signer(name)
    if not files and not pcm:
        advise(identity.name)
    statements, delegated = find_statements(identity.owner_id, identity.name, delegation)
    made = make_grant(
        statements,
        key=keys.private_key,
        grantee=grantee,
        grantee_key=grantee_key,
        grantee_uri=grantee_uri,
        uses=parse_uses(uses),
        sha256=[hash_input(path).hex() for path in files],
        pcm_sha256=pcm,
        first_day=parse_option_day(first_day),
        last_day=parse_option_day(last_day),
        contract=digest_contract(contract) if contract else "",
        delegation=delegated,
    )
    keep(made, out or Path(f"{identity.name}.grant"), as_json=as_json)


@grant.command(
    "delegate",
    epilog=examples(
        "sottovoce grant delegate --agent Voices --agent-key"
        " ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo --uses clone --to 2027-06-30",
    ),
)
@IDENTITY
@click.option("--agent", required=True, metavar="TEXT", help="Name of the agent.")
@click.option(
    "--agent-key",
    required=True,
    metavar="PUBLIC-KEY",
    help="The agent's public key, ed25519:…, as `grant key` shows it to them.",
)
@_USES
@_TO
@OUT
@JSON
def delegate(
    *,
    name: str | None,
    agent: str,
    agent_key: str,
    uses: str,
    last_day: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Let an agent sign grants for you, with a key of their own.

    The agent cannot pass this on, cannot allow other uses, and no grant of theirs lasts longer.
    """
    from sottovoce.rights.grants import make_delegation
    from sottovoce.rights.jws import check_public_key

    identity, keys = load_signer(name)
    tokens, _ = read_own(identity.owner_id)
    refuse_unsigned(tokens, identity.name)
    made = make_delegation(
        tokens,
        key=keys.private_key,
        agent=agent,
        agent_jwk=check_public_key(agent_key),
        uses=parse_uses(uses),
        last_day=parse_option_day(last_day),
    )
    keep(made, out or Path(f"{identity.name}.delegation"), as_json=as_json)


@grant.command(
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


@grant.command(
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
    help="Further statements of the owner, which may revoke it; may be repeated.",
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
    from sottovoce.rights.grants import read_grant_file, verify_grant
    from sottovoce.rights.statements import read_statements

    if as_name is not None and grantee_key is not None:
        raise click.UsageError("--as and --grantee-key exclude each other")
    verdict = verify_grant(
        read_grant_file(file),
        owner_key=owner_key,
        grantee=grantee_key if as_name is None else load_signer(as_name)[1].private_key,
        newest=[token for each in newest for token in read_statements(each)],
        day=parse_option_day(day),
    )
    if as_json:
        _output.result_json(verdict.to_dict())
    else:
        tell_verdict(verdict)
    if not verdict.valid:
        context.exit(ExitCode.NOT_FOUND)


@grant.command(
    "revoke",
    epilog=examples(
        "sottovoce grant revoke acme-2026.grant",
        "sottovoce grant revoke q0Tr4zN1v7xHdLxB -o statements.jws",
    ),
)
@click.argument("which", metavar="FILE|SERIAL")
@OUT
@JSON
def revoke(*, which: str, out: Path | None, as_json: bool) -> None:
    """Withdraw a grant or a delegation, by a new statement that names it.

    Publish the new statement, or send it to the licensee: nobody can know of it otherwise.
    """
    from sottovoce.rights.grants import read_grant_file
    from sottovoce.rights.jws import digest_token
    from sottovoce.rights.own_files import grant_folder, write_own_statement
    from sottovoce.rights.statements import continue_statements, write_statements

    path = Path(which)
    if not path.exists():
        path = grant_folder() / f"{Path(which).name}.grant"
    file = read_grant_file(path)
    token = file.grant or file.delegation
    owner_id = read_owner(token)
    identity, keys = load_signer(find_identity(owner_id))
    tokens, _ = read_own(owner_id)
    made = continue_statements(tokens, key=keys.private_key, revoke=[digest_token(token)])
    write_own_statement(made, owner_id=owner_id, seq=len(tokens) + 1)
    if out is not None:
        write_statements(out, [*tokens, made])
    if as_json:
        fields = {"name": identity.name, "owner_id": owner_id}
        _output.result_json(
            {**fields, "revoked": digest_token(token), "statement": len(tokens) + 1}
        )
        return
    _output.result(f"Revoked by statement {len(tokens) + 1} of {identity.name}.")
    _output.explain(
        f"Publish it or send it: sottovoce statement show --name {identity.name} -o FILE"
    )


@grant.command(
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
        uses = join_uses(parse_uses(",".join(fields["uses"])))
        _output.result(
            format_path(
                f"{fields['serial']}  {state}  until {fields['to']}  {whom.get('name')}: {uses}"
            )
        )
