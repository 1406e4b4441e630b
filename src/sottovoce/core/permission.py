"""What an owner has allowed, for whom and until when: the result of a verified grant, as data.

A mark only ever refuses.  What lifts a refusal is a grant that the owner has signed; verifying it
takes keys and signatures, and using it takes none of them.  So the two meet here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import Use, name_uses
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Permission"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Named uses that an owner has allowed to a licensee for a time.

    Whoever makes one vouches for it: only a verified grant should be turned into one.

    Attributes
    ----------
    owner_id : int
        48 bits, never 0: an anonymous refusal has nobody who could lift it.
    notices : tuple of (int, int)
        Policy and year of each kind of mark that the owner uses with this id, so that a mark can
        be tested for in clips that are too short to be decoded.
    uses : Use
        The allowed uses, without `Use.LICENCE`.
    sha256, pcm_sha256 : frozenset of str
        SHA-256 of the files and of the decoded sound that are covered, in hexadecimal.  If both
        are empty, every recording with the mark of this owner id is.
    serial : str
        Names the grant.
    grantee : str
        Name of the licensee, as the owner wrote it: external text.
    first_day, last_day : datetime.date
        The days between which it is in force, both included.
    revocation_known_to : datetime.date
        Day of the newest statement of the owner that was seen.  Whether the grant was revoked
        after that day is not known.
    is_grantee_proved : bool
        Whether the private key of the licensee was shown.

    Raises
    ------
    ParameterError
        If it has no owner, no use or no day.

    Examples
    --------
    >>> from datetime import date
    >>> permission = Permission(
    ...     owner_id=0x4F2A91C077DE,
    ...     notices=((0x7F, 2026),),
    ...     uses=Use.CLONE,
    ...     serial="q0Tr4zN1v7xHdLxB",
    ...     grantee="Acme TTS GmbH",
    ...     first_day=date(2026, 11, 27),
    ...     last_day=date(2027, 11, 26),
    ...     revocation_known_to=date(2026, 11, 27),
    ... )
    >>> permission.covers(Use.CLONE, day=date(2027, 1, 1))
    True
    >>> permission.covers(Use.CLONE | Use.MINE, day=date(2027, 1, 1))
    False
    """

    owner_id: int
    notices: tuple[tuple[int, int], ...]
    uses: Use
    sha256: frozenset[str] = frozenset()
    pcm_sha256: frozenset[str] = frozenset()
    serial: str
    grantee: str
    first_day: date
    last_day: date
    revocation_known_to: date
    is_grantee_proved: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.owner_id < 1 << 48:
            raise ParameterError(f"owner_id={self.owner_id} cannot permit anything")
        if not self.uses or self.uses & Use.LICENCE:
            raise ParameterError(f"uses={int(self.uses)} does not name uses that can be permitted")
        if self.last_day < self.first_day:
            raise ParameterError(f"last_day={self.last_day} is before first_day={self.first_day}")

    @property
    def is_for_whole_id(self) -> bool:
        """Whether it covers every recording with the mark of its owner id."""
        return not (self.sha256 or self.pcm_sha256)

    def covers(self, use: Use, *, day: date) -> bool:
        """Return whether it allows a use on a day.

        Parameters
        ----------
        use : Use
            One use, or several that must all be allowed.
        day : datetime.date
            Day of the use.

        Returns
        -------
        covered : bool
            False for no use at all.
        """
        return bool(use) and use & self.uses == use and self.first_day <= day <= self.last_day

    def covers_file(self, *, sha256: str = "", pcm_sha256: str = "") -> bool:
        """Return whether it is about a file, whatever the use.

        Parameters
        ----------
        sha256, pcm_sha256 : str
            SHA-256 of the file and of its decoded sound, in lower-case hexadecimal; empty if
            unknown.

        Returns
        -------
        covered : bool
            True for any file if the permission is for the whole id.
        """
        return self.is_for_whole_id or sha256 in self.sha256 or pcm_sha256 in self.pcm_sha256

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {
            "owner_id": self.owner_id,
            "owner": format_owner_id(self.owner_id),
            "notices": [{"policy": policy, "year": year} for policy, year in self.notices],
            "uses": name_uses(self.uses),
            "sha256": sorted(self.sha256),
            "pcm_sha256": sorted(self.pcm_sha256),
            "serial": self.serial,
            "grantee": self.grantee,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "revocation_known_to": self.revocation_known_to.isoformat(),
            "is_grantee_proved": self.is_grantee_proved,
        }
