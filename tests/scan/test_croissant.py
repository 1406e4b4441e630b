"""The texts for the metadata of a data set."""

from __future__ import annotations

import dataclasses
import json

import pytest

from sottovoce.scan.reports.croissant import write_croissant
from sottovoce.scan.reports.summary import summarise
from tests.scan.reporting import JOB, MIXED


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
