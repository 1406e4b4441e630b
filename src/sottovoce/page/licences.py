"""Licences of everything inside the page: a list, and the texts that they ask to be shown."""

from __future__ import annotations

import html
import json
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING

import sottovoce
from sottovoce.page.parts import PARTS, PartError, PinnedPart, fetch, read_members

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["list_licences", "read_licences"]

_OWN = re.compile(r"(package|[^/]+\.dist-info(/licenses)?)/(LICEN[CS]E|COPYING)(\.\w+)?")
# These say which texts belong to a copy; the licences of one paragraph lie in the packages.
_WHOLE = re.compile(r"(?:Apache|L?GPL|MPL|Python)-[\w.]+(?:-only|-or-later)?")
_RULE = "=" * 78


def list_licences() -> str:
    """Return the parts and their licences as a list in HTML."""
    rows = [
        f"<li>{html.escape(part.purpose)}: {html.escape(part.licence)}"
        f" ({html.escape(_name(part))})</li>"
        for part in PARTS.values()
        if part.purpose
    ]
    return "<ul>" + "".join(rows) + "</ul>"


def read_licences(*, cache: Path | None = None) -> bytes:
    """Return the licence texts of this package and of every part, as one text.

    Parameters
    ----------
    cache : pathlib.Path or None
        As for `sottovoce.page.parts.fetch`.

    Returns
    -------
    texts : bytes
        UTF-8.

    Raises
    ------
    PartError
        If a part cannot be had, or a text is missing.
    """
    pieces = [f"sottovoce {sottovoce.__version__}: Apache-2.0"]
    wanted = {"Apache-2.0"}
    for part in PARTS.values():
        if not part.purpose:
            continue
        own = _read_own(fetch(part, cache=cache))
        whole = set(_WHOLE.findall(part.licence))
        if not own and not whole:
            raise PartError(f"{part.name} holds no text of its licence")
        pieces += [_RULE, f"{part.purpose}\n{_name(part)}: {part.licence}", *own]
        wanted |= whole
    listed = {f"licenses/{name}.json": name for name in sorted(wanted)}
    for member, data in read_members(PARTS["spdx-license-list"], listed, cache=cache).items():
        text = json.loads(data)["licenseText"]
        pieces += [_RULE, f"The text of {listed[member]}", text.strip()]
    return ("\n\n".join(pieces) + "\n").encode()


def _name(part: PinnedPart) -> str:
    """Return where the source of a part can be found."""
    registry = {"npm": "npm", "pypi": "PyPI"}[part.registry]
    return f"{registry} package {part.name} {part.version}"


def _read_own(path: Path) -> list[str]:
    """Return the licence texts that an archive holds at its top."""
    texts: list[bytes] = []
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            named = sorted(each.name for each in archive if _OWN.fullmatch(each.name))
            texts = [archive.extractfile(each).read() for each in named]  # type: ignore[union-attr]
    else:
        with zipfile.ZipFile(path) as opened:
            texts = [
                opened.read(each) for each in sorted(opened.namelist()) if _OWN.fullmatch(each)
            ]
    return [text.decode("utf-8", "replace").strip() for text in texts]
