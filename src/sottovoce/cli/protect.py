"""`sottovoce protect`: mark files and folders of speech."""

from __future__ import annotations

import functools
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce import Notice
from sottovoce.cli import _output
from sottovoce.cli._batch import explain_end, explain_left_out, run_files
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._inputs import Input, find_sources
from sottovoce.cli._notice import (
    NO_SEAL,
    OWNER,
    POLICY,
    choose_notice,
    find_seal_key,
    name_identity,
)
from sottovoce.cli._options import (
    INPUTS,
    JOBS,
    JSON,
    PARTIAL,
    FilesCommand,
    OutPath,
    choose_jobs,
    examples,
    strength_option,
)
from sottovoce.cli._pool import Failure
from sottovoce.cli._protect_words import list_tracks, say_done
from sottovoce.cli._protecting import Done, OldCopies, ProtectJob, protect_source, tidy_after
from sottovoce.cli._receipt import check_receipt_path, write_receipt
from sottovoce.cli._targets import is_protected_copy, name_targets
from sottovoce.cli._words import format_path
from sottovoce.files.counts import say_count
from sottovoce.files.digests import hash_file
from sottovoce.files.notices import describe_notice, make_notice
from sottovoce.files.receipts.account import (
    make_entry,
    make_failed_entry,
    make_receipt,
)
from sottovoce.files.receipts.outcomes import COUNTED, is_left, name_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["protect"]


@click.command(
    cls=FilesCommand,
    epilog=examples(
        "sottovoce protect take.wav",
        "sottovoce protect film.mp4",
        "sottovoce protect takes/ -o marked/",
        "sottovoce protect podcast.mp3 -o out.mp3 --strength strong",
        "sottovoce protect takes/ --owner audiobook-2026 --policy training",
        "sottovoce protect takes/ -o delivery/ --receipt receipt.html",
    ),
)
@INPUTS
@click.option(
    "-o",
    "--output",
    "out",
    type=OutPath(path_type=Path),
    metavar="OUT",
    help="Write to this file, for one input file, or into this folder.  Existing files are"
    " overwritten.  [default: take.protected.wav for take.wav, takes.protected/ for takes/]",
)
@strength_option()
@OWNER
@POLICY
@NO_SEAL
@click.option("--in-place", is_flag=True, help="Replace the original files.")
@click.option("--remark", is_flag=True, help="Also mark files that already carry your mark.")
@click.option(
    "--track",
    type=click.IntRange(min=1),
    metavar="N",
    help="Mark only this audio track of files that have several.  [default: all]",
)
@click.option(
    "--keep-all",
    is_flag=True,
    help="Refuse files that would lose tags, chapters or the like.",
)
@PARTIAL
@click.option(
    "--receipt",
    type=OutPath(path_type=Path),
    metavar="FILE",
    help="Write an account of every file in and out, with SHA-256 hashes, for a client: a page if"
    " FILE ends in .html, JSON if it ends in .json.",
)
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
    no_seal: bool,
    in_place: bool,
    remark: bool,
    track: int | None,
    keep_all: bool,
    partial: bool,
    receipt: Path | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Mark audio files, films and whole folders as not to be trained on.

    The mark is an inaudible notice in the sound itself: it names its owner, what the owner refuses,
    and since which year.  `sottovoce check` finds it, usually also after compression, editing and
    calls.  It does not prevent any use.

    Each FILE may be a folder.  Format, rate, channels, length and tags stay as they are, and so
    does everything in a film but its sound; the originals are not touched unless you add
    --in-place.  A folder is delivered whole: files that already carry your mark and files without
    sound are copied.  One file that fails does not stop the others; failures are listed at the
    end.

    Exit code: 0 all done; 2 a file failed or was refused, or no audio file was found.
    """
    from sottovoce.files import AUDIO_SUFFIXES  # late, so that --help is quick

    selection = find_sources(inputs, suffixes=AUDIO_SUFFIXES, once=in_place)
    sources = selection.sources
    targets = name_targets(sources, out=out, in_place=in_place)
    if receipt is not None:
        check_receipt_path(receipt, selection=selection, targets=targets, in_place=in_place)
    # Last, since it may make a key: a call that cannot work leaves nothing behind.
    if receipt is None and all(source.problem for source in sources):
        notice = Notice()  # nobody's, for nothing will be marked
    else:
        notice = choose_notice(owner=owner, policy=policy)
    job = ProtectJob(
        targets={source.path: target for source, target in zip(sources, targets, strict=True)},
        kept=frozenset(
            source.path for source in sources if out is None and is_protected_copy(source)
        ),
        notice=notice,
        strength_db=strength_db,
        in_place=in_place,
        remark=remark,
        partial=partial,
        track=track,
        keep_all=keep_all,
        with_hashes=receipt is not None,
        seal_key=find_seal_key(notice, no_seal=no_seal),
    )
    outcomes = _run(job, sources, jobs=jobs, debug=context.obj, as_json=as_json)
    if as_json and (left_out := selection.to_dict()):
        _output.result_json({"file": None, "status": "not looked at", **left_out})
    explain_left_out(selection)
    counts = _count(outcomes, in_place=in_place)
    if counts["marked"] and not as_json:
        _output.explain(f"Each mark says: {describe_notice(notice)}.")
        if job.seal_key is not None:
            _output.explain(_say_sealed(outcomes))
    if receipt is not None:
        files = [
            _make_entry(source, outcome) for source, outcome in zip(sources, outcomes, strict=True)
        ]
        account = make_receipt(
            files,
            notice=notice,
            identity=name_identity(notice),
            in_place=in_place,
            left_out=selection.to_dict(),
            files_left_out=selection.left_out,
        )
        write_receipt(receipt, account)
        _output.explain(f"The receipt is in {format_path(receipt)}.")
    explain_end(outcomes, counts)
    context.exit(ExitCode.ERROR if counts["failed"] else ExitCode.DONE)


def _run(
    job: ProtectJob, sources: Sequence[Input], *, jobs: int | None, debug: bool, as_json: bool
) -> list[Done | Failure]:
    """Process all files; remove new folders that nothing was written to."""
    new_folders = _find_missing_folders(job.targets.values())
    try:
        return run_files(
            functools.partial(protect_source, job),
            sources,
            jobs=choose_jobs(jobs, n_files=len(sources)),
            debug=debug,
            description="protecting",
            report=functools.partial(_report, job, as_json=as_json),
            tidy=functools.partial(tidy_after, job),
            add=OldCopies(job).describe,
        )
    finally:
        for folder in new_folders:
            with suppress(OSError):  # it is not empty, or was never created
                folder.rmdir()


def _find_missing_folders(targets: Iterable[Path]) -> list[Path]:
    """Return the folders that will have to be created, the deepest first."""
    missing = {folder for target in targets for folder in target.parents if not folder.exists()}
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)


def _report(job: ProtectJob, source: Input, outcome: Done | Failure, *, as_json: bool) -> None:
    if as_json:
        _output.result_json({"file": str(source.path), **_make_fields(job, outcome)})
    elif not isinstance(outcome, Failure):
        _output.result(
            f"{format_path(source.path)}: {say_done(outcome.protected, in_place=job.in_place)}"
        )
        for line in list_tracks(outcome.protected.tracks):
            _output.result(f"  {line}")
        for warning in outcome.protected.warnings:
            _output.result(f"  {format_path(warning)}")


def _make_fields(job: ProtectJob, outcome: Done | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"status": "error", "error": outcome.message, "remedy": outcome.remedy}
    fields = outcome.protected.to_dict()
    del fields["source"]  # `file` says it
    if outcome.protected.status != "marked":
        return fields
    notice = make_notice(job.notice)
    return {**fields, "notice": notice, "payload": notice}


def _count(outcomes: Sequence[Done | Failure], *, in_place: bool) -> dict[str, int]:
    """Return how many files there are of each outcome, in words."""

    def name(outcome: Done | Failure) -> str:
        if isinstance(outcome, Failure):
            return name_outcome("error", left=True)
        done = outcome.protected
        left = is_left(done.source, done.path, in_place=in_place)
        return name_outcome(done.status, left=left)

    counts = Counter(map(name, outcomes))
    return {words: counts[words] for words in COUNTED}


def _say_sealed(outcomes: Sequence[Done | Failure]) -> str:
    """Return how many of the marked files carry the owner's seal, and why others do not."""
    from sottovoce.files.protecting import SEAL_FROM_S

    marked = [one.protected for one in outcomes if not isinstance(one, Failure)]
    marked = [one for one in marked if one.status == "marked"]
    n_sealed = sum(one.sealed for one in marked)
    short = f"shorter than {SEAL_FROM_S:.0f} s"
    if not n_sealed:
        return f"Without your seal: {'it is' if len(marked) == 1 else 'they are'} {short}."
    if n_sealed == len(marked):
        return "With your seal, which only your key can find."
    share = f"{n_sealed} of {say_count(len(marked), 'file')}"
    return f"With your seal, which only your key can find: {share}; the others are {short}."


def _make_entry(source: Input, outcome: Done | Failure) -> dict[str, Any]:
    """Return what the receipt says of a file."""
    if isinstance(outcome, Failure):
        return make_failed_entry(
            str(source.path),
            sha256_in=hash_file(source.path),
            error=outcome.message,
            remedy=outcome.remedy,
        )
    return make_entry(outcome.protected, sha256_in=outcome.sha256_in, sha256_out=outcome.sha256_out)
