"""Options with which a scan honours grants, and the permissions that they give."""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._secrets import ask_passphrase
from sottovoce.cli._signing import load_named, parse_uses
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.scan import Releases

__all__ = ["GrantOptions", "grant_options"]

_MOST_BYTES = 1 << 22
_LIKE_THUMBPRINT = re.compile(r"[\w-]{30,}")
_OPTIONS = (
    click.option(
        "--grant",
        "grants",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Release what this grant covers, or the grants in this folder; may be repeated.",
    ),
    click.option(
        "--for",
        "use",
        default=None,
        metavar="USE",
        help="The use that you want to make: train-generative, train-other, clone, biometric,"
        " input, mine, transfer; several are separated by commas, and all of them must be granted.",
    ),
    click.option(
        "--owner-key",
        "owner_keys",
        multiple=True,
        metavar="THUMBPRINT",
        help="Thumbprint of the owner's key, typed from the contract, or a file with one per line;"
        " may be repeated.",
    ),
    click.option(
        "--as",
        "as_name",
        default=None,
        metavar="NAME",
        help="Your identity, the licensee's: proves that the grants are for you, and signs the"
        " report.",
    ),
    click.option(
        "--newest",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Further statements of the owners, or an agent's revocation, which may revoke a grant;"
        " may be repeated.",
    ),
)


class GrantOptions:
    """The options of a command, as click passes them.

    Parameters
    ----------
    grants, newest : tuple of Path
        Files of grants, and of further statements.
    use : str or None
        The use, as typed.
    owner_keys : tuple of str
        Thumbprints, or files that hold them.
    as_name : str or None
        Identity of the licensee.

    Attributes
    ----------
    key : Ed25519PrivateKey or None
        The licensee's key; None if it was not shown.
    """

    def __init__(
        self,
        *,
        grants: tuple[Path, ...],
        use: str | None,
        owner_keys: tuple[str, ...],
        as_name: str | None,
        newest: tuple[Path, ...],
    ) -> None:
        if not grants and (use or owner_keys or as_name or newest):
            raise ParameterError(
                "--for, --owner-key, --as and --newest are about grants",
                remedy="Name them: --grant FILE.",
            )
        if grants and not use:
            raise ParameterError(
                "a grant is for named uses", remedy="Say what you want to do: --for USE."
            )
        self._grants, self._newest, self._owner_keys = grants, newest, owner_keys
        self._use = parse_uses(use) if use else None
        self.key: Ed25519PrivateKey | None = None
        if as_name is not None:
            # The first key: contracts and grants name it, whatever has replaced it since.
            self.key = load_named(as_name).open_key(ask=ask_passphrase)

    def open(self) -> Releases | None:
        """Return what decides; None without grants.  Grants that permit nothing are named."""
        if not self._grants:
            return None
        from sottovoce.recipes import read_permissions
        from sottovoce.scan import Releases

        read = read_permissions(
            self._grants,
            owner_keys=[key for one in self._owner_keys for key in _read_keys(one)],
            grantee=self.key,
            newest=self._newest,
        )
        for one in read.problems:
            remedy = f"  {_output.name_flags(one.remedy)}" if one.remedy else ""
            _output.explain(f"{format_path(one.path)}: {one.message}.{remedy}", kind="warning")
        return Releases(read.permissions, use=self._use)


def grant_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument, `granting`."""

    @functools.wraps(command)
    def with_grants(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's
        names = ("grants", "use", "owner_keys", "as_name", "newest")
        own = {name: options.pop(name) for name in names}
        return command(*args, granting=GrantOptions(**own), **options)

    for option in reversed(_OPTIONS):
        with_grants = option(with_grants)
    return with_grants


def _read_keys(text: str) -> list[str]:
    """Return the thumbprints in a file, or the one that was typed."""
    from sottovoce.rights.public_keys import check_thumbprint

    # A thumbprint that was typed is one: whoever sends a file could give it any name.
    with suppress(ParameterError):
        return [check_thumbprint(text)]
    try:
        data = Path(text).read_bytes()[:_MOST_BYTES]
    except (OSError, ValueError) as err:
        if _LIKE_THUMBPRINT.fullmatch(text):
            return [text]  # with a slip, which whoever uses it names
        raise ParameterError(
            f"{format_path(text)}: cannot be read, and is not a thumbprint",
            remedy="Name a file with one thumbprint a line, or type one thumbprint.",
        ) from err
    # Windows' editor begins a text with a mark of its encoding.
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
