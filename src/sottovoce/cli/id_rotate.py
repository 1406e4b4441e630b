"""`sottovoce id rotate` and `revoke`: the next key, from the recovery words, takes over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sottovoce.cli import _output
from sottovoce.cli._declaring import declare_policy
from sottovoce.cli._ending import Ending, find_kept, list_ending
from sottovoce.cli._options import JSON, OutPath, examples
from sottovoce.cli._recovery import check_new
from sottovoce.cli._secrets import WORDS_FROM, ask_passphrase, choose_passphrase, read_words
from sottovoce.cli._signing import load_named
from sottovoce.cli._whose import list_own, load_own
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.rights import Identity
    from sottovoce.rights.replacement import KeyReplacement
    from sottovoce.rights.statements import Declaration

__all__ = ["revoke", "rotate"]

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--name",
        default=None,
        metavar="NAME",
        help="The identity; on a computer that does not have it, the name that it gets."
        "  [default: default]",
    ),
    WORDS_FROM,
    click.option(
        "--statements",
        "statements_from",
        type=click.Path(path_type=Path),
        default=None,
        metavar="FILE",
        help="A file with all your statements, where this computer does not have them: with the"
        " recovery words, it is enough on an empty computer.",
    ),
    click.option(
        "--passphrase",
        "is_sealed",
        is_flag=True,
        help="Protect the new key with a new passphrase, which is asked for."
        "  [default: that of the seed, if it has one]",
    ),
    click.option(
        "-o",
        "--out",
        type=OutPath(path_type=Path, dir_okay=False),
        default=None,
        metavar="FILE",
        help="Write all statements to this new file, to be published or sent.",
    ),
    JSON,
)


def _with_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    "rotate",
    epilog=examples(
        "sottovoce id rotate -o statements.jws",
        "sottovoce id rotate --keep acme-2026.grant --keep q0Tr4zN1v7xHdLxB -o statements.jws",
        "sottovoce id rotate --statements statements.jws --name book   on an empty computer",
    ),
)
@click.option(
    "--keep",
    "kept",
    multiple=True,
    metavar="FILE|SERIAL",
    help="A grant or delegation that stays in force; may be repeated.  All others end.",
)
@click.option(
    "--drop-others",
    is_flag=True,
    help="Let all grants end that are not kept, without asking.",
)
@click.option(
    "--policy",
    default=None,
    metavar="all|training|cloning|USES",
    help="Refuse this from now on: nothing but a rotation can lift a refusal."
    "  [default: as before]",
)
@_with_options
def rotate(
    *,
    kept: tuple[str, ...],
    drop_others: bool,
    policy: str | None,
    **options: Any,  # noqa: ANN401
) -> None:
    """Replace a key by the next one, which comes from your recovery words.

    Your owner id and your marks stay as they are.  A new statement, signed by the new key, tells
    everybody; publish it, or send it to your licensees.  Grants of the former key end unless you
    keep them.
    """
    job = _Job(**options)
    kept_grants = find_kept(kept, job.standing)
    ending = _subtract(list_ending(job.standing, job.tokens), kept_grants)
    if ending and not drop_others:
        _ask_about(ending)
    declaration = declare_policy(job.tokens, policy=policy) if policy else None
    made = job.run(keep=[one.digest for one in kept_grants], declaration=declaration)
    job.report(made, kept=kept_grants, ended=ending, verb="replaces the key")


@click.command(
    "revoke",
    epilog=examples(
        "sottovoce id revoke -o statements.jws",
        "sottovoce id revoke --name acme-2026 --words-from words.txt",
        "sottovoce id revoke --statements statements.jws   on an empty computer",
    ),
)
@_with_options
def revoke(**options: Any) -> None:  # noqa: ANN401
    """Declare that your present key is no longer to be believed, such as after a theft.

    The next key, which comes from your recovery words, takes over, and every grant of the present
    key ends: yours, and those that a thief may have signed.  What you refuse stays refused.
    Publish the new statement, or send it to your licensees, and sign again the grants that you
    want.
    """
    job = _Job(**options)
    ending = list_ending(job.standing, job.tokens)
    made = job.run()
    job.report(made, kept=[], ended=ending, verb="revokes the former key")


class _Job:
    """What both commands do: find the statements, take the words, let the key take over."""

    def __init__(
        self,
        *,
        name: str | None,
        words_from: str | None,
        statements_from: Path | None,
        is_sealed: bool,
        out: Path | None,
        as_json: bool,
    ) -> None:
        from sottovoce.rights import DEFAULT_IDENTITY
        from sottovoce.rights.replacement import check_replaceable, join_statements
        from sottovoce.rights.statements import read_statements

        if out is not None:
            check_new(out)
        self._name, self._words_from = name or DEFAULT_IDENTITY, words_from
        self._is_sealed, self._out, self._as_json = is_sealed, out, as_json
        received = read_statements(statements_from) if statements_from is not None else ()
        self._identity = _find_identity(name, received)
        owner_id = self._identity.owner_id if self._identity else _read_owner(received)
        self.tokens = join_statements(owner_id, received)
        if not self.tokens:
            raise ParameterError(
                f"{self._name!r} has signed no statement that names a next key",
                remedy=f"Sign one first: sottovoce statement new --name {self._name}.  If another"
                " computer has the statements, name their file (--statements).",
            )
        self.standing = check_replaceable(self.tokens)

    def run(
        self, *, keep: Sequence[str] = (), declaration: Declaration | None = None
    ) -> KeyReplacement:
        """Take the words, and let the key from them take over."""
        from sottovoce.rights.replacement import replace_key
        from sottovoce.rights.statements import write_statements

        passphrase = _take_passphrase(is_new=self._is_sealed)
        made = replace_key(
            self.tokens,
            read_words(self._words_from),
            identity=self._identity,
            name=self._name,
            keep=keep,
            declaration=declaration,
            passphrase=passphrase,
        )
        if self._out is not None:
            write_statements(self._out, made.statements)
        return made

    def report(
        self, made: KeyReplacement, *, kept: list[Ending], ended: list[Ending], verb: str
    ) -> None:
        """Write what has changed, and what is left to do."""
        name, n = made.identity.name, len(made.statements)
        if self._as_json:
            fields = made.identity.to_dict()
            _output.result_json(
                {
                    **{each: fields[each] for each in ("name", "owner_id", "owner")},
                    "thumbprint": made.thumbprint,
                    "statement": n,
                    "path": str(made.path),
                    "kept": [one.serial for one in kept],
                    "ended": [one.serial for one in ended],
                }
            )
            return
        _output.result(f"{name}: statement {n} {verb}")
        for what, grants in (("kept", kept), ("ended", ended)):
            for one in grants:
                _output.result(f"  {what}: {one.words}")
        where = "" if self._out else f": sottovoce statement show --name {name} -o FILE"
        _output.explain(
            f"Publish the statements, or send them to your licensees{where}.  Nobody can know of"
            " the change otherwise."
        )
        _output.explain("Then make another backup: sottovoce id backup")


def _find_identity(name: str | None, received: tuple[str, ...]) -> Identity | None:
    """Return the identity whose key is replaced; None if it is not on this computer."""
    if not received:
        return load_named(name)
    owner_id = _read_owner(received)
    known = list_own().get(owner_id)
    if known is None:
        return None
    if name not in {None, known}:
        raise ParameterError(
            f"the statements are those of the identity {known!r}",
            remedy=f"Name it: --name {known}.",
        )
    return load_own(known)


def _read_owner(received: tuple[str, ...]) -> int:
    from sottovoce.errors import StatementError
    from sottovoce.rights.statements import verify_statements

    standing = verify_statements(received)
    if not standing.valid:
        raise StatementError(standing.problem, remedy=standing.remedy)
    return standing.owner_id


def _subtract(grants: list[Ending], kept: list[Ending]) -> list[Ending]:
    digests = {one.digest for one in kept}
    return [one for one in grants if one.digest not in digests]


def _ask_about(ending: list[Ending]) -> None:
    """Let the user confirm that these grants end; where nobody can be asked, refuse."""
    for one in ending:
        _output.explain(f"will end: {one.words}")
    if not sys.stdin.isatty():
        raise ParameterError(
            "grants that are in force would end with the present key",
            remedy="Keep each of them (--keep SERIAL), or let them end (--drop-others).",
        )
    click.confirm("Let them end?", abort=True, err=True)


def _take_passphrase(*, is_new: bool) -> str:
    """Return the passphrase for the new key: a new one, that of the seed, or none."""
    from sottovoce.rights import needs_passphrase, seed_path
    from sottovoce.rights.keys.seed import open_seed

    if is_new:
        return choose_passphrase()
    if not needs_passphrase():
        return ""
    typed = ask_passphrase(seed_path())
    open_seed(ask=lambda _: typed)  # a slip would lock the new key
    return typed
