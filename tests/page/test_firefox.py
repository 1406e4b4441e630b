"""The page in Firefox, opened from disk; no request can be answered by a network."""

from __future__ import annotations

import contextlib
import shutil
import time
import zipfile

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.firefox import Firefox
from sottovoce.abx.score import score_answers
from sottovoce.files import detect_file
from sottovoce.rights import format_owner_id, load_identity

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAVED_S = 60.0


@pytest.fixture
def firefox(page_file, tmp_path):
    if shutil.which("firefox-esr") is None:
        pytest.fail("apt-get install firefox-esr")
    (tmp_path / "saved").mkdir()
    with Firefox(tmp_path / "saved") as firefox:
        firefox.open(page_file.as_uri())
        firefox.wait("document.getElementById('loading').hidden")
        yield firefox


def addresses_of_a_network(firefox):
    """Of all requests; the browser's own pages come from itself, and use fonts of theirs."""
    own = ("file:", "blob:", "data:", "about:", "chrome:", "resource:")
    return [address for address in firefox.asked if not address.startswith(own)]


@pytest.mark.by_turns
def test_takes_are_protected_and_checked_and_nothing_is_asked_for(firefox, clip, tmp_path) -> None:
    y, sr = clip
    sf.write(tmp_path / "take.wav", y, sr, subtype="PCM_24")
    sf.write(tmp_path / "take.flac", y, sr, subtype="PCM_16")
    sf.write(tmp_path / "found.wav", sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7)), sr)
    firefox.choose("#takes", [tmp_path / "take.wav", tmp_path / "take.flac"])
    firefox.wait("document.querySelectorAll('a.save').length === 2")
    firefox.run("document.querySelectorAll('a.save').forEach((link) => link.click())")
    firefox.run("document.getElementById('tab-check').click()")
    firefox.choose("#unknown", [tmp_path / "found.wav"])
    firefox.wait("document.querySelector('#checked details') !== null")
    assert "Owner 0000-0000-0007" in firefox.run("document.getElementById('checked').innerText")
    for suffix in ("wav", "flac"):
        saved = tmp_path / "saved" / f"take.protected.{suffix}"
        assert detect_file(saved).found
        marked = sf.read(saved, dtype="float32")[0]
        assert 0 < np.abs(marked - y).max() < 0.2
    assert addresses_of_a_network(firefox) == []


@pytest.mark.by_turns
def test_marks_are_heard_where_they_are_and_two_files_compared_blindly(
    firefox, clip, tmp_path
) -> None:
    y, sr = clip
    marked = sv.protect(y, sr=sr, notice=sv.Notice(owner_id=7), phase_s=1.0)
    sf.write(tmp_path / "talk.wav", np.concatenate([np.zeros(5 * sr), marked]), sr)
    sf.write(tmp_path / "take.wav", y, sr)
    firefox.run("document.getElementById('tab-check').click()")
    firefox.choose("#unknown", [tmp_path / "talk.wav"])
    firefox.wait("document.querySelector('.track button') !== null")
    # A person was there, which a sound needs; but no window has the focus, so that a key on a
    # button is no click.
    firefox.press(".track button", "a")
    firefox.run("document.querySelector('.track button').click()")
    firefox.wait("Number(document.querySelector('.timeline input').value) > 5")
    firefox.run("document.getElementById('tab-protect').click()")
    firefox.choose("#takes", [tmp_path / "take.wav"])
    firefox.wait("document.querySelector('a.save') !== null")
    for name, drawn in (("pictures", ".pictures canvas"), ("blind", ".blind-test")):
        firefox.run(f"document.querySelector('.{name} summary').click()")
        firefox.wait(f"document.querySelector('{drawn}') !== null")
    firefox.wait("document.querySelector('.pictures canvas').width > 300")
    # Whether the play button of the first trial can be pressed tells that its sounds are there.
    firefox.wait("!document.querySelector('.blind-test .row button:disabled')")
    for _ in range(16):
        firefox.press(".blind-test input", "1", "\ue007")
    firefox.wait("document.querySelector('.score') !== null")
    firefox.run("document.querySelector('.blind-test a.save').click()")
    saved = tmp_path / "saved" / "answers.json"
    while not saved.exists():
        firefox.run("new Promise((done) => setTimeout(done, 100))")
    shown = firefox.run("document.querySelector('.score').textContent")
    assert shown == f"{score_answers(saved).n_right} of 16 right"
    assert addresses_of_a_network(firefox) == []


@pytest.mark.by_turns
def test_nothing_can_be_sent(firefox) -> None:
    refused = firefox.run(
        """(async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation", (e) => refused.push(e.blockedURI));
            try { await fetch("https://example.org/"); } catch {}
            const image = new Image();
            image.src = "https://example.org/x.png";
            await new Promise((done) => { image.onerror = done; });
            try { new WebSocket("wss://example.org/"); } catch {}
            await new Promise((done) => setTimeout(done, 300));
            return refused.length;
        })()"""
    )
    assert refused == 3
    assert addresses_of_a_network(firefox) == []
    # What a page does ask for is seen.
    with contextlib.suppress(RuntimeError):
        firefox.open("http://example.org/")
    assert addresses_of_a_network(firefox) == ["http://example.org/"]


def wait_for_file(path) -> None:
    """Its name is taken before it is written."""
    deadline = time.monotonic() + SAVED_S
    while not (path.is_file() and path.stat().st_size):
        assert time.monotonic() < deadline, path
        time.sleep(0.2)


@pytest.mark.by_turns
def test_an_identity_is_made_kept_and_forgotten_and_all_is_saved(firefox, clip, tmp_path) -> None:
    (tmp_path / "saved" / "all").mkdir()
    firefox.run("document.getElementById('identity').open = true")
    firefox.run("document.getElementById('identity-name').value = 'studio'")
    firefox.run("document.querySelector('#identity-make button').click()")
    firefox.wait("document.querySelector('#identity-saved a') !== null")
    firefox.run("document.querySelector('#identity-saved a').click()")
    saved = tmp_path / "saved"
    wait_for_file(saved / "studio.json")
    owner_id = load_identity("studio", folder=saved, verify=True).owner_id
    for name in ("one.wav", "two.wav"):
        sf.write(tmp_path / name, *clip)
    firefox.choose("#takes", [tmp_path / "one.wav", tmp_path / "two.wav"])
    firefox.wait("document.querySelectorAll('#protected a.save').length === 2")
    firefox.run("document.getElementById('delivery-zip').click()")
    wait_for_file(saved / "protected.zip")
    with zipfile.ZipFile(saved / "protected.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(saved / "all")
    for name in ("one.protected.wav", "two.protected.wav"):
        assert detect_file(saved / "all" / name).voices[0].notice.owner_id == owner_id
    assert format_owner_id(owner_id) in (saved / "all" / "receipt.html").read_text()
    firefox.run("document.getElementById('identity-remember').click()")
    firefox.run("void (window.isOld = true)")
    firefox.run("location.reload()")
    # Not by the state of a field: the old page had it too, and a reload keeps it.
    known = "document.getElementById('identity-known')?.textContent"
    firefox.wait(f"!window.isOld && {known} === 'studio'")
    firefox.run("document.getElementById('identity-forget').click()")
    assert firefox.run("localStorage.length") == 0
    assert addresses_of_a_network(firefox) == []
