"""The refusals of a data set as Croissant metadata, the JSON-LD that describes data sets.

`usageInfo` is schema.org's property for what must be known before a work is used; Croissant adopts
properties of schema.org unchanged.  `rai:dataLimitations`, of its responsible-AI vocabulary,
holds what a data set must not be used for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sottovoce.core.policy import describe_policy
from sottovoce.files.escaping import make_harmless
from sottovoce.files.writing import atomic_path
from sottovoce.scan.reports.wording import LIMITS, say_count, say_training, say_verdict

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce.scan.reports.run_info import RunInfo
    from sottovoce.scan.reports.summary import Summary

__all__ = ["write_croissant"]

_MOST_POLICIES = 20
_CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The recommended context of Croissant 1.0, appendix 1, with the prefix of its RAI vocabulary."""


def write_croissant(path: Path, *, job: RunInfo, summary: Summary) -> None:
    """Write a fragment of Croissant metadata that states what is refused, atomically.

    Parameters
    ----------
    path : pathlib.Path
        The JSON file; copy `usageInfo` and `rai:dataLimitations` into the data set's own
        metadata, which has the name, licence and files that this fragment lacks.
    job : RunInfo
        What was scanned, how and when.
    summary : Summary
        Its figures.

    Raises
    ------
    AudioFileError
        If the file cannot be written.

    Notes
    -----
    The same arguments give the same bytes.
    """
    usage: dict[str, Any] = {
        "@type": "sc:CreativeWork",
        "name": "Do-not-train marks in the recordings",
        "text": _say_usage(job, summary),
    }
    if job.ended:
        usage["dateCreated"] = make_harmless(job.ended, most=40)
    if job.exclude_list:
        usage["url"] = make_harmless(job.exclude_list, most=160)
    fragment = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(_CONFORMS_TO),
        "usageInfo": usage,
        "rai:dataLimitations": [*_say_policies(summary), *LIMITS],
    }
    with atomic_path(path) as part:
        text = json.dumps(fragment, ensure_ascii=False, allow_nan=False, indent=2)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def _say_usage(job: RunInfo, summary: Summary) -> str:
    said = [say_verdict(summary)]
    if summary.n_marked:
        said.append("They carry an inaudible mark that states what their owners refuse.")
    if of_training := say_training(summary):
        said.append(of_training)
    if job.exclude_list:
        name = make_harmless(job.exclude_list, most=160)
        said.append(f"Leave the recordings listed in {name} out of training.")
    detector = make_harmless(job.detector, most=160)
    said.append(f"Found by {detector}, at p ≤ 10⁻⁶ for each recording.")
    return " ".join(said)


def _say_policies(summary: Summary) -> list[str]:
    policies = sorted(summary.policies.items(), key=lambda item: (-item[1], item[0]))
    said = [
        f"The owner of {say_count(n, 'recording')} {describe_policy(policy)}."
        for policy, n in policies[:_MOST_POLICIES]
    ]
    if summary.n_unread_owner:
        said.append(
            f"What the marks in {say_count(summary.n_unread_owner, 'recording')} refuse is not"
            " readable; they are treated as refusing training."
        )
    return said
