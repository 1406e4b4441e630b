"""The package in Python for WebAssembly under Node, as the page's worker runs it."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

from sottovoce.page.build import _WEB, _read_libraries, _zip_package
from sottovoce.page.parts import PARTS, fetch

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_wasm", "run_wasm"]

_RUN_S = 600
_RUN = """
import {{ openLibraries }} from "{folder}/libraries.mjs";
import {{ readFileSync }} from "node:fs";
const {{ loadPyodide }} = await import("{folder}/package/pyodide.mjs");
const python = await loadPyodide({{ indexURL: "{folder}/package/" }});
const read = (name) => new Uint8Array(readFileSync(`{folder}/${{name}}`));
for (const [name, library] of Object.entries(openLibraries(read))) {{
  python.registerJsModule(name, library);
}}
python.unpackArchive(read("numpy.whl"), "wheel");
const extractDir = "/lib/python3.12/site-packages";
python.unpackArchive(read("package.zip"), "zip", {{ extractDir }});
python.pyimport("sottovoce.page.stand_ins").install();
python.mountNodeFS("/here", "{folder}/here");
python.runPython(readFileSync("{folder}/program.py", "utf8"));
"""


def make_wasm(folder: Path) -> None:
    """Put Python for WebAssembly into a folder, and ``here`` beside it, which programs see.

    Parameters
    ----------
    folder : pathlib.Path
        An empty one.
    """
    with tarfile.open(fetch(PARTS["pyodide"])) as archive:
        archive.extractall(folder, filter="data")
    shutil.copy(fetch(PARTS["numpy"]), folder / "numpy.whl")
    (folder / "package.zip").write_bytes(_zip_package())
    for name, data in _read_libraries(None).items():
        (folder / name).write_bytes(data)
    for script in _WEB.glob("*.js"):
        text = script.read_text(encoding="utf-8").replace('.js";', '.mjs";')
        (folder / f"{script.stem}.mjs").write_text(text, encoding="utf-8")
    (folder / "here").mkdir()
    (folder / "run.mjs").write_text(_RUN.format(folder=folder))


def run_wasm(folder: Path, program: str) -> None:
    """Run a Python program there; its folder ``/here`` is ``here`` of `folder`.

    Raises
    ------
    RuntimeError
        If it fails, with the end of what it printed.
    """
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        ["node", folder / "run.mjs"], capture_output=True, text=True, check=False, timeout=_RUN_S
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
