"""Write docs/cli.md from the program's own help; `--check` only says whether it is up to date."""

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
`--json` writes one JSON object a line.
"""

JSON_PART = """
## JSON of check

One object a line, one line a file:

| field | meaning |
| --- | --- |
| `file` | the path as it was given or found |
| `verdict` | `protected`, `suspected`, `not found` or `error` |
| `found` | whether the verdict is `protected` |
| `log10_p` | logarithm to base 10 of the p-value of the whole file |
| `score` | the best score anywhere; of unmarked sound it has unit variance |
| `n_hypotheses` | places that were searched, all counted in `log10_p` |
| `seconds` | length of the sound |
| `voices` | a list, strongest first, of: |
| `voices[].log10_p`, `voices[].score` | the same of this voice |
| `voices[].offset_s` | where a period of its pattern begins |
| `voices[].speed`, `voices[].pitch` | how much faster and higher it plays than when it was marked; 1 is unchanged |
| `voices[].segments_s` | pairs of seconds: from when to when it is marked |
| `voices[].payload` | `null` where it is not readable yet, else `version`, `kind`, `policy` (eight bits, 1 = refused), `year`, `owner_id` (a 48-bit number, 0 = anonymous) and `owner` (the same as people write it) |
| `error`, `remedy` | only with the verdict `error`: what is wrong, and what to do about it |

## JSON of protect

| field | meaning |
| --- | --- |
| `file`, `output` | what was read, and where the marked file is |
| `status` | `protected`, `already protected` or `error` |
| `seconds` | length of the sound |
| `limited_s` | seconds in which the mark was turned down to keep peaks under full scale |
| `notes` | what the person should know, in words |
| `payload` | what the mark says, as above |
| `error`, `remedy` | only with the status `error` |

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done; for `check`: a mark was found in at least one file |
| 1 | only `check`: no mark was found in any file |
| 2 | an error, also of one file among many; the others are done all the same |
| 130 | interrupted by Ctrl-C; nothing half written is left |
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
    return HEAD + "".join(describe(program, ["sottovoce"])) + JSON_PART


def main() -> None:
    """Write the page, or compare it."""
    page = make_page()
    if "--check" in sys.argv[1:]:
        sys.exit(CLI_PAGE.read_text(encoding="utf-8") != page)
    CLI_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
