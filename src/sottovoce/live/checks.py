"""`Check`: one thing that the microphone needs of a computer, and how to fix it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.errors import SottovoceError
from sottovoce.live.graph import NODE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.live.graph import Graph

__all__ = ["Check", "check_graph", "check_library", "check_programs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked.

    Attributes
    ----------
    what : str
        The requirement, in plain words.
    ok : bool
        Whether it is met.
    grave : bool
        Whether the microphone cannot work without it.
    remedy : str
        The command that fixes it, or what to do; empty if nothing is wrong.
    """

    what: str
    ok: bool
    grave: bool = True
    remedy: str = ""


def check_programs(whose: str, packages: dict[str, str]) -> Check:
    """Check that a sound system's programs are installed; `packages` maps them to packages."""
    missing = sorted({package for name, package in packages.items() if not shutil.which(name)})
    return Check(
        what=f"{whose}'s programs are installed",
        ok=not missing,
        remedy=f"sudo apt install {' '.join(missing)}" if missing else "",
    )


def check_library(what: str, check: Callable[[], object]) -> Check:
    """Check that `check`, which raises `SottovoceError`, finds a library."""
    try:
        check()
    except SottovoceError as err:
        return Check(what=what, ok=False, remedy=err.remedy)
    return Check(what=what, ok=True)


def check_graph(graph: Graph) -> Iterator[Check]:
    """Check for microphones, and for programs that record from the wrong one."""
    microphones = [node for node in graph.microphones() if node.media_class != "Audio/Sink"]
    names = ", ".join(node.description for node in microphones)
    yield Check(
        what=f"a microphone is available{f': {names}' if names else ''}",
        ok=bool(microphones),
        remedy="" if microphones else "Plug one in, or switch it on in the sound settings.",
    )
    for program in graph.programs_on_microphones():
        yield Check(
            what=f"{program} records you with the mark",
            ok=False,
            grave=False,
            remedy="Choose the microphone Sottovoce in its settings.",
        )
    running = graph.find(NODE_NAME) is not None
    yield Check(
        what="the microphone Sottovoce is running",
        ok=running,
        grave=False,
        remedy="" if running else "sottovoce mic",
    )
