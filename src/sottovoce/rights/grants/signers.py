"""Who may have signed a grant: the owner's keys, as far as their statements keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sottovoce.errors import StatementError
from sottovoce.rights.jws import digest_token, peek_kid

if TYPE_CHECKING:
    from sottovoce.rights.statements.standing import Standing

__all__ = ["Reason", "RefusedError", "find_key"]

Reason = Literal[
    "",
    "forged",
    "invalid",
    "statements",
    "conflict",
    "unanchored",
    "signer",
    "retired key",
    "other owner",
    "delegation",
    "revoked",
    "minor",
    "other marks",
    "not in force",
    "somebody else",
]


class RefusedError(StatementError):
    """A grant that fails a rule; becomes a verdict.

    Parameters
    ----------
    reason : str
        The word for the rule.
    message, remedy : str
        As in `SottovoceError`.
    """

    def __init__(self, reason: Reason, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


def find_key(token: str, standing: Standing, *, what: str = "grant") -> dict[str, str]:
    """Return the owner's key by which a token says it is signed, if what it signed still counts.

    Parameters
    ----------
    token : str
        A grant or a delegation.
    standing : Standing
        What the owner's statements add up to.
    what : str
        "grant" or "delegation".

    Returns
    -------
    jwk : dict
        The public key; the signature is not verified.

    Raises
    ------
    RefusedError
        If it is not a key of the owner, or one that was replaced without keeping the token.
    SignatureError
        If it is not a token.
    """
    kid = peek_kid(token)
    for i, one in enumerate(standing.counted):
        if one.current_key != kid:
            continue
        retiring = next((two for two in standing.counted[i:] if two.current_key != kid), None)
        if retiring is not None and digest_token(token) not in retiring.kept_grants:
            raise RefusedError(
                "retired key",
                f"the {what} is signed by a key that statement {retiring.seq} replaced without"
                " keeping it",
                remedy="Ask the owner to sign it again.",
            )
        jwk: dict[str, str] = one.fields["keys"]["current"]
        return jwk
    if what == "delegation":
        raise RefusedError(
            "delegation",
            "the delegation is not signed by the owner: an agent cannot pass it on",
            remedy="Ask the owner to sign one.",
        )
    raise RefusedError("signer", f"the {what} is not signed by a key of the owner")
