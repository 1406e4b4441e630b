"""The form of signed texts: JSON Schemas (Draft 2020-12) that the package ships.

Texts with other fields are refused, even signed ones: a field that one reader ignores and another
one obeys would be a second meaning under the same signature.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from sottovoce.errors import MissingExtraError, StatementError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["check_form"]


def check_form(payload: dict[str, Any], *, room: str, kind: str) -> None:
    """Refuse a text that does not follow its schema.

    Parameters
    ----------
    payload : dict
        As parsed.
    room : str
        Subpackage that has the schema.
    kind : str
        "statement", "grant", "delegation" or "revocation".

    Raises
    ------
    StatementError
        If it does not follow the schema; names the field and the rule, not the content.
    MissingExtraError
        If jsonschema is not installed.
    """
    for error in _load(room, kind).iter_errors(payload):
        place = "/".join(map(str, error.absolute_path)) or kind
        raise StatementError(
            f"not a valid {kind}: {place} breaks the rule {error.validator!r} of its format",
            remedy="Use a release of sottovoce that is as new as the one that wrote it.",
        )


@functools.cache
def _load(room: str, kind: str) -> Validator:
    try:
        import jsonschema
    except ImportError as err:
        raise MissingExtraError(
            "jsonschema", extra="rights", purpose="sign and verify statements and grants"
        ) from err
    path = resources.files(f"sottovoce.rights.{room}") / f"{kind}.schema.json"
    validator: Validator = jsonschema.Draft202012Validator(
        json.loads(path.read_text(encoding="utf-8"))
    )
    return validator
