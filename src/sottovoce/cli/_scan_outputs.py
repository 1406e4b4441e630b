"""The outputs of a scan: its files, its messages, and the commands that write them again."""

from __future__ import annotations

import functools
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._kinds import describe_kinds
from sottovoce.cli._options import JSON, OutPath, examples
from sottovoce.cli._scan_grants import grant_options
from sottovoce.cli._scan_owners import OWNERS, open_naming
from sottovoce.cli._words import format_chance, format_p, format_path
from sottovoce.errors import LedgerError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.cli._scan_grants import GrantOptions
    from sottovoce.scan import Ledger, Summary
    from sottovoce.scan.left_out import NotLookedAt
    from sottovoce.scan.naming import Naming
    from sottovoce.scan.reports.results_table import Format

__all__ = [
    "FOLDER",
    "KIND",
    "LEDGER",
    "LIST_STRICT",
    "OUT",
    "choose_exit",
    "explain_nothing",
    "merge",
    "report",
    "status",
    "strict_option",
    "tell",
    "tell_passed",
    "write_everything",
]

LEDGER = "ledger.sqlite"


_out_option = functools.partial(
    click.option,
    "-o",
    "--out",
    type=OutPath(path_type=Path, file_okay=False),
    default="sottovoce-scan",
    show_default=True,
    metavar="FOLDER",
)
strict_option = functools.partial(click.option, "--strict", is_flag=True)

OUT = _out_option(
    help="Write the ledger, results and report here; a scan into the same folder resumes."
)
KIND = click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv", "jsonl"]),
    default="parquet",
    show_default=True,
    help="File format of the results table.",
)
LIST_STRICT = strict_option(
    help="Also list recordings in exclude.txt that are suspected, or could not be read to the end."
)
_INTO = _out_option(help="Write the joined ledger, results and report here.")

FOLDER = click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER"
)


def write_everything(
    ledger: Ledger, out: Path, *, kind: Format, strict: bool, naming: Naming | None = None
) -> Summary:
    """Write the table, list, report and cards of a scan into its folder."""
    from sottovoce.scan import write_outputs

    return write_outputs(
        ledger, out, kind=kind, strict=strict, reword=_output.name_flags, naming=naming
    )


def tell(summary: Summary, out: Path) -> None:
    """Report what was found, in a few lines."""
    from sottovoce.rights import describe_policy, format_owner_id
    from sottovoce.scan.reports.licensed import say_licensed, say_warnings
    from sottovoce.scan.reports.wording import NOT_COMPLETE, format_duration, say_count

    result = _output.result
    n_all = say_count(summary.n_recordings, "recording")
    read = f"({format_duration(summary.seconds)} read)"
    if summary.n_marked:
        count = _output.strong(f"{summary.n_marked:,} of {n_all}")
        carries = "carries" if summary.n_marked == 1 else "carry"
        result(f"{count} {carries} a do-not-train mark {read}.")
    else:
        result(f"No do-not-train mark was found in {n_all} {read}.")
    for owner_id, n in summary.owners.items():
        who = f"owner {format_owner_id(owner_id)}" if owner_id else "anonymous owners"
        result(f"  {n:,} by {who}")
    for policy, n in summary.policies.items():
        result(f"  {n:,}: {describe_policy(policy)}")
    if summary.n_unread_owner:
        result(
            f"  {summary.n_unread_owner:,} with owner and policy not readable: treated as refusing"
            " training"
        )
    for one in summary.pooled_owners[:_MOST_GROUPS]:
        owner = f"owner {format_owner_id(one.owner_id)}" if one.owner_id else "an anonymous owner"
        clips = say_count(one.n_recordings, "unread recording")
        chance = format_chance(one.log10_p)
        result(
            f"  {one.kind} {format_path(one.name)}: {owner} matched over {clips}"
            f" (chance of agreeing so well: at most {chance})"
        )
    if (n_more := len(summary.pooled_owners) - _MOST_GROUPS) > 0:
        result(f"  {say_count(n_more, 'more group')} with a matched owner: see the report")
    _tell_seals(summary)
    if summary.licensed is not None:
        result(say_licensed(summary.licensed))
        for why, n in summary.licensed.why_not.items():
            result(f"  {n:,} not released: {format_path(why)}")
        for warning in say_warnings(summary.licensed):
            _output.explain(format_path(warning), kind="note")
    if summary.training["not named"]:
        result(
            f"  {summary.training['not named']:,} with a mark that does not name training: left out"
            " all the same"
        )
    if not summary.complete:
        _output.explain(NOT_COMPLETE, kind="note")
    pooled = [group for group in summary.groups if not group.n_marked]
    for group in pooled[:_MOST_GROUPS]:
        name = f"{group.kind} {format_path(group.name)}"
        among = say_count(group.n_recordings, "recording")
        result(f"  {name}: a marked voice is among its {among}")
    if 0 < summary.n_marked < summary.n_recordings:
        result("The others:")
    for name, meaning in _MEANINGS.items():
        if summary.statuses[name]:
            result(f"  {summary.statuses[name]:,} {meaning}")
    tell_passed(summary)
    result(_say_false_alarms(summary))
    _output.explain(f"The report is {format_path(out / 'report.html')}.")


def _tell_seals(summary: Summary) -> None:
    """Report the seals that were searched for."""
    from sottovoce.rights import format_owner_id
    from sottovoce.scan.reports.wording import say_count

    seals = summary.seals
    if seals is None:
        return
    searched = say_count(seals.n_searched, "recording")
    if not seals.found:
        _output.result(f"No seal of yours was found in {searched} without a mark of yours.")
        return
    if seals.n_sealed:
        count = _output.strong(f"{seals.n_sealed:,} of {searched}")
        _output.result(f"Your seal is in {count} without a mark of yours:")
    for one, owner_id, log10_p in seals.strongest[:_MOST_GROUPS]:
        owner = f"owner {format_owner_id(owner_id)}"
        _output.result(f"  {format_path(one)}: {owner} ({format_p(log10_p)})")
    if (n_more := seals.n_sealed - _MOST_GROUPS) > 0:
        _output.result(f"  {say_count(n_more, 'more recording')}: see the report")
    for group in [one for one in seals.groups if one.holds][:_MOST_GROUPS]:
        name = f"{group.kind} {format_path(group.name)}" if group.name else "all together"
        owner = f"owner {format_owner_id(group.owner_id)}"
        _output.result(
            f"  {name}: the seal of {owner} in {say_count(group.n_recordings, 'recording')}"
            f" ({format_p(group.log10_p)})"
        )


def _say_false_alarms(summary: Summary) -> str:
    """Return how likely chance alone is to report a mark."""
    expected = summary.expected_false
    if not summary.n_tested:
        return "No recording could be tested for a mark."
    if expected < 1:
        return (
            "Chance of any false alarm, if nothing were marked: at most"
            f" {format_chance(math.log10(expected))}."
        )
    return f"False alarms expected, if nothing were marked: at most {expected:,.1f}."


def tell_passed(summary: Summary) -> None:
    """Name the kinds of files that were not examined."""
    if summary.not_looked_at:
        kinds = describe_kinds(summary.not_looked_at)
        _output.explain(f"Not examined: {kinds}.", kind="note")
    if summary.may_hold_sound:
        n, kinds = summary.n_not_looked_at, describe_kinds(summary.may_hold_sound)
        them = "it" if n == 1 else "them"
        _output.explain(
            f"{n:,} of these may hold sound ({kinds}): unpack or convert {them}, and scan again.",
            kind="note",
        )


def choose_exit(summary: Summary, *, may_be_empty: bool = False) -> ExitCode:
    """Return the exit code of a scan.

    Parameters
    ----------
    summary : Summary
        Summary of the scan.
    may_be_empty : bool
        Whether an empty scan is not an error, as in a part of a data set.
    """
    if summary.n_refused or (summary.seals is not None and summary.seals.found):
        return ExitCode.NOT_FOUND
    if summary.n_unread or summary.may_hold_sound or not summary.complete:
        return ExitCode.UNREAD
    return ExitCode.DONE if summary.n_recordings or may_be_empty else ExitCode.ERROR


def explain_nothing(passed: NotLookedAt, inputs: Sequence[str]) -> None:
    """Report on stderr that there was nothing to scan, and what to name instead."""
    from sottovoce.scan.listings.recognise import LISTINGS

    names = ", ".join(format_path(one) for one in inputs[:3])
    _output.explain(f"There was nothing to scan in {names}.", kind="error")
    if passed.kinds:
        _output.explain(f"Not examined: {describe_kinds(passed.kinds)}.", kind="note")
    listings = [kind for kind in passed.kinds if kind in LISTINGS]
    if listings:
        kinds = " or ".join(format_path(kind) for kind in listings)
        _output.explain(f"If a {kinds} file there lists recordings, name that file itself.")


_MOST_GROUPS = 10
_MEANINGS = {
    "suspected": "suspected only, which is not a finding",
    "clean": "without a mark found",
    "undetermined": "too short or too quiet to tell",
    "partial": "partial: no mark found in the readable part",
    "error": "could not be read",
    "timeout": "took too long to read",
    "crashed": "crashed the process that was reading",
    "unsupported": "of an unsupported type",
}


@click.command(
    epilog=examples(
        "sottovoce scan merge part-1/ part-2/ -o whole",
        "sottovoce scan merge part-*/ -o whole --format csv",
    )
)
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER...",
)
@_INTO
@KIND
@LIST_STRICT
@click.pass_context
def merge(
    context: click.Context, /, *, folders: tuple[Path, ...], out: Path, kind: Format, strict: bool
) -> None:
    """Join the results of several scans, as if one scan had covered everything.

    Each FOLDER is the --out folder of a scan with --shard, or of any other.  Recordings in more
    than one of them count once; a successful read takes precedence.  If a data set was scanned in
    shards, all of them are needed.
    """
    from sottovoce.scan import Ledger, merge_ledgers

    if out.resolve() in {folder.resolve() for folder in folders}:
        raise ParameterError(f"{out} is an input", remedy="Name another folder with -o.")
    with Ledger(out / LEDGER) as ledger:
        command = shlex.join(["sottovoce", *sys.argv[1:]])
        merge_ledgers([folder / LEDGER for folder in folders], ledger, command=command)
        summary = write_everything(ledger, out, kind=kind, strict=strict)
    tell(summary, out)
    context.exit(choose_exit(summary))


@click.command(
    epilog=examples(
        "sottovoce scan report scan-out --format csv",
        "sottovoce scan report scan-out --grant anna.grant --for clone --as acme --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    )
)
@FOLDER
@KIND
@LIST_STRICT
@OWNERS
@grant_options
@click.pass_context
def report(
    context: click.Context,
    /,
    *,
    folder: Path,
    kind: Format,
    strict: bool,
    owners: Path | None,
    granting: GrantOptions,
) -> None:
    """Write the table, the lists and the report of a scan again.

    With --grant, marked recordings of which every voice is covered for the use are in released.txt
    instead of exclude.txt.  The recordings themselves are not needed.

    This also works while the scan is running, or after it was interrupted: with what is known so
    far, and with exit code 3 if nothing is marked.
    """
    from sottovoce.scan import Ledger

    releases = granting.open()
    naming = open_naming(owners, n_looks=2 if releases is None else 3)
    with Ledger(folder / LEDGER, read_only=True) as ledger:
        if releases is None:
            summary = write_everything(ledger, folder, kind=kind, strict=strict, naming=naming)
        else:
            from sottovoce.recipes import write_signed_outputs

            summary = write_signed_outputs(
                ledger,
                folder,
                releases=releases,
                key=granting.key,
                kind=kind,
                strict=strict,
                reword=_output.name_flags,
                naming=naming,
            )
        job = ledger.job()
    tell(summary, folder)
    if granting.key is not None:
        _output.explain("It is signed with your key: report.jws.")
    if not summary.complete:
        _output.explain(f"To resume the scan: {job['command']}")
    context.exit(choose_exit(summary, may_be_empty=True))


@click.command(
    epilog=examples("sottovoce scan status scan-out", "sottovoce scan status scan-out --json")
)
@FOLDER
@JSON
def status(*, folder: Path, as_json: bool) -> None:
    """Show the progress of a scan, finished or running."""
    from sottovoce.files.times import format_date
    from sottovoce.scan import Ledger
    from sottovoce.scan.reports.wording import format_duration, say_count

    with Ledger(folder / LEDGER, read_only=True) as ledger:
        counts, seconds = ledger.count()
        job = ledger.job()
    if not job:
        raise LedgerError(f"nothing was scanned into {folder} yet")
    done = bool(job.get("ended"))
    if as_json:
        _output.result_json({"statuses": counts, "seconds": round(seconds, 1), "done": done})
        return
    if "began" in job:
        running = f"started on {format_date(job['began'])}; running or interrupted"
        _output.result(f"finished on {format_date(job['ended'])}" if done else running)
    _output.result(f"{say_count(sum(counts.values()), 'recording')}, {format_duration(seconds)}")
    for name, n in sorted(counts.items()):
        _output.result(f"  {n:,} {name}")
