"""`examine_batch`: examine rows inside a job of Ray Data or Hugging Face, in a child process.

Those jobs run our code in their own processes.  A file that crashes its decoder would take such a
process with it, and Ray Data then repeats the batch for ever, gives up the job, or loses the rows
next to the bad one (`docs/guides/pipelines.md`).  So every process that receives batches keeps one
child process for decoding, and a row that crashes it costs only that row.
"""

from __future__ import annotations

import math
import multiprocessing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError, ParameterError
from sottovoce.scan.finding import Finding, refused_statuses
from sottovoce.scan.listings.entries import as_names
from sottovoce.scan.pipelines.examples import describe_example, most_telling
from sottovoce.scan.stores.store import seen_from_anywhere
from sottovoce.scan.workers.kept_pool import keep_pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sottovoce.scan.recording import Recording

__all__ = ["BATCH_COLUMNS", "examine_batch"]

BATCH_COLUMNS = ("status", "log10_p", "refused", "owner_ids")
"""Columns that `examine_batch` adds, in this order."""


def examine_batch(
    batch: Mapping[str, Any],
    *,
    column: str | Sequence[str] | None = None,
    strict: bool = True,
) -> dict[str, Any]:
    """Look for marks in each row of a batch, in a child process, and add columns with the result.

    Parameters
    ----------
    batch : mapping of str to list or np.ndarray
        One entry for each row in every column.  The audio is as in `examine_example`.
    column : str, sequence of str or None
        Columns with the audio; by default every sound of a row counts.
    strict : bool
        Whether suspected recordings, and those not read to their end, count as refused.

    Returns
    -------
    batch : dict
        The same rows in the same order, and for each its `status` (as in `Finding`; the most
        significant one of several sounds), `log10_p` (NaN if nothing was read), `refused`
        (whether any of its sounds must not be trained on) and `owner_ids` (those that
        were read: lists of integers as pyarrow scalars, converted to plain lists by `as_py`).  A
        row that cannot be read, hangs, or crashes the process that reads it is a row like any
        other, with that as its status.

    Raises
    ------
    ParameterError
        If there is no such column or nothing in it that could be audio, if a column has one of
        the new names already, or if no process can be started: in a worker of PyTorch's
        DataLoader, for instance.
    MissingExtraError
        If the extra `scan` is not installed.

    See Also
    --------
    is_refused : The same without a child process; for one row or many.

    Notes
    -----
    The child starts with the first batch, which takes about a second, and lives as long as the
    calling process.  Meanwhile, variables such as ``OMP_NUM_THREADS`` of that process are 1.

    Examples
    --------
    >>> kept = ray_dataset.map_batches(examine_batch).filter(  # doctest: +SKIP
    ...     lambda row: not row["refused"]
    ... )
    >>> ds = ds.map(examine_batch, batched=True, batch_size=64, num_proc=8)  # doctest: +SKIP

    Called directly:

    >>> batch = examine_batch({"audio": ["a.flac", "b.flac"]})  # doctest: +SKIP
    >>> [one.as_py() for one in batch["owner_ids"]]  # doctest: +SKIP
    [[], [163425350599624]]
    """
    taken = [name for name in BATCH_COLUMNS if name in batch]
    if taken:
        raise ParameterError(
            f"the batch already has a column {taken[0]!r}", remedy="Rename or drop it first."
        )
    for name in as_names(column):
        if name not in batch:
            raise ParameterError(
                f"the batch has no column {name!r}",
                remedy=f"Its columns are {', '.join(map(str, batch))}.",
            )
    n_rows = len(next(iter(batch.values()), ()))
    described = [
        describe_example({name: batch[name][i] for name in batch}, column=column, name=f"row {i}")
        for i in range(n_rows)
    ]
    rows = [
        [_rename(one, f"{i}::{n}") for n, one in enumerate(sounds)]
        for i, sounds in enumerate(described)
    ]
    found = {one.id: one for one in _examine([one for sounds in rows for one in sounds])}
    by_row = [[found[one.id] for one in sounds] for sounds in rows]
    findings = [most_telling(sounds) for sounds in by_row]
    refused = refused_statuses(strict=strict)
    return {
        **batch,
        "status": [one.status for one in findings],
        "log10_p": [math.nan if one.log10_p is None else one.log10_p for one in findings],
        "refused": [any(one.status in refused for one in sounds) for sounds in by_row],
        "owner_ids": _as_typed_lists(
            [tuple(sorted({i for one in sounds for i in one.owner_ids})) for sounds in by_row]
        ),
    }


def _rename(one: Recording | Finding, name: str) -> Recording | Finding:
    if isinstance(one, Finding):
        return replace(one, id=name)
    return replace(seen_from_anywhere(one), id=name)


def _as_typed_lists(rows: list[tuple[int, ...]]) -> list[Any]:
    """Return lists that have a type even if a whole batch of them is empty.

    With plain ones, Hugging Face's `map` takes the type from the first batch, usually a column of
    nulls, and fails at the first owner; Ray Data makes tensors of NumPy arrays, whose blocks do
    not fit together.  Both accept these as lists of integers.  A streamed data set passes plain
    dictionaries of plain lists, and needs it too: a batch does not show who the caller is.
    """
    try:
        import pyarrow as pa
    except ImportError as err:
        raise MissingExtraError("pyarrow", extra="scan", purpose="examine batches") from err
    return list(pa.array(rows, pa.list_(pa.int64())))


def _examine(rows: list[Recording | Finding]) -> list[Finding]:
    if all(isinstance(one, Finding) for one in rows):
        return [one for one in rows if isinstance(one, Finding)]
    if multiprocessing.current_process().daemon:
        raise ParameterError(
            "this process cannot start another one (it is a daemonic worker)",
            remedy="Use is_refused here, or scan beforehand and use load_allowed.",
        )
    findings = {finding.id: finding for _, finding in keep_pool().examine(rows)}
    return [findings[one.id] for one in rows]
