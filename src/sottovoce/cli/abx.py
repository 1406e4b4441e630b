"""`sottovoce abx`: a blind listening test of a file against its marked self."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sottovoce.cli import _output
from sottovoce.cli._options import JSON, OutPath, examples, strength_option
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from sottovoce.abx.score import AbxResult

__all__ = ["abx"]

_HEARD = 0.05


@click.command(
    epilog=examples(
        "sottovoce abx take.wav                  writes take.abx/, open index.html in it",
        "sottovoce abx take.wav --strength strong --trials 20 -o test/",
        "sottovoce abx --score answers.json      what the answers mean",
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
    help="New or empty; by default take.abx beside take.wav.",
)
@strength_option()
@click.option("--trials", default=16, show_default=True, help="Questions, 5 to 100.")
@click.option("--seed", type=int, help="Make the same test again; by default it is chance.")
@click.option("--force", is_flag=True, help="Replace an earlier test in the folder.")
@click.option(
    "--score",
    "answers",
    type=OutPath(path_type=Path),
    metavar="ANSWERS",
    help="Say what the saved answers mean.",
)
@click.option(
    "--key",
    type=OutPath(path_type=Path),
    metavar="FOLDER",
    help="Of the test: score by its key, not by the one in the answers.",
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
    """Write a blind test of whether ears can tell FILE from its marked self.

    The folder holds a page that works in any browser without a network.  In each trial A is the
    original, B is marked and X is one of the two.  At the end the page, or --score, says how
    probable it is that guessing does as well.
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
        raise ParameterError("no FILE was named", remedy="For example: sottovoce abx take.wav")
    if key is not None:
        raise ParameterError("--key goes with --score", remedy="Leave it out to make a test.")
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
    _output.result(f"{pack.n_trials} trials over {pack.n_excerpts} excerpts: open {page}")
    _output.explain("The key lies beside it; who looks before the end only fools themselves.")


def _say(result: AbxResult, *, as_json: bool) -> None:
    if as_json:
        _output.result_json(result.to_dict())
        return
    _output.result(f"{result.n_right} of {result.n_trials} right; guessing gives half.")
    _output.result(
        f"With 95 % confidence the listener is right in {100 * result.low:.0f} to"
        f" {100 * result.high:.0f} % of such trials."
    )
    _output.result(
        f"Who only guesses is right as often {_how_often(result.p_value)}"
        f" (exact binomial p = {result.p_value:.2g})."
    )
    if result.p_value < _HEARD:
        _output.result("That is more than guessing explains: a difference was heard.")
    else:
        _output.result(
            "Guessing explains it: no sign that a difference was heard, and no proof that none is."
        )


def _how_often(share: float) -> str:
    """Return a share in words that do not round a small one to nothing."""
    return f"in {100 * share:.2g} % of such tests" if share < 1 else "always"
