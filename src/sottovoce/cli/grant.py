"""`sottovoce grant`: allow one licensee what your mark refuses, and verify what others allow."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._grant_reading import list_grants, show, verify
from sottovoce.cli._granting import (
    advise,
    digest_contract,
    find_grant,
    find_statements,
    hash_input,
    keep,
    load_grantor,
    read_owner,
    revoke_as_agent,
)
from sottovoce.cli._options import JSON, examples
from sottovoce.cli._recovery import check_new
from sottovoce.cli._signing import (
    IDENTITY,
    OUT,
    find_identity,
    load_named,
    load_signer,
    parse_option_day,
    parse_uses,
    read_own,
    refuse_unsigned,
)
from sottovoce.cli._whose import list_own

__all__ = ["grant"]

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
    """Show the thumbprint of your first key, to be written into a contract.

    It stays the same when the key is replaced.  An owner's thumbprint tells the licensee whose
    grants to believe; a licensee's tells the owner whom the grant is for.  An agent sends the owner
    the public key itself.
    """
    from sottovoce.rights import thumbprint
    from sottovoce.rights.public_keys import format_public_key

    identity = load_named(name)
    named, public = thumbprint(identity.public_key), format_public_key(identity.public_key)
    if as_json:
        fields = {"name": identity.name, "owner_id": identity.owner_id}
        _output.result_json({**fields, "thumbprint": named, "public_key": public})
        return
    _output.result(f"{identity.name}: thumbprint {named}")
    _output.result(f"  public key: {public}")


@grant.command(
    "new",
    epilog=examples(
        "sottovoce id new --name acme-2026",
        "sottovoce protect takes/ -o delivery/ --owner acme-2026",
        "sottovoce statement new --name acme-2026",
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
    help="Grant only this recording, by the SHA-256 of the file and of its decoded sound, so that"
    " a lossless copy with other tags is covered as well; may be repeated.",
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
    from sottovoce.files.digests import pcm_sha256
    from sottovoce.rights.grants import make_grant

    identity = load_named(name)
    out = out or Path(f"{identity.name}.grant")
    statements, delegated = find_statements(identity.owner_id, identity.name, delegation)
    if not (files or pcm or delegated):
        advise(identity, grantee_key, grantee)
    made = make_grant(
        statements,
        key=load_grantor(identity, delegated),
        grantee=grantee,
        grantee_key=grantee_key,
        grantee_uri=grantee_uri,
        uses=parse_uses(uses),
        sha256=[hash_input(path).hex() for path in files],
        pcm_sha256=[*pcm, *map(pcm_sha256, files)],
        first_day=parse_option_day(first_day),
        last_day=parse_option_day(last_day),
        contract=digest_contract(contract) if contract else "",
        delegation=delegated,
    )
    keep(made, out, as_json=as_json)


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
@click.option(
    "--may-revoke", is_flag=True, help="Let the agent also revoke the grants that they have signed."
)
@OUT
@JSON
def delegate(
    *,
    name: str | None,
    agent: str,
    agent_key: str,
    uses: str,
    last_day: str | None,
    may_revoke: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Let an agent sign grants for you, with a key of their own.

    The agent cannot pass this on, cannot allow other uses, and no grant of theirs lasts longer.
    """
    from sottovoce.rights.grants import make_delegation
    from sottovoce.rights.public_keys import check_public_key

    identity, keys = load_signer(name)
    tokens, _ = read_own(identity.owner_id)
    refuse_unsigned(tokens, identity.name)
    made = make_delegation(
        tokens,
        key=keys.private_key,
        agent=agent,
        agent_jwk=check_public_key(agent_key),
        uses=parse_uses(uses),
        may=("grant", "revoke") if may_revoke else ("grant",),
        last_day=parse_option_day(last_day),
    )
    keep(made, out or Path(f"{identity.name}.delegation"), as_json=as_json)


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

    Publish the new statement, or send it to the licensee: nobody can know of it otherwise.  Of a
    grant that you have signed as an agent, a file with your revocation is written instead.
    """
    from sottovoce.rights.jws import digest_token
    from sottovoce.rights.own_files import write_own_statement
    from sottovoce.rights.statements import continue_statements, write_statements

    if out is not None:
        check_new(out)
    path, file = find_grant(which)
    token = file.grant or file.delegation
    owner_id = read_owner(token)
    if file.grant and file.delegation and owner_id not in list_own():
        revoke_as_agent(file, out or path.with_suffix(".revocation"), as_json=as_json)
        return
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
    where = "" if out else f": sottovoce statement show --name {identity.name} -o FILE"
    _output.explain(f"Publish the statements, or send them to the licensee{where}")


for _command in (show, verify, list_grants):
    grant.add_command(_command)
