"""`sottovoce abx`: a blind listening test of a file against its marked version."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._options import JSON, OutPath, examples, strength_option
from sottovoce.cli._words import format_p, format_path
from sottovoce.errors import ParameterError
from sottovoce.files.counts import say_count

if TYPE_CHECKING:
    from sottovoce.abx.score import AbxResult

__all__ = ["abx"]

_HEARD = 0.05


@click.command(
    epilog=examples(
        "sottovoce abx take.wav                  writes take.abx/; open its index.html",
        "sottovoce abx take.wav --strength strong --trials 20 -o test/",
        "sottovoce abx --score answers.json      evaluates saved answers",
        "sottovoce abx --score answers.json --key take.abx/",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=OutPath(path_type=Path),
    metavar="FOLDER",
    help="Write to this new or empty folder.  [default: take.abx beside take.wav]",
)
@strength_option()
@click.option("--trials", default=16, show_default=True, help="Number of trials, 5 to 100.")
@click.option("--seed", type=int, help="Random seed, to reproduce a test.  [default: random]")
@click.option("--force", is_flag=True, help="Replace an earlier test in the folder.")
@click.option(
    "--score",
    "answers",
    type=OutPath(path_type=Path),
    metavar="ANSWERS",
    help="Evaluate the saved answers.",
)
@click.option(
    "--key",
    type=OutPath(path_type=Path),
    metavar="FOLDER",
    help="Score by the key in this test folder instead of the one in the answers.",
)
@JSON
def abx(
    *,
    file: Path | None,
    folder: Path | None,
    strength_db: float,
    trials: int,
    seed: int | None,
    force: bool,
    answers: Path | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Write a blind listening test of FILE against its marked version.

    The folder holds a page that works in any browser, without a network.  In each trial A is the
    original, B is marked and X is one of the two.  At the end the page, or --score, reports how
    likely a guesser is to do as well.
    """
    if answers is not None:
        if file is not None:
            raise ParameterError(
                "--score takes no FILE", remedy="For example: sottovoce abx --score answers.json"
            )
        from sottovoce.abx.score import score_answers

        _say(score_answers(answers, key=key), as_json=as_json)
        return
    if file is None:
        raise ParameterError("no FILE was given", remedy="For example: sottovoce abx take.wav")
    if key is not None:
        raise ParameterError("--key requires --score", remedy="Leave it out to write a test.")
    from sottovoce.abx.pack import write_abx_pack

    pack = write_abx_pack(
        file,
        folder or file.with_name(f"{file.stem}.abx"),
        strength_db=strength_db,
        n_trials=trials,
        seed=seed,
        replace=force,
    )
    if as_json:
        _output.result_json(pack.to_dict())
        return
    page = format_path(Path(pack.folder) / "index.html")
    size = f"{say_count(pack.n_trials, 'trial')} over {say_count(pack.n_excerpts, 'excerpt')}"
    _output.result(f"{size}: open {page}")
    _output.explain("The key lies beside it; looking at it before the end spoils the test.")


def _say(result: AbxResult, *, as_json: bool) -> None:
    if as_json:
        _output.result_json(result.to_dict())
        return
    _output.result(f"{result.n_right} of {result.n_trials} right; guessing would give half.")
    _output.result(
        f"With 95 % confidence the listener is right in {100 * result.low:.0f} to"
        f" {100 * result.high:.0f} % of such trials."
    )
    _output.result(
        f"Pure guessing is right as often {_how_often(result.p_value)}"
        f" (exact binomial {format_p(math.log10(result.p_value))})."
    )
    if result.p_value < _HEARD:
        _output.result("That is more than guessing explains: a difference was heard.")
    else:
        _output.result(
            "Guessing explains it: no evidence that a difference was heard, but no proof that there"
            " is none."
        )


def _how_often(share: float) -> str:
    """Return a share in words, without rounding a small one to zero."""
    return f"in {100 * share:.2g} % of such tests" if share < 1 else "always"
