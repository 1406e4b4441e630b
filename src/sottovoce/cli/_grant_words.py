"""Grants and delegations in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.cli import _output
from sottovoce.cli._signing import join_uses
from sottovoce.cli._words import format_path
from sottovoce.files.counts import say_count

if TYPE_CHECKING:
    from datetime import date

    from sottovoce.rights.grants import Grant, GrantVerdict

__all__ = ["describe_scope", "describe_state", "tell_grant", "tell_verdict"]


def describe_scope(grant: Grant) -> str:
    """Return what a grant covers."""
    n_files, n_sounds = len(grant.sha256), len(grant.pcm_sha256)
    if not n_files + n_sounds:
        return "every recording with the mark of this owner id"
    counts = [say_count(n_files, "file")] * bool(n_files)
    counts += [say_count(n_sounds, "sound")] * bool(n_sounds)
    return f"{' and '.join(counts)}, by SHA-256"


def describe_state(verdict: GrantVerdict, *, today: date) -> str:
    """Return in a word or two whether a grant of the user's own is in force."""
    if verdict.valid:
        return "in force"
    if verdict.reason == "not in force" and verdict.grant is not None:
        return "ended" if verdict.grant.last_day < today else "not yet in force"
    return verdict.reason


def tell_grant(verdict: GrantVerdict) -> None:
    """Write what a grant says."""
    grant, delegation = verdict.grant, verdict.delegation
    rows: dict[str, str] = {}
    if grant is not None:
        rows = {
            "for": grant.grantee,
            "their key": grant.grantee_key,
            "their address": grant.grantee_uri,
            "uses": join_uses(grant.uses),
            "covers": describe_scope(grant),
            "in force": f"{grant.first_day} to {grant.last_day}",
            "signed": str(grant.issued),
            "contract": grant.contract,
            "serial": grant.serial,
        }
    if delegation is not None:
        rows["signed by agent"] = delegation.agent
    for label, value in rows.items():
        if value:
            _output.result(f"  {label + ':':<18}{format_path(value)}")


def tell_verdict(verdict: GrantVerdict) -> None:
    """Write whether a grant permits anything, and what it says."""
    from sottovoce.rights import format_owner_id

    permission = verdict.permission
    if permission is None:
        _output.result(f"NOT VALID: {format_path(verdict.problem)}")
        tell_grant(verdict)
        if verdict.remedy:
            _output.explain(_output.name_flags(verdict.remedy))
        return
    owner = format_owner_id(permission.owner_id)
    _output.result(
        f"valid: owner {owner} allows {join_uses(permission.uses)} until {permission.last_day}"
    )
    tell_grant(verdict)
    _output.result(f"  {verdict.revocation_words}")
    if not permission.is_grantee_proved:
        _output.result("  That you are the licensee is not proved; prove it with --as.")
