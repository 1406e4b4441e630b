"""A rule for datadiligence: sound that carries a do-not-train mark is not allowed.

    pip install datadiligence "$(echo ./sottovoce-*.whl)[scan]"
    python examples/datadiligence_rule.py clips/*.flac

Internally there are three answers: marked, no mark found, not known.  `is_allowed` has two, and
what is not known is not allowed: the rules that come with datadiligence allow what they cannot
read.  Run with datadiligence 0.1.7.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

import datadiligence
from datadiligence.evaluators import Evaluator
from datadiligence.rules import Rule

from sottovoce.scan import examine_batch

if TYPE_CHECKING:
    from collections.abc import Iterable


class Answer(Enum):
    """What is known about a sound."""

    MARKED = "marked"
    NO_MARK = "no mark found"
    NOT_KNOWN = "not known"


class SottovoceRule(Rule):
    """Allow sound in which no mark was found."""

    def is_ready(self) -> bool:
        """Return that the rule can be used."""
        return True

    def find(self, *, path: str | None = None, body: bytes | None = None) -> Answer:
        """Look for a mark in a file, or in the contents of one."""
        # In a child process, since files from the web may be malicious.
        found = examine_batch({"audio": [path if body is None else body]})
        if found["status"][0] == "marked":
            return Answer.MARKED
        return Answer.NOT_KNOWN if found["refused"][0] else Answer.NO_MARK

    def is_allowed(
        self,
        path: str | None = None,
        body: bytes | None = None,
        **_others: Any,  # noqa: ANN401 - theirs
    ) -> bool:
        """Return whether a sound may be trained on; without a path or a body nothing is known."""
        return self.find(path=path, body=body) is Answer.NO_MARK


class AudioEvaluator(Evaluator):
    """Evaluate audio files by the mark in them."""

    name = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.add_rule(SottovoceRule())

    def filter_allowed(self, paths: Iterable[str] = (), **others: Any) -> list[str]:  # noqa: ANN401 - theirs
        """Return the paths that may be trained on."""
        return [path for path in paths if self.is_allowed(path=path, **others)]


def main() -> None:
    """Print which of the named files are allowed."""
    datadiligence.register_evaluator(AudioEvaluator(), overwrite=True)
    for path in datadiligence.filter_allowed("audio", paths=sys.argv[1:]):
        print(path)


if __name__ == "__main__":
    main()
