"""Statements in their order, and what becomes of two that follow the same one.

An owner signs one statement after another.  Two that follow the same one mean that a second person
has the key.  If one of the branches holds a statement by a key that was announced *before* they
part, that branch is the owner's: a thief of the current key does not have it.  With equal keys
nobody can tell, and that is a conflict.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import StatementError
from sottovoce.rights.statements.steps import Signer, check_first, check_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.rights.statements.statement import Statement

__all__ = ["Branches", "read_branches"]

_BEGINNING = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """The statements that begin with one key.

    Attributes
    ----------
    statements : tuple of Statement
        All of them, by number.
    signers : dict
        The role of the key of each, by digest.
    counted : tuple of Statement
        The chain that counts, the first statement first; in a conflict as far as it is one chain.
    is_forked : bool
        Whether two branches are equally strong, so that nobody can tell which one counts.
    """

    statements: tuple[Statement, ...]
    signers: dict[str, Signer]
    counted: tuple[Statement, ...]
    is_forked: bool


def read_branches(statements: Sequence[Statement]) -> Branches:
    """Put statements of one first key into their order, and check every step.

    Parameters
    ----------
    statements : sequence of Statement
        In any order, each once, all with the same first key.

    Returns
    -------
    branches : Branches
        What counts.

    Raises
    ------
    StatementError
        If one of them may not follow the one that it refers to, or that one is missing.
    """
    ordered = sorted(statements, key=lambda one: (one.seq, one.issued, one.digest))
    by_digest: dict[str, Statement] = {}
    signers: dict[str, Signer] = {}
    children: dict[str, list[Statement]] = defaultdict(list)
    for one in ordered:
        previous = by_digest.get(one.previous)
        if previous is None:
            check_first(one)
            signers[one.digest] = "inception"
        else:
            signers[one.digest] = check_step(one, previous)
            _check_retired(one, previous, by_digest)
        by_digest[one.digest] = one
        children[previous.digest if previous else _BEGINNING].append(one)
    counted, is_forked = _choose(children, _collect_keys(ordered))
    return Branches(
        statements=tuple(ordered), signers=signers, counted=counted, is_forked=is_forked
    )


def _check_retired(one: Statement, previous: Statement, by_digest: dict[str, Statement]) -> None:
    """Refuse a key that comes back after another one replaced it."""
    if one.current_key == previous.current_key:
        return
    earlier: Statement | None = previous
    while earlier is not None:
        if earlier.current_key == one.current_key:
            raise StatementError(
                f"statement {one.seq} is signed by a key that was replaced before",
                remedy="A key that was replaced never comes back: it may have been stolen.",
            )
        earlier = by_digest.get(earlier.previous)


def _collect_keys(ordered: Sequence[Statement]) -> dict[str, set[str]]:
    """Return the keys by which each statement and all that follow it are signed."""
    keys: dict[str, set[str]] = defaultdict(set)
    for one in reversed(ordered):
        keys[one.digest].add(one.current_key)
        keys[one.previous] |= keys[one.digest]
    return keys


def _choose(
    children: dict[str, list[Statement]], keys: dict[str, set[str]]
) -> tuple[tuple[Statement, ...], bool]:
    """Return the chain that counts, up to a fork that nobody can decide, and whether there is one.

    A branch is judged by the keys that were announced before it parts from the others.  So nothing
    decides between two first statements: before them, nothing was announced.
    """
    chain: list[Statement] = []
    following = children[_BEGINNING]
    while following:
        if len(following) > 1:
            if not chain:
                return (), True
            ranks = [_rank(keys[one.digest], chain[-1]) for one in following]
            if ranks.count(max(ranks)) > 1:
                return tuple(chain), True
            following = [following[ranks.index(max(ranks))]]
        chain.append(following[0])
        following = children[following[0].digest]
    return tuple(chain), False


def _rank(keys: set[str], parted: Statement) -> int:
    """Return the strength of a branch: of the strongest key announced where it parts."""
    if parted.next_key in keys:
        return 3
    if parted.recovery_key in keys:
        return 2
    return int(not keys.isdisjoint(parted.successors))
