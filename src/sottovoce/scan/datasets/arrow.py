"""`ArrowSource`: data sets saved to disk by `datasets`, and single Arrow files.

A saved data set is a folder with ``state.json``, ``dataset_info.json`` and the Arrow files that
the former names; a dictionary of them is a folder of such folders with ``dataset_dict.json``.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sottovoce.errors import (
    AudioFileError,
    SottovoceError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.scan.datasets.columns import table_errors
from sottovoce.scan.datasets.leaves import import_arrow
from sottovoce.scan.datasets.rows import TableRows
from sottovoce.scan.datasets.table import RowBlock
from sottovoce.scan.reach.network import Refusal
from sottovoce.scan.source import DEFAULTS, Kept, SourceOptions, atomic_out, tell_unreadable
from sottovoce.scan.stores.store import ask, is_remote, open_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sottovoce.scan.datasets.columns import AudioColumn
    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Cut, Recording

__all__ = ["ArrowSource", "ArrowTable", "is_arrow", "is_saved_dataset", "open_arrow"]

_DICT, _STATE, _INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_MOST_JSON_BYTES = 64 << 20
_MOST_MAPPED_BYTES = 1 << 30
"""A worker's address space is limited: larger files are not mapped, but read by batches."""
_FILE_MAGIC = b"ARROW1"


def is_arrow(url: str) -> bool:
    """Return whether a file is an Arrow file, by its name."""
    return url.lower().endswith((".arrow", ".feather", ".ipc"))


def is_saved_dataset(folder: str) -> bool:
    """Return whether a folder holds a data set saved to disk by `datasets`."""
    return _exists(folder, _DICT) or (_exists(folder, _STATE) and _exists(folder, _INFO))


class ArrowSource:
    """A saved data set, or one Arrow file.

    Parameters
    ----------
    name : str
        Path or address of the folder or the file.
    options : SourceOptions
        How it is read.
    """

    def __init__(
        self,
        name: str,
        *,
        options: SourceOptions = DEFAULTS,
    ) -> None:
        self.name = name
        self._reach = options.reach
        self._options = options

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield a recording for each row and column of audio."""
        try:
            for file in self._files():
                yield from self._rows(file).recordings()
        except SottovoceError as err:
            yield tell_unreadable(self.name, err, {})

    def cuts(self) -> Iterator[Cut]:
        """Yield every row."""
        try:
            for file in self._files():
                yield from self._rows(file).cuts()
        except SottovoceError:
            return  # `recordings` reports it

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write the data set without the rows that have a refused recording.

        ``datasets.load_from_disk`` can read it: counts are corrected, and the fingerprint changes,
        so that no cached result for the original is used for the copy.

        Raises
        ------
        AudioFileError
            If any part of it is damaged.
        """
        with atomic_out(out) as part:
            if is_arrow(self.name):
                counts = self._write_file(self.name, part, refused)[0]
            else:
                counts = (0, 0)
                for split in _splits(self.name):
                    n_kept, n_left_out = self._write_split(split, part, refused)
                    counts = (counts[0] + n_kept, counts[1] + n_left_out)
                if _exists(self.name, _DICT):
                    _write_json(part / _DICT, _read_json(_join(self.name, _DICT)))
        return Kept(path=str(out), n_kept=counts[0], n_left_out=counts[1])

    def _files(self) -> Iterator[str]:
        if is_arrow(self.name):
            yield self.name
            return
        for split in _splits(self.name):
            for name in _data_files(_read_json(_join(split, _STATE)), split):
                file = _join(split, name)
                is_named = self._reach.judge(file, listing=self.name)
                if isinstance(is_named, Refusal):
                    raise UnsupportedFormatError(
                        f"{is_named.message}: {name}", path=self.name, remedy=is_named.remedy
                    )
                yield file

    def _rows(self, file: str) -> TableRows:
        return TableRows(file, open_arrow, options=self._options)

    def _write_split(
        self, split: str, out: Path, refused: Callable[[str], bool]
    ) -> tuple[int, int]:
        state, info = _read_json(_join(split, _STATE)), _read_json(_join(split, _INFO))
        folder = out / os.path.relpath(split, self.name) if split != self.name else out
        folder.mkdir(parents=True)
        n_kept = n_left_out = n_bytes = 0
        changed = hashlib.sha256(str(state.get("_fingerprint")).encode())
        for file in _data_files(state, split):
            counts, digest = self._write_file(_join(split, file), folder / file, refused)
            changed.update(digest)
            n_kept, n_left_out = n_kept + counts[0], n_left_out + counts[1]
            n_bytes += (folder / file).stat().st_size
        if n_left_out:
            state["_fingerprint"] = changed.hexdigest()[:16]
            _correct(info, state.get("_split"), n_kept, n_bytes)
        _write_json(folder / _STATE, state)
        _write_json(folder / _INFO, info)
        return n_kept, n_left_out

    def _write_file(
        self, file: str, out: Path, refused: Callable[[str], bool]
    ) -> tuple[tuple[int, int], bytes]:
        """Copy an Arrow file, and return counts and a digest of the kept rows."""
        pa = import_arrow()
        n_kept = n_left_out = 0
        digest = hashlib.sha256()
        try:
            with open_arrow(file) as table:
                make = pa.ipc.new_stream if table.is_stream else pa.ipc.new_file
                with pa.OSFile(str(out), "wb") as sink, make(sink, table.schema) as writer:
                    for stretch, mask in self._rows(file).kept(table, refused=refused):
                        rows = stretch.batch.filter(pa.array(mask, pa.bool_()))
                        writer.write_batch(rows)
                        digest.update(bytes(mask))
                        n_kept += rows.num_rows
                        n_left_out += stretch.n_rows - rows.num_rows
        except AudioFileError:
            raise
        except table_errors() as err:
            raise UnreadableAudioError(f"is damaged: {err}", path=file) from err
        return (n_kept, n_left_out), digest.digest()


@contextmanager
def open_arrow(url: str) -> Iterator[ArrowTable]:
    """Open an Arrow file, in the streaming or the file format.

    Parameters
    ----------
    url : str
        Path or address.

    Raises
    ------
    AudioFileError
        If it cannot be opened.
    """
    pa = import_arrow()
    with open_binary(url) as file:
        magic = file.read(len(_FILE_MAGIC))
        file.seek(0)
        is_mapped = not is_remote(url) and 0 < Path(url).stat().st_size <= _MOST_MAPPED_BYTES
        try:
            source = pa.memory_map(url) if is_mapped else pa.PythonFile(file, "r")
            table = ArrowTable(source, is_stream=magic != _FILE_MAGIC)
        except table_errors() as err:
            raise UnreadableAudioError(
                "is not an Arrow file, or is damaged", path=url, remedy="Get a complete copy."
            ) from err
        with source:
            yield table


class ArrowTable:
    """An Arrow file as a `sottovoce.scan.datasets.rows.Table`.

    Parameters
    ----------
    source : pyarrow.NativeFile
        The file.
    is_stream : bool
        Whether it is in the streaming format, as those of `datasets` are.

    Attributes
    ----------
    schema : pyarrow.Schema
        With its metadata.
    can_jump : bool
        Whether a batch can be read without the ones before it.
    """

    can_jump = False

    def __init__(self, source: Any, *, is_stream: bool) -> None:  # noqa: ANN401 - pyarrow has no types
        self.is_stream = is_stream
        self._source = source
        self.schema = self._open(None).schema

    def stretches(
        self,
        columns: list[str] | None,
        *,
        audio: list[str],
        group: int = 0,
        lengths: Sequence[AudioColumn] = (),
    ) -> Iterator[RowBlock]:
        """Yield all batches from one on; see `sottovoce.scan.datasets.rows.Table`."""
        # The audio too, although only its size is needed: this costs nothing if the file is
        # mapped, and without any column, the number of rows of a batch could not be verified.
        names = None if columns is None else list(dict.fromkeys([*columns, *audio]))
        number = 0
        for index, batch in enumerate(self._batches(names)):
            # Arrow trusts the contents of a file: invalid offsets crash it.
            batch.validate(full=True)
            if index >= group and batch.num_rows:
                sizes = [batch.column(batch.schema.get_field_index(one)).nbytes for one in audio]
                yield RowBlock(
                    group=index,
                    first=0,
                    number=number,
                    n_rows=batch.num_rows,
                    batch=batch,
                    n_bytes=sum(sizes) // batch.num_rows,
                )
            number += batch.num_rows

    def sizes(self, columns: list[str]) -> Iterator[tuple[int, int]]:
        """Yield nothing: only the parts themselves declare their unpacked size."""
        yield from ()

    def mean_bytes(self, column: str) -> int:
        """Return 0 for the approximate bytes per row of a column: nothing is read."""
        return 0

    def _batches(self, names: list[str] | None) -> Iterator[Any]:
        reader = self._open(names)
        if self.is_stream:
            yield from reader
        else:
            yield from (reader.get_batch(i) for i in range(reader.num_record_batches))

    def _open(self, names: list[str] | None) -> Any:  # noqa: ANN401 - pyarrow has no types
        pa = import_arrow()
        self._source.seek(0)
        fields = None if names is None else [self.schema.get_field_index(name) for name in names]
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
        make = pa.ipc.open_stream if self.is_stream else pa.ipc.open_file
        return make(self._source, options=options)


def _splits(folder: str) -> list[str]:
    """Return the folders of a saved data set that have Arrow files."""
    if not _exists(folder, _DICT):
        return [folder]
    names = _read_json(_join(folder, _DICT)).get("splits")
    if not isinstance(names, list) or not all(_is_plain(name) for name in names):
        raise UnreadableAudioError(f"has no list of splits in {_DICT}", path=folder)
    return [_join(folder, name) for name in names]


def _data_files(state: dict[str, Any], folder: str) -> list[str]:
    files = state.get("_data_files")
    if isinstance(files, list) and all(isinstance(file, dict) for file in files):
        names = [file.get("filename") for file in files]
        if all(_is_plain(name) for name in names):
            return cast("list[str]", names)
    raise UnreadableAudioError(f"names no files of its own in {_STATE}", path=folder)


def _is_plain(name: object) -> bool:
    """Return whether a name stays inside its folder."""
    return (
        isinstance(name, str)
        and name not in {"", ".", ".."}
        and not set(name) & set("/\\\0:")
        and name.isprintable()
    )


def _correct(info: dict[str, Any], split: object, n_kept: int, n_bytes: int) -> None:
    """Put the counts of a copy into the description of a data set."""
    splits = info.get("splits")
    if isinstance(splits, dict) and isinstance(splits.get(str(split)), dict):
        splits[str(split)] |= {"num_examples": n_kept, "num_bytes": n_bytes}
        splits[str(split)].pop("shard_lengths", None)
    # Sizes of the original, which cannot be corrected from here.
    for name in ("dataset_size", "size_in_bytes"):
        info.pop(name, None)


def _join(folder: str, name: str) -> str:
    return (posixpath.join if is_remote(folder) else os.path.join)(folder, name)


def _exists(folder: str, name: str) -> bool:
    if is_remote(folder):
        return bool(ask(_join(folder, name), "exists"))
    return os.path.isfile(os.path.join(folder, name))  # noqa: PTH113, PTH118 - names that are too long as well


def _read_json(url: str) -> dict[str, Any]:
    with open_binary(url) as file:
        raw = file.read(_MOST_JSON_BYTES)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise UnreadableAudioError(f"is not JSON: {str(err)[:100]}", path=url) from err
    if not isinstance(value, dict):
        raise UnreadableAudioError("is not a JSON object", path=url)
    return value


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
