"""`NetworkReach`: which addresses data may name, and whose credentials are used there.

Data does not decide where to connect: a manifest from strangers could name services in this
computer's network.  Addresses that the user named are accessed with their credentials; a listing
in a store may name files in the same store; everything else needs the user's permission, and is
then requested without credentials and at public addresses only
(`sottovoce.scan.stores.public_hosts`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sottovoce.scan.finding import Finding
from sottovoce.scan.reach.addresses import is_remote, scheme_of

__all__ = ["NOWHERE", "NetworkReach", "Refusal", "store_of"]

_SAME = {"s3a": "s3", "gcs": "gs", "abfss": "abfs"}
_PORTS = {"http": 80, "https": 443}
_WITHOUT_NETWORK = frozenset({"memory"})
_OPEN_TO_ALL = frozenset({"http", "https", "s3", "gs"})
"""Schemes that can be read without credentials."""
_ODD = re.compile(r"[\\\s\x00-\x1f\x7f]")
_HUB_PARTS = 3
_REMEDY = (
    "If you trust it, allow it (`allow_remote`); naming its store uses your credentials there."
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a name in data is not opened.

    Attributes
    ----------
    message, remedy : str
        Texts for the user.
    """

    message: str
    remedy: str = _REMEDY

    def tell(self, own_id: str) -> Finding:
        """Return the finding for a recording that is not opened for this reason."""
        return Finding(id=own_id, status="unsupported", message=self.message, remedy=self.remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReach:
    """Which network addresses data may name.

    Attributes
    ----------
    anything : bool
        Whether data may name any public address.
    stores : tuple of str
        Addresses of stores that any listing may name, and that are read with the user's
        credentials: ``"s3://voices"``.
    """

    anything: bool = False
    stores: tuple[str, ...] = ()

    @classmethod
    def of(cls, allow_remote: bool | str | tuple[str, ...]) -> NetworkReach:  # noqa: FBT001 - the one argument
        """Return what the user allowed: nothing, all public addresses, or some stores.

        Examples
        --------
        >>> NetworkReach.of(False), NetworkReach.of("s3://voices").stores
        (NetworkReach(anything=False, stores=()), ('s3://voices',))
        """
        if isinstance(allow_remote, bool):
            return cls(anything=allow_remote)
        given = (allow_remote,) if isinstance(allow_remote, str) else tuple(allow_remote)
        stores = tuple(one for one in given if is_remote(one))
        return cls(anything=len(stores) < len(given), stores=stores)

    def judge(self, url: str, *, listing: str) -> bool | Refusal:
        """Return whether an address is accessed as one that the user named.

        Parameters
        ----------
        url : str
            The address that data names.
        listing : str
            Listing that names it.

        Returns
        -------
        is_named : bool or Refusal
            True: with the user's credentials.  False: without any, at public addresses only.
        """
        store = store_of(url)
        if scheme_of(url) in _WITHOUT_NETWORK:
            return True
        if store and (
            (is_remote(listing) and store_of(listing) == store)
            or any(store_of(one) == store for one in self.stores)
        ):
            return True
        if not store:
            return Refusal("is not a valid address", "Correct it, or download the file.")
        if self.anything:
            if _SAME.get(scheme_of(url), scheme_of(url)) in _OPEN_TO_ALL:
                return False
            return Refusal(
                "is in a store that requires credentials",
                f"If you trust the listing, allow its store (`allow_remote`): {store}",
            )
        if is_remote(listing):
            return Refusal(f"is named in {store_of(listing)}, but is in another store")
        return Refusal("is an address, and addresses in data are not accessed without permission")


NOWHERE = NetworkReach()
"""Addresses that data may name unless the user allows more: only those in its own store."""


def store_of(url: str) -> str:
    """Return scheme, and host or bucket, of an address; empty if they are not unambiguous.

    Examples
    --------
    >>> store_of("s3a://voices/a.flac"), store_of("https://Host.example:443/a/b.wav")
    ('s3://voices', 'https://host.example:443')
    >>> store_of("https://host.example@evil.example/a.wav"), store_of("https:///a.wav")
    ('', '')
    """
    scheme = scheme_of(url)
    scheme = _SAME.get(scheme, scheme)
    rest = url.partition("://")[2]
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not place or _ODD.search(place):
        return ""
    if scheme == "hf":
        # The account and the repository; the path of the file follows.
        return f"hf://{'/'.join(rest.split('/')[:_HUB_PARTS])}"
    if scheme not in _PORTS:
        return f"{scheme}://{place}"
    try:
        parts = urlsplit(f"{scheme}://{place}")
        host, port = parts.hostname, parts.port or _PORTS[scheme]
    except ValueError:
        return ""
    if not host or "@" in place:
        return ""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
