"""The receipt of `protect` as a page that its author mails to a client.

The client has not seen the terminal: the page says what was found in each file and names the files
that were left out, but omits what only the author could do.
"""

from __future__ import annotations

import re
from typing import Any

from sottovoce.files.escaping import escape_html, make_harmless
from sottovoce.files.kinds import describe_kinds
from sottovoce.files.receipts.outcomes import is_left, name_outcome
from sottovoce.files.times import format_date, format_seconds, format_time

__all__ = ["make_page"]

_MOST_NAMES = 1_000
_FOR_THE_AUTHOR = re.compile(r" \(kept after: [^)]*\)")
"""What the author would have to install for something to be kept."""

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
.number { font-variant-numeric: tabular-nums; }
.length, .status { white-space: nowrap; }
.found { min-width: 10rem; }
code { font: 12px/1.4 ui-monospace, monospace; color: #5a5a60; }
.marked { color: #14713b; font-weight: 600; } .error { color: #b3261e; font-weight: 600; }
.small { font-size: .85rem; color: #5a5a60; }
@media screen and (max-width: 50rem) {
  body { margin: 1.5rem auto; padding: 0 1rem; }
  table, tbody, tr, td { display: block; }
  thead, td:empty { display: none; }
  tr { padding: .8rem 0; border-bottom: 1px solid #e3e3e6; }
  td { padding: .1rem 0; border: 0; }
  td[data-name]::before { content: attr(data-name) ": "; color: #5a5a60; }
}
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def make_page(receipt: dict[str, Any]) -> str:
    """Return a receipt, as `make_receipt` gives it, in HTML."""
    in_place = receipt["in_place"]
    totals = ", ".join(
        f"{n} {words.replace('_', ' ')}" for words, n in receipt["totals"].items() if n
    )
    date = format_date(receipt["date"])
    rows = "\n".join(_make_row(file, in_place=in_place) for file in receipt["files"])
    after = "SHA-256 after" if in_place else "Delivered as, and SHA-256 after"
    named = ""
    if receipt["identity"]:
        owner, name = receipt["notice"]["owner"], receipt["identity"]
        named = (
            f"<p>Owner {escape_html(owner)} is the identity <strong>{escape_html(name)}</strong>,"
        )
        named += " as its author calls it.</p>\n"
    replaced = "<p>The files were marked in place: the originals were replaced.</p>\n"
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
<p class="lead">{escape_html(receipt["program"])}, {escape_html(date)}</p>
<p>A mark is an inaudible notice in the sound itself that names what its owner refuses. It usually
survives conversion and editing; it does not prevent any use.</p>
<p>Each mark says: <strong>{escape_html(receipt["notice"]["words"])}</strong>.</p>
{named}{replaced if in_place else ""}<p>{escape_html(totals)}.</p>
<table>
<thead><tr><th>File, and SHA-256 before</th><th>Status</th><th class="length">Length</th>
<th class="found">Mark found in</th><th>{after}</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{_make_left_out(receipt)}
<p class="small">Anyone can compute the SHA-256 of a file: <code>sha256sum FILE</code>.
Anyone can find the marks: <code>sottovoce check FILE</code>, or <i>Check</i> in the browser page
<code>sottovoce.html</code>.</p>
</body>
</html>
"""


def _make_row(file: dict[str, Any], *, in_place: bool) -> str:
    status = file["status"]
    kind = status if status in ("marked", "error") else ""
    left = is_left(file["file"], file["path"], in_place=in_place)
    words = name_outcome(status, left=left)
    notes = map(escape_html, _list_notes(file))
    told = "".join(f'<br><span class="small">{note}</span>' for note in notes)
    seconds = file.get("duration_s")
    # The length of a film without a sound track is unknown.
    length = "" if seconds is None or file.get("n_tracks") == 0 else format_time(seconds)
    # A replaced file is named once, by the path at which it can be found.
    name = file["path"] if in_place and file["path"] else file["file"]
    place = "" if in_place else f"{escape_html(file['path'])}<br>"
    delivered = f"{place}<code>{file['sha256_out']}</code>" if file["sha256_out"] else ""
    return (
        f"<tr><td>{escape_html(name)}<br><code>{file['sha256_in']}</code></td>"
        f'<td><span class="status {kind}">{words}</span>{told}</td>'
        f'<td class="number length" data-name="Length">{length}</td>'
        f'<td class="number found" data-name="Mark found in">'
        f"{'<br>'.join(map(escape_html, _list_proofs(file)))}</td>"
        f'<td data-name="{"After" if in_place else "Delivered as"}">{delivered}</td></tr>'
    )


def _list_notes(file: dict[str, Any]) -> list[str]:
    """Return the notes on a file for the client, without the author's remedies."""
    notes = [_FOR_THE_AUTHOR.sub("", warning) for warning in file["warnings"]]
    if file["status"] == "error":
        notes.append(file["error"].removeprefix(f"{file['file']}: "))
    elif file["status"] == "already":
        notes.append("it already carried this mark")
    elif file["status"] == "silent":
        notes.append("it has no sound that could carry a mark")
    return notes


def _list_proofs(file: dict[str, Any]) -> list[str]:
    """Return for how many seconds the mark was found, track by track."""
    proofs = []
    for track in file.get("tracks", ()):
        found = f"{format_seconds(track['marked_s'])} of {format_seconds(track['duration_s'])} s"
        if track["status"] == "marked" and not track["marked_s"]:
            found = "too short or too quiet to tell"
        if track["name"]:
            told = {"already": f"carried it already, {found}", "silent": "silent"}
            proofs.append(f"{track['name']}: {told.get(track['status'], found)}")
        elif track["status"] != "silent":
            proofs.append(found)
    if file.get("sealed"):
        proofs.append("with the owner's seal")
    return proofs


def _make_left_out(receipt: dict[str, Any]) -> str:
    parts = []
    if receipt["not_looked_at"]:
        kinds = escape_html(describe_kinds(receipt["not_looked_at"], show=make_harmless))
        names = [file["path"] for file in receipt["files_not_looked_at"]]
        n_more = sum(receipt["not_looked_at"].values()) - len(names[:_MOST_NAMES])
        more = [f"and {n_more:,} more"] if n_more else []
        parts.append(
            f"<h2>Not examined</h2>\n<p>{kinds}</p>\n{_make_list([*names[:_MOST_NAMES], *more])}"
        )
    links = [
        f"{link['path']} (the link {link['reason']})" for link in receipt["links_not_followed"]
    ]
    if links:
        parts.append(f"<h2>Links not followed</h2>\n{_make_list(links)}")
    return "\n".join(parts)


def _make_list(lines: list[str]) -> str:
    items = "".join(f"<li>{escape_html(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>"
