"""How much a package and all that it needs take on the disk, as installed here."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["footprint_mib"]

_MIB = 2**20


def footprint_mib(packages: Iterable[str]) -> float:
    """Return the size of packages and of everything that they require, in MiB.

    Parameters
    ----------
    packages : iterable of str
        Names as installed.  What is required but not installed counts nothing.
    """
    waiting = [canonicalize_name(name) for name in packages]
    sizes: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        if name in sizes:
            continue
        try:
            own = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            sizes[name] = 0
            continue
        paths = [own.locate_file(file) for file in own.files or ()]
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]  # they are Paths
        needed = [Requirement(text) for text in own.requires or ()]
        waiting += [
            canonicalize_name(each.name)
            for each in needed
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return round(sum(sizes.values()) / _MIB, 0)
