"""Bytes from local disks, and through fsspec from everywhere else."""

from __future__ import annotations

import functools
import io
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sottovoce.errors import (
    AudioFileError,
    MissingExtraError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.scan.reach.addresses import is_remote, scheme_of
from sottovoce.scan.recording import Cell, File, Inline, Member, Packed, Samples, Spooled
from sottovoce.scan.stores.public_hosts import TrustedHosts, make_client
from sottovoce.scan.stores.remote_file import RemoteFile
from sottovoce.scan.stores.retry import PATIENCE_S, explain, persist, reason

if TYPE_CHECKING:
    from typing import BinaryIO

    from sottovoce.scan.recording import Recording

__all__ = [
    "MOST_REQUESTS",
    "ask",
    "check_length",
    "check_size",
    "is_remote",
    "local_stamp",
    "open_binary",
    "open_remote",
    "read_file",
    "read_range",
    "scheme_of",
    "seen_from_anywhere",
    "stamp_of",
    "stamp_of_details",
]

MOST_REQUESTS = 32
"""Requests of one worker in flight at once."""
_CONNECT_S, _SILENCE_S = 5.0, 10.0
"""Seconds without a connection, and of silence, after which a try is given up."""
_WHOLE_BYTES = 8 << 20
_S3, _WEB = ("s3", "s3a"), ("http", "https")
_DRIVERS = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
}


@functools.lru_cache(maxsize=16)
def _file_system(scheme: str, *, is_named: bool = True) -> Any:  # noqa: ANN401 - fsspec has no types
    try:
        import fsspec
    except ImportError as err:
        purpose = f"read {scheme}:// addresses"
        raise MissingExtraError("fsspec", extra="scan", purpose=purpose) from err
    try:
        configured = fsspec.config.conf
        options = _options(scheme, configured) if is_named else _anonymous(scheme, configured)
        if scheme in _WEB:
            options |= _web_options(is_named=is_named)
        system = fsspec.filesystem(scheme, **options)
    except (ImportError, ValueError) as err:
        driver = _DRIVERS.get(scheme)
        raise AudioFileError(
            f"{scheme}:// addresses cannot be read: {err}",
            remedy=f"pip install {driver}" if driver else "Install fsspec's driver for it.",
        ) from err
    if scheme in _S3:
        system.retries = 1  # `sottovoce.scan.stores.retry` does it
        # Otherwise the size of each object is requested before it is read: twice the requests.
        system.max_concurrency = 1
    return system


def _options(scheme: str, configured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return options for a driver: never silent for minutes, and without stale listings.

    The user's own configuration of fsspec takes precedence.
    """
    if scheme in _S3:
        theirs = (configured.get("s3") or {}).get("config_kwargs") or {}
        own = {
            "connect_timeout": _CONNECT_S,
            "read_timeout": _SILENCE_S,
            "max_pool_connections": MOST_REQUESTS,
            "retries": {"total_max_attempts": 1},
        }
        # An object that was replaced must be seen, in the same process too.
        return {
            "config_kwargs": {**own, **theirs},
            "use_listings_cache": False,
            "skip_instance_cache": True,
        }
    if scheme in _WEB and "client_kwargs" not in (configured.get(scheme) or {}):
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
        return {"client_kwargs": {"timeout": timeout}}
    return {}


def _anonymous(scheme: str, configured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return options for a driver of addresses that only data names: without credentials.

    The endpoint of a store that the user has set is kept.
    """
    if scheme in _S3:
        return {**_options(scheme, configured), "anon": True}
    if scheme in _WEB:
        return _options(scheme, {})  # none of the user's options: headers may hold keys
    if scheme in ("gs", "gcs"):
        return {"token": "anon"}
    raise AudioFileError(f"{scheme}:// addresses are not read without credentials")


def _web_options(*, is_named: bool) -> dict[str, Any]:
    try:
        return {"get_client": make_client(_trusted if is_named else TrustedHosts())}
    except UnsupportedFormatError:
        if not is_named:
            raise
        return {}


_trusted = TrustedHosts()
"""Hosts of the addresses that the user named."""


def open_remote(url: str, *, is_named: bool = True) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the path in it.

    Parameters
    ----------
    url : str
        The address.
    is_named : bool
        Whether the user named it, or its store: only then are their credentials used, and
        hosts trusted that are not public.

    Raises
    ------
    MissingExtraError
        If fsspec is not installed.
    AudioFileError
        If its driver for this kind of address is not installed.
    """
    scheme = scheme_of(url)
    if is_named and scheme in _WEB:
        _trusted.add(url)
    system = _file_system(scheme, is_named=is_named)
    return system, system._strip_protocol(url)


def open_binary(url: str) -> BinaryIO:
    """Open a file for reading, local or remote.

    Raises
    ------
    AudioFileError
        If it cannot be opened.
    UnreadableAudioError
        If it is a local path that is not a regular file; it is not tried.
    """
    try:
        if is_remote(url):
            return _open_remote_file(url)
        if stat.S_ISREG(Path(url).stat().st_mode):
            return Path(url).open("rb")
    except AudioFileError:
        raise
    except Exception as err:  # drivers raise whatever their libraries do
        raise AudioFileError(f"cannot be opened: {reason(err)}", path=url) from err
    raise UnreadableAudioError("is not a regular file", path=url)


def _open_remote_file(url: str) -> BinaryIO:
    system, path = open_remote(url)
    _, size = stamp_of(url)
    try:
        if scheme_of(url) not in _WEB:
            # Buffered: otherwise, a line would be read byte by byte.
            return io.BufferedReader(RemoteFile(system, path, url=url, size=size))
        if 0 < size <= _WHOLE_BYTES:
            return io.BytesIO(persist(system.cat_file, path))
        # Not every server sends ranges, and only this check notices before reading it all.
        return cast("BinaryIO", persist(system.open, path, "rb"))
    except Exception as err:  # drivers raise whatever their libraries do
        raise explain(err, url) from err


def ask(
    url: str,
    what: str,
    *,
    patience_s: float = PATIENCE_S,
    is_named: bool = True,
    **options: object,
) -> Any:  # noqa: ANN401 - fsspec has no types
    """Return what a store reports about an address.

    Parameters
    ----------
    url : str
        The address.
    what : "info", "ls", "exists" or "glob"
        Method of fsspec's file systems to call.
    patience_s : float
        How long to retry while the store is busy, in seconds.
    is_named : bool
        As in `open_remote`.
    **options : object
        Arguments of the method.

    Raises
    ------
    AudioFileError
        With the reason, and how to fix it.
    """
    system, path = open_remote(url, is_named=is_named)
    try:
        return persist(getattr(system, what), path, patience_s=patience_s, **options)
    except Exception as err:  # drivers raise whatever their libraries do
        raise explain(err, url) from err


def local_stamp(status: os.stat_result) -> str:
    """Return the stamp of a local file: its size and modification time."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def stamp_of(url: str, *, is_named: bool = True) -> tuple[str, int]:
    """Return stamp and size of a file, local or remote; `is_named` as in `open_remote`.

    Raises
    ------
    AudioFileError
        If it does not exist.
    """
    try:
        if not is_remote(url):
            status = Path(url).stat()
            return local_stamp(status), status.st_size
    except OSError as err:
        raise AudioFileError(f"cannot be read: {reason(err)}", path=url) from err
    return stamp_of_details(ask(url, "info", is_named=is_named))


def stamp_of_details(details: dict[str, Any]) -> tuple[str, int]:
    """Return stamp and size from what fsspec reports about a file."""
    size = int(details.get("size") or 0)
    for name in ("ETag", "etag", "md5Hash", "LastModified", "Last-Modified", "mtime", "created"):
        if details.get(name):
            return f"{size}-{str(details[name]).strip(chr(34))}", size
    return f"{size}", size


def seen_from_anywhere(recording: Recording) -> Recording:
    """Return a recording whose path does not depend on the current folder."""
    place = recording.place
    # Exactly these types: the workers handle whatever else a place contains.
    if isinstance(place, Samples):
        inner = seen_from_anywhere(replace(recording, place=place.place)).place
        return replace(recording, place=replace(place, place=inner))  # type: ignore[arg-type]  # of the same type as before
    if isinstance(place, Spooled):
        return replace(recording, place=Inline(place.read()))
    if type(place) not in {File, Member, Cell, Packed} or isinstance(place, Inline):
        return recording
    if is_remote(place.url):
        return recording
    # Links are kept.
    url = os.path.abspath(place.url)  # noqa: PTH100
    if isinstance(place, Cell):
        place = replace(place, reach=place.reach.absolute())
    return replace(recording, place=replace(place, url=url))


def read_file(url: str, most_bytes: int, *, is_named: bool = True) -> bytes:
    """Return the bytes of a file in a store, unless it is too large.

    Parameters
    ----------
    url : str
        Its address.
    most_bytes : int
        Maximum size; a larger file is refused before it is read into memory.
    is_named : bool
        As in `open_remote`.

    Raises
    ------
    AudioFileError
        With the reason.
    """
    _, size = stamp_of(url, is_named=is_named)
    check_size(url, size, most_bytes)
    try:
        system, path = open_remote(url, is_named=is_named)
        return bytes(persist(system.cat_file, path))
    except Exception as err:  # drivers raise whatever their libraries do
        raise explain(err, url) from err


def read_range(url: str, start: int, length: int, most_bytes: int) -> bytes:
    """Return a range of bytes of a file, local or remote; `most_bytes` as in `read_file`.

    Raises
    ------
    AudioFileError
        With the reason.
    """
    check_size(url, length, most_bytes)
    try:
        if is_remote(url):
            system, path = open_remote(url)
            data = bytes(persist(system.cat_file, path, start=start, end=start + length))
        else:
            with Path(url).open("rb") as file:
                file.seek(start)
                data = file.read(length)
    except Exception as err:  # drivers raise whatever their libraries do
        if is_remote(url):
            raise explain(err, url) from err
        raise AudioFileError(f"cannot be read: {reason(err)}", path=url) from err
    check_length(url, data, length)
    return data


def check_size(url: str, n_bytes: int, most_bytes: int) -> None:
    """Raise `AudioFileError` if a file has more bytes than may be loaded into memory."""
    if n_bytes > most_bytes:
        raise AudioFileError(f"has {n_bytes:,} bytes, more than {most_bytes:,}", path=url)


def check_length(url: str, data: bytes, length: int) -> None:
    """Raise if a part of a file is not as long as requested.

    Raises
    ------
    UnreadableAudioError
        If it is shorter.
    UnsupportedFormatError
        If it is longer: the server sends whole files only.
    """
    if len(data) < length:
        raise UnreadableAudioError(f"is cut short: {len(data):,} of {length:,} bytes", path=url)
    if len(data) > length:
        raise UnsupportedFormatError(
            "is on a server that only sends whole files",
            path=url,
            remedy="Download the file, and scan the copy.",
        )
