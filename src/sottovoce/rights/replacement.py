"""A key is replaced: what is signed and stored, in an order that survives a crash at any point.

The newest statement says which key is the present one.  So the new key, and the thumbprint of the
one after it, are stored before the statement that names them: until that is there, the former key
signs as before, and doing it again completes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import StatementError
from sottovoce.rights.identity import DEFAULT_IDENTITY, adopt_identity
from sottovoce.rights.keys.key_files import configuration_folder
from sottovoce.rights.own_files import (
    read_own_statements,
    statement_folder,
    write_own_statement,
)
from sottovoce.rights.public_keys import public_bytes
from sottovoce.rights.rotation import keep_rotation, prepare_rotation
from sottovoce.rights.statements.standing import Standing, verify_statements
from sottovoce.rights.statements.writing import continue_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sottovoce.rights.identity import Identity
    from sottovoce.rights.keys.recovery import RecoveryWords
    from sottovoce.rights.statements.writing import Declaration

__all__ = ["KeyReplacement", "check_replaceable", "join_statements", "replace_key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReplacement:
    """A key that took over.

    Attributes
    ----------
    identity : Identity
        Whose; its owner id is the same as before.
    statements : tuple of str
        All statements, the first one first; the last one is signed by the new key.
    thumbprint : str
        Of the new key.
    path : Path
        Where the new statement is stored.
    """

    identity: Identity
    statements: tuple[str, ...]
    thumbprint: str
    path: Path


def join_statements(
    owner_id: int, received: Iterable[str], *, folder: Path | None = None
) -> list[str]:
    """Return the statements of an owner id: those stored here, and later ones from a file.

    Parameters
    ----------
    owner_id : int
        Whose.
    received : iterable of str
        External text; empty if there is nothing but what is stored.
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    tokens : list of str
        One chain, the first statement first; it begins with those that are stored.  Empty if
        there is none.

    Raises
    ------
    StatementError
        If they are not valid, of another owner, or do not make one chain.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    own, later = read_own_statements(owner_id, folder=folder), list(received)
    if not later:
        return own
    standing = verify_statements([*own, *later])
    if not standing.valid:
        raise StatementError(standing.problem, remedy=standing.remedy)
    if standing.owner_id != owner_id:
        raise StatementError("the statements are those of another owner id")
    if standing.conflict:
        raise StatementError(
            f"the statements are in conflict: {standing.conflict}",
            remedy="Name a file that holds only statements that you have signed yourself.",
        )
    chain = [one.token for one in standing.counted]
    if chain[: len(own)] != own:
        raise StatementError(
            "the statements in the file take precedence over those on this computer",
            remedy=f"Move {statement_folder(owner_id, folder=folder)} away, and try again.",
        )
    return chain


def check_replaceable(tokens: Sequence[str]) -> Standing:
    """Refuse statements after which no key can take over.

    Parameters
    ----------
    tokens : sequence of str
        All statements so far.

    Returns
    -------
    standing : Standing
        What they add up to; the newest one names a next key.

    Raises
    ------
    StatementError
        If they are not valid, in conflict, or name no next key.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    standing = verify_statements(tokens)
    if not standing.check_head(otherwise="the key cannot be replaced").next_key:
        raise StatementError(
            "the statements name no next key, so that this key can never be replaced",
            remedy="Withdraw the grants that you know of, and use a new identity from now on.  The"
            " marks go on to refuse.",
        )
    return standing


def replace_key(
    tokens: Sequence[str],
    words: RecoveryWords,
    *,
    identity: Identity | None,
    name: str = DEFAULT_IDENTITY,
    keep: Iterable[str] = (),
    declaration: Declaration | None = None,
    passphrase: str = "",
    folder: Path | None = None,
) -> KeyReplacement:
    """Let the next key take over, by a statement that names the one after it.

    Parameters
    ----------
    tokens : sequence of str
        All statements so far, the first one first, as `join_statements` returns them.
    words : RecoveryWords
        The words that the next key comes from.
    identity : Identity or None
        The identity on this machine that has the owner id; None if there is none.
    name : str
        What to call it then.
    keep : iterable of str
        Digests of grants and delegations that outlive the present key; all others of it end.
    declaration : Declaration or None
        What is declared from now on; None leaves it as it is.  Nothing but this statement can lift
        a refusal.
    passphrase : str
        Seals the file of the new key; empty leaves it to the permissions of the file.
    folder : Path or None
        The program's folder in the user's configuration; None finds it.

    Returns
    -------
    replacement : KeyReplacement
        What was stored.

    Raises
    ------
    ParameterError
        If the words are those of another identity, or `name` is taken.
    StatementError
        If the statements are not valid or name no next key, or something cannot be stored.  Doing
        it again then goes on from there.
    MissingExtraError
        If joserfc or jsonschema is not installed.
    """
    last = check_replaceable(tokens).counted[-1]
    rotation = prepare_rotation(last.owner_id, words, next_thumbprint=last.next_key, folder=folder)
    # Signed and verified before anything is stored.
    token = continue_statements(
        tokens,
        key=rotation.key,
        declaration=declaration,
        keep=keep,
        next_thumbprint=rotation.next_thumbprint,
        recovery_thumbprint=rotation.recovery_thumbprint,
    )
    folder = folder or configuration_folder()
    if identity is None:
        public_key = public_bytes(last.fields["keys"]["inception"])
        identity = adopt_identity(public_key, name=name, folder=folder / "identities")
    n_stored = len(read_own_statements(last.owner_id, folder=folder))
    for seq in range(n_stored + 1, len(tokens) + 1):
        write_own_statement(tokens[seq - 1], owner_id=last.owner_id, seq=seq, folder=folder)
    keep_rotation(rotation, words, passphrase=passphrase, folder=folder)
    path = write_own_statement(token, owner_id=last.owner_id, seq=last.seq + 1, folder=folder)
    return KeyReplacement(
        identity=identity,
        statements=(*tokens, token),
        thumbprint=rotation.thumbprint,
        path=path,
    )
