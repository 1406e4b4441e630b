"""Sign statements: the first one of an owner id, and those that follow it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sottovoce.core.policy import NAMED_USES, POLICIES, Use, name_use
from sottovoce.errors import ParameterError, StatementError
from sottovoce.rights.days import present_day
from sottovoce.rights.jws import sign_token
from sottovoce.rights.public_keys import public_bytes, public_jwk, thumbprint_of
from sottovoce.rights.schema import check_form
from sottovoce.rights.statements.standing import verify_statements
from sottovoce.rights.statements.statement import KIND, TYPE, owner_of_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.rights.statements.statement import Statement

__all__ = ["Declaration", "continue_statements", "make_statement"]

_NONE = Use(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What an owner declares, without keys and signatures.

    Attributes
    ----------
    refused, on_request : Use
        The refused uses, and those for which one may ask.
    notices : tuple of (int, int)
        Policy and year of the marks.
    role, name, pseudonym, contact : str
        As in `Statement`.
    links : tuple of str
        Further addresses.
    since, minor_until : datetime.date or None
        As in `Statement`; None for `since` is the day of signing.
    disowned : frozenset of str
        SHA-256 of decoded sound that somebody else marked with this id.
    seal : str
        Commitment to the seal, from `sottovoce.rights.seal_commitment`; may be empty.  Statements
        that follow keep it.
    """

    refused: Use = POLICIES["all"]
    on_request: Use = _NONE
    notices: tuple[tuple[int, int], ...] = ()
    role: str = "speaker"
    name: str = ""
    pseudonym: str = ""
    contact: str = ""
    links: tuple[str, ...] = ()
    since: date | None = None
    minor_until: date | None = None
    disowned: frozenset[str] = frozenset()
    seal: str = ""

    @classmethod
    def of(cls, statement: Statement) -> Declaration:
        """Return what a statement declares, to be changed and signed again."""
        return cls(
            **{
                name: getattr(statement, name)
                for name in cls.__dataclass_fields__  # the same names in both
            }
        )

    def to_fields(self) -> dict[str, Any]:
        """Return its part of the fields of a statement."""
        minor_until = self.minor_until
        return {
            "uses": {
                name_use(use): {
                    "refused": bool(use & self.refused),
                    "on_request": bool(use & self.on_request),
                }
                for use in NAMED_USES
            },
            "marks": [{"policy": int(one), "year": year} for one, year in sorted(self.notices)],
            "declarant": {
                "role": self.role,
                "name": self.name or None,
                "pseudonym": self.pseudonym or None,
            },
            "contact": self.contact or None,
            "links": list(self.links),
            "minor_until": minor_until.isoformat() if minor_until else None,
            "disowned": sorted(self.disowned),
            **({"seal": self.seal} if self.seal else {}),
        }


def make_statement(
    declaration: Declaration,
    *,
    key: Ed25519PrivateKey,
    next_thumbprint: str | None = None,
    recovery_thumbprint: str | None = None,
    successors: Iterable[str] = (),
    issued: date | None = None,
) -> str:
    """Sign the first statement of the owner id that a key proves.

    Parameters
    ----------
    declaration : Declaration
        What is declared.
    key : Ed25519PrivateKey
        The key that the owner id was made from.
    next_thumbprint, recovery_thumbprint : str or None
        Keys that may replace it; with None for the first, no refusal can ever be lifted.
    successors : iterable of str
        Thumbprints of keys that may take the id over.
    issued : datetime.date or None
        Day of signing; None is the present day.

    Returns
    -------
    token : str
        The statement.

    Raises
    ------
    StatementError
        If it would not be valid.
    ParameterError
        If a text in it is too long or cannot be written.
    MissingExtraError
        If joserfc or jsonschema is not installed.

    Examples
    --------
    >>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    >>> token = make_statement(Declaration(name="A. Speaker"), key=Ed25519PrivateKey.generate())
    >>> verify_statements([token]).words
    'refuses every use by machines'
    """
    public = public_jwk(key)
    fields = {
        "id": f"{owner_of_key(public_bytes(public)):012x}",
        "seq": 1,
        "prev": None,
        "successors": list(successors),
        "revoked_grants": [],
        "kept_grants": [],
        "keys": {
            "current": public,
            "inception": public,
            "next_thumbprint": next_thumbprint,
            "recovery_thumbprint": recovery_thumbprint,
        },
        "anchors": [],
    }
    return _sign(fields, declaration, key=key, day=issued or present_day(), before=())


def continue_statements(
    tokens: Iterable[str],
    *,
    key: Ed25519PrivateKey,
    declaration: Declaration | None = None,
    revoke: Iterable[str] = (),
    keep: Iterable[str] = (),
    next_thumbprint: str | None = None,
    recovery_thumbprint: str | None = None,
    successors: Iterable[str] | None = None,
    issued: date | None = None,
) -> str:
    """Sign the statement that follows others.

    Parameters
    ----------
    tokens : iterable of str
        All statements so far.
    key : Ed25519PrivateKey
        The current key, to add refusals and withdraw grants; the next one, to lift refusals; a
        recovery or successor's key, to replace it.
    declaration : Declaration or None
        What is declared from now on; None leaves it as it is.
    revoke : iterable of str
        Digests of grants that are withdrawn, or of delegations.
    keep : iterable of str
        Digests of grants that outlive the key that `key` replaces.
    next_thumbprint, recovery_thumbprint : str or None
        Keys that may replace it; None leaves them as they are, and removes one that is `key`.
    successors : iterable of str or None
        Thumbprints of keys that may take the id over; None leaves them, without `key`.
    issued : datetime.date or None
        Day of signing; None is the present day.

    Returns
    -------
    token : str
        The new statement.

    Raises
    ------
    StatementError
        If the statements so far are not valid or in conflict, or the key may not sign this.
    ParameterError
        If a text in it is too long or cannot be written.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    before, day = tuple(tokens), issued or present_day()
    standing = verify_statements(before, today=max(day, present_day()))
    last = standing.check_head(otherwise="nothing can follow")
    public, own = public_jwk(key), thumbprint_of(public_jwk(key))
    following = last.successors if successors is None else tuple(successors)
    fields = {
        "id": f"{last.owner_id:012x}",
        "seq": last.seq + 1,
        "prev": last.digest,
        "successors": [one for one in following if one != own],
        "revoked_grants": sorted(last.revoked_grants | set(revoke)),
        "kept_grants": sorted(set(keep)),
        "keys": {
            "current": public,
            "inception": last.fields["keys"]["inception"],
            "next_thumbprint": next_thumbprint or _unless(last.next_key, own),
            "recovery_thumbprint": recovery_thumbprint or _unless(last.recovery_key, own),
        },
        "anchors": [],
    }
    declared = declaration or Declaration.of(last)
    declared = replace(declared, seal=declared.seal or last.seal)
    return _sign(fields, declared, key=key, day=day, before=before)


def _unless(announced: str, own: str) -> str | None:
    return announced if announced and announced != own else None


def _sign(
    fields: dict[str, Any],
    declaration: Declaration,
    *,
    key: Ed25519PrivateKey,
    day: date,
    before: tuple[str, ...],
) -> str:
    """Sign a statement, and refuse one that no reader would accept."""
    payload = {
        "typ": TYPE,
        **fields,
        **declaration.to_fields(),
        "issued": day.isoformat(),
        "since": (declaration.since or day).isoformat(),
    }
    try:
        check_form(payload, room="statements", kind="statement")
    except StatementError as err:
        raise ParameterError(
            err.message,
            remedy="Addresses are URIs such as https://… or mailto:…; names have up to 200"
            " characters.",
        ) from err
    token = sign_token(payload, kind=KIND, key=key)
    standing = verify_statements([*before, token], today=max(day, present_day()))
    if not standing.valid:
        raise StatementError(standing.problem, remedy=standing.remedy)
    return token
