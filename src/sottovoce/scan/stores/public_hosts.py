"""`make_client`: HTTP connections to public addresses and trusted hosts only.

A name, a redirect or an address in data may lead into the network that this computer is in: to a
router, a database, the service that hands out a cloud machine's keys.  What is checked is
therefore the address connected to, after names are resolved and redirects followed.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sottovoce.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["TrustedHosts", "is_public", "make_client"]

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OF_CLOUDS = frozenset({"168.63.129.16"})
"""Cloud providers' services for their machines, at addresses that look public."""


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet, and not in any nearer network.

    Examples
    --------
    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False, False]
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found.teredo:
            inner = found.teredo[1]
        elif found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and str(found) not in _OF_CLOUDS


class TrustedHosts:
    """Hosts that the user named, wherever they are; all others must be public."""

    def __init__(self) -> None:
        self._hosts: set[tuple[str, int]] = set()
        self._addresses: set[tuple[str, int]] = set()

    def add(self, url: str) -> None:
        """Trust the host of an address."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return
        self._hosts.add((host, port))
        self._addresses.add((host, port))  # in case it is a number already

    def choose(self, host: str, port: int, addresses: list[str]) -> list[str]:
        """Return the addresses of a host to which connections are allowed.

        Raises
        ------
        UnsupportedFormatError
            If there is no such address.
        """
        if (host.lower().rstrip("."), port) in self._hosts or (host, port) in self._hosts:
            self._addresses.update((one, port) for one in addresses)
            return addresses
        chosen = [one for one in addresses if is_public(one)]
        if not chosen:
            raise _refuse(host)
        return chosen

    def check(self, address: str, port: int) -> None:
        """Raise if connecting to an address is not allowed.

        Raises
        ------
        UnsupportedFormatError
            If it is neither public nor an address of a trusted host.
        """
        if (address, port) not in self._addresses and not is_public(address):
            raise _refuse(address)


def _refuse(host: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"leads to {host[:100]}, which is not a public address",
        remedy="If you trust it, download the file yourself, and scan the copy.",
    )


def make_client(hosts: TrustedHosts) -> Callable[..., Awaitable[Any]]:
    """Return a factory of aiohttp sessions for fsspec's driver (its ``get_client``).

    Parameters
    ----------
    hosts : TrustedHosts
        Trusted hosts; more may be added later.

    Raises
    ------
    UnsupportedFormatError
        If aiohttp is too old to restrict its connections.
    """
    import aiohttp
    from aiohttp.resolver import ThreadedResolver

    if not hasattr(aiohttp, "SocketFactoryType"):
        raise UnsupportedFormatError(
            "cannot be fetched safely: aiohttp is too old", remedy="pip install 'aiohttp>=3.12'"
        )

    class Resolver(ThreadedResolver):
        """Resolver of names that drops addresses in a nearby network."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> Any:  # noqa: ANN401 - aiohttp's own type
            found = await super().resolve(host, port, family)
            chosen = hosts.choose(host, port, [str(one["host"]) for one in found])
            return [one for one in found if one["host"] in chosen]

    def open_socket(info: Any) -> socket.socket:  # noqa: ANN401 - aiohttp's own type
        family, kind, protocol, _, address = info
        hosts.check(str(address[0]), int(address[1]))
        return socket.socket(family=family, type=kind, proto=protocol)

    async def get_client(**options: Any) -> Any:  # noqa: ANN401 - aiohttp's own types
        if "connector" not in options:  # the user's own
            options["connector"] = aiohttp.TCPConnector(
                resolver=Resolver(), socket_factory=open_socket
            )
        return aiohttp.ClientSession(**options)

    return get_client
