"""What grants released from a data set: counted, and as a section of its report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import describe_uses, name_uses
from sottovoce.files.counts import say_count
from sottovoce.scan.reports.html import escape, make_section, make_table

if TYPE_CHECKING:
    from datetime import date

    from sottovoce.core.permission import Permission
    from sottovoce.core.policy import Use
    from sottovoce.scan.release import Release, Releases

__all__ = ["Licensed", "LicensedTally", "make_licensed_section", "say_licensed", "say_warnings"]

_SOON_DAYS = 30
_MOST_ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """Figures of what permissions released, for one use on one day.

    Attributes
    ----------
    use : Use
        The use.
    day : datetime.date
        Day of the use.
    permissions : tuple of Permission
        All that were given, also those that do not cover this use or day.
    n_released : int
        Marked recordings that are released.
    n_matched : int
        Those of them in which an owner was not read but matched.
    by_serial : dict of str to int
        Recordings that each grant released; one with several voices may count more than once.
    why_not : dict of str to int
        Marked recordings that are not released, by the reason.
    """

    use: Use
    day: date
    permissions: tuple[Permission, ...]
    n_released: int
    n_matched: int
    by_serial: dict[str, int]
    why_not: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "use": name_uses(self.use),
            "day": self.day.isoformat(),
            "n_released": self.n_released,
            "n_matched": self.n_matched,
            "grants": [
                {**_without_files(one), "n_recordings": self.by_serial.get(one.serial, 0)}
                for one in self.permissions
            ],
            "why_not": dict(self.why_not),
        }


class LicensedTally:
    """Count what is released, as decisions are made.

    Parameters
    ----------
    releases : Releases
        What decides.
    """

    def __init__(self, releases: Releases) -> None:
        self._releases = releases
        self._n_released = self._n_matched = 0
        self._by_serial: Counter[str] = Counter()
        self._why_not: Counter[str] = Counter()

    def add(self, release: Release) -> None:
        """Count the decision about one recording."""
        self._n_released += release.released
        self._n_matched += release.released and release.is_matched
        self._by_serial.update(release.serials)
        if release.reason:
            self._why_not[release.reason] += 1

    def finish(self) -> Licensed:
        """Return the figures so far."""
        return Licensed(
            use=self._releases.use,
            day=self._releases.day,
            permissions=self._releases.permissions,
            n_released=self._n_released,
            n_matched=self._n_matched,
            by_serial=dict(self._by_serial),
            why_not=dict(self._why_not.most_common()),
        )


def say_licensed(licensed: Licensed | None) -> str:
    """Return how many marked recordings are released, in a sentence; empty if none could be."""
    if licensed is None:
        return ""
    n = licensed.n_released
    are = "is" if n == 1 else "are"
    use = describe_uses(licensed.use)
    return (
        f"{say_count(n, 'marked recording')} {are} released for {use} on"
        f" {licensed.day.isoformat()} by grants of their owners."
    )


def say_warnings(licensed: Licensed) -> list[str]:
    """Return what whoever relies on the grants should know, one sentence each.

    Parameters
    ----------
    licensed : Licensed
        The figures.

    Returns
    -------
    warnings : list of str
        On grants that released something: that end within 30 days, or whose licensee was not
        proved.
    """
    said = []
    for one in licensed.permissions:
        if not licensed.by_serial.get(one.serial):
            continue
        left = (one.last_day - licensed.day).days
        if left < _SOON_DAYS:
            when = "today" if left == 0 else f"in {say_count(left, 'day')}"
            said.append(f"Grant {one.serial} ends {when}, on {one.last_day.isoformat()}.")
        if not one.is_grantee_proved:
            said.append(
                f"Grant {one.serial}: grantee not proved. It is for {one.grantee!r}; nobody showed"
                " that licensee's key."
            )
    return said


def make_licensed_section(licensed: Licensed | None) -> str:
    """Return the section of a report on grants, as HTML; empty without any.

    Parameters
    ----------
    licensed : Licensed or None
        The figures; None if no grant was given.
    """
    if licensed is None:
        return ""
    explained = (
        f"<p>{escape(say_licensed(licensed), most=400)} A recording is released only if every voice"
        " in it is covered. The findings stay as they are: a mark is a mark.</p>"
        "<p>Each grant was verified with the full key of its owner, as it stands in the contract"
        " (<em>corroborated</em>). That a voice belongs to that owner is what its mark says"
        " (<em>claimed</em>), or what a test for the granted payload shows where the mark is too"
        f" short to be read (<em>matched</em>: {licensed.n_matched:,}). Whether a grant was revoked"
        " is known only up to the day in the last column.</p>"
    )
    grants = make_table(
        "Grants",
        ("Owner", "Licensee", "Uses", "In force", "Recordings", "Serial", "Revocation known up to"),
        [_make_row(one, licensed) for one in licensed.permissions[:_MOST_ROWS]],
        numbers=(4,),
    )
    why_not = make_table(
        "Marked recordings that are not released",
        ("Why", "Recordings"),
        [
            (escape(why, most=200), f"{n:,}")
            for why, n in list(licensed.why_not.items())[:_MOST_ROWS]
        ],
        numbers=(1,),
    )
    warnings = "".join(f"<li>{escape(one, most=400)}</li>" for one in say_warnings(licensed))
    return make_section(
        "licensed",
        "Licensed",
        explained,
        f"<ul>{warnings}</ul>" if warnings else "",
        grants,
        why_not if licensed.why_not else "",
    )


def _make_row(one: Permission, licensed: Licensed) -> tuple[str, ...]:
    days = f"{one.first_day.isoformat()} to {one.last_day.isoformat()}"
    return (
        escape(format_owner_id(one.owner_id)),
        f"<bdi>{escape(one.grantee, most=120)}</bdi>",
        escape(describe_uses(one.uses), most=300),
        escape(days),
        f"{licensed.by_serial.get(one.serial, 0):,}",
        escape(one.serial, most=40),
        escape(one.revocation_known_to.isoformat()),
    )


def _without_files(one: Permission) -> dict[str, Any]:
    """Return the fields of a permission, with its files only counted: they may be a million."""
    fields = one.to_dict()
    fields["n_files"] = max(len(fields.pop("sha256")), len(fields.pop("pcm_sha256")))
    return fields
