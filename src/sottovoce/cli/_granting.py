"""What `sottovoce grant` does around a signature: find statements, hash files, store and send."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._signing import load_key, load_signer, read_own, refuse_unsigned
from sottovoce.cli._whose import list_own, load_own
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError, StatementError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.grants import GrantFile, GrantVerdict
    from sottovoce.rights.identity import Identity

__all__ = [
    "advise",
    "check_own",
    "digest_contract",
    "find_grant",
    "find_statements",
    "hash_input",
    "keep",
    "load_grantee",
    "load_grantor",
    "read_owner",
    "revoke_as_agent",
]

_MOST_NAME = 40


def advise(identity: Identity, grantee_key: str, grantee: str) -> None:
    """Advise one identity for each licensee, unless this one is for this licensee alone."""
    from sottovoce.rights import DEFAULT_IDENTITY

    others = _list_licensees(identity.owner_id, but=grantee_key)
    if not others and identity.name != DEFAULT_IDENTITY:
        return
    head = f"this covers every recording that is marked with the identity {identity.name!r}"
    if others:
        head += f", which {', '.join(others)} may use already"
    name = _propose_name(grantee)
    _output.explain(
        f"{head}.  Use one identity for each licensee, so that other copies stay refused:"
        f" sottovoce id new --name {name}, then protect what you deliver with --owner {name},"
        f" sign its statement and grant it with --name {name}.",
        kind="note",
    )


def _propose_name(grantee: str) -> str:
    """Return a name for the identity of a licensee, such as acme-2026."""
    from sottovoce.rights.days import present_day

    plain = unicodedata.normalize("NFKD", grantee).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain)[:_MOST_NAME].strip("-") or "licensee"
    return f"{stem}-{present_day().year}"


def _list_licensees(owner_id: int, *, but: str) -> list[str]:
    """Return the names of other licensees to whom an owner id as a whole was granted before."""
    from sottovoce.rights.grants import read_grant_file
    from sottovoce.rights.jws import peek_payload
    from sottovoce.rights.own_files import list_own_grants

    names: dict[str, None] = {}
    for path in list_own_grants():
        with suppress(StatementError, ParameterError, LookupError, TypeError):
            token = read_grant_file(path).grant
            fields = peek_payload(token) if token and read_owner(token) == owner_id else {}
            if fields and fields["scope"]["kind"] == "id" and fields["grantee"]["key"] != but:
                names[str(fields["grantee"]["name"])] = None
    return list(names)


def find_grant(which: str) -> tuple[Path, GrantFile]:
    """Return a grant or delegation by its file or, of the user's own, by its serial."""
    from sottovoce.rights.grants import read_grant_file
    from sottovoce.rights.own_files import grant_folder

    path = Path(which)
    if not path.exists():
        path = grant_folder() / f"{Path(which).name}.grant"
    return path, read_grant_file(path)


def load_grantor(identity: Identity, delegation: str) -> Ed25519PrivateKey:
    """Return the key that signs a grant: the owner's present one, or the one of an agent."""
    from sottovoce.rights.jws import peek_payload
    from sottovoce.rights.public_keys import thumbprint_of

    if not delegation:
        return load_signer(identity.name)[1].private_key
    named = ""
    with suppress(LookupError, TypeError, ValueError):
        named = thumbprint_of(peek_payload(delegation)["agent"]["key"])
    return load_key(identity, named)


def load_grantee(identity: Identity, file: GrantFile) -> Ed25519PrivateKey:
    """Return the key of a licensee that a grant names."""
    from sottovoce.rights.jws import peek_payload

    named = ""
    with suppress(StatementError, LookupError, TypeError):
        named = str(peek_payload(file.grant)["grantee"]["key"])
    return load_key(identity, named)


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
    from sottovoce.files.digests import hash_file

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


def revoke_as_agent(file: GrantFile, path: Path, *, as_json: bool) -> None:
    """Write the revocation of a grant that one of the user's identities has signed as an agent."""
    from sottovoce.rights import thumbprint
    from sottovoce.rights.grants import make_revocation
    from sottovoce.rights.jws import digest_token, peek_kid
    from sottovoce.rights.keys_of import present_thumbprint
    from sottovoce.rights.own_files import write_once

    signer = peek_kid(file.grant)
    for identity in map(load_own, list_own().values()):
        if signer in {thumbprint(identity.public_key), present_thumbprint(identity)}:
            key = load_key(identity, signer)
            break
    else:
        raise ParameterError(
            "the grant is not signed by an identity on this computer",
            remedy="Run this where the key is.",
        )
    write_once(path, make_revocation(file, key=key).to_bytes())
    if as_json:
        _output.result_json({"path": str(path), "revoked": digest_token(file.grant)})
        return
    _output.result(f"Wrote {format_path(path)}")
    _output.explain("Send it to the licensee, and to the owner.")
