"""Bytes from this computer's disks, and through fsspec from everywhere else."""

from __future__ import annotations

import functools
import logging
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.errors import AudioFileError, MissingExtraError, UnreadableAudioError
from sottovoce.scan.recording import Cell, File, Inline, Member

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from sottovoce.scan.recording import Place, Recording

__all__ = [
    "fetch",
    "fetch_ahead",
    "is_remote",
    "local_stamp",
    "open_binary",
    "open_remote",
    "scheme_of",
    "stamp_of",
    "stamp_of_details",
]

_logger = logging.getLogger(__name__)
_MOST_WORDS = 200
_RETRY_S = (0.2, 0.8, 3.0)
"""Waits between tries of a store that answers with an error."""
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
    # Not urlsplit, which raises for addresses that are none.
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


@functools.lru_cache(maxsize=16)
def _file_system(scheme: str) -> Any:  # noqa: ANN401 - fsspec has no types
    try:
        import fsspec
    except ImportError as err:
        purpose = f"read {scheme}:// addresses"
        raise MissingExtraError("fsspec", extra="scan", purpose=purpose) from err
    try:
        return fsspec.filesystem(scheme)
    except (ImportError, ValueError) as err:
        raise AudioFileError(
            f"addresses of the kind {scheme}:// cannot be read: {err}",
            remedy="Install fsspec's driver for it, s3fs or gcsfs for instance.",
        ) from err


def open_remote(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the path in it.

    Raises
    ------
    MissingExtraError
        If fsspec is not installed.
    AudioFileError
        If its driver for this kind of address is not.
    """
    scheme = scheme_of(url)
    system = _file_system(scheme)
    return system, system._strip_protocol(url)


def open_binary(url: str) -> BinaryIO:
    """Open a file for reading, here or anywhere.

    Raises
    ------
    AudioFileError
        If it cannot be opened; local things that are no regular files are not tried.
    """
    try:
        if is_remote(url):
            system, path = open_remote(url)
            file: BinaryIO = system.open(path, "rb")
            return file
        if stat.S_ISREG(Path(url).stat().st_mode):
            return Path(url).open("rb")
    except AudioFileError:
        raise
    except Exception as err:  # drivers raise whatever their libraries do
        raise AudioFileError(f"cannot be opened: {_reason(err)}", path=url) from err
    raise UnreadableAudioError("is not a regular file", path=url)


def local_stamp(status: os.stat_result) -> str:
    """Return the stamp of a local file: its size and when it was last written."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def stamp_of(url: str) -> tuple[str, int]:
    """Return stamp and size of a file, here or anywhere.

    Raises
    ------
    AudioFileError
        If it is not there.
    """
    try:
        if not is_remote(url):
            status = Path(url).stat()
            return local_stamp(status), status.st_size
        system, path = open_remote(url)
        return stamp_of_details(system.info(path))
    except AudioFileError:
        raise
    except Exception as err:  # drivers raise whatever their libraries do
        raise AudioFileError(f"cannot be read: {_reason(err)}", path=url) from err


def stamp_of_details(details: dict[str, Any]) -> tuple[str, int]:
    """Return stamp and size from what fsspec says about a file."""
    size = int(details.get("size") or 0)
    for name in ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created"):
        if details.get(name):
            return f"{size}-{str(details[name]).strip(chr(34))}", size
    return f"{size}", size


def fetch(place: Place, *, most_bytes: int) -> bytes | str:
    """Return the bytes of a recording, or the path of the local file that holds them.

    Parameters
    ----------
    place : Place
        Where they are.
    most_bytes : int
        A larger one is refused before it is read into memory.

    Raises
    ------
    AudioFileError
        With the reason, in words.
    """
    match place:
        case Inline(data):
            return data
        case File(url) if not is_remote(url):
            return url
        case File(url):
            _, size = stamp_of(url)
            return _read(url, 0, size, most_bytes)
        case Member(url, start, length):
            return _read(url, start, length, most_bytes)
        case Cell(url, group, row, column):
            from sottovoce.scan.cells import read_cell  # late: it brings pyarrow

            return read_cell(url, group, row, column, most_bytes=most_bytes)


def _read(url: str, start: int, length: int, most_bytes: int) -> bytes:
    if length > most_bytes:
        raise AudioFileError(f"has {length:,} bytes, more than {most_bytes:,}", path=url)
    try:
        if is_remote(url):
            data = _read_remote(url, start, length)
        else:
            with Path(url).open("rb") as file:
                file.seek(start)
                data = file.read(length)
    except AudioFileError:
        raise
    except Exception as err:  # drivers raise whatever their libraries do
        raise AudioFileError(f"cannot be read: {_reason(err)}", path=url) from err
    if len(data) < length:
        raise UnreadableAudioError(f"is cut short: {len(data):,} of {length:,} bytes", path=url)
    return data


def _read_remote(url: str, start: int, length: int) -> bytes:
    """Read from a store, which may be busy for a moment."""
    system, path = open_remote(url)
    for wait_s in _RETRY_S:
        try:
            data: bytes = system.cat_file(path, start=start, end=start + length)
        except (FileNotFoundError, PermissionError):
            raise
        except Exception:  # drivers raise whatever their libraries do
            _logger.info("%s: trying again in %.1f s", url, wait_s, exc_info=True)
            time.sleep(wait_s)
        else:
            return data
    return bytes(system.cat_file(path, start=start, end=start + length))


def fetch_ahead(recordings: list[Recording], *, most_bytes: int) -> dict[str, bytes]:
    """Bring files of a store into memory, many at the same time.

    Parameters
    ----------
    recordings : list of Recording
        A batch.
    most_bytes : int
        In all; what would be more is left to be fetched by itself.

    Returns
    -------
    data : dict of str to bytes
        By the recordings' ids; what failed is missing, and is tried again by itself.
    """
    wanted: dict[str, dict[str, str]] = {}
    for recording in recordings:
        place = recording.place
        if isinstance(place, File) and is_remote(place.url) and recording.n_bytes <= most_bytes:
            most_bytes -= recording.n_bytes
            wanted.setdefault(scheme_of(place.url), {})[place.url] = recording.id
    data: dict[str, bytes] = {}
    for by_url in wanted.values():
        try:
            paths = {open_remote(url)[1]: name for url, name in by_url.items()}
            system, _ = open_remote(next(iter(by_url)))
            got = system.cat(list(paths), on_error="return")
        except Exception:  # drivers raise whatever their libraries do
            _logger.info("a batch could not be fetched ahead", exc_info=True)
            continue
        data |= {paths[path]: one for path, one in got.items() if isinstance(one, bytes)}
    return data


def _reason(err: Exception) -> str:
    """Return what an error says, in a line."""
    said = getattr(err, "strerror", None) or str(err) or repr(err)
    return str(said).splitlines()[0][:_MOST_WORDS]
