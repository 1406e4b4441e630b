"""Bundle scripts with the modules that they import, by esbuild on Node.js."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from sottovoce.page.parts import PartError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bundle"]


def bundle(bundler: Path, *arguments: str) -> str:
    """Return what esbuild prints, such as a script with its modules in one.

    Parameters
    ----------
    bundler : pathlib.Path
        The script that starts esbuild; modules of others lie beside it, in `node_modules`.
    *arguments : str
        Which scripts, and where they go.

    Returns
    -------
    printed : str
        The bundle, unless the arguments name a place for it.

    Raises
    ------
    PartError
        If Node.js is missing, or a script cannot be bundled.
    """
    command = ["node", str(bundler), "--bundle", "--format=iife", "--charset=utf8", "--minify"]
    command += ["--target=es2022", "--log-level=warning", *arguments]
    modules = next(one for one in bundler.parents if one.name == "node_modules")
    found = {**os.environ, "NODE_PATH": str(modules)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=found)  # noqa: S603 - our own
    except FileNotFoundError as err:
        raise PartError("node is missing", remedy="Install Node.js and npm.") from err
    if done.returncode:
        raise PartError(f"the scripts cannot be bundled: {done.stderr.strip()}")
    return done.stdout
