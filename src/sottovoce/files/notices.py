"""What a mark says: in words, and as fields for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import describe_policy

if TYPE_CHECKING:
    from sottovoce.core.payload import Notice
    from sottovoce.core.results import Voice

__all__ = ["describe_notice", "make_notice", "make_voice"]


def describe_notice(notice: Notice) -> str:
    """Return who refuses what, and from which year on."""
    who = f"owner {format_owner_id(notice.owner_id)}" if notice.owner_id else "anonymous"
    return f"{describe_policy(notice.policy)}; {who}; since {notice.year}"


def make_notice(notice: Notice | None) -> dict[str, int | str] | None:
    """Return the fields of a notice for JSON, with the owner id also as people write it."""
    if notice is None:
        return None
    return {**notice.to_dict(), "owner": format_owner_id(notice.owner_id)}


def make_voice(voice: Voice) -> dict[str, Any]:
    """Return the fields of a voice for JSON; for one release the notice as `payload` as well."""
    notice = make_notice(voice.notice)
    return {**voice.to_dict(), "notice": notice, "payload": notice}
