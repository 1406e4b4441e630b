"""The receipt of `protect`: an account of every file in and out, for a client."""

from __future__ import annotations

import hashlib
import html
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sottovoce
from sottovoce.cli._words import describe_notice, format_path, format_time, make_payload
from sottovoce.errors import AudioFileError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sottovoce import Notice
    from sottovoce.cli._inputs import Selection

__all__ = ["check_receipt_path", "hash_file", "make_receipt", "write_receipt"]

_FORMAT = "sottovoce-receipt-1"
_SUFFIXES = (".json", ".html")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1e; background: #fff;
  max-width: 72rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
p.lead { color: #5a5a60; margin-top: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0;
  border-bottom: 1px solid #e3e3e6; overflow-wrap: anywhere; }
th { font-weight: 600; border-bottom-width: 2px; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: 12px/1.4 ui-monospace, monospace; color: #5a5a60; }
.marked { color: #14713b; font-weight: 600; } .error { color: #b3261e; font-weight: 600; }
.small { font-size: .85rem; color: #5a5a60; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def check_receipt_path(
    path: Path, *, selection: Selection, targets: Sequence[Path], in_place: bool
) -> None:
    """Refuse a receipt that could not be written, or would replace sound, before any work.

    Raises
    ------
    ParameterError
        If the suffix is neither .json nor .html; or if it is an input or an output, a folder, or
        lies in a folder that is worked on in place.
    AudioFileError
        If nothing can be written there.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ParameterError(
            f"unknown kind of receipt {format_path(path.name)!r}",
            remedy="Name it FILE.json or FILE.html.",
        )
    place = path.resolve()
    if path.is_dir():
        raise ParameterError(
            f"the receipt {format_path(path)} is a folder", remedy="Name a file in it."
        )
    named = [*(source.path for source in selection.sources), *targets]
    if place in {each.resolve() for each in named}:
        raise ParameterError(
            f"the receipt {format_path(path)} is an input or an output and would replace it",
            remedy="Give the receipt another name.",
        )
    folders = {one.given.resolve() for one in selection.sources if one.given.is_dir()}
    if in_place and folders & set(place.parents):
        raise ParameterError(
            f"the receipt {format_path(path)} lies inside a folder that is worked on in place",
            remedy="Put it outside of that folder.",
        )
    above = next(folder for folder in place.parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise AudioFileError(
            "the receipt cannot be written there", path=str(path), remedy="Choose another folder."
        )


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; empty where it is no file or unreadable."""
    with suppress(OSError):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def make_receipt(
    files: Sequence[dict[str, Any]],
    *,
    notice: Notice,
    totals: Mapping[str, int],
    selection: Selection,
    in_place: bool,
) -> dict[str, Any]:
    """Return a receipt as fields for JSON; docs/json.md says what they mean."""
    left_out = selection.to_dict()
    return {
        "format": _FORMAT,
        "program": f"sottovoce {sottovoce.__version__}",
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "notice": {**make_payload(notice), "words": describe_notice(notice)},
        "in_place": in_place,
        "totals": {"in": len(files), **totals},
        "files": list(files),
        "not_looked_at": left_out.get("not_looked_at", {}),
        "links_not_followed": left_out.get("links_not_followed", []),
    }


def write_receipt(path: Path, receipt: dict[str, Any]) -> None:
    """Write a receipt as JSON or as a page, by the suffix of its name.

    Raises
    ------
    AudioFileError
        If it cannot be written.
    """
    from sottovoce.files.atomic import atomic_path

    if path.suffix.lower() == ".json":
        text = json.dumps(receipt, indent=2, allow_nan=False) + "\n"
    else:
        text = _make_page(receipt)
    with suppress(OSError):  # atomic_path says it
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def _escape(text: object) -> str:
    return html.escape(format_path(text))


def _make_page(receipt: dict[str, Any]) -> str:
    totals = ", ".join(
        f"{n} {words.replace('_', ' ')}" for words, n in receipt["totals"].items() if n
    )
    date = receipt["date"].replace("T", " ").replace("+00:00", " UTC")
    rows = "\n".join(_make_row(file) for file in receipt["files"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Receipt: do-not-train marks</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Receipt: do-not-train marks</h1>
<p class="lead">{_escape(receipt["program"])}, {_escape(date)}</p>
<p>Each mark says: <strong>{_escape(receipt["notice"]["words"])}</strong>.</p>
<p>{_escape(totals)}.</p>
<table>
<thead><tr><th>File and SHA-256 before</th><th>Status</th><th>Length</th>
<th>Delivered as and SHA-256 after</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{_make_left_out(receipt)}
<p class="small">The SHA-256 of a file can be computed by anyone: <code>sha256sum FILE</code>.
The marks can be found by anyone: <code>sottovoce check FILE</code>.</p>
</body>
</html>
"""


def _make_row(file: dict[str, Any]) -> str:
    status = file["status"]
    kind = status if status in ("marked", "error") else ""
    words = {"already": "marked already", "silent": "no sound to mark", "error": "failed"}
    notes = [file[key] for key in ("error", "remedy") if file.get(key)] + file["warnings"]
    told = "".join(f'<br><span class="small">{_escape(note)}</span>' for note in notes)
    seconds = file.get("seconds")
    length = "" if seconds is None else format_time(seconds)
    return (
        f"<tr><td>{_escape(file['file'])}<br><code>{file['sha256_in']}</code></td>"
        f'<td><span class="{kind}">{words.get(status, _escape(status))}</span>{told}</td>'
        f'<td class="number">{length}</td>'
        f"<td>{_escape(file['path'])}<br><code>{file['sha256_out']}</code></td></tr>"
    )


def _make_left_out(receipt: dict[str, Any]) -> str:
    lines = [f"{n} {kind}" for kind, n in receipt["not_looked_at"].items()]
    links = [
        f"{link['path']} (the link {link['reason']})" for link in receipt["links_not_followed"]
    ]
    parts = []
    if lines:
        parts.append(f"<h2>Not looked at</h2>\n<p>{_escape(', '.join(lines))}</p>")
    if links:
        items = "".join(f"<li>{_escape(link)}</li>" for link in links)
        parts.append(f"<h2>Links not followed</h2>\n<ul>{items}</ul>")
    return "\n".join(parts)
