"""What the page of a report says, and how it looks."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import open_tab
from sottovoce.scan.finding import STATUSES, Finding
from sottovoce.scan.limits import Limits
from sottovoce.scan.recording import File, Recording
from sottovoce.scan.reports.summary import summarise
from sottovoce.scan.reports.svg import draw_histogram, draw_voice
from sottovoce.scan.reports.wording import MEANINGS
from sottovoce.scan.workers.examine import examine
from tests.scan.reporting import HOSTILE, JOB, MIXED, OWNER, make_finding, make_summary, make_voice


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
        assert "sottovoce scan writes a list of their ids" in report(MIXED, job=bare).text
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
        for said in (
            JOB.command,
            "numpy 2.4.0",
            "16 workers",
            "90.0 minutes",
            "1 March 2026, 10:00 UTC",
        ):
            assert said in text


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
    with open_tab(color_scheme=scheme) as page:
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
    assert asked == [address]
    assert said == []
