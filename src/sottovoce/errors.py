"""Every exception that sottovoce raises on purpose.

::

    SottovoceError(Exception)                message, `.remedy`, `.exit_code`
    ├── ParameterError(…, ValueError)        an argument that no valid call could have
    ├── AudioFileError(…, OSError)           `.path`
    │   ├── UnreadableAudioError             not audio, damaged, empty, not a regular file
    │   │   ├── IncompleteAudioError         a part is missing, and the rest could be read
    │   │   └── NoSoundError                 a film without a sound track
    │   ├── UnsupportedFormatError           audio, but of a kind that cannot be handled here
    │   └── OtherPolicyError                 already marked by this owner, with another policy
    ├── PayloadError(…, ValueError)          bits that are not a valid `Notice`
    ├── StatementError                       a signed statement that cannot be used
    │   └── SignatureError                   one message for every forged input
    ├── DeviceError                          microphone, routing, a refused sampling rate
    ├── ClusterError                         machines of a scan that cannot be reached or used
    ├── LedgerError                          a scan's ledger that is damaged or in use
    └── MissingExtraError(…, ImportError)    names the install command of the extra

Each one is also the builtin that a caller would expect to catch.
"""

from __future__ import annotations

import functools
import re
import sys

__all__ = [
    "AudioFileError",
    "ClusterError",
    "DeviceError",
    "IncompleteAudioError",
    "LedgerError",
    "MissingExtraError",
    "NoSoundError",
    "OtherPolicyError",
    "ParameterError",
    "PayloadError",
    "SignatureError",
    "SottovoceError",
    "StatementError",
    "UnreadableAudioError",
    "UnsupportedFormatError",
    "install_command",
]


class SottovoceError(Exception):
    """Base of every error that sottovoce raises on purpose.

    Parameters
    ----------
    message : str
        Description of the problem, including the offending value.
    remedy : str
        What the user can do about it; empty if the message already says so.

    Attributes
    ----------
    message, remedy : str
        As given.
    exit_code : int
        Exit status of a command that ends with this error.
    """

    exit_code = 2

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ParameterError(SottovoceError, ValueError):
    """An argument that no valid call could have."""


class AudioFileError(SottovoceError, OSError):
    """A file on disk that could not be read or written.

    Parameters
    ----------
    message : str
        Description of the problem, without the path.
    path : str
        The file concerned; the text of the error begins with it.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, message: str, *, path: str = "", remedy: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message, remedy=remedy)
        self.message = message
        self.path = path

    def without_path(self, *known: str) -> str:
        """Return the message alone if its path is one of those already named."""
        return self.message if self.path in known else str(self)


class UnreadableAudioError(AudioFileError):
    """Not audio, damaged, empty, or not a regular file."""


class IncompleteAudioError(UnreadableAudioError):
    """Audio with a missing part, as the file itself proves; the rest can be read."""


class NoSoundError(UnreadableAudioError):
    """A complete film without a sound track."""


class UnsupportedFormatError(AudioFileError):
    """Audio, but of a kind that cannot be handled here.

    Parameters
    ----------
    message, path, remedy : str
        As in `AudioFileError`.
    others : tuple of str
        File names in other formats to which its audio can be written; may be empty.
    """

    def __init__(
        self, message: str, *, path: str = "", remedy: str = "", others: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, path=path, remedy=remedy)
        self.others = others


class OtherPolicyError(AudioFileError):
    """A file that already carries its owner's mark, with another policy.

    Parameters
    ----------
    message, path, remedy : str
        As in `AudioFileError`.
    policy : int
        What the mark in the file refuses.
    """

    def __init__(self, message: str, *, path: str = "", remedy: str = "", policy: int = 0) -> None:
        super().__init__(message, path=path, remedy=remedy)
        self.policy = policy


class PayloadError(SottovoceError, ValueError):
    """Bits or fields that are not a valid `Notice`."""


class StatementError(SottovoceError):
    """A signed statement that cannot be used."""


class SignatureError(StatementError):
    """An invalid signature; the same message for every forged input."""


class DeviceError(SottovoceError):
    """A microphone, a route or a sampling rate that the audio system refuses."""


class ClusterError(SottovoceError):
    """Machines of a scan that cannot be reached, or that have another release."""


class LedgerError(SottovoceError):
    """A scan's ledger that is damaged, in use, or of another release."""


class MissingExtraError(SottovoceError, ImportError):
    """An optional dependency that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported.
    extra : str
        The extra of sottovoce that installs it.
    purpose : str
        What it is needed for, as the end of "… is needed to …".
    """

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{package} is needed to {purpose}",
            remedy=f"Install it with: {install_command(extra, package)}",
        )
        self.package = package
        self.extra = extra
        self.purpose = purpose

    def __reduce__(self) -> tuple[object, ...]:
        # By keywords: an exception is rebuilt from `args` otherwise, which fails in the parent.
        keywords = {"extra": self.extra, "purpose": self.purpose}
        return functools.partial(MissingExtraError, self.package, **keywords), ()


def install_command(extra: str, package: str = "") -> str:
    """Return the command that installs the packages of an extra, by their names.

    Parameters
    ----------
    extra : str
        An extra of sottovoce.
    package : str
        Named instead if the extra is empty or unknown.
    """
    named = " ".join(f"'{one}'" for one in _requirements(extra)) or package or f"sottovoce[{extra}]"
    return f"pip install {named}"


def _requirements(extra: str) -> list[str]:
    """Return the requirements of an extra on this system, as listed in `pyproject.toml`."""
    from importlib import metadata

    try:
        requirements = metadata.requires("sottovoce") or []
    except metadata.PackageNotFoundError:  # a copy of the source
        return []
    named: list[str] = []
    for text in requirements:
        requirement, _, marker = (part.strip() for part in text.replace("'", '"').partition(";"))
        other = re.search(r'sys_platform (==|!=) "(\w+)"', marker)
        is_here = other is None or (sys.platform == other[2]) == (other[1] == "==")
        if f'extra == "{extra}"' not in marker or not is_here:
            continue
        own = re.fullmatch(r"sottovoce\[(.*)\]", requirement)
        if own is None:
            named.append(requirement)
        else:
            named += [one for inner in own[1].split(",") for one in _requirements(inner.strip())]
    return named
