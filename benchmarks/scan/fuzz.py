"""Whether anything that a listing, a table or an archive holds stops its reader, or makes it grow.

One listing of every kind, and the data sets of `benchmarks.scan.shapes` with short sounds, are
mutated at random until the time is up: bits, lengths and numbers are falsified, pieces cut out,
doubled and spliced in from the others.  Each mutant is opened, listed and copied by the code that a
scan's own process for that runs, here without a safety net around it.  An *exception* is any that
is not one of sottovoce's own, a *hang* is a mutant that takes longer than it may, and *growth* is
memory that a reader has not given back after thousands of them.  Readers of tables are C++, and a
mutant may end the process (*died*): a scan's process for that may die, and the data set becomes one
row of its results.
"""

from __future__ import annotations

import gzip
import multiprocessing
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import Benchmark, markdown_table, rng_for
from benchmarks.scan.shapes import make_sets
from rig.listings import COMMANDS, LISTINGS, make_listing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    import numpy as np

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("scan_fuzz", "Does anything that a data set lists stop its reader?")
_SOUND_S = 0.25
_MOST_SEED_BYTES = 1 << 20
_MEMORY_BYTES = 1280 << 20
"""As a scan allows the process that lists."""
_MOST_S = 30.0
_MOST_ITEMS = 20_000
_WARM_CASES = 1_000
"""After this many in one process, nothing new should stay in its memory."""
_MOST_CASES = 10_000
"""Of one process."""
_TOLD_FRAMES, _TOLD_CHARACTERS = 8, 200
_PIECES = (
    *(
        b"-1",
        b"0",
        b"1e999",
        b"NaN",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b"18446744073709551616",
    ),
    *(
        b"[" * 5_000,
        b'{"a":' * 2_000,
        b'"',
        b"\\",
        b"\0",
        b"\n",
        b"\r",
        b"\t",
        b"|",
        b",",
        b"=",
        b"::",
    ),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"../" * 50, b"/dev/zero", b"/proc/self/mem"),
    *(
        b"s3://a/b.wav",
        b"http://127.0.0.1:9/a.wav",
        b"file:///etc/passwd",
        b"pipe:cat /etc/passwd |",
    ),
    *(b"ark:", b"&a [*a]", b"- ", b"!!python/object", b"audio", b"wav", b"A" * 5_000),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"),
)


@dataclass(frozen=True, slots=True)
class _Seed:
    """What is mutated: one file of a data set."""

    kind: str
    opened: Path
    file: Path
    data: bytes


def _seeds(folder: Path) -> list[_Seed]:
    """Write the data sets, and return the files that are to be mutated."""
    make_sets(folder / "sets", most_s=_SOUND_S)
    sound = gzip.decompress((folder / "sets" / "gz" / "a.wav.gz").read_bytes())
    seeds = []
    for kind in (*LISTINGS, *COMMANDS):
        path = make_listing(folder / "listings" / kind, kind, "m.wav")
        (path.parent / "m.wav").write_bytes(sound)
        seeds.append(_Seed(kind, path, path, path.read_bytes()))
    for file in sorted((folder / "sets").rglob("*")):
        if file.is_file() and file.suffix not in {".data", ".md", ".h5"}:
            own = file.relative_to(folder / "sets")
            saved = own.parts[0] == "hf_saved"
            data = file.read_bytes()
            if len(data) <= _MOST_SEED_BYTES:
                seeds.append(_Seed(str(own), file.parent if saved else file, file, data))
    return seeds


def _mutate(seed: _Seed, others: Sequence[_Seed], rng: np.random.Generator) -> bytes:
    """Return what a fault, or somebody who looks for one, makes of a file."""
    out = bytearray(seed.data)
    for _ in range(int(rng.integers(1, 6))):
        if not out:
            break
        where, size = int(rng.integers(len(out))), int(rng.integers(1, 1 + min(len(out), 256)))
        if rng.random() < 0.3:
            # Heads and feet are where harm is done.
            where = where % 64 if rng.random() < 0.5 else max(0, len(out) - 1 - where % 512)
        piece = _PIECES[int(rng.integers(len(_PIECES)))]
        match int(rng.integers(9)):
            case 0:
                out[where] ^= 1 << int(rng.integers(8))
            case 1:
                out[where : where + len(piece)] = piece
            case 2:
                out[where:where] = piece
            case 3:
                del out[where : where + size]
            case 4:
                out[where:where] = out[where : where + size] * int(rng.integers(1, 50))
            case 5:
                del out[where:]
            case 6:
                other = others[int(rng.integers(len(others)))].data
                start = int(rng.integers(max(1, len(other))))
                out[where : where + size] = other[start : start + size]
            case 7:
                out[where : where + size] = rng.bytes(size)
            case 8:
                end = out.find(b"\n", where)
                out[where : where + size] = out[where : end if end > 0 else None][:4096]
    return bytes(out)


def _read(seed: _Seed, copy: Path) -> str:
    """Read a mutant in every way that a scan does, and return what came of it."""
    from sottovoce.errors import SottovoceError
    from sottovoce.scan.opening.names import open_sources

    try:
        (source,) = open_sources([str(seed.opened)])
        n = sum(1 for _ in islice(source.recordings(), _MOST_ITEMS))
        sum(1 for _ in islice(source.cuts(), _MOST_ITEMS))
        with suppress(SottovoceError):
            source.write_kept(copy, refused=lambda name: len(name) % 2 == 0)
    except SottovoceError:
        return "refused"
    except MemoryError:
        return "too much memory"
    return "listed" if n else "empty"


def _work(
    connection: Connection, folder: str, number: int, seed_of_chance: int, until_s: float
) -> None:
    """Read mutants from a number on, and say before each which it is, and after it what came."""
    from sottovoce.scan.limits import limit_memory

    seeds = _seeds(Path(folder))
    copy = Path(folder) / "copy"
    limit_memory(_MEMORY_BYTES)
    warm_mb = 0.0
    for done in range(_MOST_CASES):
        if time.time() > until_s:
            break
        seed = seeds[number % len(seeds)]
        seed.file.write_bytes(_mutate(seed, seeds, rng_for(seed_of_chance, seed.kind, number)))
        connection.send(("begin", number, seed.kind))
        try:
            outcome = _read(seed, copy)
        except Exception as err:  # noqa: BLE001 - what is looked for
            outcome = "exception: " + _describe(err)
        seed.file.write_bytes(seed.data)
        if copy.is_dir():
            shutil.rmtree(copy)
        copy.unlink(missing_ok=True)
        number += 1
        if done == _WARM_CASES:
            warm_mb = _memory_mb()
        connection.send(("end", outcome, _memory_mb() - warm_mb if warm_mb else 0.0))
    connection.send(("over", number, 0.0))


def _describe(err: Exception) -> str:
    """Return where an exception was raised, and what it says."""
    frames = traceback.extract_tb(err.__traceback__)[-_TOLD_FRAMES:]
    places = " > ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames)
    return f"{places}: {type(err).__name__}: {str(err)[:_TOLD_CHARACTERS]}"


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class _Tally:
    """What became of the mutants."""

    def __init__(self) -> None:
        self.by_kind: dict[str, Counter[str]] = {}
        self.longest_s: dict[str, float] = {}
        self.faults: list[dict[str, Any]] = []
        self.growth_mb = 0.0

    def add(self, kind: str, number: int, outcome: str, took_s: float) -> None:
        word, _, text = outcome.partition(": ")
        self.by_kind.setdefault(kind, Counter())[word] += 1
        self.longest_s[kind] = max(self.longest_s.get(kind, 0.0), took_s)
        if word in {"exception", "hang", "died"}:
            self.faults.append({"what": kind, "number": number, "fault": word, "text": text})
            sys.stderr.write(f"scan_fuzz: {kind} {number}: {outcome[-700:]}\n")


def _fuzz(options: Any, tally: _Tally) -> None:  # noqa: ANN401 - argparse's
    context = multiprocessing.get_context("spawn")
    number, until_s = options.start, time.time() + options.seconds
    while time.time() < until_s:
        with tempfile.TemporaryDirectory(prefix="scan_fuzz-") as folder:
            ours, theirs = context.Pipe(duplex=False)
            arguments = (theirs, folder, number, options.seed, until_s)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            theirs.close()
            number = _follow(ours, number, tally)
            process.kill()
            process.join()


def _follow(connection: Connection, number: int, tally: _Tally) -> int:
    """Take down what a process says until it ends; return the number to continue with."""
    kind, began_s, growth_mb = "(start)", time.monotonic(), 0.0
    while True:
        try:
            if not connection.poll(_MOST_S):
                tally.add(kind, number, "hang: ", _MOST_S)
                return number + 1
            what, *values = connection.recv()
        except EOFError:
            tally.add(kind, number, "died: ", time.monotonic() - began_s)
            return number + 1
        if what == "begin":
            (number, kind), began_s = values, time.monotonic()
        elif what == "end":
            tally.add(kind, number, values[0], time.monotonic() - began_s)
            growth_mb = values[1]
        else:
            tally.growth_mb = max(tally.growth_mb, growth_mb)
            return int(values[0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=600.0, help="of mutants (default: 600)")
    parser.add_argument("--start", type=int, default=0, help="number of the first (default: 0)")
    options = parser.parse_args(arguments)
    tally = _Tally()
    _fuzz(options, tally)
    rows = [
        {
            "what": kind,
            "made": sum(own.values()),
            "outcomes": dict(sorted(own.items())),
            "longest_s": round(tally.longest_s[kind], 2),
        }
        for kind, own in sorted(tally.by_kind.items())
    ]
    settings = {"seconds": options.seconds, "limit of a mutant, s": _MOST_S}
    more = {"faults": tally.faults, "growth_mb": round(tally.growth_mb, 1)}
    sys.stdout.write(describe(BENCHMARK.write(options, rows, settings=settings, **more)) + "\n")
    if any(one["fault"] != "died" for one in tally.faults):
        sys.exit(1)


def describe(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    columns = sorted({name for row in results["rows"] for name in row["outcomes"]})
    rows = [
        [
            f"`{row['what']}`",
            f"{row['made']:,}",
            *(f"{row['outcomes'].get(name, 0):,}" for name in columns),
            f"{row['longest_s']:.2f}",
        ]
        for row in results["rows"]
    ]
    total = sum(row["made"] for row in results["rows"])
    faults = Counter(one["fault"] for one in results["faults"])
    counted = ", ".join(f"{n} {fault}" for fault, n in faults.items()) or "none"
    return (
        f"{total:,} mutants of {len(rows)} files in {results['settings']['seconds']:.0f} s."
        f"  Exceptions, hangs and deaths: {counted}.  Between its mutants {_WARM_CASES:,} and"
        f" {_MOST_CASES:,}, no process grew by more than {results['growth_mb']:.1f} MB.\n\n"
        + markdown_table(["mutants of", "made", *columns, "longest, s"], rows)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what became of the mutants."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3.5)
    totals: Counter[str] = Counter()
    for row in results["rows"]:
        totals.update(row["outcomes"])
    axes.barh(list(totals), list(totals.values()))
    axes.set_xlabel("mutants")
    save(figure, path)


if __name__ == "__main__":
    main()
