"""What `sottovoce scan` says in words: what was read as a list, and the totals."""

from __future__ import annotations

import re
import shutil

from tests.scan.conftest import dataset, marked  # noqa: F401 - fixtures


def test_a_text_that_is_read_as_a_list_is_called_one(shell):
    (shell.folder / "README.txt").write_text("hello reader\nthis is text\n")
    done = shell("scan", "README.txt", "--jobs", 1)
    assert done.code == 3
    assert "note: README.txt: read as a list of recordings\n" in done.err
    assert (
        "README.txt: was read as a list of paths, but none of its lines names an existing file."
        "  If it is a list, check its paths, or name their folder (--root); if it is not, leave"
        " it out.\n"
    ) in done.err


def test_the_totals_add_up(shell, dataset):  # noqa: F811 - a fixture
    shutil.copytree(dataset, shell.folder / "data")
    done = shell("scan", "data", "--jobs", 1)
    _, _, others = done.out.partition("The others:\n")
    counts = [int(line.split()[0]) for line in others.splitlines() if line.startswith("  ")]
    assert 2 + sum(counts) == 8
    assert "  2 without a mark found\n" in done.out
    assert re.search(r"at most 1 in \d00,000\.\n", done.out)
