"""Identities made and opened in the page are the command's."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import soundfile as sf

import sottovoce as sv
from rig.chromium import READY_MS, save_download, wait_until_ready
from sottovoce.core.policy import Use
from sottovoce.rights import format_owner_id, load_identity, make_identity
from sottovoce.rights.grants import make_grant
from tests.cli.conftest import Shell
from tests.rights.people import DAY, first, key, thumb
from tests.test_recipes import owner_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CLOSE = "dispatchEvent(new Event('beforeunload', { cancelable: true }))"


@pytest.fixture
def shell(tmp_path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, tmp_path / "config")


def open_file(page, path) -> None:
    """Open an identity file, and wait for the answer."""
    page.locator("#identity").evaluate("(one) => { one.open = true; }")
    page.locator("#identity-file").set_input_files(path)
    page.locator("#identity-news", has_text="Opening").wait_for(state="detached")
    page.wait_for_function(
        "() => document.querySelector('#identity-news').textContent.startsWith('Opened')"
        " || document.querySelector('#identity-problem').textContent"
    )


@pytest.mark.by_turns
def test_of_two_files_opened_while_a_job_runs_the_last_one_holds(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    paths = [make_identity(name, folder=tmp_path / "ids").path for name in ("first", "second")]
    y, sr = clip
    sf.write(tmp_path / "take.wav", np.resize(y, 180 * sr), sr)
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    page.locator("#protected p", has_text=" of ").first.wait_for(timeout=READY_MS)
    page.locator("#identity").evaluate("(one) => { one.open = true; }")
    for path in paths:
        page.locator("#identity-file").set_input_files(path)
    page.locator("a.save").wait_for(timeout=READY_MS)
    page.locator("#identity-news", has_text="Opened: second").wait_for()
    page.wait_for_timeout(1000)
    assert page.locator("#identity-known").inner_text() == "second"


def test_one_made_here_marks_and_the_command_says_yours(
    browser_page, shell, clip, tmp_path
) -> None:
    page = browser_page
    assert page.locator("#owner-own").is_disabled()
    page.get_by_text("Your identity:").click()
    page.get_by_label("Name of a new identity").fill("audiobook-2026")
    page.get_by_role("button", name="Make an identity").click()
    page.locator("#identity-news", has_text="Made: audiobook-2026").wait_for(timeout=READY_MS)
    # A key that is not saved yet is not lost by a slip; a question is answered with no here.
    page.get_by_label("Name of a new identity").fill("another")
    page.get_by_role("button", name="Make an identity").click()
    assert not page.evaluate(CLOSE)
    folder = tmp_path / "config" / "sottovoce" / "identities"
    save_download(page, page.locator("#identity-saved a"), folder / "audiobook-2026.json")
    owner = json.loads(shell("id", "show", "--json").out)["owner"]
    assert f"owner id {owner}" in page.locator("#identity-news").inner_text()
    assert page.get_by_label(f"audiobook-2026, as owner {owner}").is_checked()
    assert page.evaluate(CLOSE)
    # Nothing is kept that was not asked for.
    assert page.evaluate("localStorage.length") == 0

    y, sr = clip
    sf.write(tmp_path / "take.wav", np.resize(y, 32 * sr), sr, subtype="PCM_16")
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    link = page.locator("#protected a.save")
    link.wait_for(timeout=READY_MS)
    words = page.locator("#protected").inner_text()
    assert "It also carries your seal" in words
    assert f"Yours: audiobook-2026, owner {owner}: refuses every use by machines" in words
    save_download(page, link, shell.folder / "out.wav")
    button = page.get_by_role("button", name="Save receipt")
    save_download(page, button, tmp_path / "receipt.html")
    receipt = (tmp_path / "receipt.html").read_text(encoding="utf-8")
    assert f"Owner {owner} is the identity <strong>audiobook-2026</strong>" in receipt
    assert shell("check", "out.wav", "--mine").code == 0
    done = shell("check", "out.wav", "--json")
    (voice,) = json.loads(done.out)["voices"]
    assert (voice["yours"], voice["notice"]["owner"]) == ("audiobook-2026", owner)
    assert voice["seal"]["holds"]

    # Here as well; and it is not marked twice.
    page.locator("#takes").set_input_files(shell.folder / "out.wav")
    page.locator("#protected", has_text="carries your mark already").wait_for(timeout=READY_MS)
    page.locator("#tab-check").click()
    page.locator("#unknown").set_input_files(shell.folder / "out.wav")
    page.locator("#checked details").wait_for(timeout=READY_MS)
    told = f"Yours, with your seal: audiobook-2026, owner {owner}"
    assert told in page.locator("#checked").inner_text()
    # The command's own line.
    line = page.locator("#checked pre").text_content()
    assert json.loads(line) == _nearly(json.loads(done.out))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Details as JSON").click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == line


@pytest.mark.by_turns
def test_one_that_the_command_made_is_opened_here(browser_page, shell, clip, tmp_path) -> None:
    page = browser_page
    made = make_identity("studio", folder=tmp_path / "made")
    page.get_by_text("Your identity:").click()
    # As a browser names a file that it saves a second time.
    shutil.copy(made.path, tmp_path / "studio (1).json")
    open_file(page, tmp_path / "studio (1).json")
    owner = made.to_dict()["owner"]
    assert f"Opened: studio-1, owner id {owner}" in page.locator("#identity-news").inner_text()
    # Its file has no private key, and marking needs none.
    assert made.stored_key is None
    sf.write(tmp_path / "take.wav", *clip, subtype="PCM_16")
    page.locator("#takes").set_input_files(tmp_path / "take.wav")
    link = page.locator("#protected a.save")
    link.wait_for(timeout=READY_MS)
    save_download(page, link, shell.folder / "out.wav")
    assert shell("check", "out.wav", "--owner", owner).code == 0
    page.get_by_label("Remember this identity").check()
    page.reload()
    wait_until_ready(page)
    page.get_by_label(f"studio-1, as owner {owner}").wait_for()
    page.get_by_text("Your identity:").click()
    page.get_by_role("button", name="Forget it").click()
    assert page.evaluate("localStorage.length") == 0
    assert page.locator("#owner-nobody").is_checked()
    page.reload()
    wait_until_ready(page)
    assert page.locator("#owner-own").is_disabled()


@pytest.mark.by_turns
def test_a_broken_file_is_refused_and_a_bad_name_too(browser_page, tmp_path) -> None:
    page = browser_page
    made = make_identity("good", folder=tmp_path, self_contained=True)
    stored = json.loads(made.path.read_text())
    other = load_identity("good", folder=tmp_path)
    assert other.owner_id == made.owner_id
    broken = {
        "other-owner": {**stored, "owner": "4f2a-91c0-77de", "owner_checked": "0" * 64},
        "other-key": {**stored, "public_key": "AAAA"},
        "no-key": {**stored, "private_key": "-----BEGIN PRIVATE KEY-----"},
        "<img src=x onerror=alert(1)>": {},
        "a list": [],
    }
    page.get_by_text("Your identity:").click()
    for name, content in broken.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content))
        open_file(page, path)
        told = page.locator("#identity-problem").inner_text()
        assert told.startswith(f"{name}.json is not an identity file, or it is damaged"), name
    (tmp_path / "large.json").write_bytes(b"[" * 70_000)
    (tmp_path / "deep.json").write_bytes(b"[" * 60_000)
    for name in ("large.json", "deep.json"):
        open_file(page, tmp_path / name)
        assert page.locator("#identity-problem").inner_text().startswith(name)
    assert page.locator("#owner-own").is_disabled()
    for name in ("anonymous", "4f2a-91c0-77de", "two words", "<b>"):
        page.get_by_label("Name of a new identity").fill(name)
        page.get_by_role("button", name="Make an identity").click()
        page.locator("#identity-problem", has_text="can have this name").wait_for(timeout=READY_MS)
    assert page.locator("#identity img, #identity b").count() == 0
    from_seed = json.loads(make_identity("seed", folder=tmp_path / "ids").path.read_text())
    (tmp_path / "short.json").write_text(json.dumps({**from_seed, "info": "AAAA"}))
    open_file(page, tmp_path / "short.json")
    assert page.locator("#identity-problem").inner_text().startswith("short.json")
    open_file(page, made.path)
    assert page.locator("#owner-own").is_checked()


def test_a_grant_says_whom_to_look_for(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    # The policy and the year of these marks are none that owners usually write.
    given = make_grant(
        [first()],
        key=key("owner"),
        grantee="Acme",
        grantee_key=thumb("lab"),
        uses=Use.CLONE,
        issued=DAY,
    )
    (tmp_path / "a.grant").write_bytes(given.to_bytes())
    (tmp_path / "b.grant").write_text("{}")
    notice = sv.Notice(owner_id=owner_of("owner"), policy=Use(0x7F), year=2026)
    marked = sv.protect(y, sr=sr, notice=notice, phase_s=0.5)
    sf.write(tmp_path / "short.wav", marked[2 * sr : 4 * sr], sr)
    owner = format_owner_id(notice.owner_id)
    page.locator("#tab-check").click()
    for name, told, words in (
        ("b.grant", "b.grant is not the file of a grant", "The owner cannot be read"),
        ("a.grant", f"Also looking for owner {owner}", f"Owner {owner}: matched"),
    ):
        page.locator("#grant-file").set_input_files(tmp_path / name)
        page.locator("#panel-check", has_text=told).wait_for()
        page.locator("#unknown").set_input_files(tmp_path / "short.wav")
        page.locator("#checked li", has_text=words).wait_for(timeout=READY_MS)
        page.get_by_role("button", name="Clear the list").click()
    page.get_by_role("button", name="Stop looking").click()
    page.locator("#unknown").set_input_files(tmp_path / "short.wav")
    page.locator("#checked li", has_text="The owner cannot be read").wait_for(timeout=READY_MS)


def _nearly(fields: object) -> object:
    """Return JSON whose numbers differ no more than those of two processors do."""
    if isinstance(fields, dict):
        return {name: _nearly(value) for name, value in fields.items()}
    if isinstance(fields, list):
        return [_nearly(value) for value in fields]
    return pytest.approx(fields, rel=5e-3) if isinstance(fields, float) else fields
