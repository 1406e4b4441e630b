"""Small files that unpack to gigabytes, and what the process that scans one takes."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_bombs", "scan_bomb", "write_arrow_cell"]

_SCAN = """
import sys
from pathlib import Path
from sottovoce.scan import scan_paths

if __name__ == "__main__":
    for one in scan_paths(sys.argv[1:], workers=2):
        print(one.status, one.message)
    lines = Path("/proc/self/status").read_text().splitlines()
    print(int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) // 1024)
"""
_GIB = 1 << 30
_MOST_S = 300.0


def make_bombs(folder: Path) -> list[Path]:
    """Write one file of each kind, and return their paths."""
    made = [
        _parquet_label(folder / "label.parquet"),
        _parquet_group(folder / "row_group.parquet"),
        write_arrow_cell(folder / "cell.arrow", n_bytes=3 * _GIB),
        _json_lines(folder / "lines.jsonl.gz"),
        _json_value(folder / "value.json.gz"),
        _tar_gz(folder / "zeros.tar.gz"),
    ]
    (folder / "scan_it.py").write_text(_SCAN)
    return made


def scan_bomb(path: Path) -> dict[str, Any]:
    """Scan a file in a process of its own, and return what came of it and its peak of memory."""
    began_s = time.monotonic()
    said, peak = ["was not done in time"], "-1"
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [sys.executable, path.parent / "scan_it.py", path],
            capture_output=True,
            text=True,
            check=True,
            timeout=_MOST_S,
        )
        *said, peak = done.stdout.splitlines()
    return {
        "what": path.name,
        "kb": round(path.stat().st_size / 1e3),
        "rows": len(said),
        "said": said[0][:90] if said else "",
        "seconds": round(time.monotonic() - began_s, 1),
        "peak_mb": int(peak),
    }


def _parquet_label(path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    speaker = pa.array(["a" * (3 * _GIB // 2)], pa.large_string())
    table = pa.table({"audio": pa.array([b"x"], pa.binary()), "speaker": speaker})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    return path


def _parquet_group(path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"audio": pa.array([bytes(1 << 20)] * 1024, pa.large_binary())})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    return path


def write_arrow_cell(path: Path, *, n_bytes: int) -> Path:
    """Write an Arrow file whose one cell holds a number of zeros, and return its path."""
    import pyarrow as pa

    data = pa.py_buffer(np.zeros(n_bytes, np.uint8))
    offsets = pa.py_buffer(np.array([0, n_bytes], np.int64))
    cell = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, data])
    batch = pa.record_batch([cell], ["audio"])
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, batch.schema, options=options) as out,
    ):
        out.write_batch(batch)
    return path


def _json_lines(path: Path) -> Path:
    many = b'{"audio_filepath":"x.wav","a":[' + b"{}," * 5_000_000 + b"{}]}\n"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"audio_filepath":"x.wav"}\n')
        for line in (many, many, b"[" * 15_000_000 + b"\n", b"9" * 15_000_000 + b"\n"):
            file.write(line)
    return path


def _json_value(path: Path) -> Path:
    text = b"a" * (1 << 24)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'[{"audio_filepath":"x.wav"},{"text":"')
        for _ in range(5 * _GIB // 2 // len(text)):
            file.write(text)
        file.write(b'"}]')
    return path


def _tar_gz(path: Path) -> Path:
    zeros = bytes(63 << 20)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for i in range(40):
            member = tarfile.TarInfo(f"{i}.wav")
            member.size = len(zeros)
            archive.addfile(member, io.BytesIO(zeros))
    return path
