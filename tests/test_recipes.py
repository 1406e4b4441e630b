"""Grants become permissions, decide with a ledger, and the report is signed by the licensee."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, SignatureError, StatementError
from sottovoce.recipes import SIGNATURE, check_report, read_permissions, write_signed_outputs
from sottovoce.rights.grants import make_delegation, make_grant, make_revocation
from sottovoce.rights.jws import peek_payload, sign_token
from sottovoce.rights.statements import write_statements
from sottovoce.scan import Finding, Ledger, Releases, write_outputs
from tests.rights.people import DAY, digest, first, follow, jwk, key, thumb


def owner_of(name: str) -> int:
    return int(peek_payload(first(name))["id"], 16)


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    """What two owners sent to the lab, and what does not count."""
    folder = tmp_path_factory.mktemp("mail")
    for owner in ("owner", "second"):
        made = make_grant(
            [first(owner)],
            key=key(owner),
            grantee="Acme TTS GmbH",
            grantee_key=thumb("lab"),
            uses=Use.CLONE,
            issued=DAY,
        )
        (folder / f"{owner}.grant").write_bytes(made.to_bytes())
    (folder / "broken.grant").write_text("{}")
    (folder / "empty.grant").write_text('{"statements": [], "grant": "a"}')
    (folder / "notes.txt").write_text("no grant")
    return folder


def marked(name, *owners) -> Finding:
    voices = tuple(
        {
            "log10_p": -30.0,
            "notice": {"owner_id": owner, "policy": 127, "year": 2026},
            "segments_s": [],
            "evidence": [],
        }
        for owner in owners
    )
    return Finding(
        id=name, status="marked", log10_p=-30.0, log10_e=9.0, score=9.0, format="WAV", voices=voices
    )


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", detector="d") as ledger:
        ledger.begin_run({"inputs": ["data"], "command": "sottovoce scan data"})
        for one in (marked("a", owner_of("owner")), marked("b", owner_of("second"))):
            ledger.put(one, stamp="")
        ledger.amend_job(ended="2026-11-27T00:00:00+00:00")
        yield ledger


def test_a_folder_is_read_and_what_does_not_count_is_named(mail) -> None:
    read = read_permissions([mail], owner_keys=[thumb("owner")], grantee=key("lab"), day=DAY)
    assert [one.owner_id for one in read.permissions] == [owner_of("owner")]
    assert read.permissions[0].is_grantee_proved
    problems = {one.path.name: one.message for one in read.problems}
    assert problems.keys() == {"broken.grant", "empty.grant", "second.grant"}
    assert "another key than the contract names" in problems["second.grant"]
    both = read_permissions(
        [mail], owner_keys=[thumb("owner"), thumb("second")], grantee=thumb("lab"), day=DAY
    )
    assert len(both.permissions) == 2
    assert not any(one.is_grantee_proved for one in both.permissions)


def test_nothing_counts_for_somebody_else_or_without_a_key_from_the_contract(
    mail, tmp_path
) -> None:
    file = mail / "owner.grant"
    own = {"owner_keys": [thumb("owner")], "day": DAY}
    assert not read_permissions([file], **own, grantee=key("thief")).permissions
    assert not read_permissions([file], owner_keys=[], day=DAY).permissions
    assert not read_permissions(
        [file], owner_keys=[thumb("owner")], day=date(2028, 1, 1)
    ).permissions
    with pytest.raises(ParameterError):
        read_permissions([file], owner_keys=["no thumbprint"], day=DAY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParameterError, match="holds no grant"):
        read_permissions([tmp_path / "empty"], **own)


def test_a_newer_statement_revokes(mail, tmp_path) -> None:
    token = json.loads((mail / "owner.grant").read_text())["grant"]
    newer = follow(first(), revoke=[digest(token)])
    write_statements(tmp_path / "owner.jws", [first(), newer])
    write_statements(tmp_path / "other.jws", [first("second")])
    read = read_permissions(
        [mail / "owner.grant"],
        owner_keys=[thumb("owner")],
        newest=[tmp_path / "owner.jws", tmp_path / "other.jws"],
        day=DAY,
    )
    assert not read.permissions
    assert "revoked" in read.problems[0].message


def test_the_licensee_signs_the_report_and_a_change_is_seen(mail, ledger, tmp_path) -> None:
    read = read_permissions([mail], owner_keys=[thumb("owner")], grantee=key("lab"), day=DAY)
    releases = Releases(read.permissions, use=Use.CLONE, day=DAY + timedelta(days=1))
    out = tmp_path / "out"
    summary = write_signed_outputs(ledger, out, releases=releases, key=key("lab"), kind="jsonl")
    assert (summary.n_marked, summary.n_refused) == (2, 1)
    assert (out / "exclude.txt").read_text() == "b\n"
    assert "grantee not proved" not in (out / "report.html").read_text()
    assert check_report(out, grantee_key=thumb("lab")) == []
    (out / "released.txt").write_text("a\nb\n")
    assert check_report(out, grantee_key=thumb("lab")) == ["released.txt"]
    with pytest.raises(SignatureError):
        check_report(out, grantee_key=thumb("thief"))
    token = (out / SIGNATURE).read_text()
    (out / SIGNATURE).write_text(token.replace(token[-60:-50], "A" * 10))
    with pytest.raises(SignatureError):
        check_report(out, grantee_key=thumb("lab"))
    # Without the key nothing claims to be signed.
    write_signed_outputs(ledger, out, releases=releases, key=None, kind="jsonl")
    with pytest.raises(StatementError, match="no readable signature"):
        check_report(out, grantee_key=thumb("lab"))


def test_an_agents_revocation_revokes_in_a_scan_as_well(mail, tmp_path) -> None:
    delegated = make_delegation(
        [first()],
        key=key("owner"),
        agent="Voices",
        agent_jwk=jwk("agent"),
        uses=Use.CLONE,
        may=("grant", "revoke"),
        issued=DAY,
    )
    made = make_grant(
        [first()],
        key=key("agent"),
        grantee="Acme TTS GmbH",
        grantee_key=thumb("lab"),
        uses=Use.CLONE,
        delegation=delegated.delegation,
        issued=DAY,
    )
    (tmp_path / "agents.grant").write_bytes(made.to_bytes())
    revoked = make_revocation(made, key=key("agent"), issued=DAY)
    (tmp_path / "agents.revocation").write_bytes(revoked.to_bytes())
    paths, own = [tmp_path / "agents.grant", mail / "second.grant"], {"day": DAY}
    own["owner_keys"] = [thumb("owner"), thumb("second")]
    assert len(read_permissions(paths, **own).permissions) == 2
    read = read_permissions(paths, newest=[tmp_path / "agents.revocation"], **own)
    assert [one.owner_id for one in read.permissions] == [owner_of("second")]
    assert "revoked" in read.problems[0].message


def test_a_report_without_grants_leaves_no_signature_of_an_earlier_one(
    mail, ledger, tmp_path
) -> None:
    read = read_permissions([mail], owner_keys=[thumb("owner")], grantee=key("lab"), day=DAY)
    releases = Releases(read.permissions, use=Use.CLONE, day=DAY)
    write_signed_outputs(ledger, tmp_path, releases=releases, key=key("lab"), kind="jsonl")
    assert (tmp_path / SIGNATURE).exists()
    write_outputs(ledger, tmp_path, kind="jsonl")
    assert not (tmp_path / SIGNATURE).exists()


def test_a_report_that_fails_leaves_both_lists_as_they_were(
    mail, ledger, tmp_path, monkeypatch
) -> None:
    read = read_permissions([mail], owner_keys=[thumb("owner")], grantee=key("lab"), day=DAY)
    releases = Releases(read.permissions, use=Use.CLONE, day=DAY)
    write_signed_outputs(ledger, tmp_path, releases=releases, key=None, kind="jsonl")
    before = [(tmp_path / name).read_text() for name in ("exclude.txt", "released.txt")]

    def fail(*_, **__) -> None:
        raise ParameterError("no table")

    monkeypatch.setattr("sottovoce.scan.outputs.write_results", fail)
    with pytest.raises(ParameterError):
        write_outputs(ledger, tmp_path, kind="jsonl")
    assert [(tmp_path / name).read_text() for name in ("exclude.txt", "released.txt")] == before


class TestHostileReports:
    """A licensee chooses what they sign, and what else lies in the folder."""

    @pytest.fixture
    def out(self, mail, ledger, tmp_path):
        read = read_permissions([mail], owner_keys=[thumb("owner")], grantee=key("lab"), day=DAY)
        releases = Releases(read.permissions, use=Use.CLONE, day=DAY)
        write_signed_outputs(ledger, tmp_path, releases=releases, key=key("lab"), kind="jsonl")
        return tmp_path

    def sign(self, out, **changes) -> None:
        payload = {**peek_payload((out / SIGNATURE).read_text().strip()), **changes}
        token = sign_token(payload, kind="sottovoce-report/1", key=key("lab"))
        (out / SIGNATURE).write_text(token)

    def test_a_file_that_was_not_signed_is_named(self, out) -> None:
        self.sign(out, files={})
        assert check_report(out, grantee_key=thumb("lab")) == [
            *("report.html", "summary.json", "released.txt", "exclude.txt"),
            "results.jsonl",
        ]

    def test_a_second_table_is_named(self, out) -> None:
        (out / "results.csv").write_text("id,status\n")
        assert check_report(out, grantee_key=thumb("lab")) == ["results.csv"]

    def test_a_signed_gap_and_a_way_out_of_the_folder_are_named(self, out) -> None:
        files = peek_payload((out / SIGNATURE).read_text().strip())["files"]
        (out / "released.txt").unlink()
        same = files["report.html"]
        self.sign(out, files={**files, "released.txt": "", "../report.html": same})
        assert set(check_report(out, grantee_key=thumb("lab"))) == {
            "released.txt",
            "../report.html",
        }

    @pytest.mark.parametrize(
        "changes",
        [
            {"files": []},
            {"files": None},
            {"typ": "sottovoce-grant/1"},
            {"key": {}},
            {"key": {"crv": "Ed25519", "kty": "OKP", "x": 1}},
            {"key": {"crv": "Ed25519", "kty": "OKP", "x": "a"}},
        ],
    )
    def test_what_is_no_report_is_refused(self, out, changes) -> None:
        self.sign(out, **changes)
        with pytest.raises(SignatureError):
            check_report(out, grantee_key=thumb("lab"))
