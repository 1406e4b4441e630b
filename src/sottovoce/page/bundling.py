"""Bundle scripts with the modules that they import, by esbuild on Node.js."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from sottovoce.page.parts import PartError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bundle"]


def bundle(bundler: Path, folder: Path, *scripts: Path | str) -> None:
    """Write scripts, each with its modules in one file.

    All at once: esbuild takes longer to start than to bundle.

    Parameters
    ----------
    bundler : pathlib.Path
        The script that starts esbuild; modules of others lie beside it, in `node_modules`.
    folder : pathlib.Path
        Where they go; made if it does not exist.
    *scripts : pathlib.Path or str
        Which ones; ``name=path`` gives the file another name.

    Raises
    ------
    PartError
        If Node.js is missing, or a script cannot be bundled.
    """
    command = ["node", str(bundler), "--bundle", "--format=iife", "--charset=utf8", "--minify"]
    command += ["--target=es2022", "--log-level=warning", f"--outdir={folder}", *map(str, scripts)]
    modules = next(one for one in bundler.parents if one.name == "node_modules")
    found = {**os.environ, "NODE_PATH": str(modules)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=found)  # noqa: S603 - our own
    except FileNotFoundError as err:
        raise PartError("node is missing", remedy="Install Node.js and npm.") from err
    if done.returncode:
        raise PartError(f"the scripts cannot be bundled: {done.stderr.strip()}")
