"""Whose mark it is and what it refuses: options of all commands that write marks."""

from __future__ import annotations

import click

from sottovoce import Notice
from sottovoce.cli import _output
from sottovoce.cli._whose import find_owner, list_own, load_own
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

__all__ = ["NO_SEAL", "OWNER", "POLICY", "choose_notice", "find_seal_key", "name_identity"]


OWNER = click.option(
    "--owner",
    default=None,
    metavar="NAME",
    help="Owner that the mark names: one of your identities (see `sottovoce id`), an owner id, or"
    " `anonymous`.  [default: your default identity, created on first use]",
)
POLICY = click.option(
    "--policy",
    default="all",
    show_default=True,
    metavar="all|training|cloning|USES",
    help="Refuse every use by machines (all); training, cloning and voiceprints (training);"
    " generative training and cloning (cloning); or uses separated by commas: train-generative and"
    " train-other (training generative and other models), clone (cloning the voice), biometric"
    " (voiceprints and speaker recognition), input (giving the recording to a model as input), mine"
    " (text and data mining), transfer (passing it on to third parties), licence (add that you may"
    " be asked for a licence).",
)


NO_SEAL = click.option(
    "--no-seal",
    is_flag=True,
    help="Leave out your seal, which only your key can find, also where somebody has removed the"
    " public mark.  Anonymous marks have none.",
)


def choose_notice(*, owner: str | None, policy: str) -> Notice:
    """Return what the mark will say; may make the default identity, on first use."""
    from sottovoce.rights import parse_policy

    refused = parse_policy(policy)
    return Notice(owner_id=_choose_owner(owner), policy=refused)


def find_seal_key(notice: Notice, *, no_seal: bool) -> bytes | None:
    """Return the key of the owner's seal; None, with a note, if their key is not at hand."""
    from sottovoce.rights.seal_keys import list_seal_keys

    if no_seal or not notice.owner_id:
        return None
    keys, lacking = list_seal_keys()
    why = lacking.get(list_own().get(notice.owner_id, ""))
    if why is not None:
        _output.explain(f"Without a seal: {format_path(why)}", kind="note")
    return keys.get(notice.owner_id)


def name_identity(notice: Notice) -> str:
    """Return what the user calls the owner; the name that nobody chose tells a client nothing."""
    from sottovoce.rights import DEFAULT_IDENTITY

    name = list_own().get(notice.owner_id, "")
    return "" if name == DEFAULT_IDENTITY else name


def _choose_owner(owner: str | None) -> int:
    """Return the owner id of an identity, making the default one on first use."""
    from sottovoce.rights import (
        DEFAULT_IDENTITY,
        format_owner_id,
        list_identities,
        make_identity,
        needs_passphrase,
    )

    if owner is not None:
        return find_owner(owner)
    if DEFAULT_IDENTITY not in list_identities():
        if needs_passphrase():  # never asked for while files are marked
            raise ParameterError(
                "there is no default identity yet, and new keys need your passphrase",
                remedy=f"Create it with `make_identity(name='{DEFAULT_IDENTITY}')`.",
            )
        try:
            made = make_identity()
        except ParameterError:  # another process was quicker
            return load_own(DEFAULT_IDENTITY).owner_id
        _output.explain(
            f"Created your key: owner id {format_owner_id(made.owner_id)}, stored in"
            f" {format_path(made.path.parent.parent)}.  To keep it if this computer is lost, run:"
            " sottovoce id words",
            kind="note",
        )
        return made.owner_id
    return load_own(DEFAULT_IDENTITY).owner_id
