"""What the docs say is what the program does."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import sottovoce
from sottovoce.cli import program

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up the module that they stand in.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def walk(command: click.Command, path: tuple[str, ...] = ()):
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from walk(each, (*path, name))


COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in walk(program)]


def test_the_command_page_is_the_programs_help():
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == load_script("generate").make_page(), "run 'make docs' and commit docs/cli.md"


def read_words(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_pictures_of_the_status_say_what_the_program_says():
    draw = load_script("draw")
    for name, state in draw.SIGNS.items():
        kept = (ROOT / "docs" / "img" / f"status-{name}.svg").read_text(encoding="utf-8")
        assert read_words(kept) == read_words(draw.draw_status(state)), "run docs/draw.py"
        assert "@font-face" not in kept


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_has_help_with_examples(path, command):
    assert command.help
    assert command.epilog is not None
    assert "Examples:" in command.epilog
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} has no help"


def examples_of(text: str) -> list[str]:
    return re.findall(
        r"(?m)^\s*(?:\$ )?(?:\.venv/bin/)?sottovoce (.+?)(?:\s{2,}.*|\s+[#>|].*)?$", text
    )


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_examples_in_help_parse(path, command):
    for line in examples_of(command.epilog):
        parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_parse(page):
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for line in examples_of(block):
            parse(line.replace("…", "NAME"))


def parse(line: str) -> None:
    """Parse the arguments of an example as click would, without running the command."""
    command: click.Command = program
    # With the settings: click keeps the first --help that a command is asked for.
    context = click.Context(program, info_name="sottovoce", **program.context_settings)
    words = line.split()
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands and command.params and command.invoke_without_command:
            break  # the group has arguments of its own
        command = command.commands[words.pop(0)]
        context = click.Context(command, info_name=command.name, parent=context)
    if isinstance(command, click.Group) and not command.invoke_without_command:
        assert words
        assert words[0] in {"--version", "--help", "--debug"}
        return
    command.parse_args(context, words)


def test_the_readme_has_python_that_runs():
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("protected")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_make_target_has_a_word_of_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", text, re.M)
    assert targets is not None
    for target in targets.group(1).split():
        assert re.search(rf"^{target}:.*## \S", text, re.M), target


def wheel_installs() -> list[str]:
    texts = [page.read_text(encoding="utf-8") for page in [*PAGES, *ROOT.glob("examples/*.py")]]
    return [
        line
        for text in texts
        for line in re.findall(r"\S*pip install .*whl\S*", text)
        if "`" not in line
    ]


@pytest.mark.parametrize("line", sorted(set(wheel_installs())))
def test_an_install_command_can_be_pasted_whatever_the_version(tmp_path, line):
    wheel = tmp_path / f"sottovoce-{sottovoce.__version__}-py3-none-any.whl"
    wheel.touch()
    assert sottovoce.__version__ not in line
    command = re.sub(r"^\S*pip install", "printf '%s\\n'", line)
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    installed = done.stdout.splitlines()[-1]
    assert installed.partition("[")[0] == f"./{wheel.name}"
    assert installed.partition("[")[2] in {"", "live]", "plot]", "ray]", "rights]", "scan]"}


# What starts processes, which import the script that they are called from.
STARTS_PROCESSES = re.compile(r"num_proc=|\bexamine_batch\b.*\(|\bmap_batches\(|\bscan_paths\(")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_that_starts_processes_does_so_under_the_guard(page):
    for block in re.findall(r"```py(?:thon)?\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        before, guard, _ = block.partition('\nif __name__ == "__main__":')
        if not guard and block.startswith('if __name__ == "__main__":'):
            continue
        assert not STARTS_PROCESSES.search(before), block


def test_some_pages_have_python_that_starts_processes():
    assert sum(bool(STARTS_PROCESSES.search(page.read_text("utf-8"))) for page in PAGES) >= 2
