"""`sottovoce protect`: mark files and folders of speech."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce import Notice
from sottovoce.cli import _output
from sottovoce.cli._batch import run_files
from sottovoce.cli._inputs import Source, find_sources, name_targets
from sottovoce.cli._options import INPUTS, JOBS, JSON, STRENGTH, choose_jobs, examples
from sottovoce.cli._pool import Failure
from sottovoce.cli._words import describe_notice, format_path, make_payload
from sottovoce.core.payload import FIRST_YEAR
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sottovoce.cli._batch import Progress
    from sottovoce.files import Protected

__all__ = ["protect"]

_EXIT_ERROR = 2
_LAST_YEAR = FIRST_YEAR + 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What each worker is told besides the file."""

    targets: dict[Path, Path]
    notice: Notice
    strength_db: float
    in_place: bool
    remark: bool


@click.command(
    epilog=examples(
        "sottovoce protect take.wav",
        "sottovoce protect takes/ -o marked/",
        "sottovoce protect podcast.mp3 -o out.mp3 --strength strong",
        "sottovoce protect takes/ --owner audiobook-2026 --policy training",
    ),
)
@INPUTS
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="A file for one file, else a folder.  By default take.wav becomes take.protected.wav,"
    " and takes/ is mirrored as takes.protected/.  What stands there is replaced.",
)
@STRENGTH
@click.option(
    "--owner",
    default=None,
    metavar="NAME",
    help="One of your identities (see `sottovoce id`), somebody's owner id, or `anonymous`."
    "  By default your default identity, made on first use.",
)
@click.option(
    "--policy",
    default="all",
    show_default=True,
    metavar="all|training|cloning|USES",
    help="What is refused: every use by machines; training, cloning and voiceprints; generative"
    " training and cloning; or uses joined by commas: train-generative, train-other, clone,"
    " biometric, input, mine, transfer, licence (refused, but ask me).",
)
@click.option("--in-place", is_flag=True, help="Replace the files themselves.")
@click.option("--remark", is_flag=True, help="Mark files again that carry your mark already.")
@JOBS
@JSON
@click.pass_context
def protect(
    context: click.Context,
    inputs: tuple[Path, ...],
    *,
    out: Path | None,
    strength_db: float,
    owner: str | None,
    policy: str,
    in_place: bool,
    remark: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Mark files, and all audio files of folders, as not to be trained on.

    Format, rate, channels, length and tags stay as they are; the originals are not touched
    unless you say --in-place.  One file that fails does not stop the others; the end says
    which failed and why.

    Exit code: 0 if every file is protected, 2 if any failed.
    """
    from sottovoce.files import AUDIO_SUFFIXES  # late, so that --help is quick
    from sottovoce.rights import parse_policy

    sources = find_sources(inputs, suffixes=AUDIO_SUFFIXES)
    targets = name_targets(sources, out=out, in_place=in_place)
    refused = parse_policy(policy)
    # Last, since it may make a key: a call that cannot work leaves nothing behind.
    notice = Notice(owner_id=_choose_owner(owner), policy=refused, year=_this_year())
    job = _Job(
        targets={source.path: target for source, target in zip(sources, targets, strict=True)},
        notice=notice,
        strength_db=strength_db,
        in_place=in_place,
        remark=remark,
    )
    new_folders = _find_missing_folders(targets)
    try:
        outcomes = run_files(
            functools.partial(_protect, job),
            sources,
            jobs=choose_jobs(jobs, n_files=len(sources)),
            debug=context.obj,
            description="protecting",
            report=functools.partial(_report, job, as_json=as_json),
        )
    finally:
        for folder in new_folders:
            with suppress(OSError):  # there is something in it, or it was never made
                folder.rmdir()
    if any(isinstance(outcome, Failure) for outcome in outcomes):
        context.exit(_EXIT_ERROR)
    if not as_json:
        _output.explain(f"Each mark says: {describe_notice(notice)}.")


def _choose_owner(owner: str | None) -> int:
    """Return the owner id of an identity, making the default one on first use."""
    from sottovoce.rights import (
        ANONYMOUS,
        DEFAULT_IDENTITY,
        format_owner_id,
        list_identities,
        load_identity,
        make_identity,
        parse_owner_id,
    )

    if owner == ANONYMOUS:
        return 0
    if owner is None and DEFAULT_IDENTITY not in list_identities():
        made = make_identity()
        _output.explain(
            f"Made your key: owner id {format_owner_id(made.owner_id)}, kept in"
            f" {format_path(made.path)} (keep a copy of it).",
            kind="note",
        )
        return made.owner_id
    if owner is not None:
        try:
            return parse_owner_id(owner)
        except ParameterError:
            pass  # so it is a name
    return load_identity(owner or DEFAULT_IDENTITY).owner_id


def _this_year() -> int:
    return min(max(datetime.now(tz=UTC).year, FIRST_YEAR), _LAST_YEAR)


def _protect(job: _Job, source: Source, progress: Progress | None) -> Protected:
    from sottovoce.files import protect_file

    target = job.targets[source.path]
    if not job.in_place:
        target.parent.mkdir(parents=True, exist_ok=True)
    return protect_file(
        source.path,
        target,
        notice=job.notice,
        strength_db=job.strength_db,
        in_place=job.in_place,
        remark=job.remark,
        progress=progress,
    )


def _find_missing_folders(targets: Iterable[Path]) -> list[Path]:
    """Return the folders that will have to be made, the deepest first."""
    missing = {folder for target in targets for folder in target.parents if not folder.exists()}
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)


def _report(job: _Job, source: Source, outcome: Protected | Failure, *, as_json: bool) -> None:
    if as_json:
        _output.result_json({"file": str(source.path), **_make_fields(job, outcome)})
    elif not isinstance(outcome, Failure):
        _output.result(f"{format_path(source.path)}: {_say_done(outcome)}")
        for warning in outcome.warnings:
            _output.result(f"  {warning}")


def _make_fields(job: _Job, outcome: Protected | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"status": "error", "error": outcome.message, "remedy": outcome.remedy}
    fields = outcome.to_dict()
    del fields["source"]  # `file` says it
    if outcome.status == "already":
        return fields
    return {**fields, "payload": make_payload(job.notice)}


def _say_done(outcome: Protected) -> str:
    if outcome.status == "already":
        return "carries your mark already, nothing was written (--remark marks it again)"
    limited = ""
    if outcome.limited_s > 0:
        limited = f"; the mark gave way to peaks for {outcome.limited_s:.2f} s"
    return f"marked, {outcome.duration_s:.1f} s, as {format_path(outcome.path)}{limited}"
