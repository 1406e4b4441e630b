"""`sottovoce abx`: a blind listening test of a file against its marked self."""

from __future__ import annotations

from pathlib import Path

import click

from sottovoce.cli import _output
from sottovoce.cli._options import examples, parse_strength
from sottovoce.cli._words import format_path
from sottovoce.errors import ParameterError

__all__ = ["abx"]

_HEARD = 0.05


@click.command(
    epilog=examples(
        "sottovoce abx take.wav                  writes take.abx/, open index.html in it",
        "sottovoce abx take.wav --strength strong --trials 20 -o test/",
        "sottovoce abx --score answers.json --key take.abx/key.json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="New or empty; by default take.abx beside take.wav.",
)
@click.option(
    "--strength",
    default="standard",
    show_default=True,
    metavar="studio|standard|strong|DB",
    help="Of the mark that is to be heard.",
)
@click.option("--trials", default=16, show_default=True, help="Questions, 5 to 100.")
@click.option("--seed", type=int, help="Make the same test again; by default it is chance.")
@click.option(
    "--score",
    "answers",
    type=click.Path(path_type=Path),
    metavar="ANSWERS",
    help="Say what saved answers mean; needs --key.",
)
@click.option("--key", type=click.Path(path_type=Path), metavar="KEY", help="The pack's key.json.")
def abx(
    *,
    file: Path | None,
    folder: Path | None,
    strength: str,
    trials: int,
    seed: int | None,
    answers: Path | None,
    key: Path | None,
) -> None:
    """Write a blind test of whether ears can tell FILE from its marked self.

    The folder holds a page that works in any browser without a network.  In each trial A is the
    original, B is marked and X is one of the two.  At the end the page, or --score, says how
    probable it is that guessing does as well.
    """
    from sottovoce.files.abx import score_answers, write_abx_pack

    if answers is not None:
        if key is None or file is not None:
            raise ParameterError(
                "--score needs --key, and no FILE",
                remedy="For example: sottovoce abx --score answers.json --key take.abx/key.json",
            )
        result = score_answers(answers, key)
        _output.result(
            f"{result.n_right} of {result.n_trials} right"
            f" (95 % interval {result.low:.0%} to {result.high:.0%}; guessing is 50 %)"
        )
        verdict = "the mark was heard" if result.p_value < _HEARD else "no sign that it was heard"
        _output.result(f"guessing does as well with probability {result.p_value:.3f}: {verdict}")
        return
    if file is None:
        raise ParameterError("no FILE was named", remedy="For example: sottovoce abx take.wav")
    target = folder or file.with_name(f"{file.stem}.abx")
    pack = write_abx_pack(
        file, target, strength_db=parse_strength(strength), n_trials=trials, seed=seed
    )
    page = format_path(Path(pack.folder) / "index.html")
    _output.result(f"{pack.n_trials} trials over {pack.n_excerpts} excerpts: open {page}")
    _output.explain("The key lies beside it; do not look before the end.")
