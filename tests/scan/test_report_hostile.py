"""Nothing in a data set can speak through a report, and no report grows without bound."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import re

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from sottovoce.errors import AudioFileError
from sottovoce.files.escaping import make_harmless
from sottovoce.scan.finding import STATUSES, TRAINING
from sottovoce.scan.reports.croissant import write_croissant
from sottovoce.scan.reports.dataset_card import write_card
from sottovoce.scan.reports.page import write_report
from sottovoce.scan.reports.run_info import RunInfo
from sottovoce.scan.reports.summary import summarise
from sottovoce.scan.reports.svg import draw_voice
from sottovoce.scan.reports.wording import say_verdict
from tests.scan.reporting import HOSTILE, JOB, MIXED, make_finding, make_summary, make_voice


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
