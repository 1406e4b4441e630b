"""Build the browser extension: `python extension/tools/build.py`.

One source gives two archives, for Chromium-based browsers and for Firefox: their manifests differ
in what runs in the background, and in what either needs.  The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sottovoce
from sottovoce.errors import SottovoceError
from sottovoce.page.bundling import bundle
from sottovoce.page.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BROWSERS", "FIREFOX_ID", "build_files", "bundle_scripts", "main", "write_folder"]

Browser = Literal["chromium", "firefox"]
BROWSERS: tuple[Browser, ...] = ("chromium", "firefox")
FIREFOX_ID = "sottovoce@sottovoce.invalid"

_ROOT = Path(__file__).parents[1]
_SOURCE = _ROOT / "src"
_PAGE_STRINGS = Path(sottovoce.__file__).parent / "page" / "web" / "strings"
_LANGUAGES = ("de", "en", "es", "fr")
_SCRIPTS = {
    "background.js": "background/background.js",
    "content.js": "content/content.js",
    "options.js": "options/options.js",
    "popup.js": "popup/popup.js",
    "tap.js": "content/tap_worklet.js",
    "worklet.js": "signal/worklet.js",
    "wrap.js": "page/wrap.js",
}
_COPIED = ("options/options.html", "popup/popup.html", "shared/style.css")
# Of the page's catalogue: what the options say in the same words.
_SHARED = re.compile(
    r"limits|policy(\.(all|training|cloning|own))?|use\..*|strength(\..*)?"
    r"|owner(\.(nobody|own|sealed))?|identity\.(forget|forgotten|remember|opening|damaged)"
)
_PLACE = re.compile(r"\{\w+\}")
_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
# What the newest of the used interfaces needs: scripts in the page's world and in its empty frames,
# Ed25519 in the browser's own cryptography.
_OLDEST_CHROME = "137"
_OLDEST_FIREFOX = "133.0"


class BuildError(SottovoceError):
    """A part of the extension that is missing or differs from the others."""


def bundle_scripts(*, cache: Path | None = None) -> dict[str, bytes]:
    """Return the scripts, each with its modules in one file.

    Parameters
    ----------
    cache : pathlib.Path or None
        Where the parts of others are kept; see `sottovoce.page.parts.fetch`.

    Returns
    -------
    scripts : dict of str to bytes
        Their contents by their names in the archive; the same for every browser.

    Raises
    ------
    PartError
        If a part cannot be had, or a script not be bundled.
    """
    scripts = {to: _SOURCE / script for to, script in _SCRIPTS.items()}
    bundles = bundle(scripts, modules=[PARTS["noble-hashes"]], cache=cache)
    return {to: text.encode() for to, text in bundles.items()}


def build_files(
    browser: Browser, scripts: dict[str, bytes], *, granted: Iterable[str] = ()
) -> dict[str, bytes]:
    """Return the files of the extension.

    Parameters
    ----------
    browser : str
        One of `BROWSERS`.
    scripts : dict of str to bytes
        As `bundle_scripts` returns them.
    granted : iterable of str
        Patterns of sites that need no permission, for tests in browsers that nobody can ask.

    Returns
    -------
    files : dict of str to bytes
        Their contents by their names in the archive, sorted.

    Raises
    ------
    BuildError
        If the catalogues of the languages differ.
    """
    files = {"manifest.json": _dump(_make_manifest(browser, list(granted)))}
    files |= scripts
    for name in _COPIED:
        files[Path(name).name] = (_SOURCE / name).read_bytes()
    for icon in (_ROOT / "icons").glob("icon-*.png"):
        files[icon.name] = icon.read_bytes()
    catalogues = {language: _read_strings(language) for language in _LANGUAGES}
    for language, words in catalogues.items():
        files[f"_locales/{language}/messages.json"] = _dump(words)
    files["LICENSE"] = (_ROOT.parent / "LICENSE").read_bytes()
    return dict(sorted(files.items()))


def write_folder(
    browser: Browser, folder: Path, scripts: dict[str, bytes], *, granted: Iterable[str] = ()
) -> None:
    """Write the extension unpacked, as browsers load it while it is being developed.

    Parameters
    ----------
    browser, scripts, granted
        As for `build_files`.
    folder : pathlib.Path
        Destination; made if it does not exist.
    """
    for name, data in build_files(browser, scripts, granted=granted).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _make_manifest(browser: Browser, granted: list[str]) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((_ROOT / "manifest.json").read_text("utf-8"))
    manifest["version"] = re.match(r"[0-9.]*[0-9]", sottovoce.__version__)[0]  # type: ignore[index]
    if granted:
        manifest["host_permissions"] = granted
    if browser == "chromium":
        manifest["minimum_chrome_version"] = _OLDEST_CHROME
        manifest["background"] = {"service_worker": "background.js"}
        # Its address changes with every session, so that pages cannot look whether it is there.
        manifest["web_accessible_resources"][0]["use_dynamic_url"] = True
    else:
        manifest["background"] = {"scripts": ["background.js"]}
        manifest["browser_specific_settings"] = {
            "gecko": {
                "id": FIREFOX_ID,
                "strict_min_version": _OLDEST_FIREFOX,
                "data_collection_permissions": {"required": ["none"]},
            }
        }
    return manifest


def _read_strings(language: str) -> dict[str, dict[str, str]]:
    """Return the catalogue of a language; every text of English must be there."""
    words, known = (_read_both(one) for one in (language, "en"))
    if words.keys() != known.keys():
        differing = ", ".join(sorted(words.keys() ^ known.keys()))
        raise BuildError(f"strings/{language}.json differs from English in: {differing}")
    for key, text in known.items():
        if {*_PLACE.findall(text)} != {*_PLACE.findall(words[key])}:
            raise BuildError(f"strings/{language}.json: {key} fills in other values than English")
    # A browser falls back to English for languages that are not here, whatever its own is.
    words["language"] = language
    # Browsers take a dollar for the start of a placeholder, and no dots in names.
    return {
        key.replace(".", "_"): {"message": text.replace("$", "$$")} for key, text in words.items()
    }


def _read_both(language: str) -> dict[str, str]:
    page: dict[str, str] = json.loads((_PAGE_STRINGS / f"{language}.json").read_text("utf-8"))
    own: dict[str, str] = json.loads((_ROOT / "strings" / f"{language}.json").read_text("utf-8"))
    shared = {key: text for key, text in page.items() if _SHARED.fullmatch(key)}
    if twice := shared.keys() & own.keys():
        raise BuildError(f"strings/{language}.json repeats texts of the page: {sorted(twice)}")
    return shared | own


def _dump(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _write_archive(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, date_time=_DOS_EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED, 9)


def main(arguments: list[str] | None = None) -> None:
    """Write both archives, and print their sizes and SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("dist"), metavar="DIR")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    scripts = bundle_scripts()
    lines = []
    for browser in BROWSERS:
        path = options.out / f"sottovoce-{browser}.zip"
        _write_archive(path, build_files(browser, scripts))
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        lines.append(f"{digest}  {path}  {len(data) / 1e3:.0f} kB\n")
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    main()
