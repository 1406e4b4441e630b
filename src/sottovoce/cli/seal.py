"""`sottovoce seal`: show others that your seal is in a recording, and verify what others show."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._batch import run_files
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._inputs import Input
from sottovoce.cli._options import JSON, PARTIAL, OutPath, examples
from sottovoce.cli._pool import Failure
from sottovoce.cli._seals import find_shown_before, is_committed, load_own_seals, say_shown
from sottovoce.cli._showing import (
    OPENING,
    README,
    STATEMENTS,
    find_commitment,
    make_readme,
    uncommitted,
)
from sottovoce.cli._signing import OWNER_KEY
from sottovoce.cli._whose import list_own
from sottovoce.cli._words import format_p, format_path
from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.counts import say_count
from sottovoce.files.times import format_day

if TYPE_CHECKING:
    from sottovoce.cli._batch import Progress
    from sottovoce.files.seal_finding import FoundSeal
    from sottovoce.rights.statements import Statement

__all__ = ["seal"]

_FILE = click.option(
    "--file",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recording.",
)


@click.group(
    "seal",
    epilog=examples(
        "sottovoce check --mine found.mp3",
        "sottovoce seal reveal --file found.mp3 -o evidence/",
        "sottovoce seal verify evidence/ --file found.mp3",
    ),
)
def seal() -> None:
    """Show others that your seal is in a recording, and verify what others show.

    The seal is secret: only you can find it, with `check --mine`.  To convince somebody else, you
    show the part of it that belongs to one recording.  Your key stays secret.
    """


@seal.command(
    "reveal",
    epilog=examples(
        "sottovoce seal reveal --file found.mp3 -o evidence/",
        "sottovoce seal reveal --file found.mp3 --as book -o evidence/",
    ),
)
@_FILE
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutPath(path_type=Path, file_okay=False),
    metavar="DIR",
    help="New folder for the evidence.",
)
@click.option(
    "--as",
    "name",
    default=None,
    metavar="NAME",
    help="The identity whose seal it is.  [default: the one whose seal is found]",
)
@click.option(
    "--thorough", is_flag=True, help="Also search at usual changes of speed; 25 times as long."
)
@PARTIAL
@JSON
@click.pass_context
def reveal(
    context: click.Context,
    *,
    file: Path,
    out: Path,
    name: str | None,
    thorough: bool,
    partial: bool,
    as_json: bool,
) -> None:
    """Write what an expert needs to find your seal in one recording, without your key.

    The folder holds the signs of the seal for this recording alone, the proof that your statement
    committed to them, your statements, and a text that explains all of it.  Whoever has it can
    remove your seal from this recording, and write these signs into others: what appears later
    with these numbers proves nothing.  Your key stays secret, and so do all other signs.

    It proves nothing unless your statement is older than the recording in question: sign one with
    `sottovoce statement new` as soon as you have an identity.

    Exit code: 0 written; 1 no seal of yours was found; 2 an error.
    """
    _check_place(out)
    all_keys = load_own_seals(name)
    keys = _keep_committed(all_keys)
    found = _find(file, keys, thorough=thorough, partial=partial, debug=context.obj)
    best = next((one for one in found if one.match.holds), None)
    if best is None:
        if as_json:
            _output.result_json({"folder": None, "owner_id": None, "seal": None})
        else:
            others = " to which a statement commits" if len(keys) < len(all_keys) else ""
            _output.result(f"{format_path(file)}: no seal of yours{others} was found")
        context.exit(ExitCode.NOT_FOUND)
    before = find_shown_before(best.owner_id, best.match)
    statement = _write(file, out, best, keys[best.owner_id])
    if as_json:
        fields = {"folder": str(out), "owner_id": best.owner_id, "seal": best.match.to_dict()}
        _output.result_json(fields)
        return
    own = list_own()[best.owner_id]
    _output.result(
        f"Wrote {format_path(out)}: the seal of {format_path(own)} in {format_path(file)}"
        f" ({format_p(best.match.log10_p)})"
    )
    _output.explain(
        "Send the folder with the recording.  Whoever has it can remove your seal from it, and"
        " write these signs into other sound; your key stays secret.  If `check --mine` finds these"
        " signs again, it says so."
    )
    if before is not None:
        _output.explain(say_shown(before, own), kind="note")
    _output.explain(
        f"It proves something only if the recording is younger than your statement of"
        f" {format_day(statement.issued)}.",
        kind="note",
    )


@seal.command(
    "verify",
    epilog=examples(
        "sottovoce seal verify evidence/ --file found.mp3",
        "sottovoce seal verify evidence/ --file found.mp3 --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@_FILE
@OWNER_KEY
@PARTIAL
@JSON
@click.pass_context
def verify(
    context: click.Context,
    *,
    folder: Path,
    file: Path,
    owner_key: str | None,
    partial: bool,
    as_json: bool,
) -> None:
    """Verify that a recording carries the seal to which a statement committed.

    DIR is what `seal reveal` wrote.  Nothing in it is believed: the signs must lead to the
    commitment, the statement must be signed by the owner, and the sound must agree with the signs.

    Exit code: 0 all of that holds; 1 it does not; 2 a file could not be read.
    """
    from sottovoce.files.digests import hash_file
    from sottovoce.files.seal_finding import find_shown_seal
    from sottovoce.rights import format_owner_id
    from sottovoce.rights.seal_opening import read_opening
    from sottovoce.rights.statements import read_statements

    opening = read_opening(folder / OPENING)
    shown = opening.verify()
    tokens = read_statements(folder / STATEMENTS)
    statement = find_commitment(tokens, opening, owner_key=owner_key)
    match = find_shown_seal(
        file, shown, track=opening.track, stretch=opening.stretch, partial=partial
    )
    holds = match is not None and match.holds
    same = hash_file(file) == opening.sha256
    if as_json:
        _output.result_json(
            {
                "file": str(file),
                "holds": holds,
                "same_file": same,
                "owner_id": opening.owner_id,
                "owner": format_owner_id(opening.owner_id),
                "commitment": opening.commitment,
                "statement": statement.seq,
                "issued": statement.issued.isoformat(),
                "seal": None if match is None else match.to_dict(),
            }
        )
        context.exit(ExitCode.DONE if holds else ExitCode.NOT_FOUND)
    owner, day = format_owner_id(opening.owner_id), format_day(statement.issued)
    _output.result(
        f"{OPENING}: the signs of {say_count(len(opening.leaves), 'superframe')} lead to the"
        f" commitment {opening.commitment}"
    )
    _output.result(
        f"{STATEMENTS}: statement {statement.seq} of owner {owner}, dated {day}, commits to it"
    )
    p = "p = 1" if match is None else format_p(match.log10_p)
    if not holds:
        _output.result(
            f"{format_path(file)}: {_output.strong('NOT SEALED')} with these signs ({p})"
        )
        context.exit(ExitCode.NOT_FOUND)
    _output.result(
        f"{format_path(file)}: {_output.strong('SEALED')}, the sound carries the seal of owner"
        f" {owner} ({p})"
    )
    if not same:
        _output.explain(
            "It is another file than the one that the owner searched; the result is for this one.",
            kind="note",
        )
    if match is not None and match.may_be_guessed:
        _output.explain(
            f"Its cells agree by {match.agreement:.3f}: no better than a guess can that somebody"
            " has made from another recording of this owner, and written into this one.",
            kind="note",
        )
    if owner_key is None:
        _output.explain(
            "Anybody can make an owner id.  With --owner-key, the key that a contract names is"
            " compared.",
            kind="note",
        )
    _output.explain(
        f"This proves something only if the recording is younger than the statement.  That it was"
        f" signed on {day} is what the owner says; a time stamp or whoever received it can tell.",
        kind="note",
    )


def _check_place(out: Path) -> None:
    """Refuse a folder that could not be made, before the search."""
    if os.path.lexists(out):
        raise ParameterError(
            f"{format_path(out)} already exists", remedy="Choose another folder with -o."
        )
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise ParameterError(
            f"{format_path(out)} cannot be made there", remedy="Choose another folder with -o."
        )


def _keep_committed(keys: dict[int, bytes]) -> dict[int, bytes]:
    """Return the keys whose seals can be shown; refuse to search for minutes if none can."""
    kept, own = {}, list_own()
    for owner_id, key in keys.items():
        if is_committed(owner_id):
            kept[owner_id] = key
        elif len(keys) > 1:
            _output.explain(
                f"the seal of {format_path(own[owner_id])} cannot be shown: no statement commits to"
                f" it.  Sign one with: sottovoce statement new --name {format_path(own[owner_id])}",
                kind="note",
            )
    if not kept:
        raise uncommitted(own[next(iter(keys))] if len(keys) == 1 else "")
    return kept


def _find(
    file: Path, keys: dict[int, bytes], *, thorough: bool, partial: bool, debug: bool
) -> tuple[FoundSeal, ...]:
    """Search a file, with a bar for the progress."""
    work = functools.partial(_search, keys=keys, thorough=thorough, partial=partial)
    (outcome,) = run_files(
        work,
        [Input(path=file, given=file)],
        jobs=1,
        debug=debug,
        description="searching",
        report=lambda source, outcome: None,
    )
    if isinstance(outcome, Failure):
        # The message names the file already.
        raise AudioFileError(outcome.message, path="", remedy=outcome.remedy)
    return outcome


def _search(
    source: Input,
    progress: Progress | None,
    *,
    keys: dict[int, bytes],
    thorough: bool,
    partial: bool,
) -> tuple[FoundSeal, ...]:
    from sottovoce.files.seal_finding import find_seals

    return find_seals(source.path, keys, thorough=thorough, partial=partial, progress=progress)


def _write(file: Path, out: Path, best: FoundSeal, key: bytes) -> Statement:
    """Write the folder, or nothing; return the statement that commits to the seal."""
    from sottovoce.files.atomic import part_path
    from sottovoce.files.digests import hash_file
    from sottovoce.rights.days import present_day
    from sottovoce.rights.own_files import read_own_statements, write_once
    from sottovoce.rights.seal_commitment import SealTree
    from sottovoce.rights.seal_opening import open_seal
    from sottovoce.rights.shown_seals import note_shown
    from sottovoce.rights.statements import write_statements

    opening = open_seal(
        SealTree.of(key),
        best.match,
        owner_id=best.owner_id,
        file=file.name,
        sha256=hash_file(file),
        track=best.track,
    )
    tokens = read_own_statements(best.owner_id)
    statement = find_commitment(tokens, opening, owner_key=None)
    draft = part_path(out)
    try:
        draft.mkdir(parents=True)
        write_once(draft / OPENING, opening.to_bytes())
        write_statements(draft / STATEMENTS, tokens)
        write_once(draft / README, make_readme(opening, best.match, statement).encode())
        # Before anybody can have it.
        note_shown(opening, day=present_day())
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return statement
