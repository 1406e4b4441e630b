"""Programs of Debian packages that some attacks run."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_program"]


def run_program(package: str, program: str, *arguments: str | Path) -> None:
    """Run it to its end, or say which package has it."""
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed: apt-get install {package}")
    subprocess.run([path, *arguments], check=True, capture_output=True)  # noqa: S603 - the program was looked up
