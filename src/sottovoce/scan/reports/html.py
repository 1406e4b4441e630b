"""HTML from text: all of it is escaped here, so that no data set can write into a page."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from sottovoce.files.escaping import escape_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["escape", "make_code", "make_items", "make_section", "make_table", "wrap_table"]


def escape(text: object, *, most: int = 160) -> str:
    """Return text for an element or a quoted attribute, bounded and without unsafe characters."""
    return escape_html(text, most=most)


def make_code(text: object, *, most: int = 160) -> str:
    """Return foreign text as code, isolated so that its writing direction affects nothing else."""
    return f"<code><bdi>{escape(text, most=most)}</bdi></code>"


def make_items(items: Iterable[str], *, kind: str = "ul") -> str:
    """Return an HTML list of items that are HTML themselves."""
    return f"<{kind}>{''.join(f'<li>{item}</li>' for item in items)}</{kind}>"


def make_section(name: str, title: str, *parts: str) -> str:
    """Return a section of the page from parts that are HTML; empty parts are left out."""
    body = "\n".join(part for part in parts if part)
    return f'<section id="{name}" aria-labelledby="{name}-h">\n' + (
        f'<h2 id="{name}-h">{html.escape(title)}</h2>\n{body}\n</section>'
    )


def make_table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
) -> str:
    """Return a table that scrolls on its own if it is too wide.

    Parameters
    ----------
    caption : str
        Plain text.
    columns : sequence of str
        Column headings, as plain text.
    rows : iterable of sequence of str
        HTML of the cells; the first cell of each row is its heading.
    numbers : sequence of int
        Columns that hold numbers.

    Returns
    -------
    table : str
        HTML.
    """
    kind = "slim" if len(columns) == 2 else ""

    def start(tag: str, column: int, scope: str = "") -> str:
        number = ' class="n"' if column in numbers else ""
        return f"<{tag}{number}{f' scope={scope}' if scope else ''}>"

    head = "".join(
        f"{start('th', i, 'col')}{html.escape(name)}</th>" for i, name in enumerate(columns)
    )
    body = []
    for first, *cells in rows:
        rest = "".join(f"{start('td', i)}{cell}</td>" for i, cell in enumerate(cells, 1))
        body.append(f"<tr>{start('th', 0, 'row')}{first}</th>{rest}</tr>")
    return wrap_table(
        caption, f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>", kind=kind
    )


def wrap_table(caption: str, inner: str, *, kind: str = "") -> str:
    """Return a table around its rows, in a container that can be scrolled by keyboard."""
    said = html.escape(caption)
    return (
        f'<div class="wide" role="region" aria-label="{said}" tabindex="0">'
        f"<table{f' class={kind}' if kind else ''}><caption>{said}</caption>{inner}</table></div>"
    )
