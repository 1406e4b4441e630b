"""What reports say of training, whatever the marks name."""

from __future__ import annotations

import json

import pytest

from sottovoce.rights import Use
from sottovoce.scan.finding import TRAINING
from sottovoce.scan.reports.croissant import write_croissant
from sottovoce.scan.reports.dataset_card import write_card
from sottovoce.scan.reports.summary import summarise
from tests.scan.reporting import JOB, OWNER, make_finding, make_voice


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
