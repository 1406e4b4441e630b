"""Work on the files of one call: progress, failures as they happen, and a summary at the end."""

from __future__ import annotations

import functools
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, TypeVar

from sottovoce.cli import _output
from sottovoce.cli._pool import Failure, run_batch
from sottovoce.cli._words import format_path
from sottovoce.errors import AudioFileError, SottovoceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sottovoce.cli._inputs import Source

    Progress = Callable[[float], None]

__all__ = ["run_files"]

Result = TypeVar("Result")


def run_files(
    work: Callable[[Source, Progress | None], Result],
    sources: Sequence[Source],
    *,
    jobs: int,
    debug: bool,
    description: str,
    report: Callable[[Source, Result | Failure], None],
) -> list[Result | Failure]:
    """Work on files with a progress bar; say at once and again at the end which failed and why.

    Parameters
    ----------
    work : callable
        Takes a source, and what to call with the share of it that is done; picklable.
    sources : sequence of Source
        What to work on.
    jobs : int >= 1
        Processes.
    debug : bool
        Let unexpected errors out.
    description : str
        What is going on, for the progress bar.
    report : callable
        Says the result of one source.

    Returns
    -------
    outcomes : list
        One for each source.
    """
    outcomes: list[Result | Failure] = []
    with _output.show_progress(description, total=len(sources)) as show, ExitStack() as stack:
        progress = None
        if jobs == 1:  # other processes tell only when a file is done

            def progress(share: float) -> None:
                show(len(outcomes) + share)

        on_one = functools.partial(_work_on_source, work, progress)
        running = stack.enter_context(closing(run_batch(on_one, sources, jobs=jobs, debug=debug)))
        for source, outcome in zip(sources, running, strict=True):
            outcomes.append(outcome)
            if isinstance(outcome, Failure):
                _say_failure(outcome, kind="error")
            report(source, outcome)
            show(len(outcomes))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if len(sources) > 1:
        n_done = len(sources) - len(failures)
        _output.explain(f"{n_done} of {len(sources)} files done, {len(failures)} failed.")
        for failure in failures:
            _say_failure(failure, kind="failed")
    return outcomes


def _work_on_source(
    work: Callable[[Source, Progress | None], Result], progress: Progress | None, source: Source
) -> Result:
    if source.problem is not None:
        raise source.problem
    try:
        return work(source, progress)
    except AudioFileError:
        raise
    except SottovoceError as err:
        # What the arrays' own checks say does not name the file.
        raise AudioFileError(str(err), path=str(source.path), remedy=err.remedy) from err


def _say_failure(failure: Failure, *, kind: str) -> None:
    parts = filter(None, [format_path(failure.message), failure.remedy])
    _output.explain(". ".join(parts), kind=kind)
