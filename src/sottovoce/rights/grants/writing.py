"""Sign grants, and delegations to agents who may sign grants."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sottovoce.core.policy import NAMED_USES, Use, name_use, name_uses
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.days import add_years, present_day
from sottovoce.rights.grants.grant import (
    DELEGATION_KIND,
    DELEGATION_TYPE,
    GRANT_KIND,
    GRANT_TYPE,
    check_days,
)
from sottovoce.rights.grants.grant_file import GrantFile
from sottovoce.rights.grants.verifying import verify_grant
from sottovoce.rights.jws import sign_token
from sottovoce.rights.public_keys import check_thumbprint, public_jwk, thumbprint_of
from sottovoce.rights.schema import check_form
from sottovoce.rights.statements.standing import Standing, verify_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["make_delegation", "make_grant"]

_SERIAL_BYTES = 12


def make_grant(
    statements: Iterable[str],
    *,
    key: Ed25519PrivateKey,
    grantee: str,
    grantee_key: str,
    uses: Use,
    grantee_uri: str = "",
    sha256: Iterable[str] = (),
    pcm_sha256: Iterable[str] = (),
    first_day: date | None = None,
    last_day: date | None = None,
    contract: str = "",
    delegation: str = "",
    issued: date | None = None,
) -> GrantFile:
    """Sign a grant.

    Parameters
    ----------
    statements : iterable of str
        All statements of the owner.
    key : Ed25519PrivateKey
        The owner's current key, or that of the agent whom `delegation` names.
    grantee, grantee_key, grantee_uri : str
        Name, thumbprint and address of the licensee; the last may be empty.
    uses : Use
        The allowed uses; there is no word for all of them.
    sha256, pcm_sha256 : iterable of str
        SHA-256 of files and of decoded sound, to grant these only.  If both are empty, every
        recording with the mark of the owner id is granted.
    first_day, last_day : datetime.date or None
        Days between which it is in force, both included; by default a year from the day of
        signing.
    contract : str
        Digest of the contract (``sha-256:…``); may be empty.
    delegation : str
        The delegation, if an agent signs.
    issued : datetime.date or None
        Day of signing; None is the present day.

    Returns
    -------
    file : GrantFile
        To be sent to the licensee.

    Raises
    ------
    StatementError
        If the statements are not valid, or nobody could use the grant.
    ParameterError
        If an argument does not fit.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    before, day = tuple(statements), issued or present_day()
    standing = _check_statements(before, day)
    first = first_day or day
    last = last_day or add_years(first, 1) - timedelta(days=1)
    check_days(first, last)
    lists = {"sha256": sorted(set(sha256)), "pcm": sorted(set(pcm_sha256))}
    notices = {notice for one in standing.counted for notice in one.notices}
    payload = {
        "typ": GRANT_TYPE,
        "id": f"{standing.owner_id:012x}",
        "serial": _make_serial(),
        "issued": day.isoformat(),
        "grantee": {
            "name": grantee,
            "key": check_thumbprint(grantee_key),
            "uri": grantee_uri or None,
        },
        "uses": _name_uses(uses),
        "scope": {"kind": "files", **lists} if any(lists.values()) else {"kind": "id"},
        "from": first.isoformat(),
        "to": last.isoformat(),
        "transferable": False,
        "contract": contract or None,
        "marks": [{"policy": policy, "year": year} for policy, year in sorted(notices)],
    }
    token = _sign(payload, kind=GRANT_KIND, form="grant", key=key)
    file = GrantFile(statements=before, grant=token, delegation=delegation)
    verdict = verify_grant(
        file, owner_key=standing.inception_key, day=first, today=max(day, present_day())
    )
    if not verdict.valid:
        raise StatementError(verdict.problem, remedy=verdict.remedy)
    return file


def make_delegation(
    statements: Iterable[str],
    *,
    key: Ed25519PrivateKey,
    agent: str,
    agent_jwk: Mapping[str, str],
    uses: Use,
    may: Iterable[str] = ("grant",),
    last_day: date | None = None,
    issued: date | None = None,
) -> GrantFile:
    """Sign a delegation: an agent may sign grants, and never gets the owner's key.

    Parameters
    ----------
    statements : iterable of str
        All statements of the owner.
    key : Ed25519PrivateKey
        The owner's current key.
    agent : str
        Name of the agent.
    agent_jwk : mapping
        The agent's public key.
    uses : Use
        The uses that the agent may allow.
    may : iterable of str
        "grant", "revoke" or both.
    last_day : datetime.date or None
        Last day on which it, and any grant under it, is in force; by default a year from the day
        of signing.
    issued : datetime.date or None
        Day of signing; None is the present day.

    Returns
    -------
    file : GrantFile
        To be sent to the agent; without a grant.

    Raises
    ------
    StatementError
        If the statements are not valid, or the key is not the current one.
    ParameterError
        If an argument does not fit.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    before, day = tuple(statements), issued or present_day()
    standing = _check_statements(before, day)
    if thumbprint_of(public_jwk(key)) != standing.current_key:
        raise StatementError(
            "the key is not the current one of the owner", remedy="Sign with the current key."
        )
    last = last_day or add_years(day, 1) - timedelta(days=1)
    check_days(day, last)
    payload = {
        "typ": DELEGATION_TYPE,
        "id": f"{standing.owner_id:012x}",
        "serial": _make_serial(),
        "issued": day.isoformat(),
        "agent": {"name": agent, "key": dict(agent_jwk)},
        "may": sorted(set(may)),
        "uses": _name_uses(uses),
        "to": last.isoformat(),
    }
    token = _sign(payload, kind=DELEGATION_KIND, form="delegation", key=key)
    return GrantFile(statements=before, delegation=token)


def _check_statements(statements: tuple[str, ...], day: date) -> Standing:
    standing = verify_statements(statements, today=max(day, present_day()))
    standing.check_head(otherwise="nothing can be granted")
    return standing


def _name_uses(uses: Use) -> list[str]:
    names = name_uses(uses)
    if not names or uses & Use.LICENCE:
        raise ParameterError(
            f"uses={int(uses)} does not name uses that can be permitted",
            remedy=f"Name one or more of: {', '.join(map(name_use, NAMED_USES))}.",
        )
    return names


def _make_serial() -> str:
    while True:
        serial = urlsafe_b64encode(secrets.token_bytes(_SERIAL_BYTES)).decode("ascii")
        if not serial.startswith("-"):  # a command would take it for an option
            return serial


def _sign(payload: dict[str, Any], *, kind: str, form: str, key: Ed25519PrivateKey) -> str:
    try:
        check_form(payload, room="grants", kind=form)
    except StatementError as err:
        raise ParameterError(
            err.message,
            remedy="Addresses are URIs such as https://… or mailto:…; names have up to 200"
            " characters, SHA-256 64 hexadecimal digits in lower case.",
        ) from err
    return sign_token(payload, kind=kind, key=key)
