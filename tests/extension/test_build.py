"""What is packed: the same bytes every time, small, asking for little, in four languages."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile

import pytest

pytestmark = pytest.mark.browser  # needs Node.js, which bundles the scripts

MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def archives(build, tmp_path_factory):
    if shutil.which("node") is None:
        pytest.fail("apt-get install nodejs npm")
    folders = [tmp_path_factory.mktemp("dist") for _ in range(2)]
    for folder in folders:
        build.main(["-o", str(folder)])
    return folders


def test_the_same_source_gives_the_same_bytes(archives, build) -> None:
    for browser in build.BROWSERS:
        digests = {
            hashlib.sha256((folder / f"sottovoce-{browser}.zip").read_bytes()).hexdigest()
            for folder in archives
        }
        assert len(digests) == 1


def test_archives_are_small_and_ask_for_little(archives, build) -> None:
    for browser in build.BROWSERS:
        path = archives[0] / f"sottovoce-{browser}.zip"
        assert path.stat().st_size <= MOST_BYTES
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        assert manifest["manifest_version"] == 3
        assert set(manifest["permissions"]) == {"activeTab", "scripting", "storage"}
        assert "host_permissions" not in manifest
        assert "content_scripts" not in manifest
        assert "'unsafe" not in manifest["content_security_policy"]["extension_pages"]


def test_scripts_load_no_code_from_elsewhere(archives) -> None:
    with zipfile.ZipFile(archives[0] / "sottovoce-chromium.zip") as archive:
        scripts = [archive.read(name).decode() for name in archive.namelist() if "js" in name[-3:]]
    for script in scripts:
        assert not re.search(r"\beval\(|new Function\(|importScripts|import\(", script)


def test_every_text_that_is_shown_is_in_every_language(archives, build) -> None:
    source = build._SOURCE
    shown = set()
    for path in source.glob("*/*.html"):
        shown |= set(re.findall(r'data-(?:text|label)="([^"]+)"', path.read_text()))
    for path in [*source.glob("options/*.js"), *source.glob("popup/*.js")]:
        shown |= set(re.findall(r'say\("([^"]+)"', path.read_text()))
    states = {"idle", "marked", "muted", "off", "older", "ready", "unheard", "unmarked"}
    reasons = {"around", "error", "late", "processor", "rate", "stalled", "suspended"}
    shown |= {f"state.{one}" for one in states} | {f"why.{one}" for one in reasons}
    with zipfile.ZipFile(archives[0] / "sottovoce-firefox.zip") as archive:
        for language in ("de", "en", "es", "fr"):
            words = json.loads(archive.read(f"_locales/{language}/messages.json"))
            missing = {one for one in shown if one.replace(".", "_") not in words}
            assert not missing, (language, missing)
            assert len(words["ext_name"]["message"]) <= 75
            assert len(words["ext_description"]["message"]) <= 132
