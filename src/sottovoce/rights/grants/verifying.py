"""Verify a grant: `verify_grant` says whether it permits anything, and why not.

Each rule that a grant can fail has a name of its own, so that a program can tell an expired grant
from a forged one.  What is verified comes back as a `Permission`, which needs no keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sottovoce.core.permission import Permission
from sottovoce.errors import SignatureError, StatementError
from sottovoce.files.times import format_day
from sottovoce.rights.days import present_day
from sottovoce.rights.grants.grant import Delegation, Grant, open_delegation, open_grant
from sottovoce.rights.grants.revocation import revokes
from sottovoce.rights.grants.signers import Reason, RefusedError, find_key
from sottovoce.rights.jws import digest_token, peek_kid
from sottovoce.rights.public_keys import check_thumbprint, public_jwk, thumbprint_of
from sottovoce.rights.statements.standing import Standing, verify_statements

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sottovoce.rights.grants.grant_file import GrantFile

__all__ = ["GrantVerdict", "verify_grant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantVerdict:
    """Whether a grant permits anything.

    Attributes
    ----------
    valid : bool
        Whether it does.
    reason : str
        A word for the rule that it fails; empty if `valid`.
    problem, remedy : str
        The same in a sentence, and what to do about it.
    standing : Standing
        What the owner's statements add up to.
    grant : Grant or None
        The grant, if its signature holds.
    delegation : Delegation or None
        The delegation of the agent who signed it, if there is one and its signature holds.
    permission : Permission or None
        What it permits; None unless `valid`.
    """

    valid: bool
    reason: Reason = ""
    problem: str = ""
    remedy: str = ""
    standing: Standing
    grant: Grant | None = None
    delegation: Delegation | None = None
    permission: Permission | None = None

    @property
    def revocation_words(self) -> str:
        """Up to which day it is known whether the grant was revoked."""
        if self.standing.known_to is None:
            return "It is not known whether it was revoked."
        return f"Revocation is known up to {format_day(self.standing.known_to)}, not after that."

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        known_to = self.standing.known_to
        return {
            "valid": self.valid,
            "reason": self.reason,
            "problem": self.problem,
            "remedy": self.remedy,
            "revocation_known_to": known_to.isoformat() if known_to else None,
            "grant": self.grant.to_dict() if self.grant else None,
            "delegation": self.delegation.to_dict() if self.delegation else None,
            "permission": self.permission.to_dict() if self.permission else None,
            "statements": self.standing.to_dict(),
        }


def verify_grant(
    file: GrantFile,
    *,
    owner_key: str | None,
    grantee: str | Ed25519PrivateKey | None = None,
    newest: Iterable[str] = (),
    revocations: Iterable[GrantFile] = (),
    day: date | None = None,
    today: date | None = None,
) -> GrantVerdict:
    """Verify a grant with the statements of its owner.

    Nothing is looked up anywhere.

    Parameters
    ----------
    file : GrantFile
        As received.
    owner_key : str or None
        Thumbprint of the owner's first key, typed from the contract.  With None the grant is
        *unanchored* and permits nothing: a second key with the same 48-bit id can be bought.
    grantee : str or Ed25519PrivateKey or None
        Who wants to use it: a thumbprint, or the private key itself as proof.  None leaves open
        who does.
    newest : iterable of str
        Further statements of the owner that are known, such as the newest ones.
    revocations : iterable of GrantFile
        Revocations by agents that are known; those of other grants do no harm.
    day : datetime.date or None
        Day of the use; None is the present day.
    today : datetime.date or None
        The present day; None is that of the clock.

    Returns
    -------
    verdict : GrantVerdict
        Also for a grant that is not valid.

    Raises
    ------
    ParameterError
        If a thumbprint is not one.
    MissingExtraError
        If joserfc or jsonschema is not installed.

    Notes
    -----
    About 2 ms, and 0.2 s once for each owner and process.
    """
    today = today or present_day()
    key = check_thumbprint(grantee) if isinstance(grantee, str) else None
    if isinstance(grantee, Ed25519PrivateKey):
        key = thumbprint_of(public_jwk(grantee))
    agents = list(revocations)
    tokens = [*file.statements, *newest, *(one for each in agents for one in each.statements)]
    standing = verify_statements(tokens, today=today)
    named = None if owner_key is None else check_thumbprint(owner_key)
    delegation: Delegation | None = None
    grant: Grant | None = None
    try:
        _check_owner(standing, named)
        # With the key that the contract names, the newest statement alone is in force.
        standing = verify_statements(tokens, owner_key=named, today=today)
        delegation, grant = _open(file, standing)
        _check_revoked(file, standing)
        if any(revokes(one, grant, standing) for one in agents):
            raise RefusedError("revoked", "the agent who signed the grant has revoked it")
        _check_scope(grant, delegation, standing)
        _check_day(grant, day or today, standing)
        if key is not None and key != grant.grantee_key:
            raise RefusedError("somebody else", "the grant is for the holder of another key")
    except StatementError as err:
        return GrantVerdict(
            valid=False,
            reason=_name_reason(err),
            problem=err.message,
            remedy=err.remedy,
            standing=standing,
            grant=grant,
            delegation=delegation,
        )
    is_proved = isinstance(grantee, Ed25519PrivateKey)
    return GrantVerdict(
        valid=True,
        standing=standing,
        grant=grant,
        delegation=delegation,
        permission=_permit(grant, standing, is_grantee_proved=is_proved),
    )


def _name_reason(err: StatementError) -> Reason:
    if isinstance(err, RefusedError):
        return err.reason
    return "forged" if isinstance(err, SignatureError) else "invalid"


def _check_owner(standing: Standing, named: str | None) -> None:
    """Refuse statements that do not prove who the owner is."""
    if not standing.valid:
        raise RefusedError(
            "statements",
            f"the owner's statements are not valid: {standing.problem}",
            remedy=standing.remedy,
        )
    if standing.conflict == "two keys":
        raise RefusedError(
            "conflict",
            "two keys have this owner id, so that no permission of either counts",
            remedy="Ask the owner, at an address that you know from elsewhere.",
        )
    if standing.conflict:
        raise RefusedError(
            "conflict",
            "two statements follow the same one, so that no permission counts",
            remedy="Ask the owner to sign a statement with the next key.",
        )
    if named is None:
        raise RefusedError(
            "unanchored",
            "nothing outside of the file says whose key it was signed with",
            remedy="Give the thumbprint of the owner's key from the contract (`owner_key`).",
        )
    if named != standing.inception_key:
        raise RefusedError(
            "unanchored",
            "the owner's statements begin with another key than the contract names",
            remedy="Compare the thumbprint with the contract.  If it is right, whoever signed this"
            " is not the owner.",
        )


def _open(file: GrantFile, standing: Standing) -> tuple[Delegation | None, Grant]:
    """Open the grant with a key of the owner, or of an agent whom such a key names."""
    if not file.grant:
        raise RefusedError("invalid", "the file holds a delegation and no grant")
    if not file.delegation:
        grant = open_grant(file.grant, jwk=find_key(file.grant, standing))
        delegation = None
    else:
        jwk = find_key(file.delegation, standing, what="delegation")
        delegation = open_delegation(file.delegation, jwk=jwk)
        if peek_kid(file.grant) != delegation.agent_key:
            raise RefusedError("delegation", "the grant is signed by another agent")
        grant = open_grant(file.grant, jwk=delegation.agent_jwk)
        _check_agent(grant, delegation, standing)
    if grant.owner_id != standing.owner_id:
        raise RefusedError("other owner", "the grant is about the recordings of another owner")
    return delegation, grant


def _check_agent(grant: Grant, delegation: Delegation, standing: Standing) -> None:
    if delegation.owner_id != standing.owner_id:
        raise RefusedError("delegation", "the delegation is of another owner")
    if "grant" not in delegation.may:
        raise RefusedError("delegation", "the agent may not sign grants")
    if grant.uses & ~delegation.uses:
        raise RefusedError("delegation", "the agent may not allow all of these uses")
    if not delegation.issued <= grant.issued <= delegation.last_day:
        raise RefusedError("delegation", "the grant was signed outside of the agent's time")
    if grant.last_day > delegation.last_day:
        raise RefusedError(
            "delegation",
            f"the delegation ends on {delegation.last_day}, before the grant does",
            remedy="Ask the owner for a grant or a longer delegation.",
        )


def _check_revoked(file: GrantFile, standing: Standing) -> None:
    for what, token in (("grant", file.grant), ("delegation", file.delegation)):
        if token and digest_token(token) in standing.revoked_grants:
            raise RefusedError("revoked", f"the owner has revoked the {what}")


def _check_scope(grant: Grant, delegation: Delegation | None, standing: Standing) -> None:
    """Refuse marks that no statement names, and what was signed for a minor."""
    known = {notice for one in standing.counted for notice in one.notices}
    if not set(grant.notices) <= known:
        raise RefusedError(
            "other marks", "the grant names marks that the owner's statements do not mention"
        )
    until = standing.minor_until
    signed = min(one.issued for one in (grant, delegation) if one is not None)
    if until is not None and signed < until:
        raise RefusedError(
            "minor",
            f"it was signed before the owner comes of age on {until}",
            remedy="Ask for one that is signed after that day.",
        )


def _check_day(grant: Grant, day: date, standing: Standing) -> None:
    if standing.minor_until is not None and day < standing.minor_until:
        raise RefusedError("minor", f"the owner comes of age on {standing.minor_until}")
    if not grant.first_day <= day <= grant.last_day:
        raise RefusedError(
            "not in force",
            f"the grant is in force from {grant.first_day} to {grant.last_day}, not on {day}",
            remedy="Ask the owner for a new one.",
        )


def _permit(grant: Grant, standing: Standing, *, is_grantee_proved: bool) -> Permission:
    assert standing.known_to is not None  # noqa: S101 - valid statements have days
    return Permission(
        owner_id=grant.owner_id,
        notices=grant.notices,
        uses=grant.uses,
        sha256=grant.sha256,
        pcm_sha256=grant.pcm_sha256,
        serial=grant.serial,
        grantee=grant.grantee,
        first_day=grant.first_day,
        last_day=grant.last_day,
        revocation_known_to=standing.known_to,
        is_grantee_proved=is_grantee_proved,
    )
