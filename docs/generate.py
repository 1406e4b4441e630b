"""Write docs/cli.md from the program's own help; `--check` only tests whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sottovoce.cli import program

CLI_PAGE = Path(__file__).parent / "cli.md"
WIDTH = 88

HEAD = """\
# Command line

<!-- Written by docs/generate.py from the program itself; do not edit. -->

Results go to stdout, progress and diagnostics to stderr, so that `>` and `|` get results only.
`--json` writes one JSON object per line: [its fields](json.md).
"""


def describe(command: click.Command, path: list[str]) -> list[str]:
    """Return the sections of a command and of its subcommands."""
    context = click.Context(
        command,
        info_name=" ".join(path),
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    sections = [f"\n## {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sections += describe(command.commands[name], [*path, name])
    return sections


def make_page() -> str:
    """Return the page."""
    return HEAD + "".join(describe(program, ["sottovoce"]))


def main() -> None:
    """Write the page, or compare it."""
    page = make_page()
    if "--check" in sys.argv[1:]:
        sys.exit(CLI_PAGE.read_text(encoding="utf-8") != page)
    CLI_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
