"""The account for a client."""

from __future__ import annotations

import hashlib
import json
import os
from html.parser import HTMLParser

import pytest
import soundfile as sf

import sottovoce

OWNER = ("--owner", "4f2a-91c0-77de", "--policy", "training")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def takes(shell, rng):
    folder = shell.folder / "takes"
    folder.mkdir()
    sf.write(folder / "one.wav", rng.normal(scale=0.1, size=24_000), 16_000)
    (folder / "bad <b>.wav").write_text("this is no sound")
    (folder / "old.zip").write_bytes(b"PK")
    (folder / "out.wav").symlink_to("/etc/hostname")
    return folder


@pytest.mark.parametrize("in_place", [False, True], ids=["delivered", "in place"])
def test_json_accounts_for_every_file(in_place, shell, takes):
    before = {path.name: sha256(path) for path in takes.glob("[ob]*.wav") if not path.is_symlink()}
    where = ["--in-place"] if in_place else ["-o", "delivery"]
    name = "receipt.json" if in_place else "delivery/receipt.json"
    done = shell("protect", "takes", *where, *OWNER, "--receipt", name)
    assert done.code == 2
    assert f"The receipt is in {name}." in done.err
    receipt = json.loads((shell.folder / name).read_text())
    assert receipt["format"] == "sottovoce-receipt-1"
    assert receipt["program"] == f"sottovoce {sottovoce.__version__}"
    assert receipt["date"].endswith("+00:00")
    assert receipt["in_place"] is in_place
    assert receipt["notice"]["owner"] == "4f2a-91c0-77de"
    assert "training" in receipt["notice"]["words"]
    assert receipt["totals"] == {
        "in": 2,
        "marked": 1,
        "copied": 0,
        "already_marked": 0,
        "without_sound": 0,
        "failed": 1,
    }
    assert receipt["not_looked_at"] == {".zip": 1}
    assert receipt["links_not_followed"] == [
        {"path": "takes/out.wav", "reason": "leads out of the folder"}
    ]
    bad, one = receipt["files"]
    assert (bad["file"], bad["status"]) == ("takes/bad <b>.wav", "error")
    assert bad["sha256_in"] == before["bad <b>.wav"]
    assert (bad["path"], bad["sha256_out"]) == ("", "")
    assert bad["error"]
    assert bad["remedy"]
    assert one["status"] == "marked"
    assert one["seconds"] == pytest.approx(1.5)
    assert one["sha256_in"] == before["one.wav"]
    assert one["sha256_out"] == sha256(shell.folder / one["path"])
    assert one["sha256_in"] != one["sha256_out"]
    assert any("only 1.5 s long" in warning for warning in one["warnings"])


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_escaped_and_without_scripts(shell, takes):
    options = ["-o", "out", *OWNER, "--receipt", "receipt.html"]
    assert shell("protect", "takes", *options).code == 2
    text = (shell.folder / "receipt.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert not page.tags & {"script", "b", "link", "img", "iframe"}
    assert "takes/bad <b>.wav" in page.text
    for word in ("takes/out.wav", "1 .zip", "4f2a-91c0-77de", "2 in, 1 marked, 1 failed"):
        assert word in page.text
    assert sha256(takes / "one.wav") in page.text
    assert sha256(shell.folder / "out" / "one.wav") in page.text


@pytest.mark.parametrize(
    ("receipt", "message"),
    [
        ("receipt.txt", "unknown kind of receipt"),
        ("receipt", "unknown kind of receipt"),
        ("takes/list.json", "inside a folder that is worked on in place"),
        ("sound.json", "is an input or an output"),
        ("folder.json", "is a folder"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused_before_any_work(receipt, message, shell, takes):
    sf.write(shell.folder / "sound.json", [0.1] * 24_000, 16_000, format="WAV")
    (shell.folder / "folder.json").mkdir()
    before = {name: (shell.folder / name).read_bytes() for name in shell.files()}
    options = ["--in-place", *OWNER, "--receipt", receipt]
    done = shell("protect", "takes", "sound.json", *options)
    assert done.code == 2
    assert message in done.err
    assert {name: (shell.folder / name).read_bytes() for name in shell.files()} == before


def test_names_that_are_not_utf_8_stand_in_the_receipt(shell, rng):
    name = os.fsdecode(b"t\xe9l\xe9.wav")
    with (shell.folder / name).open("wb") as file:
        sf.write(file, rng.normal(scale=0.1, size=24_000), 16_000, format="WAV")
    for kind in ("json", "html"):
        options = ["-o", "out", *OWNER, "--receipt", f"r.{kind}"]
        assert shell("protect", name, *options).code == 0
    (file,) = json.loads((shell.folder / "r.json").read_text())["files"]
    assert os.fsencode(file["file"]) == b"t\xe9l\xe9.wav"
    assert "t\\udce9l\\udce9.wav" in (shell.folder / "r.html").read_text(encoding="utf-8")
