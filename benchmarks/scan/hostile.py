"""What a scan makes of files that are damaged, absurd or malicious, and of many mutants.

The named cases are written to a folder and scanned as a user would.  Then sound files of every
format are mutated at random (bits flipped, pieces cut out, doubled and spliced, lengths falsified)
and scanned in batches until the time is up.  Every file must get its status, the scan must
continue, and its memory must stay bounded.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import struct
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf

from benchmarks.harness.harness import Benchmark, markdown_table, rng_for, shipped_clip
from rig.memory_in_use import PeakMemory
from rig.small_bombs import make_bombs, scan_bomb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sottovoce.scan.recording import Recording

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark(
    "scan_hostile", "Does anything stop a scan, or count as clean without being read?"
)
_SR = 16_000
_SEED_S = 3
_BATCH = 300
_LIMITS = {"time_s": 20.0, "time_per_mib_s": 4.0, "seconds": 3600.0}
_FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "wav_float": ("WAV", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "w64": ("W64", "PCM_16"),
}
_CONTAINERS = {"m4a": ("ipod", "aac"), "webm": ("webm", "libopus"), "mkv": ("matroska", "flac")}


def _encode(y: np.ndarray[Any, Any], kind: str) -> bytes:
    file = io.BytesIO()
    if kind in _FORMATS:
        container, subtype = _FORMATS[kind]
        sf.write(file, y, _SR, format=container, subtype=subtype)
        return file.getvalue()
    import av

    container, codec = _CONTAINERS[kind]
    sr = 48_000 if codec == "libopus" else _SR
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=sr)
        stream.layout = "mono"
        wanted = stream.format.name if stream.format else "fltp"
        frame = av.AudioFrame.from_ndarray(y[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = _SR
        frame.pts = 0
        resampler = av.AudioResampler(format=wanted, layout="mono", rate=sr, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(part):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return file.getvalue()


def _mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Return what a fault, or somebody who looks for one, makes of a file."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not out:
            break
        where = int(rng.integers(len(out)))
        # Headers are where harm is done.
        where = where % 64 if rng.random() < 0.4 else where
        size = int(rng.integers(1, 1 + min(len(out), 2048)))
        match int(rng.integers(7)):
            case 0:
                out[where % len(out)] ^= 1 << int(rng.integers(8))
            case 1:
                out[where : where + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]
                )
            case 2:
                del out[where : where + size]
            case 3:
                out[where:where] = out[where : where + size]
            case 4:
                out[where : where + size] = rng.bytes(size)
            case 5:
                del out[where:]
            case 6:
                other = int(rng.integers(len(out)))
                out[where : where + size] = out[other : other + size]
    return bytes(out)


def _cases(y: np.ndarray[Any, Any]) -> dict[str, tuple[bytes, set[str]]]:
    """Return named files and the statuses that are right for them."""
    wav, flac, mp3 = (_encode(y, kind) for kind in ("wav", "flac", "mp3"))
    unread = {"error", "unsupported", "partial", "timeout", "crashed"}
    flac_total = bytearray(flac)
    flac_total[21:26] = bytes([flac_total[21] | 0x0F]) + b"\xff\xff\xff\xff"
    flac_none = bytearray(flac)
    flac_none[21:26] = bytes([flac_none[21] & 0xF0]) + b"\0\0\0\0"
    lie = wav[:4] + b"\xff\xff\xff\xff" + wav[8:40] + b"\xff\xff\xff\xff" + wav[44:]
    return {
        "empty.wav": (b"", unread),
        "empty.flac": (b"", unread),
        "text.wav": (b"this is no sound\n" * 50, unread),
        "text.mp3": (b"this is no sound\n" * 50, unread),
        "random.ogg": (rng_for(0, "random").bytes(20_000), unread),
        "truncated.wav": (wav[: len(wav) // 2], unread),
        "truncated.flac": (flac[: len(flac) // 2], unread),
        "truncated.mp3": (mp3[: len(mp3) // 2], unread | {"undetermined", "clean"}),
        "truncated.ogg": (_encode(y, "vorbis")[:-2000], unread),
        "truncated.opus": (_encode(y, "opus")[:-2000], unread),
        "truncated.m4a": (_encode(y, "m4a")[:-2000], unread),
        "unknown_length.flac": (bytes(flac_none), {"clean", "undetermined"}),
        "endless_length.flac": (bytes(flac_total), unread),
        "size_of_4_gib.wav": (lie, {"clean", "undetermined", *unread}),
        "no_channels.wav": (_patch(wav, 22, "<H", 0), unread),
        "many_channels.wav": (_patch(wav, 22, "<H", 65_535), unread),
        "no_rate.wav": (_patch(wav, 24, "<I", 0), unread),
        "endless_rate.wav": (_patch(wav, 24, "<I", 0xFFFFFFFF), unread),
        "no_bits.wav": (_patch(wav, 34, "<H", 0), unread),
        "not_a_number.wav": (_encode(np.full_like(y, np.nan), "wav_float"), unread),
        "infinite.wav": (_encode(np.full_like(y, np.inf), "wav_float"), unread),
        "1e30.wav": (_encode(np.full_like(y, 1e30), "wav_float"), {"clean", "undetermined"}),
        "one_sample.wav": (_encode(y[:1], "wav"), {"undetermined"}),
        "192_kHz_8_channels.flac": (_wide(y), {"clean", "undetermined"}),
        "hours_of_silence.flac": (_silence(), unread),
    }


def _patch(data: bytes, at: int, kind: str, value: int) -> bytes:
    packed = struct.pack(kind, value)
    return data[:at] + packed + data[at + len(packed) :]


def _wide(y: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    sf.write(file, np.repeat(np.resize(y, 192_000 * 6)[:, None], 8, axis=1), 192_000, format="FLAC")
    return file.getvalue()


def _silence() -> bytes:
    """Ten hours in two megabytes; more than the benchmark's limit of one hour."""
    file = io.BytesIO()
    with sf.SoundFile(file, "w", _SR, 1, format="FLAC", subtype="PCM_16") as out:
        minute = np.zeros(60 * _SR, dtype=np.int16)
        for _ in range(600):
            out.write(minute)
    return file.getvalue()


def _scan_cases(folder: Path, y: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    from sottovoce.scan import Limits, scan_paths

    cases = _cases(y)
    for name, (data, _) in cases.items():
        (folder / name).write_bytes(data)
    os.mkfifo(folder / "pipe.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    rows = []
    for finding in scan_paths([folder], workers=2, limits=Limits(**_LIMITS)):
        name = Path(finding.id).name
        right = cases.get(name, (b"", {"error", "unsupported"}))[1]
        rows.append(
            {
                "what": name,
                "status": finding.status,
                "right": finding.status in right,
                "said": finding.message.replace(str(folder), "")[:90],
            }
        )
    missing = ({*cases} | {"pipe.wav", "loop.wav"}) - {row["what"] for row in rows}
    rows += [{"what": one, "status": "missing", "right": False, "said": ""} for one in missing]
    return sorted(rows, key=lambda row: str(row["what"]))


def _mutants(
    seeds: dict[str, bytes], seed: int, until_s: float, made: Counter[str]
) -> Iterator[Recording]:
    from sottovoce.scan.recording import Inline, Recording

    number = 0
    while time.monotonic() < until_s:
        kind = list(seeds)[number % len(seeds)]
        data = _mutate(seeds[kind], rng_for(seed, kind, number))
        made[kind] += 1
        yield Recording(id=f"{kind}/{number}", place=Inline(data), stamp="", n_bytes=len(data))
        number += 1


def _fuzz(seeds: dict[str, bytes], options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - argparse's
    from sottovoce.scan import Limits
    from sottovoce.scan.workers.pool import examine_all

    made: Counter[str] = Counter()
    statuses: dict[str, Counter[str]] = {kind: Counter() for kind in seeds}
    mutants = _mutants(seeds, options.seed, time.monotonic() + options.seconds, made)
    unforeseen: Counter[str] = Counter()
    for _, finding in examine_all(mutants, workers=options.jobs, limits=Limits(**_LIMITS)):
        kind = finding.id.split("/")[0]
        statuses[kind][finding.status] += 1
        unforeseen[kind] += finding.message.startswith("unexpected error")
    return [
        {
            "what": kind,
            "made": made[kind],
            "statuses": dict(sorted(own.items())),
            "unforeseen": unforeseen[kind],
        }
        for kind, own in statuses.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--seconds", type=float, default=660.0, help="of mutants (default: 660)")
    options = parser.parse_args(arguments)
    y, _ = shipped_clip()
    y = y[: _SEED_S * _SR]
    with tempfile.TemporaryDirectory(prefix="sottovoce-bombs-") as place:
        # In a process of its own: what it took to make them must not count as the scan's memory.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as maker:
            paths = maker.submit(make_bombs, Path(place)).result()
        bombs = [scan_bomb(path) for path in paths]
    sys.stderr.write("scan_hostile: the bombs are done\n")
    with (
        tempfile.TemporaryDirectory(prefix="sottovoce-hostile-") as place,
        PeakMemory(own=True) as memory,
    ):
        cases = _scan_cases(Path(place), y)
        sys.stderr.write("scan_hostile: the named cases are done\n")
        fuzz = _fuzz({kind: _encode(y, kind) for kind in (*_FORMATS, *_CONTAINERS)}, options)
    settings = {"seconds of mutants": options.seconds, "limit of a recording, s": 20.0}
    totals = {"peak_mb": round(memory.peak_bytes / 2**20)}
    told = {"cases": cases, "bombs": bombs, "totals": totals}
    print(describe(BENCHMARK.write(options, fuzz, settings=settings, **told)))


def describe(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    named = [
        [f"`{row['what']}`", row["status"], "yes" if row["right"] else "**no**", row["said"]]
        for row in results["cases"]
    ]
    columns = sorted({status for row in results["rows"] for status in row["statuses"]})
    mutants = [
        [
            f"`{row['what']}`",
            f"{row['made']:,}",
            *(f"{row['statuses'].get(status, 0):,}" for status in columns),
            f"{row['made'] - sum(row['statuses'].values())}",
            f"{row['unforeseen']}",
        ]
        for row in results["rows"]
    ]
    total = sum(row["made"] for row in results["rows"])
    bombs = [
        [
            f"`{row['what']}`",
            *(str(row[key]) for key in ("kb", "rows", "seconds", "peak_mb", "said")),
        ]
        for row in results.get("bombs", ())
    ]
    heads = ["small file", "kB", "rows", "seconds", "MB of the scan itself", "first message"]
    return (
        (f"{markdown_table(heads, bombs)}\n\n" if bombs else "")
        + markdown_table(["file", "status", "as expected", "message"], named)
        + "\n\n"
        f"Mutants of a clip of {_SEED_S} s in every format, {total:,} in all, and what became of"
        " them; none may be without a status, or end with an unforeseen error. A mutant that still"
        " decodes to its end counts like any clip that is too short. The scan and its workers took"
        f" at most {results['totals']['peak_mb']:,} MB.\n\n"
        + markdown_table(["format", "mutants", *columns, "without a status", "unforeseen"], mutants)
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw what became of the mutants."""
    from benchmarks.harness.plots import save, subplots

    figure, axes = subplots(width=6, height=3.5)
    names = [row["what"] for row in results["rows"]]
    left = np.zeros(len(names))
    for status in sorted({status for row in results["rows"] for status in row["statuses"]}):
        share = np.array([row["statuses"].get(status, 0) / row["made"] for row in results["rows"]])
        axes.barh(names, share, left=left, label=status)
        left += share
    axes.legend(fontsize="small")
    axes.set_xlabel("share of the mutants")
    save(figure, path)


if __name__ == "__main__":
    main()
