"""Which marked recordings an owner's permissions release, and why the others are not.

A grant never edits what was found: a finding stays *marked*.  It is released for one use only if
every voice in the recording is covered, and whatever is not known keeps it out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.payload import FIRST_YEAR, LAST_YEAR, Notice
from sottovoce.core.policy import Use
from sottovoce.errors import ParameterError
from sottovoce.scan.finding import notice_of
from sottovoce.scan.naming import Naming

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sottovoce.core.permission import Permission
    from sottovoce.scan.finding import Finding

__all__ = ["NOT_MARKED", "Release", "Releases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What permissions say about one recording.

    Attributes
    ----------
    serials : tuple of str
        Grants that release it, in the order of its voices, each once; empty if it is not released.
    owner_ids : tuple of int
        Owners who gave them.
    is_matched : bool
        Whether the owner of at least one voice was not read but matched: a known payload.
    why_not : str
        Why it is not released; empty if it is, or if it carries no mark.
    reason : str
        The same without names, to count by.
    """

    serials: tuple[str, ...] = ()
    owner_ids: tuple[int, ...] = ()
    is_matched: bool = False
    why_not: str = ""
    reason: str = ""

    @property
    def released(self) -> bool:
        """Whether it may be used after all."""
        return bool(self.serials)


_UNKNOWN = "the owner of a voice could not be read or matched"
_ANONYMOUS = "the mark of a voice is anonymous: nobody can grant anything"

NOT_MARKED = Release()
"""For a recording in which no mark was found: there is nothing that could be released."""


class Releases:
    """Decide about recordings, for one use on one day.

    Parameters
    ----------
    permissions : iterable of Permission
        From verified grants.
    use : Use or None
        One use, or several that must all be allowed.
    day : datetime.date or None
        Day of the use; None is today, in UTC.

    Attributes
    ----------
    use : Use
        The use.
    permissions : tuple of Permission
        All that were given.
    day : datetime.date
        Day of the use.

    Raises
    ------
    ParameterError
        If there is no `use`.
    """

    def __init__(
        self, permissions: Iterable[Permission], *, use: Use | None, day: date | None = None
    ) -> None:
        if not use:
            raise ParameterError(
                "permissions were given, and no use", remedy="Name the use (`use`)."
            )
        self.use = use
        self.permissions = tuple(permissions)
        self.day = datetime.now(UTC).date() if day is None else day
        self._by_owner: dict[int, list[Permission]] = {}
        for one in self.permissions:
            if one.covers(use, day=self.day):
                self._by_owner.setdefault(one.owner_id, []).append(one)
        # Also of those that do not cover this use, so that the reason can be given.
        marks = dict.fromkeys(
            (one.owner_id, pair) for one in self.permissions for pair in one.notices
        )
        self._naming = Naming(
            Notice(owner_id=owner_id, policy=Use(policy), year=year)
            for owner_id, (policy, year) in marks
            if FIRST_YEAR <= year <= LAST_YEAR
        )

    def decide(self, finding: Finding) -> Release:
        """Return what the permissions say about a recording.

        Parameters
        ----------
        finding : Finding
            Its finding; a ledger keeps what is needed to test voices that were not read.
        """
        if not finding.marked:
            return NOT_MARKED
        if why := _find_obstacle(finding):
            return Release(why_not=why, reason=why)
        named = self._naming.name(finding)
        given: list[Permission] = []
        for voice in named.voices:
            notice = notice_of(voice)
            if notice is None:
                return Release(why_not=_UNKNOWN, reason=_UNKNOWN)
            permission = self._find(notice["owner_id"], finding)
            if permission is None:
                return self._refuse(notice["owner_id"])
            given.append(permission)
        return Release(
            serials=tuple(dict.fromkeys(one.serial for one in given)),
            owner_ids=tuple(dict.fromkeys(one.owner_id for one in given)),
            is_matched=any("matched" in voice for voice in named.voices),
        )

    def _find(self, owner_id: int, finding: Finding) -> Permission | None:
        """Return the first permission of an owner that covers a recording."""
        return next(
            (
                one
                for one in self._by_owner.get(owner_id, ())
                if one.covers_file(sha256=finding.sha256, pcm_sha256=finding.pcm_sha256)
            ),
            None,
        )

    def _refuse(self, owner_id: int) -> Release:
        if not owner_id:
            return Release(why_not=_ANONYMOUS, reason=_ANONYMOUS)
        has_granted = owner_id in self._by_owner
        said = "granted other files" if has_granted else "granted nothing for this use and day"
        owner = format_owner_id(owner_id)
        return Release(why_not=f"owner {owner} {said}", reason=f"the owner of a voice {said}")


def _find_obstacle(finding: Finding) -> str:
    """Return why nothing can release a recording; empty if permissions decide."""
    if finding.message:
        return "it was not read to its end"
    if not finding.voices:
        return "no voice in it could be followed"
    if finding.n_more_voices:
        return "it holds more marked voices than were followed"
    followed = Counter(voice.get("track") for voice in finding.voices)
    marked = Counter(
        track.get("name") for track in finding.tracks if track.get("status") == "marked"
    )
    if marked - followed:
        return "no voice could be followed in one of its tracks"
    return ""
