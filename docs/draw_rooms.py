"""Draw docs/img/rooms.svg: the rooms of the code and what imports what, from its imports.

The floors are those of the contracts in pyproject.toml, which `make check` enforces.  A line is an
import by any module of a room, and always leads down; imports that follow from others are counted
and not drawn.
"""

from __future__ import annotations

import ast
import html
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PICTURE = Path(__file__).parent / "img" / "rooms.svg"

BOX_W, BOX_H, GAP_X, GAP_Y, MARGIN, TITLE_H = 128, 34, 18, 40, 24, 34
STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c2733}
.title{font-weight:600;font-size:15px}.n{font-size:10px;fill:#5b6b7a}
rect{fill:#eef3f8;stroke:#7d93a8;rx:5}path{fill:none;stroke:#31688e;stroke-opacity:.35}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#9fb0c0}
rect{fill:#1e2a36;stroke:#5f7690}path{stroke:#7fb2e5}}
"""


def read_floors() -> list[tuple[str, list[list[str]]]]:
    """Return each container and its rooms, floor by floor, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    floors = []
    for contract in contracts["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract["containers"][0].startswith("sottovoce"):
            layers = [
                [name for name in layer.split(" | ") if not name.startswith("(")]
                for layer in contract["layers"]
            ]
            kept = [layer for layer in layers if layer]
            floors += [(one, kept) for one in contract["containers"]]
    return floors


def modules_of(container: str, room: str) -> list[Path]:
    """Return the files of a room."""
    path = SOURCE.joinpath(*container.split("."), room)
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imports_of(path: Path) -> set[str]:
    """Return the names of all modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
    return names


def arrows_of(container: str, rooms: list[str]) -> set[tuple[str, str]]:
    """Return which room imports from which."""
    found = set()
    for room in rooms:
        names = set().union(*(imports_of(path) for path in modules_of(container, room)))
        for other in rooms:
            prefix = f"{container}.{other}"
            if other != room and any(n == prefix or n.startswith(f"{prefix}.") for n in names):
                found.add((room, other))
    return found


def reaches(arrows: set[tuple[str, str]], upper: str, lower: str) -> bool:
    """Return whether arrows lead from one room to another."""
    return any(
        begin == upper and (end == lower or reaches(arrows, end, lower)) for begin, end in arrows
    )


def draw_container(container: str, floors: list[list[str]], top: float) -> tuple[str, float, float]:
    """Return a container as SVG, its width, and where it ends."""
    rooms = [room for floor in floors for room in floor]
    arrows = arrows_of(container, rooms)
    width = max(len(floor) for floor in floors) * (BOX_W + GAP_X) - GAP_X
    places, boxes = {}, []
    for number, floor in enumerate(floors):
        left = MARGIN + (width - len(floor) * (BOX_W + GAP_X) + GAP_X) / 2
        for i, room in enumerate(floor):
            x, y = left + i * (BOX_W + GAP_X), top + TITLE_H + number * (BOX_H + GAP_Y)
            places[room] = (x + BOX_W / 2, y)
            n = len(modules_of(container, room))
            boxes.append(
                f'<rect x="{x:g}" y="{y:g}" width="{BOX_W}" height="{BOX_H}"/>'
                f'<text x="{x + BOX_W / 2:g}" y="{y + 15:g}" text-anchor="middle">'
                f"{html.escape(room)}</text>"
                f'<text class="n" x="{x + BOX_W / 2:g}" y="{y + 28:g}" text-anchor="middle">'
                f"{n} module{'s' if n > 1 else ''}</text>"
            )
    lines = []
    # Arrows that follow from others would only hide these.
    shown = {
        (upper, lower)
        for upper, lower in arrows
        if not any((upper, other) in arrows and reaches(arrows, other, lower) for other in rooms)
    }
    for upper, lower in sorted(shown):
        (x1, y1), (x2, y2) = places[upper], places[lower]
        y1 += BOX_H
        bend = (y2 - y1) / 2
        # Arrows across several floors go around the boxes in between.
        side = 0 if y2 - y1 <= GAP_Y else (BOX_W / 2 + 14) * (1 if x1 + x2 >= width else -1)
        lines.append(
            f'<path d="M{x1:g} {y1:g}C{x1 + side:g} {y1 + bend:g} {x2 + side:g} {y2 - bend:g}'
            f' {x2:g} {y2:g}"/>'
        )
    title = (
        f'<text class="title" x="{MARGIN}" y="{top + 16:g}">{container}: {len(rooms)} rooms on'
        f" {len(floors)} floors, {len(arrows)} arrows</text>"
    )
    bottom = top + TITLE_H + len(floors) * (BOX_H + GAP_Y)
    return title + "".join(lines) + "".join(boxes), width, bottom


def make_picture() -> str:
    """Return the drawing."""
    parts, top, width = [], float(MARGIN), 0.0
    for container, floors in read_floors():
        part, own, top = draw_container(container, floors, top)
        parts.append(part)
        width = max(width, own)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 2 * MARGIN:g} {top:g}"'
        f' role="img"><title>The rooms of sottovoce</title><style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(make_picture(), encoding="utf-8")
