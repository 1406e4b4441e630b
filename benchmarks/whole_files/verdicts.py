"""What a trial means: whole, reported, refused rightly; or one of the ways to lose sound."""

from __future__ import annotations

from typing import Any

__all__ = ["BAD", "GOOD", "judge_marked", "judge_protect", "judge_read"]

GOOD = ("whole", "whole and reported", "refused with a remedy")
BAD = ("shortened", "silently lost", "wrongly refused", "not reported", "not marked", "crashed")
_MORE = ("more than its header says", "files joined into one")


def _whole_lengths(row: dict[str, Any], sr: int | None) -> tuple[float, float]:
    """Return the least and the most samples of the first part that are right, at some rate.

    Opus has no rate of its own: who reads it at the rate of what was encoded loses nothing.
    """
    made = row["made"]
    first = made["parts"][0]
    ratio = sr / first["sr"] if sr else 1.0
    n, tolerance = first["n_samples"] * ratio, made["tolerance"] * ratio
    return n - tolerance, n + tolerance


def judge_read(row: dict[str, Any]) -> str:
    """Return what became of reading one file."""
    made, read = row["made"], row.get("read", {})
    least, most = _whole_lengths(row, read.get("sr", row.get("read_partial", {}).get("sr")))
    if "read" not in row or "escaped" in read or "escaped" in row.get("read_partial", {}):
        return "crashed"
    if "refused" in read:
        if made["refusal"] == "changes":
            return "refused with a remedy"
        if made["refusal"] not in ("less", "cut"):
            return "wrongly refused"
        rest = row.get("read_partial", {})
        if made["parts"][0]["n_samples"] == 0:
            return "refused with a remedy"
        if "n" not in rest:
            return "wrongly refused"
        return "refused with a remedy" if rest["n"] >= least else "shortened"
    if read["n"] < least or (made["is_tracks"] and len(read["parts"]) < len(made["parts"])):
        return "shortened"
    if made["refusal"] == "cut":
        return "not reported"
    # Every link of another rate or number of channels is sound too.
    if made["refusal"] == "changes" and not made["is_tracks"]:
        seconds = sum(part["n_samples"] / part["sr"] for part in made["parts"])
        return "whole" if read["seconds"] > seconds - 0.2 else "shortened"
    return "whole" if read["n"] <= most else "too long"


def _judge_written(row: dict[str, Any], said: dict[str, Any], *, partial: bool = False) -> str:
    """Return what became of a file that was written."""
    made, out = row["made"], said["out"]
    least, _ = _whole_lengths(row, out.get("sr"))
    if said["status"] != "marked":
        return "not marked"
    if out["n"] is None or out["n"] < least:
        return "shortened"
    lengths = out["tracks"] or []
    parts = made["parts"] if made["is_tracks"] else []
    pairs = zip(lengths, parts, strict=False)
    if any(n < part["n_samples"] - max(made["tolerance"], 2048) for n, part in pairs):
        return "silently lost"
    found = out["look"].get("found", [False])
    n_looked = len(parts) if made["is_tracks"] else 1
    if not all(found) or len(found) < n_looked:
        return "not marked"
    if made["refusal"] == "cut" and not partial:
        return "not reported"
    told = any(any(words in line for words in _MORE) for line in said["warnings"])
    if made["is_more"] and not told:
        return "not reported"
    return "whole and reported" if told else "whole"


def judge_protect(row: dict[str, Any]) -> str:
    """Return what became of protecting one file."""
    made, said = row["made"], row.get("protect", {})
    tries = (said, said.get("partial", {}), said.get("other", {}))
    if "protect" not in row or any("escaped" in one for one in tries):
        return "crashed"
    if "status" in said:
        return _judge_written(row, said)
    refusal = made["refusal"]
    if refusal == "changes" or (refusal == "cut" and made["parts"][0]["n_samples"] == 0):
        return "refused with a remedy"
    rest = said.get(
        {"less": "partial", "cut": "partial", "unwritable": "other"}.get(refusal, ""), {}
    )
    if "status" not in rest:
        return "wrongly refused"
    verdict = _judge_written(row, rest, partial=True)
    return "refused with a remedy" if verdict in GOOD or verdict == "not reported" else verdict


def judge_marked(row: dict[str, Any]) -> list[str]:
    """Return what a check says of each take that is marked alone."""
    verdicts = []
    for number in range(row["made"]["n_marks"]):
        look = row.get(f"take{number}")
        if look is None or "escaped" in look or "escaped" in look.get("partial", {}):
            verdicts.append("crashed")
            continue
        if row["made"]["parts"][0]["n_samples"] == 0:
            verdicts.append("refused" if "refused" in look else "found")
            continue
        found = look.get("partial", look)
        if "refused" in found:
            verdicts.append("refused")
        else:
            verdicts.append("found" if any(found["found"]) else "missed")
    return verdicts
