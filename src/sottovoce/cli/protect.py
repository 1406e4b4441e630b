"""`sottovoce protect`: mark files and folders of speech."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._batch import run_files
from sottovoce.cli._inputs import Source, find_sources, name_targets
from sottovoce.cli._notice import OWNER, POLICY, choose_notice
from sottovoce.cli._options import INPUTS, JOBS, JSON, choose_jobs, examples, strength_option
from sottovoce.cli._pool import Failure
from sottovoce.cli._words import describe_notice, format_path, make_payload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sottovoce import Notice
    from sottovoce.cli._batch import Progress
    from sottovoce.files import Protected

__all__ = ["protect"]

_EXIT_ERROR = 2


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
@strength_option()
@OWNER
@POLICY
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

    sources = find_sources(inputs, suffixes=AUDIO_SUFFIXES)
    targets = name_targets(sources, out=out, in_place=in_place)
    # Last, since it may make a key: a call that cannot work leaves nothing behind.
    notice = choose_notice(owner=owner, policy=policy)
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
