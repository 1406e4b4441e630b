"""What a scan's reports say, and that nothing in a data set can speak through them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import json
import os
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
import soundfile as sf
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

import sottovoce as sv
from sottovoce.errors import AudioFileError
from sottovoce.files.escaping import make_harmless
from sottovoce.rights import Use
from sottovoce.scan.finding import STATUSES, TRAINING, Finding
from sottovoce.scan.limits import Limits
from sottovoce.scan.recording import File, Recording
from sottovoce.scan.reports.croissant import write_croissant
from sottovoce.scan.reports.dataset_card import write_card
from sottovoce.scan.reports.page import write_report
from sottovoce.scan.reports.run_info import RunInfo
from sottovoce.scan.reports.summary import Summary, summarise
from sottovoce.scan.reports.svg import draw_histogram, draw_voice
from sottovoce.scan.reports.wording import MEANINGS, say_verdict
from sottovoce.scan.workers.examine import examine

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def report(tmp_path: Path):
    """Write a page from findings, or from a summary made by hand, and read it."""

    def write(
        findings: list[Finding],
        *,
        job: RunInfo = JOB,
        summary: Summary | None = None,
        strongest: list[Finding] | None = None,
    ) -> Page:
        marked = [one for one in findings if one.marked]
        write_report(
            tmp_path / "report.html",
            job=job,
            summary=summary or summarise(findings),
            strongest=marked if strongest is None else strongest,
            unread=[one for one in findings if one.log10_p is None],
        )
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write


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


class TestPage:
    """The page says what is so, what to do, and why."""

    def test_the_verdict_comes_first(self, report):
        page = report(MIXED)
        assert "5 of 29 recordings carry a do-not-train mark; 2 could not be read." in page.text
        assert page.text.index("carry a do-not-train mark;") < page.text.index("Totals")

    def test_the_sections_stand_in_their_order(self, report):
        groups = [dataclasses.replace(one, groups={"speaker": "s1"}) for one in MIXED]
        names = re.findall(r'<section id="([a-z]+)"', report(groups).source)
        assert names == [
            *("totals", "actions", "evidence", "findings", "groups"),
            *("owners", "unread", "formats", "scan"),
        ]

    def test_every_status_has_its_meaning(self, report):
        page = report([make_finding(i, status=status) for i, status in enumerate(STATUSES)])
        assert set(MEANINGS) == set(STATUSES)
        for status, meaning in MEANINGS.items():
            assert status in page.text
            assert meaning in page.text

    def test_it_says_what_to_do(self, report):
        page = report(MIXED)
        assert "Leave 5 recordings out of training. exclude.txt lists them" in page.text
        bare = dataclasses.replace(JOB, exclude_list="")
        assert "sottovoce scan --help" in report(MIXED, job=bare).text
        both = dataclasses.replace(JOB, filtered_copy="filtered/")
        assert "filtered/ is the data set without them" in report(MIXED, job=both).text
        assert "does not allow anything" in report([]).text

    def test_it_says_how_many_false_alarms_chance_allows(self, report):
        summary = make_summary(n_tested=12_345, histogram=((-0.5, 12_345),))
        page = report([], summary=summary)
        said = "If nothing were marked, at most 0.012 recordings would be reported by chance"
        assert said in page.text

    def test_it_tells_false_discoveries_with_and_without_an_assumption(self, report):
        summary = make_summary(n_tested=50, n_reported_bh=7, n_reported_by=6)
        page = report([], summary=summary)
        assert "report 7 recordings (Benjamini and Hochberg, q = 0.01)" in page.text
        assert "at most 1 in 100 entries are expected to be false" in page.text
        assert "Without any assumption it is 6 recordings" in page.text

    def test_findings_say_who_refuses_what_since_when(self, report):
        text = report(MIXED).text
        assert "4f2a-91c0-77de" in text
        assert "refuses every use by machines" in text
        assert "refuses training generative models, cloning the voice" in text
        assert "anonymous" in text
        assert "since 2026" in text
        assert "not readable" in text
        assert "1.0 · 10⁻⁴⁰" in text

    def test_a_marked_recording_that_is_damaged_says_so(self, report):
        assert "is damaged" in report([make_finding(message="is damaged")]).text

    def test_at_most_fifty_findings_are_shown(self, report):
        page = report([make_finding(i) for i in range(120)])
        assert page.source.count('<tbody class="finding">') == 50
        assert "70 more marked recordings" in page.text

    def test_sixty_four_voices_are_six_lanes_and_a_number(self, report):
        page = report([make_finding(voices=(make_voice(),) * 64)])
        assert page.source.count('class="voice"') == 6
        assert "and 58 more voices" in page.text

    def test_groups_have_both_p_values_and_the_condition(self, report):
        quiet = {"status": "undetermined", "log10_p": -2.0, "log10_e": 3.0}
        findings = [make_finding(i, groups={"speaker": f"s{i // 20}"}, **quiet) for i in range(40)]
        page = report(findings)
        group = summarise(findings).groups[0]
        assert group.n_marked == 0
        assert "p, proved" in page.text
        assert "p, conditional" in page.text
        assert "made independently of each other" in page.text
        assert "docs/evidence.md, section 6" in page.text
        assert "If a group is one speaker, leave it out as a whole" in page.text

    def test_two_hundred_unread_are_shown_and_the_rest_counted(self, report):
        findings = [make_finding(i, status="crashed", message="it died") for i in range(1_234)]
        page = report(findings)
        assert page.text.count("it died") == 200
        assert "1,034 more recordings" in page.text
        assert "None of 1,234 recordings could be read." in page.text

    def test_the_job_can_be_repeated(self, report):
        text = report(MIXED).text
        for said in (JOB.command, "numpy 2.4.0", "16 workers", "90.0 minutes", JOB.began):
            assert said in text


class TestPolicies:
    """What is said of training is what the marks say of it, and no more."""

    @pytest.mark.parametrize(
        ("policies", "training"),
        [
            ([0x7F], "refused"),
            ([0x0F], "refused"),
            ([0x83], "refused"),
            ([0x05], "refused in part"),
            ([0x02], "refused in part"),
            ([0x01, 0x02], "refused"),
            ([0x04], "not named"),
            ([0x00], "not named"),
            ([0x80], "not named"),
            ([0x20, 0x7F], "refused"),
            ([None], "not readable"),
            ([], "not readable"),
            ([0x20, None], "not readable"),
            ([0x05, None], "refused in part"),
        ],
    )
    def test_a_recording_is_told_by_all_its_marks(self, policies, training):
        voices = [make_voice(None if one is None else OWNER, one or 0) for one in policies]
        finding = make_finding(voices=tuple(voices))
        assert finding.training == finding.to_dict()["training"] == training
        assert summarise([finding]).training == {**dict.fromkeys(TRAINING, 0), training: 1}

    def test_the_bits_are_those_of_the_policies(self):
        for use in Use:
            finding = make_finding(voices=(make_voice(policy=use.value),))
            of_training = use in (Use.TRAIN_GENERATIVE, Use.TRAIN_OTHER)
            assert (finding.training == "refused in part") == of_training

    def test_what_is_not_marked_says_nothing(self):
        assert make_finding(status="suspected").training is None

    @pytest.mark.parametrize(
        ("voice", "said"),
        [
            (make_voice(), "2 of 3 recordings refuse training."),
            (make_voice(policy=5), "2 of 3 recordings refuse training some models."),
            (
                make_voice(None),
                "2 of 3 recordings carry marks that are not readable, which is treated as"
                " refusing training.",
            ),
            (
                make_voice(policy=0x20),
                "2 of 3 recordings carry marks that do not name training.",
            ),
        ],
    )
    def test_each_policy_has_its_verdict_everywhere(self, report, tmp_path, voice, said):
        findings = [make_finding(i, voices=(voice,)) for i in range(2)]
        findings.append(make_finding(2, status="clean"))
        summary = summarise(findings)
        write_card(tmp_path / "c.md", job=JOB, summary=summary)
        write_croissant(tmp_path / "c.json", job=JOB, summary=summary)
        texts = [report(findings).text]
        texts += [(tmp_path / name).read_text(encoding="utf-8") for name in ("c.md", "c.json")]
        for text in texts:
            assert said in text
            assert "Of the marked recordings" not in text
            if "refuse training." not in said:
                assert "2 of 3 recordings refuse training." not in text
        # All are on the list in any case, and where that is no matter of course it says why.
        for text in texts[:2]:
            assert ("allow what it does not name" in text) == ("refuse training." not in said)

    def test_different_policies_are_told_apart(self, report, tmp_path):
        policies = [0x7F, 0x7F, 0x05, None, 0x20]
        findings = [
            make_finding(i, voices=(make_voice(None if one is None else OWNER, one or 0),))
            for i, one in enumerate(policies)
        ]
        said = (
            "Of the marked recordings, 2 refuse training; 1 refuses training some models;"
            " 1 carries a mark that is not readable, which is treated as refusing training;"
            " 1 carries a mark that does not name training."
        )
        summary = summarise(findings)
        write_card(tmp_path / "c.md", job=JOB, summary=summary)
        write_croissant(tmp_path / "c.json", job=JOB, summary=summary)
        page = report(findings)
        for text in (page.text, *(path.read_text("utf-8") for path in tmp_path.glob("c.*"))):
            assert said in text
        assert "not readable; treated as refusing training" in page.text
        assert (
            "| not readable; treated as refusing training | 1 |"
            in (tmp_path / "c.md").read_text("utf-8").splitlines()
        )
        limitations = json.loads((tmp_path / "c.json").read_text("utf-8"))["rai:dataLimitations"]
        assert "The owner of 1 recording refuses text and data mining." in limitations
        assert any("they are treated as refusing training" in one for one in limitations)


class TestSizes:
    """Nothing, everything unread, a million."""

    def test_a_scan_of_nothing(self, report):
        page = report([])
        assert "There was nothing to scan." in page.text
        assert "<svg" not in page.source

    def test_a_scan_without_a_mark(self, report):
        page = report([make_finding(status="clean")])
        assert "No mark was found in 1 recording." in page.text
        assert "does not show that there is none" in page.text

    def test_what_was_read_in_part_is_not_called_unread(self):
        summary = summarise([make_finding(0), make_finding(1, status="partial", log10_p=0.0)])
        said = "1 of 2 recordings refuses training; 1 could not be read to the end."
        assert say_verdict(summary) == said

    def test_a_million_recordings(self, report):
        rng = np.random.default_rng(1)
        bins = np.bincount(np.minimum(-2 * np.log10(rng.random(1_000_000)), 59).astype(int))
        statuses = {**dict.fromkeys(STATUSES, 0), "clean": 999_950, "marked": 50}
        summary = make_summary(
            statuses=statuses,
            training={**dict.fromkeys(TRAINING, 0), "refused": 50},
            seconds=3.6e7,
            n_tested=1_000_000,
            owners={i: 1 + i % 7 for i in range(5_000)},
            policies={i: i for i in range(1, 256)},
            formats={f"FORMAT {i}": 1 for i in range(500)},
            histogram=tuple((-(i + 1) * 0.5, int(n)) for i, n in enumerate(bins)),
        )
        page = report([], summary=summary)
        assert "50 of 1,000,000 recordings refuse training." in page.text
        assert "10,000.0" in page.text
        assert "4,900 more owners" in page.text
        assert len(page.source) < 200_000

    def test_the_same_arguments_give_the_same_bytes(self, report, tmp_path):
        sources = {report(MIXED).source for _ in range(2)}
        assert len(sources) == 1
        for write in (write_card, write_croissant):
            for name in ("a", "b"):
                write(tmp_path / name, job=JOB, summary=summarise(MIXED))
            assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path):
        with pytest.raises(AudioFileError, match="does not exist"):
            write_report(
                tmp_path / "none" / "report.html",
                job=JOB,
                summary=summarise([]),
                strongest=[],
                unread=[],
            )
        assert list(tmp_path.iterdir()) == []


class TestHostile:
    """What a data set says stays text."""

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    def test_it_does_no_harm_anywhere(self, report, text):
        plain, hostile = (self.write_everywhere(report, one) for one in ("plain", text))
        # The same elements with the same attributes, whatever the text is.
        assert hostile.tags == plain.tags
        assert [a[:2] for a in hostile.attributes] == [a[:2] for a in plain.attributes]
        shown = set(hostile.source) - set(plain.source) - set("\n")
        assert all(char.isprintable() for char in shown)
        assert len(hostile.source) < len(plain.source) + 30_000

    def write_everywhere(self, report, text):
        job = RunInfo(
            inputs=(text,),
            command=text,
            detector=text,
            versions={text: text},
            began=text,
            ended=text,
            exclude_list=text,
            filtered_copy=text,
        )
        groups = {"kind": text}
        findings = [
            make_finding(id=text, message=text, format=text, groups=groups),
            make_finding(1, status="error", message=text, remedy=text),
            dataclasses.replace(make_finding(2, status="error"), id=text),
        ]
        return report(findings, job=job)

    def test_the_page_refers_to_nothing_outside_itself(self, report):
        page = report(MIXED)
        links = [value for _, name, value in page.attributes if name in {"href", "src", "action"}]
        assert links
        assert all(link.startswith("#") or link == "data:," for link in links)
        targets = {value for _, name, value in page.attributes if name == "id"}
        assert {link[1:] for link in links if link.startswith("#")} <= targets
        style = re.search(r"<style>(.*)</style>", page.source, re.DOTALL)[1]
        assert "url(" not in style
        assert "@import" not in style
        assert not {"script", "iframe", "img", "object", "form"} & set(page.tags)
        assert not [name for _, name, _ in page.attributes if name.startswith(("on", "style"))]

    def test_only_its_own_style_sheet_is_let_through(self, report):
        source = report(MIXED).source
        style = re.search(r"<style>(.*)</style>", source, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', source)[1])
        assert policy.startswith("default-src 'none';")
        assert f"style-src 'sha256-{digest}'" in policy

    @hypothesis.given(text=st.text(), most=st.integers(4, 200))
    def test_what_is_shown_is_printable_and_bounded(self, text, most):
        shown = make_harmless(text, most=most)
        assert shown.isprintable()
        # An escape has ten characters, as \U0001f600 has.
        assert len(shown) <= 10 * most

    @hypothesis.given(
        segments=st.lists(st.tuples(st.floats(), st.floats())) | st.text() | st.none(),
        evidence=st.lists(st.lists(st.floats() | st.text() | st.none())) | st.integers(),
        seconds=st.floats(0, 1e6),
    )
    def test_a_nonsensical_voice_is_drawn_within_its_lane(self, segments, evidence, seconds):
        voice = make_voice(segments_s=segments, evidence=evidence)
        drawing = draw_voice(voice, seconds=seconds)
        for x, y in re.findall(r"(-?[\d.]+|nan|inf),(-?[\d.]+|nan|inf)", drawing):
            assert 0 <= float(x) <= 240
            assert 0 <= float(y) <= 30
        for x in re.findall(r' x="([^"]+)"', drawing):
            assert 0 <= float(x) <= 240


class TestDrawings:
    """The drawings show what the figures are."""

    def test_the_bound_is_the_line_of_n_times_p(self):
        drawing = draw_histogram(((-0.5, 900), (-1.0, 90), (-6.5, 0)), n_tested=1_000)
        bound = re.search(r'class="bound" x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"', drawing)
        x1, y1, x2, y2 = (float(one) for one in bound.groups())
        decades = {
            int(n.replace(",", "")): float(y)
            for y, n in re.findall(r'x="48" y="([\d.]+)">(1[,0]*)</text>', drawing)
        }
        # A decade down for each power of ten to the right, from n at p = 1.
        places = {
            power: float(x)
            for x, power in re.findall(r'x="([\d.]+)" y="223">(1|10⁻¹)</text>', drawing)
        }
        slope = (decades[1] - decades[10]) / (places["10⁻¹"] - places["1"])
        assert x1 == pytest.approx(places["1"], abs=0.1)
        assert y1 == pytest.approx(decades[1_000] - 4, abs=0.1)
        assert (y2 - y1) / (x2 - x1) == pytest.approx(slope, rel=0.01)

    def test_bars_have_the_colour_of_their_status(self):
        counts = {0: 90, 5: 2, 6: 3, 11: 1, 12: 4, 59: 7}
        histogram = tuple((-(i + 1) * 0.5, counts.get(i, 0)) for i in range(60))
        drawing = draw_histogram(histogram, n_tested=107)
        bars = re.findall(r'class="bar (\w+)".*?<title>(\d+)</title>', drawing)
        kinds = [("other", "90"), ("other", "2"), ("suspected", "3"), ("suspected", "1")]
        assert bars == [*kinds, ("marked", "4"), ("marked", "7")]
        assert "11 of them have p at most" in drawing

    def test_a_voice_is_drawn_where_it_is_marked(self):
        drawing = draw_voice(make_voice(), seconds=20.0)
        bands = re.findall(r'class="band" x="([\d.]+)" y="25" width="([\d.]+)"', drawing)
        assert bands == [("0.0", "96.0"), ("144.0", "96.0")]
        assert "Marked from 0:00 to 0:08, 0:12 to 0:20" in drawing
        assert drawing.count(",") >= 21

    def test_text_stands_out_from_its_ground(self, report):
        style = report([]).source
        schemes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
        assert len(schemes) == 3
        for scheme in schemes:
            colours = dict(re.findall(r"--(\w+): (#\w+)", scheme))
            for name in ("ink", "soft", "refused"):
                for ground in ("paper", "faint"):
                    # WCAG 2.2, 1.4.3: text needs 4.5 to 1.
                    assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


class TestCard:
    """A section for a data set's card."""

    @pytest.fixture
    def card(self, tmp_path):
        def write(findings, *, job=JOB):
            write_card(tmp_path / "c.md", job=job, summary=summarise(findings))
            return (tmp_path / "c.md").read_text(encoding="utf-8")

        return write

    def test_it_says_totals_date_detector_and_limits(self, card):
        text = card(MIXED)
        assert text.startswith(
            "## Do-not-train marks\n\n**5 of 29 recordings carry a do-not-train mark;"
        )
        for said in (
            "| Recordings | 29 |",
            "2026-03-01T11:30:00Z",
            "sottovoce 1.2.3, format 1",
            "`sottovoce scan takes/ more.tar -o report`",
            "`exclude.txt`",
            "| 4f2a-91c0-77de | 3 |",
            "| anonymous | 1 |",
            "| owner not readable | 1 |",
            "does not show that there is none",
        ):
            assert said in text

    def test_a_scan_of_nothing_has_a_card(self, card):
        assert "There was nothing to scan." in card([])

    def test_markdown_in_foreign_text_is_no_markdown(self, card):
        text = "[x](https://a.example) <b>`` | *y* www.b.example @z\n# new"
        job = dataclasses.replace(JOB, command=text, exclude_list=text, detector=text)
        written = card(MIXED, job=job)
        assert written.count("\n# ") == 0
        # In a code span with a fence that is longer than any run within, all stands as it is.
        outside = re.sub(r"``` .*? ```", "", written)
        assert "``` [x]" in written
        assert r"\[x\](https\://a.example) \<b\>\`\` \| \*y\* www\.b.example \@z" in outside
        assert "<b>" not in outside
        assert "https://" not in outside


class TestCroissant:
    """Metadata that machines read."""

    @pytest.fixture
    def croissant(self, tmp_path):
        def write(findings, *, job=JOB):
            path = tmp_path / "c.json"
            write_croissant(path, job=job, summary=summarise(findings))
            return json.loads(path.read_text(encoding="utf-8"))

        return write

    def test_it_says_that_recordings_refuse_and_names_the_list(self, croissant):
        fragment = croissant(MIXED)
        usage = fragment["usageInfo"]
        assert "5 of 29 recordings carry a do-not-train mark" in usage["text"]
        assert usage["url"] == "exclude.txt"
        assert usage["dateCreated"] == JOB.ended
        said = fragment["rai:dataLimitations"]
        assert "The owner of 3 recordings refuses every use by machines." in said

    def test_its_terms_are_those_of_the_vocabularies(self, croissant):
        # The context of Croissant 1.0: terms without a prefix are schema.org's, as usageInfo is,
        # and the RAI vocabulary 1.0 has dataLimitations.
        fragment = croissant([])
        context = fragment["@context"]
        assert context["@vocab"] == "https://schema.org/"
        assert context["rai"] == "http://mlcommons.org/croissant/RAI/"
        assert context["cr"] == "http://mlcommons.org/croissant/"
        assert context["conformsTo"] == "dct:conformsTo"
        assert set(fragment) == {
            *("@context", "@type", "conformsTo", "usageInfo", "rai:dataLimitations")
        }
        assert fragment["@type"] == "sc:Dataset"
        assert (
            "url" not in croissant([], job=dataclasses.replace(JOB, exclude_list=""))["usageInfo"]
        )


@pytest.fixture(scope="module")
def real_findings(clip, tmp_path_factory) -> list[Finding]:
    """Findings as a worker makes them: three owners, one of them in part of a recording."""
    y, sr = clip
    folder = tmp_path_factory.mktemp("takes")
    takes = {
        "whole.flac": sv.protect(y, sr=sr, notice=sv.Notice(owner_id=OWNER, year=2026)),
        "part.flac": np.concatenate(
            [
                y[: 12 * sr],
                sv.protect(
                    y, sr=sr, notice=sv.Notice(owner_id=0x1234567890AB, policy=5, year=2027)
                ),
            ]
        ),
        "anonymous.flac": sv.protect(y, sr=sr, notice=sv.Notice(owner_id=0, year=2026)),
        "clean.flac": y,
    }
    findings = []
    for name, take in takes.items():
        path = folder / name
        sf.write(path, take, sr)
        place = File(str(path))
        findings.append(examine(Recording(id=name, place=place, stamp=""), limits=Limits()))
    (folder / "empty.flac").touch()
    empty = Recording(
        id="<script>alert(1)</script>", place=File(str(folder / "empty.flac")), stamp=""
    )
    return [*findings, examine(empty, limits=Limits())]


def test_real_findings_are_told(report, real_findings):
    page = report(real_findings)
    assert "3 of 5 recordings carry a do-not-train mark; 1 could not be read." in page.text
    for said in ("4f2a-91c0-77de", "1234-5678-90ab", "anonymous", "since 2027"):
        assert said in page.text
    assert page.source.count('class="score"') == 3
    (part,) = re.findall(r'part\.flac.*?class="band" x="([\d.]+)"', page.source, re.DOTALL)
    # It is marked from the twelfth of 36.7 seconds on, to about 2.5.
    assert float(part) == pytest.approx(240 * 12 / 36.7, abs=240 * 2.6 / 36.7)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_and_asks_for_nothing(report, tmp_path, real_findings, scheme):
    hostile = [make_finding(i, id=text, message=text) for i, text in enumerate(HOSTILE)]
    report([*real_findings, *hostile])
    asked, said = [], []
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        page = browser.new_page(color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        address = (tmp_path / "report.html").as_uri()
        page.goto(address)
        assert (
            page.locator("h1").inner_text().startswith("13 of 15 recordings carry a do-not-train")
        )
        # The style sheet passes its own policy, and nothing is wider than the window.
        colours = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert colours == {"light": "rgb(252, 252, 250)", "dark": "rgb(21, 24, 27)"}[scheme]
        for width in (1200, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert asked == [address]
    assert said == []
