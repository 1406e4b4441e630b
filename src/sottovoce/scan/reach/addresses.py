"""Whether a name is an address, and its kind."""

from __future__ import annotations

import re

__all__ = ["is_remote", "scheme_of"]

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")


def is_remote(url: str) -> bool:
    """Return whether a name is an address rather than a local path.

    Examples
    --------
    >>> is_remote("s3://voices/a.flac"), is_remote("voices/a.flac"), is_remote("C:/a.flac")
    (True, False, False)
    """
    return len(scheme_of(url)) > 1


def scheme_of(url: str) -> str:
    """Return the scheme of an address, in lower case; empty for a path.

    Examples
    --------
    >>> scheme_of("S3://voices/a.flac"), scheme_of("http://[a.flac"), scheme_of("take://a://b")
    ('s3', 'http', 'take')
    """
    # Not urlsplit, which raises for invalid addresses.  Most of the millions are paths.
    found = _SCHEME.match(url) if "://" in url else None
    return found[1].lower() if found else ""
