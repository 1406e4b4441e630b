"""Whose mark it is and what it refuses: options that all who write marks have."""

from __future__ import annotations

import click

from sottovoce import Notice
from sottovoce.cli import _output
from sottovoce.cli._whose import find_owner, load_own
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

__all__ = ["OWNER", "POLICY", "choose_notice"]


OWNER = click.option(
    "--owner",
    default=None,
    metavar="NAME",
    help="One of your identities (see `sottovoce id`), somebody's owner id, or `anonymous`."
    "  Defaults to your default identity, which is created on first use.",
)
POLICY = click.option(
    "--policy",
    default="all",
    show_default=True,
    metavar="all|training|cloning|USES",
    help="What is refused: every use by machines; training, cloning and voiceprints; generative"
    " training and cloning; or uses joined by commas: train-generative, train-other, clone,"
    " biometric, input, mine, transfer, licence (refused, but ask me).",
)


def choose_notice(*, owner: str | None, policy: str) -> Notice:
    """Return what the mark will say; may make the default identity, on first use."""
    from sottovoce.rights import parse_policy

    refused = parse_policy(policy)
    return Notice(owner_id=_choose_owner(owner), policy=refused)


def _choose_owner(owner: str | None) -> int:
    """Return the owner id of an identity, making the default one on first use."""
    from sottovoce.rights import (
        DEFAULT_IDENTITY,
        format_owner_id,
        list_identities,
        make_identity,
    )

    if owner is not None:
        return find_owner(owner)
    if DEFAULT_IDENTITY not in list_identities():
        try:
            made = make_identity()
        except ParameterError:  # another process was quicker
            return load_own(DEFAULT_IDENTITY).owner_id
        _output.explain(
            f"Made your key: owner id {format_owner_id(made.owner_id)}, kept in"
            f" {format_path(made.path)} (keep a copy of it).",
            kind="note",
        )
        return made.owner_id
    return load_own(DEFAULT_IDENTITY).owner_id
