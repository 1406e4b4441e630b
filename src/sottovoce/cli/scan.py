"""`sottovoce scan`: find marks in data sets before anything is trained on them."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._options import JOBS, JSON, choose_jobs, examples
from sottovoce.cli._scan_arguments import (
    ALLOW_REMOTE,
    DataArgument,
    ScanGroup,
    parse_shard,
    parse_since,
)
from sottovoce.cli._scan_filter import filter_
from sottovoce.cli._scan_notes import ScanNotes
from sottovoce.cli._scan_outputs import (
    KIND,
    LEDGER,
    LIST_STRICT,
    OUT,
    choose_exit,
    explain_nothing,
    merge,
    report,
    status,
    tell,
    tell_passed,
    write_everything,
)
from sottovoce.cli._scan_owners import OWNERS, open_naming
from sottovoce.cli._scan_progress import ScanProgress
from sottovoce.cli._seals import load_own_seals
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError
from sottovoce.files.counts import say_count

if TYPE_CHECKING:
    from types import FrameType

    from sottovoce.scan import Ledger, Scan
    from sottovoce.scan.reports.results_table import Format

__all__ = ["scan"]

_EXIT_INTERRUPTED = 130
_HOUR_S = 3600.0
_SEAL_TIME_PER_MIB_S = 400.0
"""For each key: a MiB of Opus at 16 kb/s holds nine minutes, searched in half of that at worst."""
_COUNT_S = 2.0
"""Seconds to spend on counting beforehand, for the estimate of the time left."""


@click.group(
    cls=ScanGroup,
    invoke_without_command=True,
    context_settings={"allow_interspersed_args": True},
    epilog=examples(
        "sottovoce scan dataset/                        writes sottovoce-scan/report.html",
        "sottovoce scan train.parquet --group-by speaker_id",
        "sottovoce scan s3://bucket/clips -o scan-out   through fsspec",
        "sottovoce scan 'shards/*.tar' --shard 3/16     one of 16 machines",
        "sottovoce scan s3://bucket/clips --ray         on the Ray cluster of this computer",
        "sottovoce scan --list-only clips/*.wav         for hooks: names, exit code, no files",
        "sottovoce scan merge part-*/ -o whole          joins the results",
        "sottovoce scan filter scan-out --to kept/      a copy without the refused recordings",
    ),
)
@click.argument("inputs", cls=DataArgument, nargs=-1, metavar="DATA...")
@OUT
@KIND
@JSON
@JOBS
@click.option("--thorough", is_flag=True, help="Also search changed speed and pitch; much slower.")
@click.option(
    "--group-by",
    multiple=True,
    metavar="COLUMN",
    help="Pool the evidence of rows with the same value in this column; may be repeated.",
)
@click.option(
    "--column",
    multiple=True,
    metavar="NAME",
    help="Read only this column or field of audio or paths; may be repeated."
    "  [default: all that hold sound]",
)
@click.option(
    "--root",
    multiple=True,
    metavar="FOLDER",
    help="Also look here for files that listings and tables name, and substitute it for"
    " $data_folder and the like; may be repeated.",
)
@click.option(
    "--follow-links",
    is_flag=True,
    help="Follow links that lead out of a folder, as in caches, whose files are links."
    "  [default: only those into a --root]",
)
@click.option(
    ALLOW_REMOTE,
    multiple=True,
    metavar="[=STORE]",
    help="Fetch files that manifests and tables name on other servers: public ones, without"
    " credentials; or those in STORE, with yours (--allow-remote=s3://voices).  [default: only"
    " files in the store that the list itself is in]",
)
@click.option(
    "--shard",
    default="1/1",
    callback=parse_shard,
    metavar="I/N",
    help="Scan only the I-th of N equal parts, for Slurm, Spark and the like.  [default: all]",
)
@click.option(
    "--ray",
    "cluster",
    metavar="[ADDRESS]",
    help="Run on a Ray cluster: the one with its head at HOST:PORT or, without an address, the one"
    " that this computer belongs to.  Needs the extra 'ray' on every node.",
)
@click.option(
    "--since",
    "since_s",
    callback=parse_since,
    metavar="DATE",
    help="Scan only recordings written since DATE; older ones keep their ledger entries.",
)
@click.option("--rescan", is_flag=True, help="Scan recordings again that the ledger knows.")
@click.option(
    "--max-hours",
    type=click.FloatRange(min=0.01),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Stop reading a recording after this many hours of audio.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for each recording; extended for large ones.",
)
@click.option(
    "--memory",
    type=click.IntRange(min=0),
    default=3072,
    show_default=True,
    metavar="MIB",
    help="Memory limit for each worker, in MiB (0: no limit).",
)
@OWNERS
@click.option(
    "--mine",
    is_flag=True,
    help="Also search recordings without a mark of yours for your seals, each of them, and those of"
    " one group together.  Takes up to a third of the length of the sound for each identity.",
)
@click.option(
    "--as",
    "identity",
    metavar="NAME",
    help="With --mine: only the seal of this identity.  [default: those of all]",
)
@LIST_STRICT
@click.option(
    "--list-only",
    is_flag=True,
    help="Only list the recordings to exclude, one per line; keep no ledger, table or report.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.pass_context
def scan(context: click.Context, /, *, inputs: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's
    """Find marks in data sets, before anything is trained on them.

    DATA are folders, files, globs, .tar shards (WebDataset), .zip, Parquet and saved data sets
    (Hugging Face), manifests (Lhotse, NeMo, Kaldi and others), tables and lists of paths; on this
    computer or anywhere that fsspec can read.

    Every recording gets a status; one that was not read to its end is never called clean.  An
    interrupted scan resumes when the same command is run again.

    Exit code: 0 no mark was found, and everything was read; 1 a mark was found; 2 there was
    nothing to scan, or the scan could not run; 3 no mark was found, but something was not read or
    not examined, or the scan has not ended.
    """
    if context.invoked_subcommand is not None:
        return
    if not inputs:
        raise ParameterError("no DATA was given", remedy="sottovoce scan --help has examples.")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        chosen = _ScanOptions(**options)
        code = (_scan_and_forget if chosen.list_only else _scan)(inputs, chosen)
    except KeyboardInterrupt:
        _output.explain(
            "Interrupted.  The findings so far are kept; run the same command again to resume."
        )
        code = _EXIT_INTERRUPTED
    context.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScanOptions:
    """The options of the command, by the names of its parameters."""

    out: Path
    kind: Format
    as_json: bool
    jobs: int | None
    thorough: bool
    group_by: tuple[str, ...]
    column: tuple[str, ...]
    root: tuple[str, ...]
    follow_links: bool
    allow_remote: tuple[str, ...]
    shard: tuple[int, int]
    cluster: str | None
    since_s: float | None
    rescan: bool
    max_hours: float
    timeout: float
    memory: int
    owners: Path | None
    mine: bool
    identity: str | None
    strict: bool
    list_only: bool
    exit_zero: bool


def _scan_and_forget(inputs: tuple[str, ...], options: _ScanOptions) -> int:
    if options.as_json:
        raise ParameterError("--json and --list-only exclude each other", remedy="Leave one out.")
    with tempfile.TemporaryDirectory(prefix="sottovoce-list-") as folder:
        return _scan(inputs, replace(options, out=Path(folder)))


def _scan(inputs: tuple[str, ...], options: _ScanOptions) -> int:
    notes = ScanNotes(column=options.column, group_by=options.group_by)
    notes.explain_lists(inputs)
    naming = open_naming(options.owners, n_looks=2)
    with ExitStack() as stack:
        job, ledger = _open(inputs, options, stack)
        _examine(job, ledger, notes, as_json=options.as_json)
        is_part = options.shard[1] > 1 or job.n_older > 0
        if not (notes.n or job.not_looked_at.sounding or is_part):
            explain_nothing(job.not_looked_at, inputs)
            return ExitCode.ERROR
        summary = write_everything(
            ledger, options.out, kind=options.kind, strict=options.strict, naming=naming
        )
        if options.list_only:
            _list(ledger, options.out)
            tell_passed(summary)
    if job.n_older:
        _output.explain(f"Left out: {say_count(job.n_older, 'older recording')} (--since).")
    if not (options.as_json or options.list_only):
        tell(summary, options.out)
    if notes.explain_missing() and not is_part:
        return ExitCode.ERROR
    code = choose_exit(summary, may_be_empty=is_part)
    if code == ExitCode.UNREAD and not options.list_only:
        notes.explain_unread()
    return ExitCode.DONE if options.exit_zero else code


def _open(inputs: tuple[str, ...], options: _ScanOptions, stack: ExitStack) -> tuple[Scan, Ledger]:
    """Return the scan and its ledger; the stack ends what they need."""
    from sottovoce.scan import Apart, Ledger, Limits, Scan, detector_version, open_sources

    seal_keys = _find_seal_keys(options)
    limits = Limits(
        seconds=options.max_hours * _HOUR_S,
        time_s=options.timeout * (1 + len(seal_keys)),
        memory_bytes=options.memory << 20,
    )
    if seal_keys:
        from sottovoce.core.seal_search import USUAL_STRETCHES

        n_searches = len(seal_keys) * (len(USUAL_STRETCHES) if options.thorough else 1)
        limits = replace(limits, time_per_mib_s=_SEAL_TIME_PER_MIB_S * n_searches)
    workers = choose_jobs(options.jobs, n_files=1 << 30)
    detector = detector_version(thorough=options.thorough, seal_keys=seal_keys.values())
    apart = stack.enter_context(Apart(limits=limits))
    sources = open_sources(
        inputs,
        group_by=options.group_by,
        column=options.column,
        root=options.root,
        follow_links=options.follow_links,
        allow_remote=options.allow_remote,
        apart=apart,
    )
    ledger = stack.enter_context(Ledger(options.out / LEDGER, detector=detector))
    job = Scan(
        sources,
        ledger=ledger,
        workers=workers,
        limits=limits,
        thorough=options.thorough,
        seal_keys=seal_keys,
        shard=options.shard,
        since_s=options.since_s,
        rescan=options.rescan,
        cluster=options.cluster,
        apart=apart,
        job={
            "command": shlex.join(["sottovoce", *sys.argv[1:]]),
            "group_by": list(options.group_by),
            "column": list(options.column),
            "root": list(options.root),
            "follow_links": options.follow_links,
            "workers": workers,
            "detector": detector,
            "began": _now(),
        },
    )
    return job, ledger


def _find_seal_keys(options: _ScanOptions) -> dict[int, bytes]:
    """Return the user's seal keys, by owner ids, if their seals are asked for."""
    if not options.mine and options.identity is None:
        return {}
    return load_own_seals(options.identity, mine=options.mine)


def _examine(job: Scan, ledger: Ledger, notes: ScanNotes, *, as_json: bool) -> None:
    """Examine every recording, and show the progress."""
    from sottovoce.scan.reports.results_table import describe_finding

    began_s = time.monotonic()
    with ScanProgress(job.count(within_s=_COUNT_S)) as progress:
        for finding in job.run():
            progress.show(finding, n_resumed=job.n_resumed, examined_s=job.examined_s)
            notes.add(finding)
            if as_json:
                _output.result_json(describe_finding(finding))
    ledger.amend_job(ended=_now(), wall_s=round(time.monotonic() - began_s, 1))
    if as_json and job.not_looked_at.kinds:
        _output.result_json(job.not_looked_at.to_dict())


def _list(ledger: Ledger, out: Path) -> None:
    """Print the recordings to exclude as the result, and unread ones as notes."""
    for line in (out / "exclude.txt").read_text(encoding="utf-8").splitlines():
        _output.result(line)
    for finding in ledger.findings():
        if finding.unread:
            _output.explain(f"{format_path(finding.id)}: {finding.message}", kind="note")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


for _command in (merge, report, filter_, status):
    scan.add_command(_command)
