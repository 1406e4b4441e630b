"""The rules from one statement to the next: who may sign it, and what their key may change.

The current key may lie on a computer and be stolen.  So it may only add refusals and withdraw
grants.  Whatever could serve a thief takes a key that was announced before the theft and is kept
elsewhere: lifting a refusal takes the next key, and so does announcing other keys.  Otherwise a
thief would announce a key of their own and, with that, lift everything in a second step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sottovoce.core.policy import name_uses
from sottovoce.errors import StatementError

if TYPE_CHECKING:
    from sottovoce.rights.statements.statement import Statement

__all__ = ["Signer", "check_first", "check_step", "signer_of"]

Signer = Literal["inception", "current", "successor", "recovery", "next"]


def signer_of(statement: Statement, previous: Statement) -> Signer | None:
    """Return in which role a key signs a statement, as announced by the one before it.

    Parameters
    ----------
    statement, previous : Statement
        Two statements in a row.

    Returns
    -------
    signer : str or None
        The role; None if the key was not announced.
    """
    key = statement.current_key
    if key == previous.current_key:
        return "current"
    if key == previous.next_key:
        return "next"
    if key == previous.recovery_key:
        return "recovery"
    return "successor" if key in previous.successors else None


def check_first(statement: Statement) -> None:
    """Refuse a statement that cannot be the first one.

    Parameters
    ----------
    statement : Statement
        Without a statement before it.

    Raises
    ------
    StatementError
        If it is not number 1, or is signed by another key than the one the id was made from.
    """
    if statement.seq != 1 or statement.previous:
        raise StatementError(
            f"statement {statement.seq} refers to an earlier statement that is missing",
            remedy="Ask the owner for all statements, from the first one on.",
        )
    if statement.current_key != statement.inception_key:
        raise StatementError(
            "statement 1 is not signed by the key that the owner id was made from",
            remedy="Whoever signed it is not the owner.",
        )
    _check_kept(statement, retires=False)


def check_step(statement: Statement, previous: Statement) -> Signer:
    """Refuse a statement that may not follow another one.

    Parameters
    ----------
    statement, previous : Statement
        Two statements in a row: the first refers to the second by its digest.

    Returns
    -------
    signer : str
        The role of the key that signs it.

    Raises
    ------
    StatementError
        If it is out of order, or its key may not sign it or not change what it changes.
    """
    if statement.seq != previous.seq + 1 or statement.owner_id != previous.owner_id:
        raise StatementError(f"statement {statement.seq} does not follow statement {previous.seq}")
    if statement.inception_key != previous.inception_key:
        raise StatementError(f"statement {statement.seq} names another first key")
    if previous.seal and statement.seal != previous.seal:
        raise StatementError(
            f"statement {statement.seq} commits to another seal than statement {previous.seq}",
            remedy="A seal stays the same for good: whoever could change it could fit it to a"
            " recording.",
        )
    if statement.issued < previous.issued:
        raise StatementError(
            f"statement {statement.seq} is dated before the one that it follows",
            remedy="Check the clock of the computer that it is signed on.",
        )
    signer = signer_of(statement, previous)
    if signer is None:
        raise StatementError(
            f"statement {statement.seq} is signed by a key that statement {previous.seq} does not"
            " announce",
            remedy="Whoever signed it is not the owner.",
        )
    if signer == "current":
        _check_announced(statement, previous)
    if signer != "next":
        _check_lifted(statement, previous)
    _check_kept(statement, retires=signer != "current")
    return signer


def _check_announced(statement: Statement, previous: Statement) -> None:
    changed = [
        words
        for words, new, old in (
            ("the next key", statement.next_key, previous.next_key),
            ("the recovery key", statement.recovery_key, previous.recovery_key),
            ("the successors", set(statement.successors), set(previous.successors)),
        )
        if new != old
    ]
    if changed:
        raise StatementError(
            f"statement {statement.seq} announces other keys ({', '.join(changed)}) under the"
            " current key",
            remedy="Sign such a change with the next key that was announced before.",
        )


def _check_lifted(statement: Statement, previous: Statement) -> None:
    lifted = previous.refused & ~statement.refused
    if lifted:
        names = ", ".join(name_uses(lifted))
        raise StatementError(
            f"statement {statement.seq} lifts a refusal ({names}) and is not signed by the next"
            " key",
            remedy="Sign it with the next key that was announced before.",
        )
    until, before = statement.minor_until, previous.minor_until
    if before is not None and (until is None or until < before):
        raise StatementError(
            f"statement {statement.seq} ends the protection of a minor earlier and is not signed"
            " by the next key",
            remedy="Sign it with the next key that was announced before.",
        )


def _check_kept(statement: Statement, *, retires: bool) -> None:
    if statement.kept_grants and not retires:
        raise StatementError(
            f"statement {statement.seq} lists grants to keep, but retires no key",
            remedy="Grants of the current key need not be listed.",
        )
