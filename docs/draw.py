"""Draw the pictures of the guide for calls into docs/img: our own status, and where to choose.

Run as ``python docs/draw.py``.  The status is drawn by the program's own code.  For other programs
there are drawings, not screenshots, which only show where in the window the microphone is chosen.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from rich.console import Console

from sottovoce import Detection
from sottovoce.cli._status import _make_panel, describe_state
from sottovoce.live import Hearing, MicState

IMAGES = Path(__file__).parent / "img"

HEARD = Hearing(
    detection=Detection(
        found=True,
        log10_p=-38.2,
        score=15.0,
        n_hypotheses=32_000,
        log10_e=30.0,
        voices=(),
        duration_s=12.0,
    ),
    at_s=0.0,
    heard_s=10.0,
    level_dbfs=-24.0,
)
READY = MicState(
    status="marking",
    microphone="Headset",
    n_recorders=1,
    bypassing=(),
    level_dbfs=-24.0,
    delay_s=0.016,
    n_blocks=12_400,
    n_missed=0,
    n_unmarked=0,
    block=512,
    busy=0.03,
    realtime=True,
    hearing=None,
    found_ago_s=None,
    error="",
)
SIGNS = {
    "marked": replace(READY, hearing=HEARD, found_ago_s=1.0),
    "ready": replace(READY, level_dbfs=-58.0, n_blocks=180),
    "unmarked": replace(READY, status="unmarked", error="the audio process does not answer"),
}


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """Where a program has the list of microphones.

    Attributes
    ----------
    program : str
        Its name.
    steps : tuple of str
        What is clicked, in order.
    at_the_bottom : bool
        Whether the list opens over the buttons under the picture, and not on a page of settings.
    """

    program: str
    steps: tuple[str, ...]
    at_the_bottom: bool


CHOOSERS = {
    "zoom": Chooser(
        program="Zoom", steps=("the arrow beside Mute", "Select a microphone"), at_the_bottom=True
    ),
    "teams": Chooser(
        program="Teams",
        steps=("the three dots", "Settings", "Devices", "Microphone"),
        at_the_bottom=False,
    ),
    "meet": Chooser(
        program="Google Meet",
        steps=("the three dots", "Settings", "Audio", "Microphone"),
        at_the_bottom=False,
    ),
    "jitsi": Chooser(
        program="Jitsi Meet",
        steps=("the arrow beside the microphone", "Microphones"),
        at_the_bottom=True,
    ),
    "discord": Chooser(
        program="Discord",
        steps=("the cogwheel by your name", "Voice & Video", "Input Device"),
        at_the_bottom=False,
    ),
}
MICROPHONES = ("System default", "Headset", "Sottovoce")


def draw_status(state: MicState) -> str:
    """Return the status as the terminal shows it."""
    console = Console(record=True, width=72, file=io.StringIO(), force_terminal=True)
    console.print(_make_panel(state, *describe_state(state)))
    svg = console.export_svg(title="sottovoce mic", unique_id="sign")
    # Fonts from another server would reveal to it who reads the page.
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.S) + "\n"


class Drawing:
    """Shapes and words of one drawing."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def box(
        self, x: int, y: int, width: int, height: int, *, fill: str, line: str = "#777"
    ) -> None:
        """Add a rectangle."""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"'
            f' fill="{fill}" stroke="{line}"/>'
        )

    def text(self, x: int, y: int, words: str, *, bold: bool = False, small: bool = False) -> None:
        """Add text."""
        weight, size = ("bold" if bold else "normal"), (12 if small else 15)
        self._parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}">'
            f"{escape(words)}</text>"
        )

    def number(self, x: int, y: int, n: int) -> None:
        """Add the number of a step."""
        self._parts.append(f'<circle cx="{x}" cy="{y}" r="12" fill="#5e35b1"/>')
        self._parts.append(
            f'<text x="{x}" y="{y + 5}" font-size="14" fill="#fff" text-anchor="middle">{n}</text>'
        )

    def menu(self, x: int, y: int, n: int) -> None:
        """Add the list of microphones, ours chosen."""
        self.box(x, y, 190, 30 * len(MICROPHONES) + 8, fill="#fff")
        for i, name in enumerate(MICROPHONES):
            ours = name == "Sottovoce"
            if ours:
                self.box(x + 4, y + 4 + 30 * i, 182, 30, fill="#d1c4e9", line="#5e35b1")
            self.text(x + 14, y + 24 + 30 * i, f"{'✓ ' if ours else ''}{name}", bold=ours)
            if ours:
                self.number(x + 190, y + 19 + 30 * i, n)

    def svg(self, title: str) -> str:
        """Return the picture."""
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="248"'
            ' viewBox="0 0 640 330" font-family="sans-serif" fill="#222">\n'
            f"<title>{escape(title)}</title>\n" + "\n".join(self._parts) + "\n</svg>\n"
        )


def draw_chooser(chooser: Chooser) -> str:
    """Return a drawing of where the microphone is chosen."""
    drawing = Drawing()
    drawing.box(1, 1, 638, 328, fill="#f4f4f4")
    drawing.text(16, 26, chooser.program, bold=True)
    drawing.text(410, 26, "a drawing, not a screenshot", small=True)
    n = len(chooser.steps)
    if chooser.at_the_bottom:
        drawing.box(16, 42, 608, 226, fill="#cfd8dc")
        drawing.text(400, 150, "the call", small=True)
        drawing.box(16, 280, 608, 38, fill="#fff")
        drawing.box(30, 286, 96, 26, fill="#eee")
        drawing.text(40, 305, "mic   ▲")
        drawing.number(126, 286, 1)
        drawing.text(146, 305, chooser.steps[0], small=True)
        drawing.box(30, 110, 214, 160, fill="#fff")
        drawing.text(42, 136, chooser.steps[1], bold=True)
        drawing.menu(42, 150, 2)
        return drawing.svg(f"{chooser.program}: {', '.join(chooser.steps)}, Sottovoce")
    drawing.box(16, 42, 260, 276, fill="#fff")
    for i, step in enumerate(chooser.steps[:-1]):
        last = i == n - 2
        drawing.box(28, 56 + 52 * i, 236, 40, fill="#d1c4e9" if last else "#eee")
        drawing.number(28, 56 + 52 * i, i + 1)
        drawing.text(46, 81 + 52 * i, step)
    drawing.box(288, 42, 336, 276, fill="#fff")
    drawing.text(304, 74, chooser.steps[-1], bold=True)
    drawing.box(304, 86, 190, 32, fill="#eee")
    drawing.text(318, 107, "System default   ▼")
    drawing.number(494, 86, n)
    drawing.menu(304, 124, n + 1)
    return drawing.svg(f"{chooser.program}: {', '.join(chooser.steps)}, Sottovoce")


def main() -> None:
    """Draw them all."""
    for name, state in SIGNS.items():
        (IMAGES / f"status-{name}.svg").write_text(draw_status(state), encoding="utf-8")
    for name, chooser in CHOOSERS.items():
        (IMAGES / f"choose-{name}.svg").write_text(draw_chooser(chooser), encoding="utf-8")


if __name__ == "__main__":
    main()
