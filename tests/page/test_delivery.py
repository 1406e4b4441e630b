"""What a client gets: an archive with all new files, and the command's receipt."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
import soundfile as sf

from rig.chromium import READY_MS, save_download
from sottovoce.files import detect_file

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_all_are_saved_in_one_archive_with_a_true_receipt(browser_page, clip, tmp_path) -> None:
    page = browser_page
    y, sr = clip
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        sf.write(tmp_path / folder / "take.wav", y, sr)
    hostile = tmp_path / '<img src=x onerror="alert(1)">.flac'
    sf.write(hostile, y, sr)
    sf.write(tmp_path / "silence.wav", np.zeros(5 * sr), sr)
    (tmp_path / "broken.wav").write_bytes(b"RIFF" + bytes(300))
    names = ("one/take.wav", "two/take.wav", hostile.name, "silence.wav", "broken.wav")
    given = [tmp_path / name for name in names]
    assert page.locator("#delivery").is_hidden()
    page.locator("#takes").set_input_files(given[:2])
    page.locator("#takes").set_input_files(given[2:])
    page.locator("#protected li .bad").wait_for(timeout=READY_MS)
    saved_as = save_download(
        page, page.get_by_role("button", name="Save all as ZIP"), tmp_path / "all.zip"
    )
    assert saved_as == "protected.zip"
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        inside = {name: archive.read(name) for name in archive.namelist()}
        archive.extractall(tmp_path / "out")
    receipt = inside.pop("receipt.html").decode()
    assert set(inside) == {
        "take.protected.wav",
        "take.protected (2).wav",
        "_img src=x onerror=_alert(1)__.protected.flac",
    }
    for name, data in inside.items():
        assert detect_file(tmp_path / "out" / name).found
        assert f"{name}<br><code>{sha256(data)}</code>" in receipt
    for path in given:
        assert sha256(path.read_bytes()) in receipt
    for words in (
        "refuses every use by machines; anonymous",
        "5 in, 3 marked, 1 without sound, 1 failed",
        "sottovoce check FILE",
        "&lt;img src=x onerror=",
    ):
        assert words in receipt
    assert "<img" not in receipt
    assert "/jobs/" not in receipt


def test_a_long_name_still_fits_into_a_file_system(browser_page, clip, tmp_path) -> None:
    page = browser_page
    names = ["n" * 251 + ".wav", "é" * 125 + ".wav"]
    for name in names:
        sf.write(tmp_path / name, *clip)
    page.locator("#takes").set_input_files([tmp_path / name for name in names])
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    for link in page.locator("a.save").all():
        name = link.get_attribute("download")
        assert name.endswith(".protected.wav")
        assert len(f"{name}.receipt.html".encode()) <= 255


def test_files_with_different_words_get_receipts_of_their_own(browser_page, clip, tmp_path) -> None:
    page = browser_page
    for name in ("first.wav", "second.wav"):
        sf.write(tmp_path / name, *clip)
    page.locator("#takes").set_input_files(tmp_path / "first.wav")
    page.get_by_label("Training of any model").check()
    page.locator("#takes").set_input_files(tmp_path / "second.wav")
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    save_download(page, page.get_by_role("button", name="Save all as ZIP"), tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        first, second = (archive.read(f"receipt{n}.html").decode() for n in ("", "-2"))
    assert "every use by machines" in first
    assert "voiceprints" in second
    assert "second.protected.wav" in second
    assert "second" not in first
    row = page.locator("#protected li", has_text="second.wav")
    name = save_download(
        page, row.get_by_role("button", name="Save receipt"), tmp_path / "own.html"
    )
    assert name == "second.protected.wav.receipt.html"
    own = (tmp_path / "own.html").read_text(encoding="utf-8")
    assert sha256((tmp_path / "second.wav").read_bytes()) in own
    assert "1 in, 1 marked" in own


@pytest.mark.by_turns
def test_a_list_is_cleared_of_what_is_done_and_never_by_a_slip(
    browser_page, clip, tmp_path
) -> None:
    page = browser_page
    y, sr = clip
    for name in ("first.wav", "second.wav"):
        sf.write(tmp_path / name, y, sr)
    sf.write(tmp_path / "long.wav", np.resize(y, 240 * sr), sr)
    clear = page.get_by_role("button", name="Clear the list")
    assert clear.count() == 0
    page.locator("#takes").set_input_files([tmp_path / "first.wav", tmp_path / "second.wav"])
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    clear.click()  # a question is answered with no here
    assert page.locator("#protected li").count() == 2
    for link in page.locator("a.save").all():
        save_download(page, link, tmp_path / "out.wav")
    page.locator("#takes").set_input_files(tmp_path / "long.wav")
    page.locator("#protected progress").wait_for()
    clear.click()
    assert page.locator("#protected h2").all_inner_texts() == ["long.wav"]
    assert page.locator("#delivery").is_hidden()
    assert clear.count() == 0
    assert page.evaluate("document.activeElement.id") == "takes"
    page.locator("#takes").set_input_files(tmp_path / "first.wav")
    page.locator("a.save").nth(1).wait_for(timeout=READY_MS)
    # Its name is free again, and the archive holds what came since.
    assert page.locator("a.save").last.get_attribute("download") == "first.protected.wav"
    save_download(page, page.get_by_role("button", name="Save all as ZIP"), tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = {"long.protected.wav", "first.protected.wav", "receipt.html"}
        assert {*archive.namelist()} == names
