"""The one table of the README: a line for each promise, made from the results alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.harness.harness import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["build_headline"]

_BEGIN = "<!-- measurements:begin (written by benchmarks/tables/report.py) -->"
_END = "<!-- measurements:end -->"
_ATTACKS = {
    "none": "untouched",
    "mp3_32": "MP3, 32 kb/s",
    "aac_48": "AAC, 48 kb/s",
    "opus_16": "Opus, 16 kb/s",
    "opus_8": "Opus, 8 kb/s",
    "g711_mulaw": "telephone, µ-law",
    "gsm": "telephone, GSM",
    "room_0.3": "a room, RT 0.3 s",
    "noise_white_10": "white noise at 10 dB",
    "noise_white_0": "white noise at 0 dB",
    "call": "a call: WebRTC processing, Opus with losses",
    "rnnoise": "RNNoise",
    "deepfilternet": "DeepFilterNet 3",
    "hifigan": "re-synthesis by HiFi-GAN",
    "griffin_lim_mel80": "re-synthesis by Griffin-Lim",
    "speed_+5": "5 % faster, thorough search",
    "pitch_+2": "two semitones up, thorough search",
}
_JUDGES = {
    "pesq_wb": "PESQ",
    "visqol_speech": "ViSQOL speech",
    "visqol_audio": "ViSQOL audio",
    "zimtohrli_mos": "zimtohrli",
}

Results = dict[str, dict[str, Any]]


def build_headline(readme: str, results: Results) -> str:
    """Return the README with its table rebuilt."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    makers: tuple[Callable[[Results], list[str]], ...] = (_found, _false, _quality, _rest)
    parts = [part for maker in makers for part in maker(results)]
    return "\n".join([before + _BEGIN, *parts, _END + after])


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f}" if share in (0, 1) else f"{100 * share:.1f}"


def _found(results: Results) -> list[str]:
    if "robustness" not in results:
        return []
    rows = [row for row in results["robustness"]["rows"] if row["marked"]]
    found = {(row["attack"], row["seconds"]): row["found"] for row in rows}
    read = {(row["attack"], row["seconds"]): row["read"] for row in rows}
    lines = []
    for name, words in _ATTACKS.items():
        cells = [found.get((name, 5.0)), found.get((name, 10.0)), read.get((name, 20.0))]
        if cells[1] is not None:
            lines.append([words, *("" if cell is None else _per_cent(cell) for cell in cells)])
    head = ["found at p ≤ 10⁻⁶, % of clips", "in 5 s", "in 10 s", "owner read in 20 s"]
    n_speakers = len(results["robustness"]["speakers"])
    note = f"Real speech from {n_speakers} speakers held out from training."
    return [markdown_table(head, lines), "", note]


def _false(results: Results) -> list[str]:
    if "false_positives" not in results:
        return []
    own = results["false_positives"]
    n = own["rows"][0]["searches"]
    by_level = {row["log10_p"]: row["at_or_under"] for row in own["rows"]}
    true = own["true_pattern"]
    return [
        f"False alarms: {true['found']} in {own['hours']:.0f} hours of unmarked speech and music"
        f" ({true['n_recordings']:,} recordings). Of {n:,} searches for decoy patterns in them,"
        f" {by_level[-3]:,} gave p ≤ 10⁻³ ({n / 1000:,.0f} allowed) and {by_level[-6]:,} gave"
        f" p ≤ 10⁻⁶ ({n / 1e6:,.1f} allowed). [The proof](docs/evidence.md)."
    ]


def _quality(results: Results) -> list[str]:
    if "quality" not in results:
        return []
    means = {
        (row["condition"], row["judge"]): row["mean"]
        for row in results["quality"]["rows"]
        if row["kind"] == "all"
    }
    words = {"same": "unprocessed", "standard": "**sottovoce, standard**"}
    words |= {"mp3_128": "MP3, 128 kb/s", "opus_32": "Opus, 32 kb/s"}
    lines = [
        [name, *(f"{means[condition, judge]:.2f}" for judge in _JUDGES)]
        for condition, name in words.items()
        if (condition, "pesq_wb") in means
    ]
    return ["", markdown_table(["quality metric", *_JUDGES.values()], lines), ""]


def _rest(results: Results) -> list[str]:
    parts = []
    if "speed" in results:
        rows = {(row["what"], row["sr"]): row for row in results["speed"]["rows"]}
        detect, protect = rows["detect", 16_000], rows["protect", 16_000]
        parts.append(
            f"On one core at 16 kHz, it checks {detect['times_real_time'][1]:,.0f} times faster"
            f" than real time ({detect['to_flac'][1]:.1f} times the cost of decoding FLAC) and"
            f" protects {protect['times_real_time'][1]:,.0f} times faster, with a latency of 16 ms."
        )
    if "footprint" in results:
        own = results["footprint"]["rows"][-1]
        parts.append(
            f"A base install takes {own['mib']} MiB in {own['n_packages']} packages, and"
            f" {own['seconds']} s once they are downloaded."
        )
    if {"scan_throughput", "scan_dataset"} <= results.keys():
        kinds = {row["what"]: row for row in results["scan_throughput"]["rows"]}
        flac, opus = kinds["long_16k_flac"], kinds["long_16k_opus"]
        totals = results["scan_dataset"]["totals"]
        parts.append(
            f"A scan on two cores runs at {flac['scan_times_real_time'][1]:,} times real time for"
            f" FLAC and {opus['scan_times_real_time'][1]:,} for Opus, which is"
            f" {100 * min(row['share'][1] for row in kinds.values()):.0f} to"
            f" {100 * max(row['share'][1] for row in kinds.values()):.0f} % of what decoding and"
            f" detecting alone would reach. In a scan of {totals['n']:,} clips of 1 to 15 s,"
            f" {totals['false']} unmarked clips were reported as marked."
        )
    parts.append("[All measurements, the bad ones too](docs/measurements.md).")
    return parts
