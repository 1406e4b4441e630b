"""An agent's revocation: withdraws a grant that the same agent has signed.

The owner revokes by a statement.  An agent has no statements, so theirs is a text of its own, which
travels with the delegation.  It counts also after the delegation has ended: withdrawing must be as
easy as giving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.errors import StatementError
from sottovoce.rights.days import present_day
from sottovoce.rights.grants.grant import Grant, open_delegation
from sottovoce.rights.grants.grant_file import GrantFile
from sottovoce.rights.grants.signers import RefusedError, find_key
from sottovoce.rights.jws import digest_token, open_token, peek_kid, peek_payload, sign_token
from sottovoce.rights.schema import check_form
from sottovoce.rights.statements.standing import Standing, verify_statements

if TYPE_CHECKING:
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["make_revocation", "revokes"]

_KIND, _TYPE = "sottovoce-revocation+jws", "sottovoce-revocation/1"


def make_revocation(
    file: GrantFile, *, key: Ed25519PrivateKey, issued: date | None = None
) -> GrantFile:
    """Sign the revocation of a grant that an agent has signed.

    Parameters
    ----------
    file : GrantFile
        The grant, with the delegation.
    key : Ed25519PrivateKey
        The agent's key.
    issued : datetime.date or None
        Day of signing; None is the present day.

    Returns
    -------
    revocation : GrantFile
        To be sent to the licensee; without the grant.

    Raises
    ------
    StatementError
        If the agent may not revoke this grant.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    payload = {
        "typ": _TYPE,
        "id": peek_payload(file.delegation)["id"],
        "grant": digest_token(file.grant),
        "issued": (issued or present_day()).isoformat(),
    }
    made = GrantFile(
        statements=file.statements,
        delegation=file.delegation,
        revocation=sign_token(payload, kind=_KIND, key=key),
    )
    _check(made, verify_statements(file.statements), signer=peek_kid(file.grant))
    return made


def revokes(file: GrantFile, grant: Grant, standing: Standing) -> bool:
    """Return whether a revocation withdraws a grant.

    Parameters
    ----------
    file : GrantFile
        A revocation, with the delegation.
    grant : Grant
        The grant in question.
    standing : Standing
        What the owner's statements add up to.

    Returns
    -------
    revoked : bool
        False if it is about another grant.

    Raises
    ------
    StatementError
        If it is about this grant, and not valid.
    """
    if not file.revocation or peek_payload(file.revocation).get("grant") != grant.digest:
        return False
    _check(file, standing, signer=peek_kid(grant.token))
    return True


def _check(file: GrantFile, standing: Standing, *, signer: str) -> None:
    jwk = find_key(file.delegation, standing, what="delegation")
    delegation = open_delegation(file.delegation, jwk=jwk)
    payload = open_token(file.revocation, kind=_KIND, jwk=delegation.agent_jwk)
    check_form(payload, room="grants", kind="revocation")
    if "revoke" not in delegation.may:
        raise RefusedError("delegation", "the agent may not revoke grants")
    if signer != delegation.agent_key:
        raise RefusedError("delegation", "the agent may only revoke grants that they have signed")
    if delegation.owner_id != standing.owner_id or int(payload["id"], 16) != standing.owner_id:
        raise StatementError("the revocation is about another owner")
