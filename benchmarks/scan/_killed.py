"""Commands that are killed: a data set for them, their processes, and what they leave behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import rng_for, shipped_clip
from sottovoce.files.times import format_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["N_OUTPUTS", "WORKERS", "Trial", "kill", "make_data", "outputs_in", "tree", "wait_for"]

WORKERS = 2
_SR = 16_000
_SECONDS = (1.0, 4.0)
_MARKED_SHARE = 0.05
_DAMAGED_SHARE = 0.03
_POLL_S = 0.0005
_TOKEN = "SOTTOVOCE_KILL_TRIAL"  # noqa: S105 - in the environment of a trial's processes
_TOOK = re.compile(r"(<dt>Took</dt><dd>)[^<]*")
_TEXTS = ("summary.json", "card.md", "croissant.json", "report.html")
_OUTPUTS = ("results.parquet", "exclude.txt", *_TEXTS)
N_OUTPUTS = len(_OUTPUTS)


def _clips(seed: int, n: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of clips: cuts of the shipped reading, some marked, some damaged."""
    import soxr  # type: ignore[import-untyped]  # no types in its releases

    y, own_sr = shipped_clip()
    y = soxr.resample(y, own_sr, _SR)
    notice = sv.Notice(owner_id=0x4F2A91C077DE, year=2026)
    marked = sv.protect(y, sr=_SR, notice=notice, phase_s=0.3)
    rng = rng_for(seed, "clips")
    for number in range(n):
        n_samples = round(rng.uniform(*_SECONDS) * _SR)
        start = int(rng.integers(len(y) - n_samples))
        sound = (marked if rng.random() < _MARKED_SHARE else y)[start : start + n_samples]
        suffix, form = (".wav", "WAV") if number % 2 else (".flac", "FLAC")
        file = io.BytesIO()
        sf.write(file, np.clip(sound, -1, 1), _SR, format=form, subtype="PCM_16")
        data = file.getvalue()
        if rng.random() < _DAMAGED_SHARE:
            data = data[: int(rng.integers(len(data)))]
        yield f"{number:05}{suffix}", data


def make_data(place: Path, seed: int, n: int) -> list[str]:
    """Write a folder with half of the clips, a shard and a table with a quarter each."""
    import pyarrow as pa
    from pyarrow import parquet

    folder, shard, table = place / "loose", place / "shard.tar", place / "table.parquet"
    rows = []
    with tarfile.open(shard, "w") as tar:
        for number, (name, data) in enumerate(_clips(seed, n)):
            if number < n // 2:
                path = folder / f"{number // 500:02}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            elif number < 3 * n // 4:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            else:
                rows.append({"audio": {"bytes": data, "path": name}, "speaker": f"s{number % 40}"})
    parquet.write_table(pa.Table.from_pylist(rows), table, row_group_size=200)
    return [str(folder), str(shard), str(table)]


class Trial:
    """The command, in a folder of its own, whose processes are recognised by their environment."""

    def __init__(self, place: Path, name: str) -> None:
        self.name = name
        self.folder = place / name
        self.folder.mkdir()
        self.out = self.folder / "out"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, _TOKEN: self.name}
        with (
            (self.folder / "stdout").open("wb") as told,
            (self.folder / "stderr").open("wb") as err,
        ):
            return subprocess.Popen(  # noqa: S603 - our own command
                [Path(sys.executable).with_name("sottovoce"), "scan", *arguments],
                cwd=self.folder,
                env=environment,
                stdout=told,
                stderr=err,
                start_new_session=True,
            )

    def scan(self, data: list[str]) -> subprocess.Popen[bytes]:
        return self.start(*data, "-o", "out", "--jobs", str(WORKERS), "--json")

    def finish(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the command; raise if it ended with an error."""
        if process.wait() not in {0, 1, 3}:
            raise RuntimeError((self.folder / "stderr").read_text()[-2000:])

    def told(self) -> set[str]:
        """Return the ids of the findings that were reported before the end."""
        lines = (self.folder / "stdout").read_bytes().split(b"\n")[:-1]
        return {json.loads(line)["id"] for line in lines}

    def orphans(self) -> int:
        """Return how many processes of this trial are still there."""
        wanted = f"{_TOKEN}={self.name}".encode()
        n = 0
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                n += wanted in path.read_bytes().split(b"\0")
            except OSError:  # it has ended, or is another's
                continue
        return n

    def ledger(self) -> tuple[bool, dict[str, str]]:
        """Return whether the ledger is whole, and the status of each recording in it.

        A copy is read: opening the ledger itself would repair what the scan is to repair.
        """
        if not (self.out / "ledger.sqlite").is_file():
            return True, {}
        with tempfile.TemporaryDirectory() as place:
            for path in self.out.glob("ledger.sqlite*"):
                shutil.copy(path, place)
            db = sqlite3.connect(Path(place) / "ledger.sqlite")
            whole = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            named = db.execute("SELECT name FROM sqlite_master WHERE name = 'findings'").fetchall()
            query = "SELECT id, status FROM findings"
            known = dict(db.execute(query).fetchall()) if named else {}
            db.close()
        return whole, known

    def complete(self) -> list[str]:
        """Return the names of the outputs that are in their places."""
        return [name for name in _OUTPUTS if (self.out / name).is_file()]

    def hashes(self) -> dict[str, str]:
        """Return digests of the existing outputs, without the times in the report."""
        db = sqlite3.connect(f"file:{self.out / 'ledger.sqlite'}?mode=ro", uri=True)
        (job,) = db.execute("SELECT job FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        db.close()
        told = {"ended": "\0", **json.loads(job)}
        found = {}
        for name in self.complete():
            data = (self.out / name).read_bytes()
            if name in _TEXTS:
                text = _TOOK.sub(r"\1", data.decode())
                for key in ("ended", "began"):
                    for words in (told[key], format_date(told[key])):
                        text = text.replace(words, "then")
                data = text.encode()
            found[name] = hashlib.sha256(data).hexdigest()
        return found


def kill(process: subprocess.Popen[bytes], *, group: bool) -> bool:
    """Kill a command; return whether it was still running."""
    running = process.poll() is None
    if group:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            running = False
    elif running:
        process.kill()
    process.wait()
    return running


def outputs_in(out: Path) -> list[Path]:
    return [path for path in out.iterdir() if not path.name.startswith("ledger.sqlite")]


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> float:
    start_s = time.perf_counter()
    while not is_so() and process.poll() is None:
        time.sleep(_POLL_S)
    return time.perf_counter() - start_s


def tree(folder: Path) -> str:
    """Return one digest of all files under a folder."""
    digest = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
