"""`sottovoce scan filter`: a copy of a data set without what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._kinds import describe_kinds
from sottovoce.cli._options import OutPath, examples
from sottovoce.cli._scan_grants import grant_options
from sottovoce.cli._scan_outputs import FOLDER, LEDGER, strict_option
from sottovoce.cli._words import format_path

if TYPE_CHECKING:
    from sottovoce.cli._scan_grants import GrantOptions
    from sottovoce.scan.source import Kept

__all__ = ["filter_"]

_COPY_STRICT = strict_option(
    help="Also leave out recordings that are suspected, or could not be read to the end."
)


def _tell_copy(kept: Kept) -> None:
    where = format_path(kept.path)
    _output.result(f"{where}: {kept.n_kept:,} kept, {kept.n_left_out:,} left out")
    if kept.n_fitted:
        rows = "1 row" if kept.n_fitted_rows == 1 else f"{kept.n_fitted_rows:,} rows"
        listings = "1 listing" if kept.n_fitted == 1 else f"{kept.n_fitted:,} listings"
        _output.result(
            f"  {rows} removed from {listings} in it, as the files named are not in the copy"
        )
    if kept.has_links:
        _output.explain(
            "Its files are hard links: changing one in place changes the original too.", kind="note"
        )
    own = Path(kept.path)
    own_folder = own if own.is_dir() else own.parent
    if kept.paths_from and Path(kept.paths_from).resolve() != own_folder.resolve():
        # In full: "." and ".." would end the sentence in dots.
        folder = kept.paths_from if "://" in kept.paths_from else Path(kept.paths_from).resolve()
        _output.explain(
            f"Relative paths in it are unchanged: they start from {format_path(folder)}.",
            kind="note",
        )
    if kept.not_copied:
        _output.explain(f"Not copied: {describe_kinds(kept.not_copied)}.", kind="note")


@click.command(
    "filter",
    epilog=examples(
        "sottovoce scan filter scan-out --to kept/",
        "sottovoce scan filter scan-out --to kept/ --grant anna.grant --for clone --owner-key"
        " kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
)
@FOLDER
@click.option(
    "--to",
    "target",
    required=True,
    type=OutPath(),
    metavar="PLACE",
    help="Write to this new file or folder, of the same kind as the scanned one; a file goes into "
    "PLACE/ if it ends in a slash.",
)
@_COPY_STRICT
@grant_options
def filter_(*, folder: Path, target: str, strict: bool, granting: GrantOptions) -> None:
    """Copy a scanned data set without the refused recordings, in its original format.

    Folders are rebuilt from hard links; Parquet, tar shards and manifests are rewritten.  Listings
    in a folder lose the rows of files that are not in the copy.  Files added since the scan are
    omitted, and nothing outside the data set is copied.  Recordings that could not be read are kept
    unless --strict.  What a grant releases is in the copy.  The scan must be complete.
    """
    from sottovoce.scan import Ledger, write_filtered
    from sottovoce.scan.finding import refused_statuses

    releases = granting.open()
    with Ledger(folder / LEDGER, read_only=True) as ledger:
        for kept in write_filtered(ledger, target, strict=strict, releases=releases):
            _tell_copy(kept)
        statuses, _ = ledger.count()
    doubtful = {*refused_statuses(strict=True)} - {*refused_statuses(strict=strict)}
    kept_unread = sum(statuses.get(name, 0) for name in doubtful)
    if kept_unread:
        _output.explain(
            f"Kept although only suspected or not read to the end: {kept_unread:,}. Leave them out"
            " with --strict.",
            kind="note",
        )
    if statuses.get("undetermined"):
        _output.explain(
            f"Kept although too short or too quiet to tell: {statuses['undetermined']:,}.",
            kind="note",
        )
