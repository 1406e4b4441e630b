"""What a scan makes of data sets in the forms that teams use, and whether it skips any.

Each set holds one marked recording somewhere, most of them an unmarked one in a row of its own as
well, and is scanned as a user would scan it.  *Found*: the recording was reported as marked.
*Reported as not scanned*: the scan reported that it did not read or examine something, or that
there was nothing to scan.  *Skipped* is a scan that ended with 0, and must not happen.

Of each set whose mark was found, a filtered copy is made and scanned: it is *clean* if nothing in
it is marked, and nothing is unreadable that was readable before; *empty* if nothing was kept.
`--sets FOLDER` measures the folders in it instead of the sets that are made here.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

import sottovoce as sv
from benchmarks.harness.harness import Benchmark, markdown_table, shipped_clip

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe", "main", "make_sets"]

BENCHMARK = Benchmark("scan_shapes", "Which data sets does a scan skip without reporting it?")
_ANSWERS = {0: "skipped", 2: "reported as not scanned", 3: "reported as not scanned"}
_SCAN = "from sottovoce.cli import main; main()"
_TIMEOUT_S = 300.0
_READ = {"clean", "suspected", "undetermined"}


def _encode(y: np.ndarray[Any, Any], sr: int, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    sf.write(file, y, sr, format=kind, subtype="PCM_16")
    return file.getvalue()


def _to_npy(y: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, y)
    return file.getvalue()


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


class _Maker:
    """Sets of one marked and one unmarked recording."""

    def __init__(self, folder: Path, *, most_s: float) -> None:
        y, sr = shipped_clip()
        self.folder, self.sr = folder, sr
        self.other = y[: int(most_s * sr)]
        # Not drawn by chance, so that mutants of these files can be made again.
        notice = sv.Notice(owner_id=7)
        self.y = sv.protect(y, sr=sr, notice=notice, phase_s=0.3).astype(np.float32)
        self.y = self.y[: int(most_s * sr)]
        self.marked, self.plain = _encode(self.y, sr), _encode(self.other, sr)
        self.array, self.other_array = _to_npy(self.y), _to_npy(self.other)

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def files(self) -> None:
        for suffix, kind in (("sph", "NIST"), ("au", "AU"), ("noext", "WAV"), ("wav.1", "FLAC")):
            name = "noext/a" if suffix == "noext" else f"{suffix}/a.{suffix}"
            self.write(name, _encode(self.y, self.sr, kind))
            self.write(name.replace("/a", "/b"), _encode(self.other, self.sr, kind))
        self.write("gz/a.wav.gz", gzip.compress(self.marked))
        self.write("gz/b.wav.gz", gzip.compress(self.plain))
        self.write("hidden/.cache/a.wav", self.marked)
        self.write("hidden/b.wav", self.plain)
        self.write("empty/README.md", "Nothing here.")
        self.write("hdf5/a.h5", b"\x89HDF\r\n\x1a\n" + bytes(90))
        self.write("npy/a.npy", self.array)
        for name, array in (("a", self.array), ("b", self.other_array)):
            self.write(f"npy_rate/{name}.npy", array)
            self.write(f"npy_rate/{name}.json", json.dumps({"sampling_rate": self.sr}))

    def archives(self) -> None:
        items = [
            ("0.prompt.wav", self.plain),
            ("0.target.audio", self.marked),
            ("0.json", b'{"text": "x"}'),
            ("1.prompt.wav", self.plain),
            ("1.target.audio", self.plain),
            ("1.json", b'{"text": "y"}'),
        ]
        rate = json.dumps({"sr": self.sr}).encode()
        arrays = [("0.npy", self.array), ("0.json", rate)]
        arrays += [("1.npy", self.other_array), ("1.json", rate)]
        for name, members in (("tar", items), ("tar_npy", arrays), ("tar_no_rate", arrays[::2])):
            for mode in ("w", "w:gz"):
                path = self.folder / f"{name}_{mode[2:] or 'plain'}" / "a.tar"
                path.parent.mkdir(parents=True)
                with tarfile.open(path, mode) as archive:
                    for own, data in members:
                        info = tarfile.TarInfo(own)
                        info.size = len(data)
                        archive.addfile(info, io.BytesIO(data))
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
            path = self.write(f"zip_{method}/a.zip", b"")
            with zipfile.ZipFile(path, "w", method) as archive:
                for own, data in items:
                    archive.writestr(own, data)

    def tables(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        cell = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        marked, plain = ({"bytes": one, "path": "x.wav"} for one in (self.marked, self.plain))
        turns = pa.list_(pa.struct([("who", pa.string()), ("audio", cell)]))
        samples = pa.struct([("array", pa.list_(pa.float32())), ("sampling_rate", pa.int64())])
        both = [self.y, self.other]
        whole = [(one * 32767).astype("<i2") for one in both]
        rate = [self.sr] * 2
        arrays = [{"array": one, "sampling_rate": self.sr} for one in both]
        said = [[{"who": "a", "audio": marked}], [{"who": "b", "audio": plain}]]
        texts = [base64.b64encode(one).decode() for one in (self.marked, self.plain)]
        sets = {
            "two_structs": {
                "audio": pa.array([plain, plain], cell),
                "prompt": pa.array([marked, plain], cell),
            },
            "list": {"audios": pa.array([[plain, marked], [plain]], pa.list_(cell))},
            "nested": {"turns": pa.array(said, turns)},
            "two_bytes": {"audio": [self.plain] * 2, "reference": [self.marked, self.plain]},
            "samples": {"audio": pa.array(arrays, samples)},
            "floats": {"audio": pa.array(both, pa.list_(pa.float32())), "sr": rate},
            "int16": {"speech": pa.array(whole, pa.list_(pa.int16())), "sample_rate": rate},
            "no_rate": {"audio": pa.array(both, pa.list_(pa.float32()))},
            "raw": {"audio": [one.tobytes() for one in whole], "sample_rate": rate},
            "map": {
                "takes": pa.array([[("a", marked)], [("b", plain)]], pa.map_(pa.string(), cell))
            },
            "base64": {"audio": texts},
        }
        for name, columns in sets.items():
            path = self.write(f"parquet_{name}/a.parquet", b"")
            table = pa.table(columns)
            pq.write_table(table, path)
            path = self.write(f"arrow_{name}/a.arrow", b"")
            with pa.ipc.new_stream(str(path), table.schema) as writer:
                writer.write_table(table)

    def hugging_face(self) -> None:
        import datasets
        import pyarrow as pa

        features = datasets.Features(
            audio=datasets.Audio(), negatives=datasets.List(datasets.Audio())
        )
        marked, plain = ({"bytes": one, "path": None} for one in (self.marked, self.plain))
        rows = [{"audio": plain, "negatives": [plain, one]} for one in (marked, plain)]
        table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
        data = datasets.Dataset(datasets.table.InMemoryTable(table))
        data.save_to_disk(str(self.folder / "hf_saved" / "set"))
        (self.folder / "hf_parquet").mkdir()
        data.to_parquet(str(self.folder / "hf_parquet" / "a.parquet"))

    def web_dataset(self) -> None:
        import webdataset

        (self.folder / "wds").mkdir()
        with webdataset.TarWriter(str(self.folder / "wds" / "a.tar")) as writer:
            writer.write({"__key__": "0", "wav": self.plain, "json": {"text": "x"}})
            writer.write({"__key__": "1", "audio": self.marked, "json": {"text": "x"}})

    def listings(self) -> None:
        texts = [base64.b64encode(one).decode() for one in (self.marked, self.plain)]
        rows = [{"id": i, "audio": text} for i, text in enumerate(texts)]
        self.write("jsonl_base64/a.jsonl", _lines(rows))
        rows = [{"messages": [{"audio": f"data:audio/wav;base64,{text}"}]} for text in texts]
        self.write("jsonl_uri/a.jsonl", _lines(rows))
        outside = self.write("../outside.wav", self.marked)
        other = self.write("../other.wav", self.plain)
        rows = [{"audio_filepath": str(one)} for one in (outside, other)]
        self.write("jsonl_outside/a.jsonl", _lines(rows))
        self.write("csv_two/sound/m.data", self.marked)
        self.write("csv_two/sound/u.data", self.plain)
        table = "audio,prompt_audio\nsound/u.data,sound/m.data\nsound/u.data,sound/u.data\n"
        self.write("csv_two/a.csv", table)
        self.write("scp_ark/w.ark", b"a " + self.marked + b"b " + self.plain)
        self.write("scp_ark/wav.scp", f"a w.ark:2\nb w.ark:{len(self.marked) + 4}\n")
        both = ("m.data", "u.data")
        for name, value in (
            ("json_array", [{"audio": one} for one in both]),
            ("json_object", {one: {"wav": f"{{data_root}}/{one}", "length": 12} for one in both}),
            ("json_member", {"dataset": "G", "audios": [{"path": x, "aid": x} for x in both]}),
        ):
            self.write(f"{name}/m.data", self.marked)
            self.write(f"{name}/u.data", self.plain)
            self.write(f"{name}/a.json", json.dumps(value, indent=1))
        lines = f"a {outside}\nb sox {outside} -t wav - |\nc {other}\n"
        self.write("scp_outside/wav.scp", lines)


def make_sets(folder: Path, *, most_s: float = 60.0) -> None:
    """Write the sets, each into a folder of its own, their sounds at most so long."""
    maker = _Maker(folder, most_s=most_s)
    maker.files()
    maker.archives()
    maker.tables()
    maker.hugging_face()
    maker.web_dataset()
    maker.listings()


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the program itself
        [sys.executable, "-c", _SCAN, "scan", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _scan(name: Path, out: Path) -> dict[str, Any]:
    done = _run(name, "-o", out, "--json", "--jobs", "1")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    statuses = Counter(line["status"] for line in lines if "status" in line)
    answer = "found" if statuses["marked"] else _ANSWERS.get(done.returncode, "failed")
    return {
        "set": name.name,
        "answer": answer,
        "exit_code": done.returncode,
        "statuses": dict(sorted(statuses.items())),
        "not_looked_at": next((one["not_looked_at"] for one in lines if "status" not in one), {}),
        "copy": _copy(name, out, statuses) if answer == "found" else "",
    }


def _copy(name: Path, out: Path, before: Counter[str]) -> str:
    """Return what a filtered copy is, where it is anything but as it should be."""
    kept = out.with_name(f"{out.name}.kept") / name.name
    done = _run("filter", out, "--to", kept)
    if done.returncode:
        return f"failed: {done.stderr.splitlines()[0]}"
    if ": 0 kept" in done.stdout:
        return "empty"
    again = _run(kept, "-o", out.with_name(f"{out.name}.again"), "--json", "--jobs", "1")
    lines = [json.loads(line) for line in again.stdout.splitlines() if line.startswith("{")]
    after = Counter(line["status"] for line in lines if "status" in line)
    worse = {status: n for status, n in (after - before).items() if status not in _READ}
    if after["marked"] or worse:
        return f"not clean: {dict(after)}"
    return "clean"


def describe(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    counts = Counter(row["answer"] for row in results["rows"])
    head = ("set", "answer", "exit code", "recordings by status", "not examined", "filtered copy")
    rows = [
        (
            row["set"],
            row["answer"],
            row["exit_code"],
            ", ".join(f"{n} {status}" for status, n in row["statuses"].items()),
            ", ".join(f"{n} {kind}" for kind, n in row["not_looked_at"].items()),
            row["copy"],
        )
        for row in results["rows"]
    ]
    total = ", ".join(f"{n} {answer}" for answer, n in sorted(counts.items()))
    copies = Counter(row["copy"].partition(":")[0] for row in results["rows"] if row["copy"])
    copied = ", ".join(f"{n} {kind}" for kind, n in sorted(copies.items()))
    return f"Of {len(rows)} sets: {total}. Copies: {copied}.\n\n{markdown_table(head, rows)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Scan every set and write the results."""
    BENCHMARK.parser.add_argument("--sets", type=Path, help="a folder of sets to scan instead")
    options = BENCHMARK.parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="scan_shapes-") as place:
        folder = options.sets or Path(place) / "sets"
        if options.sets is None:
            folder.mkdir()
            make_sets(folder)
        rows = []
        for name in sorted(path for path in folder.iterdir() if path.is_dir()):
            rows.append(_scan(name, Path(place) / "out" / name.name))
            sys.stderr.write(f"scan_shapes: {rows[-1]}\n")
    results = BENCHMARK.write(options, rows)
    sys.stdout.write(describe(results) + "\n")
    if any(
        row["answer"] in ("skipped", "failed") or row["copy"].startswith(("not clean", "failed"))
        for row in rows
    ):
        sys.exit(1)


if __name__ == "__main__":
    main()
