"""Process the files of one call: progress, and at the end the failures and the totals."""

from __future__ import annotations

import functools
import shlex
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sottovoce.cli import _output
from sottovoce.cli._kinds import describe_kinds, explain_kind
from sottovoce.cli._pool import Failure, run_batch
from sottovoce.cli._words import format_path
from sottovoce.errors import (
    AudioFileError,
    IncompleteAudioError,
    OtherPolicyError,
    SottovoceError,
    UnreadableAudioError,
    UnsupportedFormatError,
)
from sottovoce.files.counts import say_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sottovoce.cli._inputs import Input, Selection

    Progress = Callable[[float], None]

__all__ = ["FAILED", "explain_end", "explain_left_out", "run_files"]

FAILED = "failed"
"""How files that failed are counted; the last line says that they are named above it."""
_MOST_LINKS = 20

Result = TypeVar("Result")


def run_files(
    work: Callable[[Input, Progress | None], Result],
    sources: Sequence[Input],
    *,
    jobs: int,
    debug: bool,
    description: str,
    report: Callable[[Input, Result | Failure], None],
    tidy: Callable[[Input, int], None] | None = None,
    add: Callable[[Input], str] | None = None,
) -> list[Result | Failure]:
    """Process files with a progress bar; `explain_end` reports which failed and why.

    If the run is stopped early, the failures so far are reported here.

    Parameters
    ----------
    work : callable
        Takes a source, and a callback for the share of it that is done; picklable.
    sources : sequence of Input
        The files to process.
    jobs : int >= 1
        Processes.
    debug : bool
        Whether to let unexpected errors through.
    description : str
        Label of the progress bar.
    report : callable
        Reports the result of one source.
    tidy : callable or None
        Called with a source and the id of the process that died while processing it.
    add : callable or None
        Returns what to add to the message of a source that failed; may be empty.

    Returns
    -------
    outcomes : list
        One for each source.
    """
    outcomes: list[Result | Failure] = []
    with _output.show_progress(description, total=len(sources)) as show, ExitStack() as stack:
        progress = None
        if len(sources) == 1:  # other processes report only when a file is done

            def progress(share: float) -> None:
                show(len(outcomes) + share)

        on_one = functools.partial(_work_on_source, work, progress)
        running = stack.enter_context(
            closing(run_batch(on_one, sources, jobs=jobs, debug=debug, tidy=tidy))
        )
        try:
            for source, outcome in zip(sources, running, strict=True):
                if isinstance(outcome, Failure) and str(source.path) not in outcome.message:
                    # The message about a process that died does not name the file.
                    outcome = replace(outcome, message=f"{source.path}: {outcome.message}")
                if isinstance(outcome, Failure) and add is not None and (more := add(source)):
                    outcome = replace(outcome, message=f"{outcome.message}; {more}")
                outcomes.append(outcome)
                report(source, outcome)
                show(len(outcomes))
        except BaseException:
            _say_failures(outcomes)
            raise
    return outcomes


def explain_left_out(selection: Selection) -> None:
    """Report what the walk through folders left out: files that are not audio, and links."""
    if selection.not_looked_at:
        kinds = describe_kinds(dict(selection.not_looked_at.most_common()))
        _output.explain(f"not examined: {kinds}")
    for link in selection.links[:_MOST_LINKS]:
        _output.explain(f"{format_path(link.path)} (the link {link.reason})", kind="not followed")
    if len(selection.links) > _MOST_LINKS:
        n_more = len(selection.links) - _MOST_LINKS
        more = f"{say_count(n_more, 'more link')} ({len(selection.links):,} in all)"
        _output.explain(more, kind="not followed")


def explain_end(outcomes: Sequence[object], counts: Mapping[str, int]) -> None:
    """Report what failed and why and, for several files, the totals in one line.

    Parameters
    ----------
    outcomes : sequence
        One for each source, as `run_files` returns them.
    counts : mapping of str to int
        The number of files by outcome, in words; they add up to all of them.
    """
    _say_failures(outcomes)
    if len(outcomes) < 2:
        return
    parts = [
        f"{n} {words}" + (" (named above)" if words == FAILED else "")
        for words, n in counts.items()
        if n
    ]
    _output.explain(f"{len(outcomes)} in: {', '.join(parts)}")


def _say_failures(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            parts = filter(None, [format_path(outcome.message), format_path(outcome.remedy)])
            _output.explain(". ".join(parts), kind="error" if len(outcomes) == 1 else "failed")


def _work_on_source(
    work: Callable[[Input, Progress | None], Result], progress: Progress | None, source: Input
) -> Result:
    if source.problem is not None:
        raise source.problem
    try:
        return work(source, progress)
    except IncompleteAudioError as err:
        remedy = "Get a complete copy, or add --partial to use the readable part."
        raise _with_remedy(err, remedy) from err
    except OtherPolicyError as err:
        remedy = (
            "Protect the original again; --remark adds a second mark, and both refusals then count."
        )
        raise _with_remedy(err, remedy) from err
    except UnsupportedFormatError as err:
        if not err.others:
            raise
        options = " or ".join(f"-o {shlex.quote(name)}" for name in err.others)
        raise _with_remedy(err, f"Write its sound to another format: {options}.") from err
    except UnreadableAudioError as err:
        known = explain_kind(source.path)
        if known is None:
            raise
        raise known from err
    except AudioFileError:
        raise
    except SottovoceError as err:
        # Messages from the checks of arrays do not name the file.
        raise AudioFileError(str(err), path=str(source.path), remedy=err.remedy) from err


def _with_remedy(err: AudioFileError, remedy: str) -> AudioFileError:
    """Return an error whose remedy names the option that helps."""
    return AudioFileError(err.message, path=err.path, remedy=remedy)
