"""Side by side: other watermarks on the same clips, through the same attacks.

One piece of each clip of the report half is marked by every watermark, cropped at random, attacked
and cropped again, with the same chance for all; what comes out is scored whole (10 s) and in a 5 s
part.  Only sottovoce has a proved rate of false alarms.  A peer's score becomes *found* from the
threshold that at most 1 % of unmarked pieces of the tune half reach, clean and attacked; so that
like is compared with like, sottovoce's score is put to the same rule in a column of its own.

The default takes under a quarter of an hour on two cores (16 clips, 22 attacks); ``--quick`` is
minutes (6 clips).
"""

from __future__ import annotations

import functools
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import librosa
import numpy as np
import soundfile as sf

from benchmarks.attacks import ATTACKS
from benchmarks.data.speech import Half, load_clips
from benchmarks.harness.harness import (
    Benchmark,
    choose_clips,
    quartiles,
    rng_for,
    run_tasks,
    wilson,
)
from benchmarks.harness.judges import JUDGES
from benchmarks.harness.trials import MARGIN_S, Source, cut, load_source, pieces_of, run_attack
from benchmarks.peers import Peer, Sottovoce, missing_peers
from benchmarks.peers.footprint import footprint_mib
from benchmarks.peers.perth import Perth
from benchmarks.peers.tables import describe, plot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.attacks import Audio

__all__ = ["describe", "main", "plot"]

BENCHMARK = Benchmark("side_by_side", "What do other watermarks find on the same clips?")
_PEERS: dict[str, type[Peer]] = {peer.key: peer for peer in (Sottovoce, Perth)}
_LENGTHS_S = (10.0, 5.0)
_PROVED = 6.0
"""Minus log10 of the p-value from which sottovoce says found."""
_FPR = 0.01
_N_CLIPS, _N_QUICK = 16, 6
_MOST_LOST_S = 1.5
_ATTACKS = (
    "none",
    "mp3_32",
    "aac_32",
    "opus_16",
    "opus_8",
    "g711_mulaw",
    "gsm",
    "resample_8k",
    "requant_8",
    "room_0.6",
    "noise_white_20",
    "noise_white_10",
    "noise_white_0",
    "babble_10",
    "webrtc",
    "rnnoise",
    "dtln",
    "deepfilternet",
    "griffin_lim_mel80",
    "world",
    "hifigan",
    "speed_+1",
    "speed_+10",
    "pitch_+1",
)
_CALIBRATION = (
    "none",
    "mp3_32",
    "opus_8",
    "g711_mulaw",
    "requant_8",
    "room_0.6",
    "noise_white_10",
    "babble_10",
    "rnnoise",
    "dtln",
)
_JUDGED = ("pesq_wb", "visqol_speech", "visqol_audio", "zimtohrli_mos")


@dataclass(frozen=True, slots=True)
class _Task:
    """One piece through one attack: marked by one peer, or unmarked and scored by all."""

    source: Source
    start_s: float
    attack: str
    marked_by: str | None
    peers: tuple[str, ...]
    seed: int


def _piece(source: Source, start_s: float) -> tuple[Audio, int]:
    y, sr = load_source(source)
    mono = librosa.to_mono(y)
    return cut(mono, sr, start_s, _LENGTHS_S[0] + MARGIN_S + _MOST_LOST_S), sr


@functools.lru_cache(maxsize=32)
def _marked(peer: str, source: Source, seed: int) -> tuple[Audio, int]:
    """Mark a piece once for all attacks: some peers take their time."""
    y, sr = _piece(source, 0.0)
    return _PEERS[peer]().mark(y, sr, rng_for(seed, "mark", peer, source.name)), sr


def _run(task: _Task) -> list[dict[str, Any]]:
    # The same cuts, noise and rooms for all peers.
    rng = rng_for(task.seed, task.source.name, task.start_s, task.attack)
    attack = ATTACKS[task.attack]
    if task.marked_by is None:
        y, sr = _piece(task.source, task.start_s)
    else:
        y, sr = _marked(task.marked_by, task.source, task.seed)
    y = cut(y, sr, 0.0, _LENGTHS_S[0] + MARGIN_S + attack.loses_s)
    try:
        heard, heard_sr = run_attack(y, sr, attack, _LENGTHS_S[0], rng)
    except (ImportError, FileNotFoundError) as err:
        return [{"attack": task.attack, "missing": str(err)}]
    heard = librosa.to_mono(heard)
    rows = []
    for seconds in _LENGTHS_S:
        n = min(round(seconds * heard_sr), len(heard))
        start = int(rng.integers(len(heard) - n + 1))
        part = np.ascontiguousarray(heard[start : start + n])
        rows += [
            {
                "peer": name,
                "attack": task.attack,
                "marked": task.marked_by is not None,
                "half": task.source.clips[0].half,
                "seconds": seconds,
                "score": _score(name, part, heard_sr, task),
            }
            for name in task.peers
        ]
    return rows


def _score(name: str, y: Audio, sr: int, task: _Task) -> float:
    """Return the score from the search that the attack calls for.

    For unmarked audio that is the highest of all searches: thresholds hold for each of them.
    """
    peer = _PEERS[name]()
    searches = peer.searches if task.marked_by is None else (ATTACKS[task.attack].stretches,)
    return max(peer.score(y, sr, stretched=stretched) for stretched in searches)


def _judge(task: tuple[str, Source, int]) -> dict[str, float]:
    name, source, seed = task
    y, sr = _piece(source, 0.0)
    marked, _ = _marked(name, source, seed)
    n = round(_LENGTHS_S[0] * sr)
    return {judge: JUDGES[judge](y[:n], marked[:n], sr) for judge in _JUDGED}


def _speeds(task: tuple[Source, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    """Time the peers in turn, in units of decoding the same 10 s from FLAC, on one thread."""
    source, names = task
    y, sr = _piece(source, 0.0)
    y = cut(y, sr, 0.0, _LENGTHS_S[0])
    file = io.BytesIO()
    sf.write(file, y, sr, format="FLAC", subtype="PCM_16")

    def decode() -> None:
        file.seek(0)
        sf.read(file, dtype="float32")

    work: dict[tuple[str, str], Callable[[], object]] = {}
    for name in names:
        peer = _PEERS[name]()
        marked = peer.mark(y, sr, np.random.default_rng(0))
        work[name, "mark"] = functools.partial(peer.mark, y, sr, np.random.default_rng(0))
        work[name, "find"] = functools.partial(peer.score, marked, sr)
    ratios: dict[tuple[str, str], list[float]] = {key: [] for key in work}
    for _ in range(7):
        for key, do in work.items():
            ratios[key].append(_seconds(do) / _seconds(decode))
    return {
        name: {what: round(quartiles(ratios[name, what])[1], 1) for what in ("mark", "find")}
        for name in names
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _choose(half: Half, n: int | None) -> list[Source]:
    longest = _LENGTHS_S[0] + MARGIN_S + _MOST_LOST_S
    clips = [clip for clip in load_clips(half, min_s=longest) if clip.sr >= 16_000]
    return [Source((clip,)) for clip in choose_clips(clips, n)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the results."""
    parser = BENCHMARK.parser
    parser.add_argument("--quick", action="store_true", help=f"{_N_QUICK} clips: minutes")
    options = parser.parse_args(arguments)
    n_clips = options.clips or (_N_QUICK if options.quick else _N_CLIPS)
    missing = missing_peers(_PEERS.values())
    peers = tuple(name for name in _PEERS if name not in missing)
    sources, quiet = _choose("report", n_clips), _choose("tune", n_clips if options.quick else None)
    tasks = _make_tasks(sources, quiet, peers, options.seed)
    outcomes = run_tasks(_run, tasks, jobs=options.jobs, label="trials")
    rows = [row for several in outcomes for row in several]
    missing |= {row["attack"]: row["missing"] for row in rows if "missing" in row}
    trials = [row for row in rows if "missing" not in row]
    judging = [(name, source, options.seed) for name in peers for source in sources]
    judged = run_tasks(_judge, judging, jobs=options.jobs, label="judges")
    speeds = run_tasks(_speeds, [(sources[0], peers)], jobs=1, label="speed")[0]
    rules = [_rule(trials, name, how) for name in peers for how in _PEERS[name].rules]
    facts = [
        {
            "key": name,
            "name": _PEERS[name].name,
            "installed_mib": footprint_mib(_PEERS[name].needs.values()),
            "to_flac": speeds[name],
            "judges": _verdicts(
                [own for task, own in zip(judging, judged, strict=True) if task[0] == name]
            ),
        }
        for name in peers
    ]
    results = BENCHMARK.write(
        options,
        [row for rule in rules for row in _rows(trials, rule)],
        clips=[source.clips[0] for source in sources],
        calibration_attacks=_CALIBRATION,
        rules=rules,
        peers=facts,
        missing=missing,
    )
    print(describe(results))
    if options.plot:
        plot(results, options.plot)


def _make_tasks(
    sources: Sequence[Source], quiet: Sequence[Source], peers: tuple[str, ...], seed: int
) -> list[_Task]:
    """Return the marked pieces of each peer, and the unmarked ones, which all peers score."""
    pieces, _ = pieces_of(quiet, seconds=_LENGTHS_S[0] + MARGIN_S)
    marked = [
        _Task(source, 0.0, attack, name, (name,), seed)
        for name in peers
        for source in sources
        for attack in _ATTACKS
    ]
    unmarked = [
        _Task(source, start_s, attack, None, peers, seed)
        for source, start_s in [*pieces, *((source, 0.0) for source in sources)]
        for attack in _CALIBRATION
    ]
    return marked + unmarked


def _verdicts(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return mean and minimum by judge."""
    by_judge = {judge: np.array([row[judge] for row in rows]) for judge in _JUDGED}
    return {
        judge: [round(float(np.nanmean(own)), 3), round(float(np.nanmin(own)), 3)]
        for judge, own in by_judge.items()
    }


def _scores(trials: Sequence[dict[str, Any]], **wanted: object) -> list[float]:
    return [t["score"] for t in trials if all(t[key] == value for key, value in wanted.items())]


def _rule(trials: Sequence[dict[str, Any]], name: str, how: str) -> dict[str, Any]:
    """Return from which score a peer says found at each length, and what that costs.

    `how` is "proved", or "one_percent" for the smallest threshold that at most 1 % of the unmarked
    pieces of the tune half reach.
    """
    least, n_learned, false = {}, {}, {}
    for seconds in _LENGTHS_S:
        key = f"{seconds:g}"
        own = sorted(_scores(trials, peer=name, marked=False, half="tune", seconds=seconds))
        allowed = int(_FPR * len(own))
        empirical = float(np.nextafter(own[-1 - allowed], np.inf))
        least[key] = _PROVED if how == "proved" else empirical
        n_learned[key] = len(own)
        unmarked = _scores(trials, peer=name, marked=False, half="report", seconds=seconds)
        false[key] = [sum(score >= least[key] for score in unmarked), len(unmarked)]
    return {"peer": name, "how": how, "least": least, "n_learned": n_learned, "false": false}


def _rows(trials: Sequence[dict[str, Any]], rule: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for seconds in _LENGTHS_S:
        for attack in _ATTACKS:
            own = _scores(trials, peer=rule["peer"], marked=True, seconds=seconds, attack=attack)
            if not own:
                continue
            n_found = sum(score >= rule["least"][f"{seconds:g}"] for score in own)
            low, high = wilson(n_found, len(own))
            rows.append(
                {
                    "peer": rule["peer"],
                    "how": rule["how"],
                    "seconds": seconds,
                    "attack": attack,
                    "n": len(own),
                    "n_found": n_found,
                    "low": round(low, 4),
                    "high": round(high, 4),
                    "median_score": round(float(np.median(own)), 3),
                }
            )
    return rows


if __name__ == "__main__":
    main()
