"""A signed grant: named uses that an owner allows to one licensee for a time; and a delegation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import Use, find_uses
from sottovoce.errors import StatementError
from sottovoce.rights.days import add_years, parse_day
from sottovoce.rights.jws import digest_token, open_token
from sottovoce.rights.public_keys import thumbprint_of
from sottovoce.rights.schema import check_form

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = [
    "DELEGATION_KIND",
    "DELEGATION_TYPE",
    "GRANT_KIND",
    "GRANT_TYPE",
    "MOST_YEARS",
    "Delegation",
    "Grant",
    "check_days",
    "open_delegation",
    "open_grant",
]

GRANT_KIND, GRANT_TYPE = "sottovoce-grant+jws", "sottovoce-grant/1"
DELEGATION_KIND, DELEGATION_TYPE = "sottovoce-delegation+jws", "sottovoce-delegation/1"
MOST_YEARS = 10
"""A licence of a voice for longer is not a specific one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant whose signature and form were verified by themselves.

    Whether it counts depends on the owner's statements and on the day: see `verify_grant`.

    Attributes
    ----------
    token : str
        The grant as signed.
    digest : str
        Digest of `token`, by which a statement revokes or keeps it.
    owner_id : int
        48 bits.
    serial : str
        96 random bits that name it.
    issued, first_day, last_day : datetime.date
        Day of signing, as claimed, and the days between which it is in force, both included.
    grantee, grantee_key, grantee_uri : str
        Name, thumbprint and address of the licensee; the last may be empty.
    uses : Use
        The allowed uses.
    sha256, pcm_sha256 : frozenset of str
        SHA-256 of the files and of the decoded sound that it covers; both empty if it covers every
        recording with the mark of the owner id.
    notices : tuple of (int, int)
        Policy and year of the marks.
    contract : str
        Digest of the contract; may be empty.
    fields : dict
        All of it as signed.
    """

    token: str = field(repr=False)
    digest: str
    owner_id: int
    serial: str
    issued: date
    first_day: date
    last_day: date
    grantee: str
    grantee_key: str
    grantee_uri: str
    uses: Use
    sha256: frozenset[str]
    pcm_sha256: frozenset[str]
    notices: tuple[tuple[int, int], ...]
    contract: str
    fields: dict[str, Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what was signed, for JSON, with its digest and the owner as people write it."""
        return {**self.fields, "owner": format_owner_id(self.owner_id), "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What an agent may sign in an owner's place.

    Attributes
    ----------
    token, digest : str
        The delegation as signed, and its digest.
    owner_id : int
        48 bits.
    serial : str
        96 random bits that name it.
    issued, last_day : datetime.date
        The days between which the agent may sign, both included.
    agent, agent_key : str
        Name and thumbprint of the agent.
    agent_jwk : dict
        The agent's public key.
    may : frozenset of str
        "grant", "revoke" or both.
    uses : Use
        The uses that the agent may allow.
    fields : dict
        All of it as signed.
    """

    token: str = field(repr=False)
    digest: str
    owner_id: int
    serial: str
    issued: date
    last_day: date
    agent: str
    agent_key: str
    agent_jwk: dict[str, str] = field(repr=False)
    may: frozenset[str]
    uses: Use
    fields: dict[str, Any] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what was signed, for JSON, with its digest and the agent's thumbprint."""
        return {
            **self.fields,
            "owner": format_owner_id(self.owner_id),
            "digest": self.digest,
            "agent_thumbprint": self.agent_key,
        }


def open_grant(token: str, *, jwk: Mapping[str, str]) -> Grant:
    """Verify the signature and the form of a grant.

    Parameters
    ----------
    token : str
        External text.
    jwk : mapping
        The public key that must have signed it.

    Returns
    -------
    grant : Grant
        Signed by that key.

    Raises
    ------
    SignatureError
        If it was not signed by that key, or is not a grant.
    StatementError
        If it breaks a rule of its format.
    """
    payload = open_token(token, kind=GRANT_KIND, jwk=jwk)
    check_form(payload, room="grants", kind="grant")
    try:
        grant = _make_grant(token, payload)
    except ValueError as err:
        raise StatementError(f"not a valid grant: {err}") from err
    check_days(grant.first_day, grant.last_day)
    return grant


def _make_grant(token: str, payload: dict[str, Any]) -> Grant:
    scope, grantee = payload["scope"], payload["grantee"]
    return Grant(
        token=token,
        digest=digest_token(token),
        owner_id=int(payload["id"], 16),
        serial=payload["serial"],
        issued=parse_day(payload["issued"]),
        first_day=parse_day(payload["from"]),
        last_day=parse_day(payload["to"]),
        grantee=grantee["name"],
        grantee_key=grantee["key"],
        grantee_uri=grantee["uri"] or "",
        uses=find_uses(payload["uses"]),
        sha256=frozenset(scope.get("sha256", ())),
        pcm_sha256=frozenset(scope.get("pcm", ())),
        notices=tuple((one["policy"], one["year"]) for one in payload["marks"]),
        contract=payload["contract"] or "",
        fields=payload,
    )


def open_delegation(token: str, *, jwk: Mapping[str, str]) -> Delegation:
    """Verify the signature and the form of a delegation.

    Parameters
    ----------
    token : str
        External text.
    jwk : mapping
        The public key that must have signed it.

    Returns
    -------
    delegation : Delegation
        Signed by that key.

    Raises
    ------
    SignatureError
        If it was not signed by that key, or is not a delegation.
    StatementError
        If it breaks a rule of its format.
    """
    payload = open_token(token, kind=DELEGATION_KIND, jwk=jwk)
    check_form(payload, room="grants", kind="delegation")
    try:
        agent_key = thumbprint_of(payload["agent"]["key"])
        issued, last_day = parse_day(payload["issued"]), parse_day(payload["to"])
        uses = find_uses(payload["uses"])
    except ValueError as err:
        raise StatementError(f"not a valid delegation: {err}") from err
    check_days(issued, last_day)
    return Delegation(
        token=token,
        digest=digest_token(token),
        owner_id=int(payload["id"], 16),
        serial=payload["serial"],
        issued=issued,
        last_day=last_day,
        agent=payload["agent"]["name"],
        agent_key=agent_key,
        agent_jwk=payload["agent"]["key"],
        may=frozenset(payload["may"]),
        uses=uses,
        fields=payload,
    )


def check_days(first_day: date, last_day: date) -> None:
    """Refuse a time that ends before it begins, or lasts longer than ten years.

    Parameters
    ----------
    first_day, last_day : datetime.date
        Both included.

    Raises
    ------
    StatementError
        If it does.
    """
    if last_day < first_day:
        raise StatementError(f"the last day, {last_day}, is before the first, {first_day}")
    if last_day > add_years(first_day, MOST_YEARS):
        raise StatementError(
            f"from {first_day} to {last_day} is longer than {MOST_YEARS} years",
            remedy=f"Choose a time of at most {MOST_YEARS} years, and sign again after it.",
        )
