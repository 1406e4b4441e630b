"""`sottovoce check`: find marks, say how sure, whose they are and what they refuse."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sottovoce.cli import _output
from sottovoce.cli._batch import explain_end, explain_left_out, run_files
from sottovoce.cli._exit_codes import ExitCode
from sottovoce.cli._inputs import Source, find_sources
from sottovoce.cli._options import INPUTS, JOBS, JSON, FilesCommand, choose_jobs, examples
from sottovoce.cli._pool import Failure
from sottovoce.cli._words import describe_voice, format_p, format_path, format_time, make_payload
from sottovoce.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sottovoce import Detection, Voice
    from sottovoce.cli._batch import Progress

__all__ = ["check"]

_ENOUGH_S = 5.0
"""Clean speech in which a mark is found nearly always; below it the answer says so."""

_UNCHANGED = 0.002
"""Half a step of the search for speed and pitch."""


@click.command(
    cls=FilesCommand,
    epilog=examples(
        "sottovoce check interview.mp3",
        "sottovoce check interview.mp3 --timeline --plot interview.png",
        "sottovoce check downloads/ --json > report.jsonl",
        "sottovoce check sped-up.m4a --thorough",
    ),
)
@INPUTS
@JSON
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PNG",
    help="Draw the sound, the marked voices and the evidence of one file.",
)
@click.option("--timeline", is_flag=True, help="Say from when to when each voice is marked.")
@click.option(
    "--thorough", is_flag=True, help="Search changed speed and pitch as well; much slower."
)
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
    jobs: int | None,
) -> None:
    """Find marks in files, and in all audio files of folders.

    A mark is reported as found where unmarked sound would look as marked with a probability
    of at most one in a million; that bound is proved and holds for any sound.  "Not found" is
    never a proof that there is no mark.

    Exit code: 0 a mark was found in at least one file; 1 no mark was found, and all of the sound
    was examined; 2 a file failed or held sound that was not examined, or no audio file was found.
    """
    from sottovoce.files import AUDIO_SUFFIXES  # late, so that --help is quick

    selection = find_sources(inputs, suffixes=AUDIO_SUFFIXES)
    sources = selection.sources
    if plot is not None and len(sources) != 1:
        raise ParameterError(
            f"--plot draws one file, and {len(sources)} were named", remedy="Name one file."
        )
    work = functools.partial(_detect, thorough=thorough)
    outcomes = run_files(
        work,
        sources,
        jobs=choose_jobs(jobs, n_files=len(sources)),
        debug=context.obj,
        description="checking",
        report=functools.partial(_report, as_json=as_json, timeline=timeline),
    )
    detections = [outcome for outcome in outcomes if not isinstance(outcome, Failure)]
    if plot is not None and detections:
        # matplotlib takes a second to import
        from sottovoce.cli._plot import draw_check

        draw_check(sources[0].path, detections[0], plot)
        _output.explain(f"The picture is in {format_path(plot)}.")
    if as_json and (left_out := selection.to_dict()):
        _output.result_json({"file": None, "verdict": "not looked at", **left_out})
    explain_left_out(selection)
    found = any(one.found for one in detections)
    if detections and not (found or thorough or as_json):
        _output.explain("If the audio was sped up, slowed down or pitch-shifted, try --thorough.")
    explain_end(outcomes, _count(outcomes))
    if len(detections) < len(outcomes):
        context.exit(ExitCode.ERROR)
    if found:
        context.exit(ExitCode.DONE)
    unexamined = any(link.may_hold_sound for link in selection.links)
    context.exit(ExitCode.ERROR if unexamined else ExitCode.NOT_FOUND)


def _count(outcomes: Sequence[Detection | Failure]) -> dict[str, int]:
    """Return how many files there are of each verdict, in words."""
    words = {"protected": "marked", "suspected": "suspected", "not found": "without a mark found"}
    counts = Counter(
        "failed (named)" if isinstance(outcome, Failure) else words[outcome.verdict]
        for outcome in outcomes
    )
    return {each: counts[each] for each in (*words.values(), "failed (named)")}


def _detect(source: Source, progress: Progress | None, *, thorough: bool) -> Detection:
    from sottovoce.files import detect_file

    return detect_file(source.path, thorough=thorough, progress=progress)


def _report(source: Source, outcome: Detection | Failure, *, as_json: bool, timeline: bool) -> None:
    if as_json:
        _output.result_json({"file": str(source.path), **_make_fields(outcome)})
    elif not isinstance(outcome, Failure):
        _output.result(f"{format_path(source.path)}: {_say_verdict(outcome)}")
        for number, voice in enumerate(outcome.voices, start=1):
            _output.result(f"  voice {number}: {describe_voice(voice)}")
            for line in _say_details(voice, timeline=timeline):
                _output.result(f"           {line}")


def _make_fields(outcome: Detection | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"verdict": "error", "error": outcome.message, "remedy": outcome.remedy}
    fields = outcome.to_dict()
    for voice, own in zip(outcome.voices, fields["voices"], strict=True):
        own["payload"] = None if voice.notice is None else make_payload(voice.notice)
    return fields


def _say_verdict(detection: Detection) -> str:
    p = format_p(detection.log10_p)
    if detection.verdict == "protected":
        verdict = _output.strong("PROTECTED")
        return f"{verdict}, a mark was found (chance of a false alarm at most {p})"
    if detection.verdict == "suspected":
        return f"suspected only, too weak to count as found (p = {p}); more sound would tell"
    length = f"{detection.duration_s:.1f} s"
    if detection.duration_s < _ENOUGH_S:
        return f"no mark found in {length}; too short to tell, {_ENOUGH_S:.0f} s would be needed"
    return f"no mark found in {length} (p = {p})"


def _say_details(voice: Voice, *, timeline: bool) -> list[str]:
    lines = []
    if timeline:
        spans = (f"{format_time(start)}-{format_time(stop)}" for start, stop in voice.segments_s)
        lines.append("marked " + ", ".join(spans))
    if abs(voice.speed - 1.0) > _UNCHANGED or abs(voice.pitch - 1.0) > _UNCHANGED:
        lines.append(f"played at {voice.speed:.1%} of its speed, {voice.pitch:.1%} of its pitch")
    return lines
