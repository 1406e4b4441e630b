"""`open_data_set`: data sets of Hugging Face's `datasets` that are open in this process.

Nothing here imports `datasets`: a caller with one of its objects has done so.  Audio is never
decoded by it, which would need PyTorch; a recording is made from its bytes, or from the path that
replaces them.  Rows are read in sequence and their bytes are sent to the workers.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, LedgerError, ParameterError, SottovoceError
from sottovoce.scan.datasets.columns import AudioColumn, audio_columns
from sottovoce.scan.datasets.example_sounds import describe_sound
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.row_sounds import NOTHING, holds_audio, sounds_of_row, undecoded
from sottovoce.scan.finding import Finding, refused_statuses
from sottovoce.scan.ledger.ledger import Ledger
from sottovoce.scan.listings.entries import GROUP_NAMES, as_names, groups_of, point_at
from sottovoce.scan.plain_text import clean
from sottovoce.scan.reach.network import NetworkReach, Refusal
from sottovoce.scan.reach.reach import Reach
from sottovoce.scan.recording import Cut, File, Inline, Recording
from sottovoce.scan.source import DEFAULTS, Kept, SourceOptions, tell_unreadable
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.stores.samples import rate_of
from sottovoce.scan.stores.store import is_remote, stamp_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["PREFIX", "DataSetSource", "filter_data_set", "is_data_set", "open_data_set"]

PREFIX = "dataset:"
"""Prefix of the names of such sources."""
_MAPS = frozenset({"DatasetDict", "IterableDatasetDict"})
_SETS = frozenset({"Dataset", "IterableDataset"})
_READ_BYTES = 8 << 20
_MOST_ROWS = 256
_SAMPLED = 16


def is_data_set(value: object) -> bool:
    """Return whether an object is a data set of `datasets`, or a mapping of them."""
    return bool(_kinds(value) & (_MAPS | _SETS))


def _kinds(value: object) -> set[str]:
    """Return the names of the classes of `datasets` of which an object is an instance."""
    kinds = type(value).__mro__
    return {one.__name__ for one in kinds if one.__module__.partition(".")[0] == "datasets"}


def open_data_set(
    data_set: Any,  # noqa: ANN401 - `datasets` is not imported here
    *,
    options: SourceOptions = DEFAULTS,
) -> list[DataSetSource]:
    """Return the sources of a data set: one, or one for each of its splits.

    Parameters
    ----------
    data_set : datasets.Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        Not modified.
    options : SourceOptions
        How it is read.
    """
    splits = {"": data_set}
    if _kinds(data_set) & _MAPS:
        splits = {str(name): one for name, one in data_set.items()}
    return [DataSetSource(one, split=name, options=options) for name, one in splits.items()]


class DataSetSource:
    """One split of a data set.

    Parameters
    ----------
    data_set : datasets.Dataset or datasets.IterableDataset
        Not modified.
    split : str
        Its name in a mapping of data sets; empty to use the data set's own.
    options : SourceOptions
        As in `open_data_set`.

    Attributes
    ----------
    name : str
        ``"dataset:parquet-train-86d28a1be9e2"``: the builder of the set, its split, and its
        fingerprint, which changes with its rows.  A streamed set has none; such sets are
        distinguished by the name of the configuration.
    """

    def __init__(
        self,
        data_set: Any,  # noqa: ANN401 - `datasets` is not imported here
        *,
        split: str = "",
        options: SourceOptions = DEFAULTS,
    ) -> None:
        self._data_set = data_set
        self._column = options.column
        self._group_by = options.group_by
        self.is_streamed = "IterableDataset" in _kinds(data_set)
        self.name = _name(data_set, split)
        self._reach = options.reach

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield a recording for each row and column of audio."""
        try:
            for row_id, row, columns in self._rows():
                groups = groups_of(row, group_by=self._group_by, dataset=clean(self.name))
                rate = rate_of(row)
                for own_id, audio in sounds_of_row(row_id, row, columns):
                    yield self._describe(own_id, audio, groups, rate=rate)
        except SottovoceError as err:
            yield tell_unreadable(self.name, err, {})

    def cuts(self) -> Iterator[Cut]:
        """Yield every row; one with several recordings is yielded once for each."""
        for row_id, row, columns in self._rows():
            for own_id, _ in sounds_of_row(row_id, row, columns):
                yield Cut(id=row_id, recording_id=own_id)

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Save the data set to disk, without the rows that have a refused recording.

        Raises
        ------
        ParameterError
            If the data set is streamed.
        """
        if self.is_streamed:
            raise ParameterError(
                "a streamed data set cannot be saved",
                remedy="Filter it while streaming: sottovoce.scan.filter_data_set",
            )
        kept = self.select(refused)
        kept.save_to_disk(str(out))
        return Kept(path=str(out), n_kept=len(kept), n_left_out=len(self._data_set) - len(kept))

    def select(self, refused: Callable[[str], bool]) -> Any:  # noqa: ANN401 - `datasets` is not imported here
        """Return the data set without the rows that have a refused recording."""
        columns = self._columns(self._data_set)
        if any(one.is_listed for one in columns):
            rows = ((row_id, row) for row_id, row, _ in self._rows())
        else:  # ids do not depend on the contents of a row
            rows = ((f"{self.name}::{i}", {}) for i in range(len(self._data_set)))
        kept = [
            i
            for i, (row_id, row) in enumerate(rows)
            if not any(refused(own_id) for own_id, _ in sounds_of_row(row_id, row, columns))
        ]
        return self._data_set.select(kept)

    def let_pass(self, refused: Callable[[str], bool], stamps: Mapping[str, str]) -> Any:  # noqa: ANN401 - `datasets` is not imported here
        """Return a streamed data set without refused rows.

        A row is identified by its contents: its number differs in every process that loads a
        part of the set, and after every shuffling.

        Parameters
        ----------
        refused : callable
            Takes a status, which is empty for a recording that was not scanned.
        stamps : mapping of str to str
            Statuses by the recordings' stamps.
        """
        columns = self._columns(self._data_set)

        def is_kept(row: Mapping[str, Any]) -> bool:
            rate = rate_of(row)
            found = [
                self._describe("", audio, {}, rate=rate)
                for _, audio in sounds_of_row("", row, columns)
            ]
            return not any(
                refused(one.status if isinstance(one, Finding) else stamps.get(one.stamp, ""))
                for one in found
            )

        # A filter gets rows as they are, and decoding them needs PyTorch.
        kept = self._undecoded().filter(is_kept)
        for name, feature in (self._data_set.features or {}).items():
            if holds_audio(feature):
                kept = kept.cast_column(name, feature)
        return kept

    def _rows(self) -> Iterator[tuple[str, Mapping[str, Any], list[AudioColumn]]]:
        columns = self._columns(self._data_set)
        rows = self._streamed() if self.is_streamed else self._stored(columns)
        for number, row in enumerate(rows):
            yield f"{self.name}::{number}", row, columns

    def _columns(self, data_set: Any) -> list[AudioColumn]:  # noqa: ANN401 - `datasets` is not imported here
        if data_set.features is not None:
            schema = data_set.features.arrow_schema
        else:
            first = list(itertools.islice(self._streamed(), 1))
            schema = import_arrow().RecordBatch.from_pylist(first).schema
        return audio_columns(schema, column=self._column, url=self.name, sample=self._sample)

    def _sample(self, names: list[str]) -> list[dict[str, Any]]:
        rows = self._streamed() if self.is_streamed else self._table(0, _SAMPLED, names)
        return [dict(one) for one in itertools.islice(rows, _SAMPLED)]

    def _table(self, start: int, end: int, names: list[str]) -> list[dict[str, Any]]:
        table = self._data_set.with_format("arrow", columns=names)[start:end]
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def _stored(self, columns: list[AudioColumn]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a data set in Arrow tables, with the relevant columns."""
        wanted = {*(one.name for one in columns), *GROUP_NAMES, *self._group_by}
        wanted |= {one.rate for one in columns}
        names = [name for name in self._data_set.column_names if name in wanted]
        n_rows = len(self._data_set)
        mean = self._data_set.data.nbytes // max(1, self._data_set.data.num_rows)
        step = max(1, min(_MOST_ROWS, _READ_BYTES // max(1, mean)))
        # In this format nothing is decoded, whatever the features are.
        tables = self._data_set.with_format("arrow", columns=names)
        for start in range(0, n_rows, step):
            yield from tables[start : start + step].to_pylist()

    def _streamed(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._undecoded().with_format(None))

    def _undecoded(self) -> Any:  # noqa: ANN401 - `datasets` is not imported here
        data_set = self._data_set
        for name, feature in (data_set.features or {}).items():
            if holds_audio(feature):
                data_set = data_set.cast_column(name, undecoded(feature))
        return data_set

    def _describe(
        self, own_id: str, audio: object, groups: Mapping[str, str], *, rate: int = 0
    ) -> Recording | Finding:
        if audio is NOTHING:
            return Finding(id=own_id, status="error", message="holds no sound", groups=groups)
        path: object = audio
        data: object = audio if isinstance(audio, bytes) else None
        if isinstance(audio, Mapping):
            data, path = audio.get("bytes"), audio.get("path")
            rate = rate_of(audio) or rate
        is_array = isinstance(audio, Mapping) and audio.get("array") is not None
        if is_array or isinstance(audio, list) or rate or isinstance(audio, str):
            described = describe_sound(audio, own_id, rate=rate)
            if isinstance(described, Finding) and not isinstance(path, str):
                return replace(described, groups=groups)
            place = getattr(described, "place", None)
            data = place.data if isinstance(place, Inline) else data
        if isinstance(data, bytes):
            digest = hashlib.blake2b(data, digest_size=16).hexdigest()
            return Recording(
                id=own_id, place=Inline(data), stamp=digest, n_bytes=len(data), groups=groups
            )
        if path is None:
            message = "is empty: neither bytes nor a path"
            return Finding(id=own_id, status="error", message=message, groups=groups)
        use = point_at(path, folder="", known_as=own_id, reach=self._reach)
        if use.finding is not None:
            return replace(use.finding, groups=groups)
        found = self._describe_path(use.recording_id)
        if isinstance(found, Recording):
            found = replace(found, stamp=f"{found.stamp} {use.recording_id}")
        return replace(found, id=own_id, groups=groups)

    def _describe_path(self, path: str) -> Recording | Finding:
        if not is_remote(path):
            return describe_file(path)
        is_named = self._reach.judge(path, listing=self.name)
        if isinstance(is_named, Refusal):
            return is_named.tell(path)
        try:
            stamp, size = stamp_of(path, is_named=is_named)
        except AudioFileError as err:
            return tell_unreadable(path, err, {})
        return Recording(id=path, place=File(path, is_named), stamp=stamp, n_bytes=size)


def _name(data_set: Any, split: str) -> str:  # noqa: ANN401 - `datasets` is not imported here
    info = data_set.info
    parts = [
        info.dataset_name or info.builder_name or "",
        "" if hasattr(data_set, "_fingerprint") else info.config_name or "",
        split or str(data_set.split or ""),
        getattr(data_set, "_fingerprint", None) or "",
    ]
    return PREFIX + (clean("-".join(filter(None, parts))) or "unnamed")


def filter_data_set(
    data_set: Any,  # noqa: ANN401 - `datasets` is not imported here
    ledger: str | os.PathLike[str],
    *,
    column: str | Sequence[str] | None = None,
    allow_remote: bool | str | tuple[str, ...] = False,
    strict: bool = False,
) -> Any:  # noqa: ANN401 - what was given
    """Return a Hugging Face data set without the rows that a scan of it refused.

    Parameters
    ----------
    data_set : datasets.Dataset, DatasetDict, IterableDataset or IterableDatasetDict
        The data set that was scanned.
    ledger : path-like
        Ledger of that scan: `scan_paths([data_set], ledger=...)`.
    column : str, sequence of str or None
        As in the scan.
    allow_remote : bool, str or tuple of str
        As in the scan: addresses in streamed rows are requested again.
    strict : bool
        Whether to leave out suspected and unread recordings too.  Rows that the scan did not
        reach are always left out.

    Returns
    -------
    kept : type of `data_set`
        Filtered data set with the same features; nothing is copied.

    Raises
    ------
    LedgerError
        If the ledger does not exist, or holds no scan of exactly this data set.

    Notes
    -----
    Rows of a `Dataset` are identified by their number in it, so it must be exactly the one that
    was scanned.  Those of an `IterableDataset` are identified by their bytes, so it may be
    shuffled, and loaded by several processes.

    Examples
    --------
    >>> for finding in scan_paths([ds], ledger="ds.sqlite"):  # doctest: +SKIP
    ...     pass
    >>> ds = filter_data_set(ds, "ds.sqlite")  # doctest: +SKIP
    """
    reach = Reach(network=NetworkReach.of(allow_remote))
    options = SourceOptions(column=as_names(column), reach=reach)
    sources = open_data_set(data_set, options=options)
    with Ledger(Path(ledger), read_only=True) as book:
        inputs = set(book.job().get("inputs", ()))
        known = [pair for pair in book.stamped() if pair[0].id.startswith(PREFIX)]
    statuses = {one.id: one.status for one, _ in known}
    stamps = {stamp: one.status for one, stamp in known if stamp}
    refusing = {"", *refused_statuses(strict=strict)}
    kept = []
    for source in sources:
        if source.name not in inputs:
            raise LedgerError(
                f"{ledger} holds no scan of {source.name}",
                remedy="Scan the data set first: scan_paths([data_set], ledger=...)",
            )
        if source.is_streamed:
            kept.append(source.let_pass(refusing.__contains__, stamps))
        else:
            kept.append(source.select(lambda one: statuses.get(one, "") in refusing))
    if _kinds(data_set) & _MAPS:
        return type(data_set)(zip(data_set, kept, strict=True))
    return kept[0]
