"""Whether a name is an address, and of which kind."""

from __future__ import annotations

import re

__all__ = ["is_remote", "scheme_of"]

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")


def is_remote(url: str) -> bool:
    """Say whether an address is not a path on this computer.

    Examples
    --------
    >>> is_remote("s3://voices/a.flac"), is_remote("voices/a.flac"), is_remote("C:/a.flac")
    (True, False, False)
    """
    return len(scheme_of(url)) > 1


def scheme_of(url: str) -> str:
    """Return what an address begins with, in lower case; empty for a path.

    Examples
    --------
    >>> scheme_of("S3://voices/a.flac"), scheme_of("http://[a.flac"), scheme_of("take://a://b")
    ('s3', 'http', 'take')
    """
    # Not urlsplit, which raises for addresses that are none.  Of millions most are paths.
    found = _SCHEME.match(url) if "://" in url else None
    return found[1].lower() if found else ""
