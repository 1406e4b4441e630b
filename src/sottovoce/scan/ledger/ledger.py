"""`Ledger`: findings for all recordings, in one SQLite file, so that a scan can be resumed.

Only the scanning process writes to it, in write-ahead mode and some hundred findings at a time:
after ``kill -9`` it holds everything committed, and the rest is scanned again.  A finding is kept
under the recording's id and is valid as long as its stamp and the detector are the same.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
import time
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import LedgerError, MissingExtraError
from sottovoce.scan.finding import UNREAD
from sottovoce.scan.ledger.ended import has_ended
from sottovoce.scan.ledger.rows import (
    COLUMNS,
    FIELDS,
    FIND,
    LATER,
    STATUS,
    TYPES,
    UPSERT,
    make_finding,
    make_row,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Recording

__all__ = ["Ledger"]

_SCHEMA = 1
_COMMIT_ROWS = 500
_COMMIT_S = 2.0
_MERGED_ROWS = 5_000
"""Findings written at once in a merge, where an interrupt loses no work."""
_SAME = ("inputs", "shard", "detector")
"""Fields of a job: runs that agree in all of them examine the same recordings in the same way."""
_SEEN = "UPDATE findings SET run = ?, groups = ? WHERE id = ?"


class Ledger:
    """Findings on disk; a context manager.

    Parameters
    ----------
    path : pathlib.Path
        The file; created if it does not exist.
    detector : str
        Detector and its settings; findings of another one are not used.
    read_only : bool
        Whether to only read, possibly while a scan is writing.

    Raises
    ------
    LedgerError
        If the file is not a ledger, or another scan is writing to it.
    """

    def __init__(self, path: Path, *, detector: str = "", read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._detector = detector
        self._pending: list[tuple[Any, ...]] = []
        self._seen: list[tuple[int, str, str]] = []
        self._committed_s = time.monotonic()
        self._run = 0
        self._lock = None
        if read_only:
            if not path.is_file():
                raise LedgerError(f"no ledger at {path}", remedy="Name the folder of a scan.")
            with self._explaining():
                address = f"{path.absolute().as_uri()}?mode=ro"
                self._db = sqlite3.connect(address, isolation_level=None, uri=True)
                self._check_version()
                if missing := self._missing():
                    columns = ", ".join(f"{LATER[name][1]} AS {name}" for name in missing)
                    self._db.execute(
                        f"CREATE TEMP VIEW findings AS SELECT *, {columns} FROM main.findings"  # noqa: S608 - names of our own
                    )
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path)
        with self._explaining():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._make_tables()

    def _check_version(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, _SCHEMA):
            raise LedgerError(
                f"{self.path} was written by another release (its version is {version})",
                remedy=self._remedy(),
            )

    def _missing(self) -> list[str]:
        """Return the columns that the ledger lacks because it is older."""
        there = {row[1] for row in self._db.execute("PRAGMA main.table_info(findings)")}
        return [name for name in LATER if there and name not in there]

    def _make_tables(self) -> None:
        self._check_version()
        columns = ", ".join(f"{name} {TYPES[name]}" for name in COLUMNS[1:])
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            f"CREATE TABLE IF NOT EXISTS findings (id TEXT PRIMARY KEY, {columns}) WITHOUT ROWID"
        )
        for name in self._missing():
            self._db.execute(f"ALTER TABLE findings ADD COLUMN {name} {TYPES[name]}")
        self._db.execute("CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, job TEXT)")
        self._db.execute(f"PRAGMA user_version = {_SCHEMA}")
        self._db.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write pending findings, and close the file."""
        self.flush()
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    def begin_run(self, job: Mapping[str, Any]) -> None:
        """Begin a scan, to which all later calls of `find` and `put` belong.

        Parameters
        ----------
        job : mapping
            Facts that `job` returns, such as the names that were scanned; stored as JSON.
        """
        with self._explaining():
            self._db.execute("INSERT INTO runs (job) VALUES (?)", (json.dumps(job),))
            (self._run,) = self._db.execute("SELECT max(run) FROM runs").fetchone()

    def job(self) -> dict[str, Any]:
        """Return the job of the last scan; empty if there was none."""
        with self._explaining():
            row = self._db.execute("SELECT job FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        return dict(json.loads(row[0])) if row else {}

    def check_ended(self, *, then: str) -> None:
        """Raise if the last scan was interrupted, or is still running.

        Parameters
        ----------
        then : str
            What to do once it is complete, for the remedy.

        Raises
        ------
        LedgerError
            If it was not completed.
        """
        job = self.job()
        if not has_ended(job):
            raise LedgerError(
                f"the scan in {self.path.parent} is not complete",
                remedy=f"Complete it first, then {then}: {job['command'].splitlines()[-1]}",
            )

    def _first_run(self) -> int:
        """Return the first of the runs whose findings are reported: the last, if it has ended.

        An interrupted run has not seen again everything that earlier runs of the same job found.
        """
        first, wanted = 0, None
        for run, text in self._db.execute("SELECT run, job FROM runs ORDER BY run DESC"):
            job = json.loads(text)
            same = [job.get(name) for name in _SAME]
            if first and same != wanted:
                break
            first, wanted = run, same
            if has_ended(job):
                break
        return first

    def amend_job(self, **fields: object) -> None:
        """Add fields to the job."""
        with self._explaining():
            job = json.dumps({**self.job(), **fields})
            self._db.execute("UPDATE runs SET job = ? WHERE run = ?", (job, self._run))

    def find(self, recording: Recording) -> Finding | None:
        """Return the finding for a recording, if it and the detector are unchanged."""
        with self._explaining():
            own_id = plain(recording.id)
            wanted = (own_id, plain(recording.stamp), self._detector)
            row = self._db.execute(FIND, wanted).fetchone()
        if row is None:
            return None
        # Its groups may change although the audio has not.
        self._seen.append((self._run, json.dumps(dict(recording.groups)), own_id))
        self._flush_if_due()
        return make_finding(row, groups=recording.groups)

    def put(self, finding: Finding, *, stamp: str) -> None:
        """Store a finding; it is on disk after a moment, or after `flush`."""
        self._pending.append((*make_row(finding), plain(stamp), self._detector, self._run))
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        full = len(self._pending) + len(self._seen) >= _COMMIT_ROWS
        if full or time.monotonic() - self._committed_s >= _COMMIT_S:
            self.flush()

    def flush(self) -> None:
        """Write pending findings to disk."""
        if self._pending or self._seen:
            with self._explaining():
                self._db.execute("BEGIN")
                self._db.executemany(UPSERT, self._pending)
                self._db.executemany(_SEEN, self._seen)
                self._db.execute("COMMIT")
            self._pending.clear()
            self._seen.clear()
        self._committed_s = time.monotonic()

    def findings(self) -> Iterator[Finding]:
        """Yield the findings of the last run in the order of their ids.

        If that run has not ended, also those of the runs of the same job before it.
        """
        self.flush()
        with self._explaining():
            rows = self._db.execute(
                f"SELECT {', '.join(FIELDS)} FROM findings"  # noqa: S608 - names of our own
                " WHERE run >= ? ORDER BY id",
                (self._first_run(),),
            )
            for row in rows:
                yield make_finding(row)

    def marked(self) -> Iterator[Finding]:
        """Yield the findings of the last run with a mark, in the order of their ids."""
        self.flush()
        with self._explaining():
            rows = self._db.execute(
                f"SELECT {', '.join(FIELDS)} FROM findings"  # noqa: S608 - names of our own
                " WHERE run = (SELECT max(run) FROM runs) AND status = 'marked' ORDER BY id"
            )
            for row in rows:
                yield make_finding(row)

    def get(self, recording_id: str) -> Finding | None:
        """Return the finding of a recording in the last run; None if it was not in it."""
        with self._explaining():
            row = self._db.execute(
                f"SELECT {', '.join(FIELDS)} FROM findings"  # noqa: S608 - names of our own
                " WHERE id = ? AND run = (SELECT max(run) FROM runs)",
                (plain(recording_id),),
            ).fetchone()
        return None if row is None else make_finding(row)

    def status(self, recording_id: str) -> str:
        """Return the status of a recording in the last run; empty if it was not in it."""
        row = self._db.execute(
            "SELECT status FROM findings WHERE id = ? AND run = (SELECT max(run) FROM runs)",
            (plain(recording_id),),
        ).fetchone()
        return str(row[0]) if row else ""

    def statuses(self) -> Iterator[tuple[str, str]]:
        """Yield id and status of the recordings of the last run, in the order of their ids."""
        self.flush()
        with self._explaining():
            yield from self._db.execute(
                "SELECT id, status FROM findings"
                " WHERE run = (SELECT max(run) FROM runs) ORDER BY id"
            )

    def stamped(self) -> Iterator[tuple[Finding, str]]:
        """Yield the findings of the last run and their stamps, in the order of their ids."""
        with self._explaining():
            rows = self._db.execute(
                f"SELECT {', '.join(FIELDS)}, stamp FROM findings"  # noqa: S608 - names of our own
                " WHERE run = (SELECT max(run) FROM runs) ORDER BY id"
            )
            for *row, stamp in rows:
                yield make_finding(row), stamp

    def adopt(self, parts: Sequence[Ledger]) -> None:
        """Copy the findings of the last runs of other ledgers into the current run.

        Parameters
        ----------
        parts : sequence of Ledger
            A recording in several of them counts once; a successful read takes precedence.

        Notes
        -----
        Rows are copied unchanged; making a `Finding` of each would take three times as long.
        """
        self.flush()
        by_id = heapq.merge(*(part._rows() for part in parts), key=itemgetter(0))
        chosen = (
            (*min(same, key=lambda row: row[STATUS] in UNREAD), self._run)
            for _, same in groupby(by_id, key=itemgetter(0))
        )
        with self._explaining():
            while rows := list(islice(chosen, _MERGED_ROWS)):
                self._db.execute("BEGIN")
                self._db.executemany(UPSERT, rows)
                self._db.execute("COMMIT")

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of the last run, all columns but the run, in the order of ids."""
        with self._explaining():
            yield from self._db.execute(
                f"SELECT {', '.join(COLUMNS[:-1])} FROM findings"  # noqa: S608 - names of our own
                " WHERE run = (SELECT max(run) FROM runs) ORDER BY id"
            )

    def detector(self) -> str:
        """Return the detector of the last run; empty if it found no recording."""
        with self._explaining():
            row = self._db.execute(
                "SELECT detector FROM findings WHERE run = (SELECT max(run) FROM runs) LIMIT 1"
            ).fetchone()
        return str(row[0]) if row else self._detector or str(self.job().get("detector", ""))

    def count(self) -> tuple[dict[str, int], float]:
        """Return how many of the `findings` have each status, and the seconds of audio."""
        with self._explaining():
            rows = self._db.execute(
                "SELECT status, count(*), sum(seconds) FROM findings"
                " WHERE run >= ? GROUP BY status",
                (self._first_run(),),
            ).fetchall()
        return {row[0]: row[1] for row in rows}, sum(row[2] for row in rows)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as err:
            raise LedgerError(f"{self.path}: {err}", remedy="Is the disk full?") from err
        except sqlite3.DatabaseError as err:
            raise LedgerError(
                f"{self.path} is not a ledger, or is damaged: {err}", remedy=self._remedy()
            ) from err

    def _remedy(self) -> str:
        if self._read_only:
            return "Name the folder of another scan, or scan again into a new folder."
        return "Name another folder (`out`), or delete it and scan again."


def _lock(path: Path) -> Any:  # noqa: ANN401 - filelock is imported late
    """Prevent another scan from writing to the same ledger until this process ends."""
    try:
        import filelock
    except ImportError as err:
        raise MissingExtraError("filelock", extra="scan", purpose="keep a ledger") from err
    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as err:
        raise LedgerError(
            f"another scan is writing to {path}",
            remedy="Wait for it, or name another folder (`out`).",
        ) from err
    return lock
