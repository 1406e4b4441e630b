"""Findings, a scan and a page for the tests of reports."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

from sottovoce.scan.finding import Finding
from sottovoce.scan.reports.run_info import RunInfo
from sottovoce.scan.reports.summary import Summary, summarise

OWNER = 0x4F2A91C077DE
JOB = RunInfo(
    inputs=("takes/", "more.tar"),
    command="sottovoce scan takes/ more.tar -o report",
    detector="sottovoce 1.2.3, format 1",
    versions={"numpy": "2.4.0", "libsndfile": "1.2.2"},
    began="2026-03-01T10:00:00Z",
    ended="2026-03-01T11:30:00Z",
    n_workers=16,
    wall_s=5400.0,
    exclude_list="exclude.txt",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "a.wav\"><img src=x onerror='alert(1)'>",
    "</style></code></table><iframe src=//evil.example>",
    "take\u202egpj.exe",
    "bell\x07\x1b[31m\r\nline\u2028two\u200b",
    "stray\udcff",
    "zalgo" + "\u0301" * 50,
    "x" * 100_000,
    "]]>--><!-- & &amp; ${verdict} $title",
    "ע" * 20,
)


def make_voice(owner_id: int | None = OWNER, policy: int = 0x7F, **fields) -> dict:
    payload = {"version": 0, "kind": 0, "policy": policy, "year": 2026, "owner_id": owner_id}
    return {
        "log10_p": -40.0,
        "score": 14.0,
        "segments_s": [[0.0, 8.0], [12.0, 20.0]],
        "payload": None if owner_id is None else payload,
        "evidence": [[float(t), 5.0 + t % 3] for t in range(21)],
        **fields,
    }


def make_finding(number: int = 0, *, status: str = "marked", **fields) -> Finding:
    p = {"marked": -40.0, "suspected": -4.0, "clean": -0.5, "undetermined": 0.0}.get(status)
    known = {"log10_p": p, "log10_e": p and -p, "seconds": 20.0, "format": "FLAC PCM_16"}
    voices = {"voices": (make_voice(),)} if status == "marked" else {}
    given = {"id": f"takes/{number:04}.flac", "status": status}
    return Finding(**{**given, **(known if p is not None else {}), **voices, **fields})


def make_summary(**fields) -> Summary:
    return dataclasses.replace(summarise([]), **fields)


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


MIXED = [
    *(make_finding(i) for i in range(3)),
    make_finding(3, voices=(make_voice(0, 5), make_voice(None))),
    make_finding(4, voices=()),
    *(make_finding(i, status="clean") for i in range(10, 30)),
    make_finding(40, status="suspected"),
    make_finding(41, status="undetermined"),
    make_finding(42, status="error", message="is empty (0 bytes)", remedy="Get a complete copy."),
    make_finding(43, status="timeout"),
]
