r"""External text, made safe for the place where it is shown.

File names, tags, labels of a data set, messages of a codec: somebody else wrote them.  Shown as
they are, they could rewrite the terminal, reverse the writing direction, run as a formula in a
spreadsheet, or become part of a page.  Everything that prints such text does it through one of
these functions; plots, in addition, do not parse mathematics in it (``parse_math=False`` of
matplotlib).
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = [
    "escape_csv",
    "escape_html",
    "escape_lines",
    "escape_markdown",
    "make_harmless",
    "make_markdown_code",
]

_MOST_MARKS = 3
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$!@]|:(?=//))")
_BARE_LINK = re.compile(r"(www)\.", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a cell a formula, after OWASP's *CSV Injection*; also full-width."""


def make_harmless(text: object, *, most: int | None = None) -> str:
    r"""Return external text that is safe on a terminal, though not escaped for any language.

    Parameters
    ----------
    text : object
        An id, a name, a message: anything that somebody else wrote.
    most : int or None
        Number of characters to keep, the end of a path rather than its middle; None keeps all.

    Returns
    -------
    text : str
        With control characters, line breaks, stray surrogates, invisible characters and those
        that change the writing direction replaced by escapes.  So are accents stacked on one
        letter, which would cover the lines above.

    Examples
    --------
    >>> print(make_harmless("a\u202egpj.wav"), make_harmless("takes/" + "a" * 30, most=20))
    a\u202egpj.wav takes/aaaaaa…aaaaaaa
    """
    whole = str(text)
    if most is not None and len(whole) > most:
        n_head = (most - 1) * 2 // 3
        whole = f"{whole[:n_head]}…{whole[n_head - most + 1 :]}"
    if whole.isascii() and whole.isprintable():
        return whole
    shown, n_marks = [], 0
    for char in whole:
        n_marks = n_marks + 1 if unicodedata.category(char)[0] == "M" else 0
        harmless = char.isprintable() and n_marks <= _MOST_MARKS
        shown.append(char if harmless else char.encode("unicode_escape").decode("ascii"))
    return "".join(shown)


def escape_lines(text: object) -> str:
    r"""Return text of several lines that is safe on a terminal; its line feeds stay.

    Examples
    --------
    >>> escape_lines("one\n\x1b[2Jtwo")
    'one\n\\x1b[2Jtwo'
    """
    return "\n".join(make_harmless(line) for line in str(text).split("\n"))


def escape_html(text: object, *, most: int | None = None) -> str:
    """Return text for an element or a quoted attribute of HTML.

    Parameters
    ----------
    text, most
        As for `make_harmless`.

    Examples
    --------
    >>> escape_html('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(make_harmless(text, most=most))


def escape_markdown(text: object, *, most: int | None = None) -> str:
    r"""Return text for a paragraph or a cell of Markdown.

    Examples
    --------
    >>> print(escape_markdown("[a](http://b) | c"))
    \[a\](http\://b) \| c
    """
    escaped = _MARKDOWN.sub(r"\\\1", make_harmless(text, most=most))
    return _BARE_LINK.sub(r"\1\\.", escaped)


def make_markdown_code(text: object, *, most: int | None = None) -> str:
    """Return a code span of Markdown: its fence is longer than any run of backticks in it.

    Examples
    --------
    >>> make_markdown_code("a`b")
    '`` a`b ``'
    """
    harmless = make_harmless(text, most=most)
    longest = max((len(run) for run in re.findall("`+", harmless)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {harmless} {fence}" if longest else f"{fence}{harmless}{fence}"


def escape_csv(value: object) -> object:
    """Return a cell value that no spreadsheet runs: text that would be a formula is quoted.

    Examples
    --------
    >>> escape_csv("=HYPERLINK(A1)"), escape_csv("take.wav"), escape_csv(-6.5)
    ("'=HYPERLINK(A1)", 'take.wav', -6.5)
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value
