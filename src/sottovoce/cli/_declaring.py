"""What an owner declares, from options: uses, days, marks and sound that is not theirs."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sottovoce.cli._signing import parse_option_day, parse_uses
from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sottovoce.rights import Identity
    from sottovoce.rights.statements import Declaration

__all__ = ["commit_seal", "declare", "declare_policy"]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def declare(said: dict[str, Any], tokens: list[str]) -> Declaration:
    """Return what is declared: the last statement's, changed by the options."""
    declared = declare_policy(
        tokens,
        policy=said["policy"],
        on_request=said["on_request"],
        marks=said["marks"],
    )
    changes = {
        "role": said["role"],
        "name": said["declared_name"],
        "pseudonym": said["pseudonym"],
        "contact": said["contact"],
        "links": said["links"] or None,
        "since": parse_option_day(said["since"]),
        "minor_until": parse_option_day(said["minor_until"]),
        "disowned": declared.disowned | set(map(_read_disowned, said["disown"])),
    }
    return dataclasses.replace(
        declared, **{key: value for key, value in changes.items() if value is not None}
    )


def commit_seal(declaration: Declaration, identity: Identity) -> Declaration:
    """Return a declaration that commits to the seal, where marks of the identity have one."""
    from sottovoce.rights.seal_commitment import SealTree
    from sottovoce.rights.seal_keys import derive_seal_key

    if declaration.seal:
        return declaration
    try:
        key = derive_seal_key(identity)
    except StatementError:  # behind a passphrase, or elsewhere: marking makes no seal then
        return declaration
    return dataclasses.replace(declaration, seal=SealTree.of(key).commitment)


def declare_policy(
    tokens: list[str],
    *,
    policy: str | None,
    on_request: str | None = None,
    marks: Iterable[str] = (),
) -> Declaration:
    """Return what the last statement declares, with other uses refused."""
    from sottovoce.core.payload import present_year
    from sottovoce.rights.statements import Declaration, open_statement

    declared = Declaration.of(open_statement(tokens[-1])) if tokens else Declaration()
    wanted = _parse_policy(policy) if policy else declared.refused
    refused = wanted & ~Use.LICENCE
    asked = refused if wanted & Use.LICENCE else declared.on_request & refused
    if on_request is not None:
        asked = parse_uses(on_request) & refused
    added = set(map(_parse_mark, marks)) or {(int(wanted), present_year())}
    notices = tuple(sorted({*declared.notices, *added}))
    return dataclasses.replace(declared, refused=refused, on_request=asked, notices=notices)


def _parse_policy(text: str) -> Use:
    from sottovoce.rights import parse_policy

    return parse_policy(text)


def _parse_mark(text: str) -> tuple[int, int]:
    policy, _, year = text.rpartition(":")
    if not year.isdecimal():
        raise ParameterError(
            f"{text!r} is not a policy and a year", remedy="Write it as all:2026 or 0x7F:2026."
        )
    return int(_parse_policy(policy)), int(year)


def _read_disowned(text: str) -> str:
    """Return the SHA-256 of the sound that the user names, by itself or by a file."""
    from sottovoce.files.digests import pcm_sha256

    if _SHA256.fullmatch(text):
        return text.lower()
    if not Path(text).exists():
        raise ParameterError(
            f"{text!r} is neither a file nor a SHA-256",
            remedy="Name the recording, or the 64 hexadecimal digits of its sound.",
        )
    return pcm_sha256(text)
