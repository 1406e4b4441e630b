"""Requests to a store: retried while it is busy, and explained once they have failed.

A store under load rejects some requests temporarily.  The drivers' own retries multiply (three
layers of five tries of fifteen seconds are half an hour of silence), so they are switched off
where possible, and all retries happen here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sottovoce.errors import AudioFileError, SottovoceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["PATIENCE_S", "explain", "is_final", "persist", "persist_async", "reason"]

_logger = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

PATIENCE_S = 20.0
"""Seconds after which a request is not retried: about nine tries with a busy store."""
_FIRST_WAIT_S, _MOST_WAIT_S = 0.1, 5.0
_MOST_WORDS = 200
_MOST_CAUSES = 8
_BUSY = frozenset({408, 425, 429})
_FINAL = (
    *(SottovoceError, FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError),
    *(ValueError, TypeError, NotImplementedError, ImportError, MemoryError),
)
_KEYS = frozenset(
    {
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
        *("ProfileNotFound", "TokenRetrievalError", "SSOTokenLoadError", "NoAuthTokenError"),
        *("UnauthorizedSSOTokenError", "DefaultCredentialsError", "NoRegionError"),
    }
)
"""Names of drivers' errors for missing keys; their classes cannot be imported here."""
_SET_KEYS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket"
    " FSSPEC_S3_ANON=true."
)


def is_final(err: BaseException) -> bool:
    """Return whether another try would end the same way."""
    if _own(err) is not None:
        return True
    status = _status(err)
    if status:
        return status < 500 and status not in _BUSY
    if isinstance(err, FileNotFoundError) and isinstance(err.__cause__, Exception):
        # fsspec's web driver raises this for any failure.
        return is_final(err.__cause__)
    return isinstance(err, _FINAL) or type(err).__name__ in _KEYS


def persist(
    ask: Callable[..., _Answer], *args: object, patience_s: float = PATIENCE_S, **options: object
) -> _Answer:
    """Return the result of a request, retried while the store is busy.

    Parameters
    ----------
    ask : callable
        The request.
    *args, **options : object
        Its arguments.
    patience_s : float
        Time in seconds after which it is not retried.

    Raises
    ------
    Exception
        The one that the last try raised.
    """
    for wait_s in _waits(patience_s):
        try:
            return ask(*args, **options)
        except Exception as err:  # drivers raise whatever their libraries do
            if is_final(err):
                raise
            _logger.info("trying again in %.1f s: %s", wait_s, reason(err))
            time.sleep(wait_s)
    return ask(*args, **options)


async def persist_async(
    ask: Callable[[], Awaitable[_Answer]], *, patience_s: float = PATIENCE_S
) -> _Answer:
    """Do the same as `persist`, asynchronously."""
    for wait_s in _waits(patience_s):
        try:
            return await ask()
        except Exception as err:  # drivers raise whatever their libraries do
            if is_final(err):
                raise
            _logger.info("trying again in %.1f s: %s", wait_s, reason(err))
            await asyncio.sleep(wait_s)
    return await ask()


def _waits(patience_s: float) -> Iterator[float]:
    """Yield seconds to wait, each about twice as long; randomised, lest all retry at once."""
    began_s = time.monotonic()
    wait_s = _FIRST_WAIT_S
    while time.monotonic() - began_s < patience_s:
        yield wait_s * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        wait_s = min(2 * wait_s, _MOST_WAIT_S)


def explain(err: Exception, url: str) -> AudioFileError:
    """Return the error for the user: what went wrong with an address, and how to fix it."""
    own = _own(err)
    if own is not None:
        return own if own is err else type(own)(own.message, path=url, remedy=own.remedy)
    message, remedy = _explain(err, is_s3=url.lower().startswith(("s3://", "s3a://")))
    return AudioFileError(message, path=url, remedy=remedy)


def _explain(err: BaseException, *, is_s3: bool) -> tuple[str, str]:
    where = "AWS_ENDPOINT_URL" if is_s3 else "the address"
    name = type(err).__name__
    if name in _KEYS:
        return f"no credentials: {reason(err)}", _SET_KEYS if is_s3 else "Sign in to the store."
    if isinstance(err, PermissionError) or _status(err) in {401, 403}:
        remedy = "Check which keys are used, and that they permit listing and reading"
        return f"permission denied: {reason(err)}", f"{remedy}{' (AWS_PROFILE)' * is_s3}."
    if "Timeout" in name or isinstance(err, TimeoutError):
        return "the store does not answer", f"Check the network and {where}; then scan again."
    if "Connect" in name or isinstance(err, ConnectionError):
        return f"the store cannot be reached: {reason(err)}", f"Check the network and {where}."
    if isinstance(err, FileNotFoundError):
        if isinstance(err.__cause__, Exception) and not is_final(err.__cause__):
            return _explain(err.__cause__, is_s3=is_s3)
        other = ", and AWS_ENDPOINT_URL if the store is not Amazon's" if is_s3 else ""
        return "does not exist", f"Check the address{other}."
    remedy = "" if is_final(err) else "Run the same command to try again."
    return f"cannot be read: {reason(err)}", remedy


def _own(err: BaseException) -> AudioFileError | None:
    """Return our own error that caused a driver's error."""
    seen = 0
    cause: BaseException | None = err
    while cause is not None and seen < _MOST_CAUSES:
        if isinstance(cause, AudioFileError):
            return cause
        cause, seen = cause.__cause__, seen + 1
    return None


def _status(err: BaseException) -> int:
    """Return the HTTP status of an answer; 0 if there was none."""
    answer = getattr(err, "response", None)
    told: Any = getattr(err, "status", None)
    if isinstance(answer, dict):
        told = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return told if isinstance(told, int) else 0


def reason(err: BaseException) -> str:
    """Return the text of an error, in one line."""
    said = getattr(err, "strerror", None) or str(err) or repr(err)
    return str(said).splitlines()[0][:_MOST_WORDS]
