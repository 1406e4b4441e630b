"""The account for a client."""

from __future__ import annotations

import hashlib
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile as sf

import sottovoce
from sottovoce.files.receipts.page import make_page

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


@pytest.mark.slow
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
    assert receipt["files_not_looked_at"] == [{"path": "takes/old.zip", "kind": ".zip"}]
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
    assert one["duration_s"] == one["seconds"] == pytest.approx(1.5)
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


@pytest.mark.slow
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
    for word in (
        "takes/out.wav",
        "1 .zip (archive)",
        "takes/old.zip",
        "4f2a-91c0-77de",
        "2 in, 1 marked, 1 failed",
    ):
        assert word in page.text
    assert sha256(takes / "one.wav") in page.text
    assert sha256(shell.folder / "out" / "one.wav") in page.text


@pytest.mark.slow
def test_it_names_the_identity_that_its_author_chose(shell, clip):
    sf.write(shell.folder / "one.wav", *clip)
    shell("id", "new", "--name", "anna")
    for options, name in ((["--owner", "anna"], "anna"), ([], ""), (["--owner", "anonymous"], "")):
        done = shell("protect", "one.wav", "-o", "out.wav", *options, "--receipt", "r.json")
        assert done.code == 0
        assert json.loads((shell.folder / "r.json").read_text())["identity"] == name
        for each in ("out.wav", "r.json"):
            (shell.folder / each).unlink()
    shell("protect", "one.wav", "-o", "out.wav", "--owner", "anna", "--receipt", "r.html")
    text = (shell.folder / "r.html").read_text(encoding="utf-8")
    assert "is the identity <strong>anna</strong>, as its author calls it." in text


def read_rows(shell, name):
    """Return the cells of the page's table, as text."""
    text = (shell.folder / name).read_text(encoding="utf-8")
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = [row.split("</td>")[:-1] for row in body.split("</tr>")[:-1]]
    return [[re.sub("<[^>]*>", " ", cell).split() for cell in row] for row in cells]


@pytest.mark.slow
def test_the_page_counts_its_files_in_the_words_of_its_rows(shell, clip):
    folder = shell.folder / "takes"
    folder.mkdir()
    sf.write(folder / "one.wav", *clip)
    sf.write(folder / "quiet.wav", np.zeros(32_000), 16_000)
    shell("protect", "takes/one.wav", "-o", "takes/two.wav", *OWNER)
    assert shell("protect", "takes", "-o", "out", *OWNER, "--receipt", "r.html").code == 0
    statuses = [" ".join(row[1]) for row in read_rows(shell, "r.html")]
    assert statuses == [
        "marked",
        "without sound it has no sound that could carry a mark",
        "copied it already carried this mark",
    ]
    text = (shell.folder / "r.html").read_text(encoding="utf-8")
    assert "3 in, 1 marked, 1 copied, 1 without sound." in text
    assert re.fullmatch(r"2\d\.\d of 24\.7 s", " ".join(read_rows(shell, "r.html")[0][3]))
    assert re.fullmatch(r"2\d\.\d of 24\.7 s", " ".join(read_rows(shell, "r.html")[2][3]))


def test_what_is_replaced_is_named_once(shell, take):
    assert shell("protect", "take.wav", "--in-place", *OWNER, "--receipt", "r.html").code == 0
    ((name, _, _, _, after),) = read_rows(shell, "r.html")
    assert "".join(name[:-1]) == "".join(str(take.resolve()).split())
    assert after == [sha256(take)]


@pytest.mark.slow
def test_the_page_holds_nothing_that_only_its_author_could_do(shell, takes):
    (takes / "cut.wav").write_bytes((takes / "one.wav").read_bytes()[:9_000])
    options = ["-o", "out", *OWNER, "--receipt"]
    assert shell("protect", "takes", *options, "r.html").code == 2
    text = (shell.folder / "r.html").read_text(encoding="utf-8")
    assert "cut short" in text
    assert "--partial" not in text
    shell("protect", "takes", *options, "r.json")
    assert "--partial" in (shell.folder / "r.json").read_text()
    page = make_page(
        {
            **json.loads((shell.folder / "r.json").read_text()),
            "files": [
                {
                    "file": "a.wma",
                    "path": "out/a.wma",
                    "status": "marked",
                    "sha256_in": "",
                    "sha256_out": "",
                    "warnings": ["lost: the tags (kept after: pip install 'x[tags]')"],
                }
            ],
        }
    )
    assert "lost: the tags<" in page
    assert "pip" not in page


@pytest.mark.parametrize(
    ("receipt", "message"),
    [
        ("receipt.txt", "unknown kind of receipt"),
        ("receipt", "unknown kind of receipt"),
        ("takes/list.json", "inside a folder that is processed in place"),
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


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_a_screen_and_a_telephone(width, shell, takes):
    from rig.chromium import open_tab  # late: Playwright is of the group `full`

    options = ["-o", "out", *OWNER, "--receipt", "receipt.html"]
    shell("protect", "takes", *options)
    with open_tab(viewport={"width": width, "height": 900}) as page:
        page.goto((shell.folder / "receipt.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for cell in page.locator("tr:has-text('one.wav') td:not(:empty)").all():
            assert cell.bounding_box()["width"] > (50 if width > 800 else 300)
        heading = page.locator("th.length")
        if width > 800:
            assert heading.bounding_box()["height"] < 80  # "Delivered as …" takes two lines
            lines = "one => { const all = document.createRange(); all.selectNodeContents(one);"
            assert heading.evaluate(lines + " return all.getClientRects().length }") == 1
        else:
            assert not heading.is_visible()
