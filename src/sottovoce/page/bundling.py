"""Bundle scripts with the modules that they import, by esbuild on Node.js."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.page.parts import PARTS, PartError, PinnedPart, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["bundle"]


def bundle(
    scripts: Mapping[str, Path], *, modules: Iterable[PinnedPart], cache: Path | None = None
) -> dict[str, str]:
    """Return scripts, each with its modules in one text.

    All at once: esbuild takes longer to start than to bundle.

    Parameters
    ----------
    scripts : mapping of str to pathlib.Path
        Their sources, by the names of the bundles.
    modules : iterable of PinnedPart
        Modules of others that the scripts import.
    cache : pathlib.Path or None
        Where the parts of others are kept; see `sottovoce.page.parts.fetch`.

    Returns
    -------
    bundles : dict of str to str
        By the same names.

    Raises
    ------
    PartError
        If Node.js or a part is missing, or a script cannot be bundled.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundler = unpack(PARTS["esbuild"], folder, cache=cache) / "bin" / "esbuild"
        for part in modules:
            unpack(part, folder, cache=cache)
        command = ["node", str(bundler), "--bundle", "--format=iife", "--charset=utf8", "--minify"]
        command += ["--target=es2022", "--log-level=warning", f"--outdir={folder}/out"]
        command += [f"{Path(to).stem}={path}" for to, path in scripts.items()]
        found = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=found)  # noqa: S603 - our own
        except FileNotFoundError as err:
            raise PartError("node is missing", remedy="Install Node.js and npm.") from err
        if done.returncode:
            raise PartError(f"the scripts cannot be bundled: {done.stderr.strip()}")
        return {to: (folder / "out" / to).read_text(encoding="utf-8") for to in scripts}
