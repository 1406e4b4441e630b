"""How `sottovoce scan` reads its arguments: names and subcommands, shards and dates."""

from __future__ import annotations

import re
from datetime import datetime

import click

from sottovoce.errors import ParameterError

__all__ = ["ALLOW_REMOTE", "DataArgument", "ScanGroup", "parse_shard", "parse_since"]

_ADDRESS = re.compile(r"auto|local|(ray://)?[\w.-]+:\d+|(ray://)?\[[\da-fA-F:]+\]:\d+")
ALLOW_REMOTE = "--allow-remote"


class ScanGroup(click.Group):
    """A group whose own arguments are names to scan, unless the first is a subcommand."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            return click.Command.parse_args(self, ctx, _complete(args))
        click.Command.parse_args(self, ctx, [])
        ctx._protected_args, ctx.args = args[:1], args[1:]
        return ctx.args


class DataArgument(click.Argument):
    """The names to scan, which have no place in the usage of a subcommand."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        return super().get_usage_pieces(ctx) if isinstance(ctx.command, ScanGroup) else []


def _complete(args: list[str]) -> list[str]:
    """Give options without a value their default, so that they take no name to scan for it."""
    completed = []
    for one, following in zip(args, [*args[1:], ""], strict=True):
        bare = one == "--ray" and not _ADDRESS.fullmatch(following)
        completed.append(f"{ALLOW_REMOTE}=any" if one == ALLOW_REMOTE else one)
        if bare:
            completed[-1] = "--ray=auto"
    return completed


def parse_shard(_context: click.Context, _parameter: object, text: str) -> tuple[int, int]:
    """Return the number of a shard, and how many there are."""
    number, _, n_shards = text.partition("/")
    if number.isdigit() and n_shards.isdigit() and 1 <= int(number) <= int(n_shards):
        return int(number), int(n_shards)
    if number == "0" and n_shards.isdigit() and int(n_shards):
        remedy = f"In an array that counts from 0: --shard $((SLURM_ARRAY_TASK_ID + 1))/{n_shards}"
        raise ParameterError(f"invalid shard {text!r}: shards count from 1", remedy=remedy)
    raise ParameterError(f"invalid shard {text!r}", remedy="Use 1/8 to 8/8, for instance.")


def parse_since(_context: click.Context, _parameter: object, text: str | None) -> float | None:
    """Return a date in seconds since 1970."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError as err:
        raise ParameterError(
            f"invalid date {text!r}", remedy="Use a date such as 2026-11-25."
        ) from err
