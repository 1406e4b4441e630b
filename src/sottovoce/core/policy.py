"""What a mark refuses: the eight policy bits, their names and the words for them.

A 1 means *refused*.  A 0 means that the mark says nothing about that use, never that it is
allowed: so a damaged or half-read mark cannot turn into a permission.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "NAMED_USES",
    "POLICIES",
    "Use",
    "describe_policy",
    "describe_uses",
    "find_uses",
    "name_use",
    "name_uses",
    "parse_policy",
]


class Use(IntFlag):
    """A use of a recording that its owner can refuse."""

    TRAIN_GENERATIVE = 1 << 0
    TRAIN_OTHER = 1 << 1
    CLONE = 1 << 2
    BIOMETRIC = 1 << 3
    INPUT = 1 << 4
    MINE = 1 << 5
    TRANSFER = 1 << 6
    LICENCE = 1 << 7


_WORDS = {
    Use.TRAIN_GENERATIVE: "training generative models",
    Use.TRAIN_OTHER: "training any other model",
    Use.CLONE: "cloning the voice",
    Use.BIOMETRIC: "voiceprints and speaker recognition",
    Use.INPUT: "feeding it to a model",
    Use.MINE: "text and data mining",
    Use.TRANSFER: "passing it on to third parties",
}

POLICIES = {"all": Use(0x7F), "training": Use(0x0F), "cloning": Use(0x05)}
"""Presets: every use; training, cloning and biometrics but not listening tools such as
captions; generative training and cloning only."""

NAMED_USES = tuple(_WORDS)
"""The uses that a person can refuse or permit: all but `Use.LICENCE`, which only invites to ask."""

_N_BITS = 8


def name_use(use: Use) -> str:
    """Return the word for a use in policies as users type them.

    Parameters
    ----------
    use : Use
        One use.

    Returns
    -------
    name : str
        As `parse_policy` takes it.

    Examples
    --------
    >>> name_use(Use.TRAIN_GENERATIVE)
    'train-generative'
    """
    return str(use.name).lower().replace("_", "-")


def name_uses(uses: Use) -> list[str]:
    """Return the words for the named uses among some, in their order.

    Parameters
    ----------
    uses : Use
        One use, or several; `Use.LICENCE` is none that could be named.

    Returns
    -------
    names : list of str
        As `find_uses` takes them.

    Examples
    --------
    >>> name_uses(Use.MINE | Use.CLONE | Use.LICENCE)
    ['clone', 'mine']
    """
    return [name_use(use) for use in NAMED_USES if use & uses]


def find_uses(names: Iterable[str]) -> Use:
    """Return uses by their words.

    Parameters
    ----------
    names : iterable of str
        As `name_uses` gives them, in any order and case.

    Returns
    -------
    uses : Use
        All of them.

    Raises
    ------
    ParameterError
        If a word is none of theirs.  There is no word for all uses.

    Examples
    --------
    >>> find_uses(["clone", "mine"])
    <Use.CLONE|MINE: 36>
    """
    known = {name_use(use): use for use in NAMED_USES}
    uses = Use(0)
    for name in names:
        use = known.get(name.strip().lower().replace("_", "-"))
        if use is None:
            raise ParameterError(
                f"{name.strip()!r} is not a use that can be named here",
                remedy=f"Name one or more, separated by commas: {', '.join(known)}.",
            )
        uses |= use
    return uses


def parse_policy(text: str) -> Use:
    """Parse a policy as typed by a user.

    Parameters
    ----------
    text : str
        A preset of `POLICIES`, names of `Use` joined by commas ("clone,mine"), or the bits as a
        number ("0x7F").

    Returns
    -------
    policy : Use
        The refused uses.

    Raises
    ------
    ParameterError
        If a word is unknown, the number does not fit eight bits, or nothing is refused.

    Examples
    --------
    >>> parse_policy("cloning"), parse_policy("0x7F") == POLICIES["all"]
    (<Use.TRAIN_GENERATIVE|CLONE: 5>, True)
    """
    word = text.strip().lower()
    if word in POLICIES:
        return POLICIES[word]
    uses = {name_use(use): use.value for use in Use}
    if word[:1].isdigit():
        try:
            policy = int(word, 0)
        except ValueError:
            policy = -1
    else:
        names = [name.strip().replace("_", "-") for name in word.split(",")]
        policy = sum({uses.get(name, -(1 << _N_BITS)) for name in names})
    if not 0 < policy < 1 << _N_BITS:
        raise ParameterError(
            f"unknown policy {text!r}",
            remedy=f"Use {', '.join(POLICIES)}, or a comma-separated list of: {', '.join(uses)}.",
        )
    return Use(policy)


def describe_uses(uses: Use) -> str:
    """Return the named uses in plain words, joined by commas; empty if there are none.

    Parameters
    ----------
    uses : Use
        One use, or several.

    Examples
    --------
    >>> describe_uses(Use.CLONE | Use.MINE)
    'cloning the voice, text and data mining'
    """
    return ", ".join(words for use, words in _WORDS.items() if use in uses)


def describe_policy(policy: int) -> str:
    """Describe a policy in plain words.

    Parameters
    ----------
    policy : int
        Eight bits, 1 = refused.

    Returns
    -------
    words : str
        A sentence without its full stop.

    Examples
    --------
    >>> describe_policy(0x05)
    'refuses training generative models, cloning the voice'
    >>> describe_policy(0x7F)
    'refuses every use by machines'
    """
    uses = Use(policy & (1 << _N_BITS) - 1)
    words = describe_uses(uses)
    if all(use in uses for use in NAMED_USES):
        sentence = "refuses every use by machines"
    elif words:
        sentence = f"refuses {words}"
    else:
        sentence = "refuses no named use"
    return sentence + (", but may be asked" if Use.LICENCE in uses else "")
