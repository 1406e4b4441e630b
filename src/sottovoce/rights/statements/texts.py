"""Short texts that say to people what a statement says to machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.policy import NAMED_USES
from sottovoce.errors import ParameterError
from sottovoce.files.escaping import make_harmless
from sottovoce.rights.statements.wordings import NO_ADVICE, TEXTS, TITLES, USE_WORDS

if TYPE_CHECKING:
    from sottovoce.rights.statements.standing import Standing

__all__ = ["LANGUAGES", "ShortText", "make_texts"]

LANGUAGES = tuple(TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortText:
    """One text, ready to be pasted.

    Attributes
    ----------
    kind : str
        "chat", "display name", "e-mail" or "rider".
    language : str
        "en", "de", "fr" or "es".
    title : str
        Where it is for, in that language.
    text : str
        One line; several for "rider".
    note : str
        That a rider is no legal advice; else empty.
    """

    kind: str
    language: str
    title: str
    text: str
    note: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the fields for JSON."""
        return {
            "kind": self.kind,
            "language": self.language,
            "title": self.title,
            "text": self.text,
            "note": self.note,
        }


def make_texts(standing: Standing, *, language: str = "en") -> list[ShortText]:
    """Return texts for the chat of a call, a display name, an e-mail and a contract.

    Parameters
    ----------
    standing : Standing
        What the owner's statements add up to.
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    texts : list of ShortText
        One for each purpose.

    Raises
    ------
    ParameterError
        If the language is not there, or the statements are not valid or refuse nothing.
    """
    if language not in TEXTS:
        raise ParameterError(
            f"no texts in the language {language!r}", remedy=f"Choose {', '.join(LANGUAGES)}."
        )
    statement = standing.statement
    if statement is None or not standing.refused:
        raise ParameterError(
            "the statements refuse nothing that a text could name", remedy="Sign a statement first."
        )
    words, separator = USE_WORDS[language], " ; " if language == "fr" else "; "
    owner = format_owner_id(standing.owner_id)
    known_as = make_harmless(statement.pseudonym or statement.name or owner)
    # A contract is made with the person, whatever they are known as.
    signs_as = make_harmless(statement.name or statement.pseudonym or owner)
    fields = {
        "owner": owner,
        "key": statement.inception_key,
        "uses": separator.join(words[use] for use in NAMED_USES if use & standing.refused),
    }
    return [
        ShortText(
            kind=kind,
            language=language,
            title=TITLES[language][kind],
            text=pattern.format(name=signs_as if kind == "rider" else known_as, **fields),
            note=NO_ADVICE[language] if kind == "rider" else "",
        )
        for kind, pattern in TEXTS[language].items()
    ]
