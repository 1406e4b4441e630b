"""The folder with which an owner shows a seal: its files, its text, and what commits to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sottovoce.cli._words import format_p
from sottovoce.errors import StatementError
from sottovoce.files.times import format_day, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce.core.seal import SealMatch
    from sottovoce.rights.seal_opening import SealOpening
    from sottovoce.rights.statements import Statement

__all__ = ["OPENING", "README", "STATEMENTS", "find_commitment", "make_readme", "uncommitted"]

OPENING = "seal.json"
STATEMENTS = "statements.jws"
README = "README.txt"

_README = """\
What this folder shows
======================

The recording {file} (SHA-256 {sha256}){track}
carries the keyed seal of owner {owner}. The owner committed to that seal in statement
{seq}, dated {day}, before showing any of it.

{opening}    the signs of the {n} superframes (10.24 s each) of the seal that are in this
             recording, beginning with number {first}, and for each the hashes that lead to the
             commitment {commitment}
{statements}  the signed statements of the owner

How to verify it
================

    sottovoce seal verify DIR --file {file}

where DIR is this folder. Add --owner-key with the thumbprint of the owner's key, if a contract or
register names it. The search of the owner gave {p}, between {begin} and {end}.

What the verification does, so that it can be repeated with other programs
==========================================================================

1. Each leaf, SHA-256(00 | number in 8 bytes, big endian | 100 bytes of signs), leads through its
   hashes to the commitment: a Merkle tree after RFC 9162, section 2.1, with 69,632 leaves.
2. The statement that names the commitment is signed with the owner's key, and the owner id is made
   from that key.
3. The scores of the seal cells of the sound (section 5 of evidence.md in the documentation) are
   multiplied by the signs and added up. Over the root of their energy that is a weighted sum of
   fair coins, unless the sound has to do with the signs. The p-value pays for all 69,632 numbers
   that the owner could have chosen, for every offset, and for every window.

What it means, and what it does not
===================================

- The signs are committed to, but only the key, which is not shown, could prove that they were drawn
  at random. The verification refuses signs that repeat or that are those of a payload: sound that
  was marked without a seal would agree with these.
- Somebody who has another recording of this owner can guess at its signs, and write the guess into
  other sound. A seal whose agreement is below 0.06 may be such a guess.
- It proves something only if the statement is older than the recording in question: signs that are
  chosen afterwards agree with any sound. The date of a statement is what its owner says; a time
  stamp, a register, or whoever received it earlier can tell.
- It shows that the sound was made with these signs. Whoever has this folder has them too, and can
  write them into other sound, or remove them from this recording. What is found in a recording
  that appears later than this folder proves nothing.
- If the owner has several identities or has signed several commitments, multiply p by their number.
- The owner's key is not in here, and cannot be found from it. Other recordings of the owner are
  safe, but for those that by chance have superframes of the same numbers.
"""


def find_commitment(
    tokens: Sequence[str], opening: SealOpening, *, owner_key: str | None
) -> Statement:
    """Return the first statement that commits to a seal.

    Raises
    ------
    StatementError
        If there is none, or the statements are not valid, in conflict, or of somebody else.
    """
    from sottovoce.rights.statements import verify_statements

    if not tokens:
        raise uncommitted("")
    standing = verify_statements(tokens, owner_key=owner_key)
    standing.check_head(otherwise="the seal cannot be shown")
    if standing.owner_id != opening.owner_id:
        raise StatementError(
            "the statements are of another owner", remedy="Ask for those of the owner of the seal."
        )
    if owner_key is not None and not standing.is_anchored:
        raise StatementError(
            "the statements do not begin with the key that --owner-key names",
            remedy="Whoever signed them is not the owner that the contract names.",
        )
    for one in standing.counted:
        if one.seal == opening.commitment:
            return one
    raise uncommitted("")


def uncommitted(name: str) -> StatementError:
    """Return the error where no statement commits to a seal, of an identity if it has a name."""
    of = f" --name {name}" if name else ""
    return StatementError(
        "no statement commits to this seal",
        remedy=f"Sign one with: sottovoce statement new{of}.  It shows something for recordings"
        " that are younger than itself.",
    )


def make_readme(opening: SealOpening, match: SealMatch, statement: Statement) -> str:
    """Return the text that explains the folder to an expert who has never heard of it."""
    from sottovoce.rights import format_owner_id

    return _README.format(
        file=opening.file.encode("ascii", "backslashreplace").decode(),
        sha256=opening.sha256,
        track=f", {opening.track}," if opening.track else "",
        owner=format_owner_id(opening.owner_id),
        seq=statement.seq,
        day=format_day(statement.issued),
        n=len(opening.leaves),
        first=opening.leaves[0].number,
        commitment=opening.commitment,
        opening=OPENING,
        statements=STATEMENTS,
        p=format_p(match.log10_p).replace("≤", "<="),
        begin=format_time(match.segments_s[0][0]),
        end=format_time(match.segments_s[-1][1]),
    )
