"""A signed statement: what the owner of an owner id refuses, and which keys may change that."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import NAMED_USES, Use, name_use
from sottovoce.errors import StatementError
from sottovoce.rights.days import parse_day
from sottovoce.rights.jws import digest_token, open_token, peek_payload
from sottovoce.rights.key_id import owner_id_from_public_key
from sottovoce.rights.public_keys import public_bytes, thumbprint_of
from sottovoce.rights.schema import check_form

if TYPE_CHECKING:
    from datetime import date

__all__ = ["KIND", "ROLES", "TYPE", "Statement", "open_statement", "owner_of_key"]

KIND = "sottovoce-statement+jws"
TYPE = "sottovoce-statement/1"
ROLES = ("speaker", "guardian", "heir", "agent", "rightsholder")

# Each owner id takes 0.2 s; a process meets the same ones again and again.
owner_of_key = functools.lru_cache(maxsize=4096)(owner_id_from_public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement whose signature, form and keys were verified by themselves.

    Whether it counts depends on the statements before it: see `verify_statements`.

    Attributes
    ----------
    token : str
        The statement as signed.
    digest : str
        Digest of `token`, by which the next statement refers to it.
    owner_id : int
        48 bits.
    seq : int
        Its place in the chain, from 1.
    previous : str
        Digest of the statement before it; empty for the first.
    issued, since : datetime.date
        Day on which it says that it was signed, and from which it says that the refusal has been
        known.  Claims, both of them.
    refused, on_request : Use
        The refused uses, and those for which the owner may be asked.
    notices : tuple of (int, int)
        Policy and year of the owner's marks.
    role, name, pseudonym : str
        Who declares this, in their own words; not verified by anybody.  May be empty.
    contact : str
        An address to ask at, as a URI; may be empty.
    links : tuple of str
        Further addresses, such as an entry in a registry.
    successors : tuple of str
        Thumbprints of keys that may take the id over.
    minor_until : datetime.date or None
        Day on which the owner comes of age.
    disowned : frozenset of str
        SHA-256 of decoded sound that somebody else marked with this id.
    revoked_grants, kept_grants : frozenset of str
        Digests of grants that are withdrawn, and of those that outlive the key that signed them.
    seal : str
        Commitment to the signs of the owner's seal, as in `sottovoce.rights.seal_commitment`; empty
        if there is none.
    current_key, inception_key : str
        Thumbprints of the key that signed this, and of the one that the id was made from.
    next_key, recovery_key : str
        Thumbprints of the keys that may sign next; empty if there is none.
    n_anchors : int
        Time stamps and entries of an index that it mentions; they are not checked.
    fields : dict
        All of it as signed.
    """

    token: str = field(repr=False)
    digest: str
    owner_id: int
    seq: int
    previous: str
    issued: date
    since: date
    refused: Use
    on_request: Use
    notices: tuple[tuple[int, int], ...]
    role: str
    name: str
    pseudonym: str
    contact: str
    links: tuple[str, ...]
    successors: tuple[str, ...]
    minor_until: date | None
    disowned: frozenset[str]
    revoked_grants: frozenset[str]
    kept_grants: frozenset[str]
    seal: str
    current_key: str
    inception_key: str
    next_key: str
    recovery_key: str
    n_anchors: int
    fields: dict[str, Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what was signed, for JSON, with its digest and the owner as people write it."""
        return {
            **self.fields,
            "owner": format_owner_id(self.owner_id),
            "digest": self.digest,
            "current_thumbprint": self.current_key,
            "inception_thumbprint": self.inception_key,
        }


@functools.lru_cache(maxsize=256)
def open_statement(token: str) -> Statement:
    """Verify the signature, the form and the keys of one statement.

    Parameters
    ----------
    token : str
        External text.

    Returns
    -------
    statement : Statement
        Signed by the key that it names as its current one.

    Raises
    ------
    SignatureError
        If it was not signed by the key that it names, or is not a token at all.
    StatementError
        If it was, but breaks a rule of its format.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    claimed = peek_payload(token)
    keys = claimed.get("keys")
    jwk = keys.get("current") if isinstance(keys, dict) else None
    payload = open_token(token, kind=KIND, jwk=jwk if isinstance(jwk, dict) else {})
    check_form(payload, room="statements", kind="statement")
    try:
        statement = _make(token, payload)
    except ValueError as err:
        raise StatementError(f"not a valid statement: {err}") from err
    _check_keys(statement)
    if owner_of_key(public_bytes(payload["keys"]["inception"])) != statement.owner_id:
        raise StatementError(
            f"statement {statement.seq} names owner id {format_owner_id(statement.owner_id)}, which"
            " does not belong to the key that it begins with",
            remedy="It proves nothing about that owner id.",
        )
    return statement


def _make(token: str, payload: dict[str, Any]) -> Statement:
    keys, declarant = payload["keys"], payload["declarant"]
    minor_until = payload["minor_until"]
    return Statement(
        token=token,
        digest=digest_token(token),
        owner_id=int(payload["id"], 16),
        seq=payload["seq"],
        previous=payload["prev"] or "",
        issued=parse_day(payload["issued"]),
        since=parse_day(payload["since"]),
        refused=_collect(payload, "refused"),
        on_request=_collect(payload, "on_request"),
        notices=tuple((one["policy"], one["year"]) for one in payload["marks"]),
        role=declarant["role"],
        name=declarant["name"] or "",
        pseudonym=declarant["pseudonym"] or "",
        contact=payload["contact"] or "",
        links=tuple(payload["links"]),
        successors=tuple(payload["successors"]),
        minor_until=None if minor_until is None else parse_day(minor_until),
        disowned=frozenset(payload["disowned"]),
        revoked_grants=frozenset(payload["revoked_grants"]),
        kept_grants=frozenset(payload["kept_grants"]),
        seal=payload.get("seal", ""),
        current_key=thumbprint_of(keys["current"]),
        inception_key=thumbprint_of(keys["inception"]),
        next_key=keys["next_thumbprint"] or "",
        recovery_key=keys["recovery_thumbprint"] or "",
        n_anchors=len(payload["anchors"]),
        fields=payload,
    )


def _collect(payload: dict[str, Any], name: str) -> Use:
    found = Use(0)
    for use in NAMED_USES:
        if payload["uses"][name_use(use)][name]:
            found |= use
    return found


def _check_keys(statement: Statement) -> None:
    """Refuse a statement that announces keys which could not take over from its own."""
    announced = [
        key for key in (statement.next_key, statement.recovery_key, *statement.successors) if key
    ]
    if len(set(announced)) < len(announced) or statement.current_key in announced:
        raise StatementError(
            f"statement {statement.seq} announces one key for two roles",
            remedy="The current, next and recovery key and those of successors must all differ.",
        )
    if statement.since > statement.issued:
        raise StatementError(
            f"statement {statement.seq} says that it has been known since {statement.since}, after"
            f" it was signed on {statement.issued}",
            remedy="Date it no earlier than what it says.",
        )
