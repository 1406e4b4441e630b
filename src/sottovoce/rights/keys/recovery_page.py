"""The recovery words as one printed page: a numbered grid, and a QR code for a new machine.

Drawn once as texts and squares on A4, and written as SVG or as PDF, by hand: a page with a secret
on it should need no other program, and no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.rights.keys.recovery import RecoveryWords

__all__ = ["make_pdf", "make_svg"]

# All lengths in points, 1/72 inch, from the upper left corner.
_WIDTH, _HEIGHT = 595, 842
_LEFT, _RIGHT = 60, 535
_N_ROWS = 8
_COLUMN, _ROW = 160, 34
_QR = 170
_MOST_OWNERS = 10
_KEEP = (
    "Whoever has these words can take over the owner ids above. Keep this page like a passport:",
    "on paper, at home or with a lawyer, away from the computer. No photo, no cloud, no e-mail.",
    "The words replace a stolen or lost key, and open the backup file. Keep the backup elsewhere,",
    "and the file of your statements: without either of the two, the words replace no lost key.",
    "If words and key are both lost, nothing can ever be permitted; the marks go on to refuse.",
    "sottovoce id restore FILE  asks for the words, in their order.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    x: float
    y: float
    size: float
    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Square:
    x: float
    y: float
    width: float
    height: float


def make_svg(words: RecoveryWords, owners: Sequence[tuple[str, int]], *, date: str) -> str:
    """Return the page as SVG.

    Parameters
    ----------
    words : RecoveryWords
        What to print.
    owners : sequence of (str, int)
        Names and owner ids of the identities that the words belong to.
    date : str
        As it should be printed.

    Returns
    -------
    svg : str
        A4, complete in itself.

    Raises
    ------
    MissingExtraError
        If `segno` or `mnemonic` is missing.
    """
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="210mm" height="297mm"'
        f' viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for each in _lay_out(words, owners, date=date):
        if isinstance(each, _Text):
            weight = ' font-weight="bold"' if each.bold else ""
            parts.append(
                f'<text x="{each.x:g}" y="{each.y:g}" font-size="{each.size:g}"{weight}>'
                f"{escape(each.text)}</text>"
            )
        else:
            parts.append(
                f'<rect x="{each.x:.3f}" y="{each.y:.3f}" width="{each.width:.3f}"'
                f' height="{each.height:.3f}" shape-rendering="crispEdges"/>'
            )
    return "\n".join([*parts, "</svg>", ""])


def make_pdf(words: RecoveryWords, owners: Sequence[tuple[str, int]], *, date: str) -> bytes:
    """Return the page as PDF.

    Parameters
    ----------
    words, owners, date
        As for `make_svg`.

    Returns
    -------
    pdf : bytes
        A4, with the fonts that every reader has.

    Raises
    ------
    MissingExtraError
        If `segno` or `mnemonic` is missing.
    """
    drawn = []
    for each in _lay_out(words, owners, date=date):
        if isinstance(each, _Text):
            font = "F2" if each.bold else "F1"
            text = each.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            place = f"{each.x:g} {_HEIGHT - each.y:g} Td"
            drawn.append(f"BT /{font} {each.size:g} Tf {place} ({text}) Tj ET")
        else:
            y = _HEIGHT - each.y - each.height
            drawn.append(f"{each.x:.3f} {y:.3f} {each.width:.3f} {each.height:.3f} re f")
    stream = "\n".join(drawn).encode("ascii")
    described = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
    return _write_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 6 0 R"
            b" /Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>" % (_WIDTH, _HEIGHT),
            described % b"Helvetica",
            described % b"Helvetica-Bold",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    )


def _write_objects(objects: list[bytes]) -> bytes:
    """Return a PDF of these objects, numbered from 1, the first being the catalogue."""
    data = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        data += b"%010d 00000 n \n" % place
    data += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(data + b"startxref\n%d\n%%%%EOF\n" % table)


def _lay_out(
    words: RecoveryWords, owners: Sequence[tuple[str, int]], *, date: str
) -> list[_Text | _Square]:
    page: list[_Text | _Square] = [
        _Text(x=_LEFT, y=80, size=22, text="Recovery words", bold=True),
        _Text(x=_LEFT, y=100, size=10, text=f"sottovoce, {date}"),
    ]
    for i, word in enumerate(words.words):
        column, row = divmod(i, _N_ROWS)
        x, y = _LEFT + column * _COLUMN, 145 + row * _ROW
        page.append(_Text(x=x, y=y, size=10, text=f"{i + 1}"))
        page.append(_Text(x=x + 24, y=y, size=16, text=word, bold=True))
        page.append(_Square(x=x + 24, y=y + 6, width=_COLUMN - 44, height=0.6))
    y = 145 + _N_ROWS * _ROW + 10
    page += _draw_code(words, x=_RIGHT - _QR, y=y)
    page.append(_Text(x=_LEFT, y=y + 12, size=10, text="For the owner ids", bold=True))
    shown = owners[:_MOST_OWNERS]
    lines = [f"{format_owner_id(owner_id)}   {name[:30]}" for name, owner_id in shown]
    if len(owners) > len(shown):
        lines.append(f"and {len(owners) - len(shown)} more")
    page += [_Text(x=_LEFT, y=y + 30 + 15 * i, size=10, text=text) for i, text in enumerate(lines)]
    y += max(_QR, 30 + 15 * len(lines)) + 40
    page += [_Text(x=_LEFT, y=y + 16 * i, size=10, text=text) for i, text in enumerate(_KEEP)]
    return page


def _draw_code(words: RecoveryWords, *, x: float, y: float) -> list[_Square]:
    """Return a QR code of the words; capitals and spaces make a small one."""
    try:
        import segno
    except ImportError as err:
        raise MissingExtraError(
            "segno", extra="rights", purpose="print the recovery words with a QR code"
        ) from err
    code = segno.make_qr(" ".join(words.words).upper(), error="m", boost_error=False)
    rows = list(code.matrix_iter(scale=1, border=4))
    size = _QR / len(rows)
    return [
        # A hair wider, so that no white line is between neighbours.
        _Square(x=x + column * size, y=y + row * size, width=size * 1.01, height=size * 1.01)
        for row, modules in enumerate(rows)
        for column, module in enumerate(modules)
        if module
    ]
