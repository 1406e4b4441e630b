"""`sottovoce check`: find marks, how certain they are, whose, and what they refuse."""

from __future__ import annotations

import functools
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._batch import FAILED, explain_end, explain_left_out, run_files
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._inputs import Input, find_sources
from sottovoce.cli._options import (
    INPUTS,
    JOBS,
    JSON,
    PARTIAL,
    FilesCommand,
    OutPath,
    choose_jobs,
    examples,
)
from sottovoce.cli._pool import Failure
from sottovoce.cli._seals import (
    find_own_seals,
    find_shown_seal,
    pool_own_seals,
    say_pooled,
    say_seals,
)
from sottovoce.cli._whose import ask_about, describe_match, list_own
from sottovoce.cli._words import format_chance, format_p, format_path
from sottovoce.core.owner_id import format_owner_id
from sottovoce.errors import ParameterError
from sottovoce.files.counts import say_count
from sottovoce.files.times import format_seconds, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce import Notice, Voice
    from sottovoce.cli._batch import Progress
    from sottovoce.core.seal import PooledSeal
    from sottovoce.files.checked import CheckedFile

__all__ = ["check"]

_PICTURES = (".png", ".svg", ".pdf")

_UNCHANGED = 0.002
"""Half a step of the search for speed and pitch."""


@click.command(
    cls=FilesCommand,
    epilog=examples(
        "sottovoce check interview.mp3",
        "sottovoce check interview.mp3 --timeline --plot interview.png",
        "sottovoce check downloads/ --json > report.jsonl",
        "sottovoce check sped-up.m4a --thorough",
        "sottovoce check found/*.mp3 --mine --together",
    ),
)
@INPUTS
@JSON
@click.option(
    "--plot",
    type=OutPath(path_type=Path, dir_okay=False),
    metavar="PICTURE",
    help="Draw the sound, the marked voices and the evidence of one file as .png, .svg or .pdf; of"
    " several tracks, the one with the strongest evidence.",
)
@click.option("--timeline", is_flag=True, help="Show when each voice is marked.")
@click.option("--thorough", is_flag=True, help="Also search changed speed and pitch; much slower.")
@click.option(
    "--owner",
    metavar="NAME|ID",
    help="Ask only about the mark of this owner: one of your identities, an owner id, or a"
    " grant's file.  Takes"
    " two or three seconds of sound; reading an unknown owner takes eight.",
)
@click.option(
    "--mine",
    is_flag=True,
    help="Ask only about the marks of your identities; with --owner, either counts.  Where the"
    " public mark is missing, also look for your seals, which takes up to a third of the length of"
    " the sound for each identity; with --thorough also at usual changes of speed, which takes 25"
    " times as long.",
)
@click.option(
    "--as",
    "identity",
    metavar="NAME",
    help="With --mine: only the seal of this identity.  [default: those of all]",
)
@click.option(
    "--together",
    is_flag=True,
    help="With --mine: also ask whether all files together carry your seal, where each alone says"
    " too little.  Copies and excerpts of one recording count once.",
)
@PARTIAL
@JOBS
@click.pass_context
def check(
    context: click.Context,
    inputs: tuple[Path, ...],
    *,
    as_json: bool,
    plot: Path | None,
    timeline: bool,
    thorough: bool,
    owner: str | None,
    mine: bool,
    identity: str | None,
    together: bool,
    partial: bool,
    jobs: int | None,
) -> None:
    """Find marks in files, and in all audio files of folders.

    Each FILE may be a folder.

    A mark is reported as found if unmarked sound would look as marked with a probability of at
    most one in a million; that bound is proved and holds for any sound.  "Not found" never proves
    that there is no mark.

    Exit code: 0 a mark was found, and no file failed; 1 no mark was found, and all of the sound
    was examined; 2 a file failed or held sound that was not examined, or no audio file was found.
    """
    from sottovoce.files import AUDIO_SUFFIXES  # late, so that --help is quick

    selection = find_sources(inputs, suffixes=AUDIO_SUFFIXES)
    sources = selection.sources
    if plot is not None and len(sources) != 1:
        raise ParameterError(
            f"--plot draws one file, but {len(sources)} were given", remedy="Name one file."
        )
    if plot is not None:
        _check_plot(plot)
    if together and not mine:
        raise ParameterError("--together is about your own seals", remedy="Add --mine.")
    own = list_own()
    wanted, known = ask_about(owner, mine=mine, own=own)
    seal_keys, unsearched = find_own_seals(identity, mine=mine)
    work = functools.partial(
        _check,
        thorough=thorough,
        known=known,
        seal_keys=seal_keys,
        search_seals=mine,
        partial=partial,
    )
    outcomes = run_files(
        work,
        sources,
        jobs=choose_jobs(jobs, n_files=len(sources)),
        debug=context.obj,
        description="checking",
        report=functools.partial(
            _report,
            own=own,
            wanted=wanted,
            unsearched=unsearched,
            as_json=as_json,
            timeline=timeline,
        ),
    )
    checked = [one for one in outcomes if not isinstance(one, Failure)]
    detections = [one.detection for one in checked]
    if plot is not None and checked:
        _draw(sources[0], checked[0], plot, partial=partial)
    if as_json and (left_out := selection.to_dict()):
        _output.result_json({"file": None, "verdict": "not looked at", **left_out})
    explain_left_out(selection)
    pooled = pool_own_seals(outcomes, own) if together else {}
    if together:
        _report_together(pooled, own, as_json=as_json)
    found = any(_answers(one, wanted) for one in checked)
    found = found or any(one.holds for one in pooled.values())
    heard = [one for one in outcomes if not isinstance(one, Failure) and one.is_long_enough]
    if heard and not (found or any(one.found for one in detections) or thorough or as_json):
        again = "--mine --thorough" if mine else "--thorough"
        _output.explain(f"If the audio was sped up, slowed down or pitch-shifted, try {again}.")
        if seal_keys:
            _output.explain(
                "No seal of yours was found in it either."
                if mine
                else "If it may be a recording of yours, --mine looks for your seal."
            )
    explain_end(outcomes, _count(outcomes, wanted))
    if len(detections) < len(outcomes):
        context.exit(ExitCode.ERROR)
    if found:
        context.exit(ExitCode.DONE)
    unexamined = any(link.may_hold_sound for link in selection.links)
    context.exit(ExitCode.ERROR if unexamined else ExitCode.NOT_FOUND)


def _check_plot(plot: Path) -> None:
    """Raise if the picture cannot be written, before any work."""
    if plot.suffix.lower() not in _PICTURES:
        raise ParameterError(
            f"{format_path(plot)}: unsupported picture format",
            remedy=f"Name a file that ends in {', '.join(_PICTURES[:-1])} or {_PICTURES[-1]}.",
        )
    if not os.access(plot.parent, os.W_OK):
        raise ParameterError(
            f"{format_path(plot)}: the folder does not exist or cannot be written to",
            remedy="Create the folder, or choose another place for the picture.",
        )


def _draw(source: Input, checked: CheckedFile, plot: Path, *, partial: bool) -> None:
    if not checked.parts:
        _output.explain("There is no sound to draw.")
        return
    # matplotlib takes a second to import
    from sottovoce.cli._plot import draw_check

    drawn = draw_check(source.path, checked.parts, plot, partial=partial)
    which = ""
    if drawn:
        which = f"  It shows {drawn} of {len(checked.parts)}, where the evidence is strongest."
    _output.explain(f"The picture is in {format_path(plot)}.{which}")


def _count(outcomes: Sequence[CheckedFile | Failure], wanted: set[int] | None) -> dict[str, int]:
    """Return how many files there are of each verdict, in words."""
    words = {"protected": "marked", "suspected": "suspected", "not found": "without a mark found"}
    other = "marked, but not confirmed for the owner asked about"
    sealed = "with your seal, but without the public mark"
    names = (*words.values(), sealed, other, FAILED)

    def name(outcome: CheckedFile | Failure) -> str:
        if isinstance(outcome, Failure):
            return FAILED
        if outcome.detection.found and not _answers(outcome, wanted):
            return other
        if not outcome.detection.found and outcome.seal is not None:
            return sealed
        return words[outcome.detection.verdict]

    counts = Counter(map(name, outcomes))
    return {each: counts[each] for each in names}


def _check(
    source: Input,
    progress: Progress | None,
    *,
    thorough: bool,
    known: Sequence[Notice],
    seal_keys: dict[int, bytes],
    search_seals: bool,
    partial: bool,
) -> CheckedFile:
    from sottovoce.files.checked import check_file

    return check_file(
        source.path,
        thorough=thorough,
        known=known,
        seal_keys=seal_keys,
        search_seals=search_seals,
        partial=partial,
        progress=progress,
    )


def _answers(checked: CheckedFile, wanted: set[int] | None) -> bool:
    """Return whether a mark, or a seal, of the owners that were asked about was found."""
    detection, seal = checked.detection, checked.seal
    if wanted is None:
        return detection.found
    if seal is not None and seal[0] in wanted:
        return True
    return detection.found and any(
        voice.notice and voice.notice.owner_id in wanted for voice in detection.voices
    )


def _report(
    source: Input,
    outcome: CheckedFile | Failure,
    *,
    own: dict[int, str],
    wanted: set[int] | None,
    unsearched: list[str],
    as_json: bool,
    timeline: bool,
) -> None:
    if as_json:
        fields = _make_fields(outcome, own)
        if wanted is not None and not isinstance(outcome, Failure):
            fields["asked_for_found"] = _answers(outcome, wanted)
            if unsearched:
                fields["seals_not_searched"] = unsearched
        _output.result_json({"file": str(source.path), **fields})
        return
    if isinstance(outcome, Failure):
        return
    _output.result(f"{format_path(source.path)}: {_say_verdict(outcome, wanted)}")
    for line in say_seals(outcome, own):
        _output.result(f"  {line}")
    for note in dict.fromkeys(note for part in outcome.parts for note in part.notes):
        _output.result(f"  {format_path(note)}")
    for part in outcome.parts:
        if part.name:
            marked = "marked" if part.detection.found else "no mark found"
            length = f"{format_seconds(part.detection.duration_s)} s"
            _output.result(f"  {format_path(part.name)}: {marked} in {length}")
        indent = "    " if part.name else "  "
        for number, voice in enumerate(part.detection.voices, start=1):
            words = describe_match(voice, own)
            _output.result(f"{indent}voice {number}: {words}")
            for line in _say_details(voice, timeline=timeline):
                _output.result(f"{indent}         {line}")
        if n_more := part.detection.n_more_voices:
            _output.result(f"{indent}and up to {say_count(n_more, 'more voice')}")


def _report_together(pooled: dict[int, PooledSeal], own: dict[int, str], *, as_json: bool) -> None:
    if not as_json:
        for line in say_pooled(pooled, own):
            _output.result(line)
        if not pooled:
            _output.explain("No file needed to be searched for your seal together with others.")
        elif not any(one.is_likely for one in pooled.values()):
            _output.explain("More files, and longer ones, tell more.")
        return
    for owner_id, one in pooled.items():
        named = {"owner_id": owner_id, "owner": format_owner_id(owner_id)}
        seal = {**one.to_dict(), **named, "yours": own[owner_id]}
        _output.result_json({"file": None, "verdict": "together", "seal": seal})


def _make_fields(outcome: CheckedFile | Failure, own: dict[int, str]) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"verdict": "error", "error": outcome.message, "remedy": outcome.remedy}
    fields = outcome.to_dict(own)
    if (shown := find_shown_seal(outcome, own)) is not None:
        fields["seal"]["shown"] = shown.day.isoformat()
    return fields


def _say_verdict(checked: CheckedFile, wanted: set[int] | None) -> str:
    from sottovoce.files.checked import ENOUGH_S  # late, so that --help is quick

    detection = checked.detection
    p = format_p(detection.log10_p)
    if not detection.found and checked.seal is not None:
        return _output.strong("YOURS") + ", the public mark is missing"
    if detection.found and not _answers(checked, wanted):
        unread = any(voice.notice is None for voice in detection.voices)
        if unread:
            return "a mark was found, but its owner cannot be read from this file"
        return "a mark was found, but not that of the owner asked about"
    if detection.verdict == "protected":
        verdict, chance = _output.strong("PROTECTED"), format_chance(detection.log10_p)
        return f"{verdict}, a mark was found (chance of a false alarm: at most {chance})"
    if detection.verdict == "suspected":
        return f"suspected only, too weak to count as found ({p}); more sound would tell"
    if not checked.parts:
        return "contains no sound"
    length = f"{format_seconds(detection.duration_s)} s"
    if not any(part.sounding_s for part in checked.parts):
        return f"no sound to examine in {length}"
    if detection.duration_s < ENOUGH_S:
        return f"no mark found in {length}; too short to tell ({ENOUGH_S:.0f} s needed)"
    return f"no mark found in {length} ({p})"


def _say_details(voice: Voice, *, timeline: bool) -> list[str]:
    lines = []
    if timeline:
        spans = (f"{format_time(start)}-{format_time(stop)}" for start, stop in voice.segments_s)
        lines.append("marked " + ", ".join(spans))
    if abs(voice.speed - 1.0) > _UNCHANGED or abs(voice.pitch - 1.0) > _UNCHANGED:
        lines.append(f"played at {voice.speed:.1%} of its speed, {voice.pitch:.1%} of its pitch")
    return lines
