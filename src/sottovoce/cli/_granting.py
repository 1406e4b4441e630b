"""What `sottovoce grant` does around a signature: find statements, hash files, store and send."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._signing import load_signer, read_own, refuse_unsigned
from sottovoce.cli._whose import list_own
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError, StatementError

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.rights.grants import GrantFile, GrantVerdict

__all__ = [
    "advise",
    "check_own",
    "digest_contract",
    "find_statements",
    "hash_input",
    "keep",
    "read_newest",
    "read_owner",
    "revoke_as_agent",
]


def advise(name: str) -> None:
    """Advise one identity for each licensee."""
    _output.explain(
        f"this covers every recording that is marked with the identity {name!r}.  Use one identity"
        " for each licensee (sottovoce id new --name …), so that other copies stay refused.",
        kind="note",
    )


def find_statements(owner_id: int, name: str, delegation: Path | None) -> tuple[list[str], str]:
    """Return the owner's statements, and the delegation of an agent."""
    from sottovoce.rights.grants import read_grant_file

    if delegation is not None:
        received = read_grant_file(delegation)
        return list(received.statements), received.delegation
    tokens, _ = read_own(owner_id)
    refuse_unsigned(tokens, name)
    return tokens, ""


def read_owner(token: str) -> int:
    """Return the owner id that a grant or delegation names."""
    from sottovoce.rights import parse_owner_id
    from sottovoce.rights.jws import peek_payload

    return parse_owner_id(str(peek_payload(token).get("id")))


def hash_input(path: Path) -> bytes:
    """Return the SHA-256 of a file that the user named."""
    from sottovoce.files.receipts.account import hash_file

    digest = bytes.fromhex(hash_file(path))
    if not digest:
        raise ParameterError(
            f"{format_path(path)} cannot be read, or is not a file", remedy="Check the name."
        )
    return digest


def digest_contract(path: Path) -> str:
    """Return the digest of a contract as a grant writes it."""
    from sottovoce.rights.jws import format_digest

    return format_digest(hash_input(path))


def keep(made: GrantFile, path: Path, *, as_json: bool) -> None:
    """Store a grant or delegation, write it for its recipient, and report it."""
    from sottovoce.rights.jws import peek_payload
    from sottovoce.rights.own_files import write_once, write_own_grant

    fields = peek_payload(made.grant or made.delegation)
    data = made.to_bytes()
    write_once(path, data)
    write_own_grant(data, serial=fields["serial"])
    if as_json:
        _output.result_json({"path": str(path), **fields})
        return
    whom = fields["grantee"]["name"] if made.grant else fields["agent"]["name"]
    _output.result(f"Wrote {format_path(path)} for {format_path(whom)}, until {fields['to']}")
    _output.explain(f"Send it with the contract.  Its serial is {fields['serial']}.")


def check_own(file: GrantFile, newest: tuple[str, ...] = ()) -> GrantVerdict:
    """Return the verdict on a grant whose first key is taken for granted."""
    from sottovoce.rights.grants import verify_grant
    from sottovoce.rights.statements import verify_statements

    known = verify_statements([*file.statements, *newest]).inception_key
    return verify_grant(file, owner_key=known or None, newest=newest)


def read_newest(path: Path) -> GrantFile:
    """Return what a file says about the owner's newest statements, or an agent's revocation."""
    from sottovoce.rights.grants import GrantFile, read_grant_file
    from sottovoce.rights.statements import read_statements

    statements = read_statements(path)
    with suppress(StatementError):  # lines of statements
        return read_grant_file(path)
    return GrantFile(statements=statements)


def revoke_as_agent(file: GrantFile, path: Path, *, as_json: bool) -> None:
    """Write the revocation of a grant that one of the user's identities has signed as an agent."""
    from sottovoce.rights.grants import make_revocation
    from sottovoce.rights.jws import digest_token, peek_kid
    from sottovoce.rights.own_files import write_once

    signers = {keys.thumbprint: keys for _, keys in map(load_signer, list_own().values())}
    keys = signers.get(peek_kid(file.grant))
    if keys is None:
        raise ParameterError(
            "the grant is not signed by an identity on this computer",
            remedy="Run this where the key is.",
        )
    write_once(path, make_revocation(file, key=keys.private_key).to_bytes())
    if as_json:
        _output.result_json({"path": str(path), "revoked": digest_token(file.grant)})
        return
    _output.result(f"Wrote {format_path(path)}")
    _output.explain("Send it to the licensee, and to the owner.")
