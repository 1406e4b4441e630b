"""Every kind of listing, made to name one thing: a path, or an address."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["COMMANDS", "LISTINGS", "make_listing"]


def _recording(name: str, kind: str = "file") -> dict[str, Any]:
    source = {"type": kind, "channels": [0], "source": name}
    return {
        "id": "r",
        "sources": [source],
        "sampling_rate": 16_000,
        "num_samples": 8_000,
        "duration": 0.5,
    }


def _cut(name: str) -> dict[str, Any]:
    own = {"id": "c", "start": 0, "duration": 0.5, "channel": 0, "type": "MonoCut"}
    return {**own, "supervisions": [], "recording": _recording(name)}


def _mixed(name: str) -> dict[str, Any]:
    return {"id": "m", "type": "MixedCut", "tracks": [{"cut": _cut(name), "offset": 0}]}


def _lines(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


_TEXTS: dict[str, Callable[[str], bytes]] = {
    "nemo.jsonl": lambda x: _lines({"audio_filepath": x, "duration": 0.5, "text": "a"}),
    "second.jsonl": lambda x: _lines({"text": "a", "target_filepath": x}),
    "lhotse.jsonl": lambda x: _lines(_recording(x)),
    "lhotse_url.jsonl": lambda x: _lines(_recording(x, "url")),
    "lhotse_packed.jsonl.gz": lambda x: gzip.compress(_lines(_cut(x))),
    "lhotse_mixed.jsonl": lambda x: _lines(_mixed(x)),
    "lhotse_custom.jsonl": lambda x: _lines({**_cut(x), "custom": {"target": _recording(x)}}),
    "lhotse_array.json": lambda x: json.dumps([_cut(x)], indent=2).encode(),
    "lhotse.yaml": lambda x: yaml.dump([_cut(x)]).encode(),
    "paths.json": lambda x: json.dumps([x]).encode(),
    "speechbrain.json": lambda x: json.dumps({"u1": {"wav": x, "length": 0.5}}, indent=2).encode(),
    "gigaspeech.json": lambda x: json.dumps(
        {"dataset": "G", "audios": [{"aid": "A", "path": x, "segments": [{"sid": "s"}]}]}
    ).encode(),
    "emilia.json": lambda x: json.dumps({"id": "a", "wav": x, "text": "b"}, indent=2).encode(),
    "paths.txt": lambda x: f"{x}\n".encode(),
    "vits.txt.cleaned": lambda x: f"{x}|0|some words\n".encode(),
    "wenet.list": lambda x: _lines({"key": "k", "wav": x, "txt": "a"}),
    "speechbrain.csv": lambda x: f"ID,duration,wav,wav_format\n1,0.5,{x},wav\n".encode(),
    "bars.csv": lambda x: f"{x}|some words|some words\n".encode(),
    "tabs.tsv": lambda x: f"1\t{x}\tsome words\n".encode(),
    "fairseq.tsv": lambda x: f"/\n{x}\t8000\n".encode(),
    "common_voice.tsv": lambda x: f"client_id\tpath\tsentence\n1\t{x}\ta\n".encode(),
    "wav.scp": lambda x: f"u1 {x}\n".encode(),
}
COMMANDS: dict[str, Callable[[str], bytes]] = {
    "flac.scp": lambda x: f"u1 flac -c -d -s {x} |\n".encode(),
    "sox.scp": lambda x: f"u1 sox {x} -t wav - |\n".encode(),
    "ark.scp": lambda x: f"u1 {x}:0\n".encode(),
    "shards.list": lambda x: f"{x}.tar\n".encode(),
}
"""Of which no address is read at all."""
_SOUND = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def _cells(name: str) -> pa.Table:
    return pa.table({"audio": pa.array([{"bytes": None, "path": name}], _SOUND)})


_TABLES: dict[str, Callable[[str], pa.Table]] = {
    "paths.parquet": lambda x: pa.table({"path": [x]}),
    "cells.parquet": _cells,
    "maps.parquet": lambda x: pa.table(
        {"takes": pa.array([[("a", {"bytes": None, "path": x})]], pa.map_(pa.string(), _SOUND))}
    ),
    "lists.parquet": lambda x: pa.table(
        {"audio": pa.array([[{"bytes": None, "path": x}]], pa.list_(_SOUND))}
    ),
    "cells.arrow": _cells,
}
LISTINGS = (*_TEXTS, *_TABLES)


def make_listing(folder: Path, kind: str, name: str) -> Path:
    """Write the listing of a kind that names one thing, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / kind
    if kind not in _TABLES:
        path.write_bytes({**_TEXTS, **COMMANDS}[kind](name))
    elif kind.endswith(".arrow"):
        table = _TABLES[kind](name)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            out.write_table(table)
    else:
        pq.write_table(_TABLES[kind](name), path)
    return path
