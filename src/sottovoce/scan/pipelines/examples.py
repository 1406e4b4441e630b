"""Leave out refused examples inside a training pipeline, as they pass through.

For data that cannot be scanned beforehand.  A scan is cheaper, keeps a ledger and pools the
evidence of short clips; here every example is examined by itself, in the process that loads it.
Every sound of an example counts.  Unreadable audio counts as refused: nothing is known about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sottovoce.errors import ParameterError
from sottovoce.scan.datasets.example_sounds import Sound, describe_sound, sounds_in
from sottovoce.scan.finding import Finding, refused_statuses
from sottovoce.scan.limits import Limits
from sottovoce.scan.listings.entries import as_names
from sottovoce.scan.release import Releases
from sottovoce.scan.stores.samples import rate_of
from sottovoce.scan.workers.examine import examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sottovoce.core.permission import Permission
    from sottovoce.core.policy import Use
    from sottovoce.scan.recording import Recording

__all__ = [
    "describe_example",
    "examine_example",
    "examine_sounds",
    "is_refused",
    "most_telling",
    "no_sound",
    "without_refused",
]

_LIMITS = Limits(memory_bytes=0)
_NO_SOUND = "no sound was recognised in it"
_RANKS = (
    *("marked", "suspected", "crashed", "timeout", "error", "unsupported", "partial"),
    *("undetermined", "clean"),
)
"""Statuses by significance: the first one among the sounds of an example is reported for it."""


def examine_example(
    example: Mapping[str, Any], *, column: str | Sequence[str] | None = None
) -> Finding:
    """Look for marks in one example of a data set.

    Parameters
    ----------
    example : mapping
        A row.  A sound is a mapping of `bytes` and `path` (``Audio(decode=False)`` of Hugging
        Face), a mapping of `array` and `sampling_rate` or a decoder (decoded), bytes, or a path.
    column : str, sequence of str or None
        Names of the columns with audio; by default any name, at any depth.

    Returns
    -------
    finding : Finding
        The most significant one of all its sounds, *marked* before all others; its status says
        what went wrong, if anything, or that no sound was recognised.

    Raises
    ------
    ParameterError
        If there is no such column, or nothing in it that could be audio.

    See Also
    --------
    examine_sounds : One finding for each sound.
    """
    return most_telling(examine_sounds(example, column=column))


def examine_sounds(
    example: Mapping[str, Any], *, column: str | Sequence[str] | None = None
) -> list[Finding]:
    """Look for marks in every sound of one example.

    Parameters
    ----------
    example, column
        As in `examine_example`.

    Returns
    -------
    findings : list of Finding
        One for each sound; if none was recognised, one that says so.

    Raises
    ------
    ParameterError
        As `examine_example`.
    """
    described = describe_example(example, column=column)
    return [one if isinstance(one, Finding) else examine(one, limits=_LIMITS) for one in described]


def most_telling(findings: Sequence[Finding]) -> Finding:
    """Return the most significant finding for an example with several sounds."""
    return min(findings, key=lambda one: _RANKS.index(one.status))


def no_sound(name: str) -> Finding:
    """Return the finding for an example in which no sound was recognised."""
    return Finding(
        id=name,
        status="error",
        message=_NO_SOUND,
        remedy="Name the column with the audio, and pass bytes, paths or samples.",
    )


def describe_example(
    example: Mapping[str, Any],
    *,
    column: str | Sequence[str] | None = None,
    name: str | None = None,
) -> list[Recording | Finding]:
    """Return the sounds of one example as recordings, or findings that say why they are not.

    Parameters
    ----------
    example, column
        As in `examine_example`.
    name : str or None
        Prefix of ids; by default the example's paths or its own ``"id"``.

    Returns
    -------
    described : list of Recording or Finding
        At least one: a finding for anything that is not a regular file, or does not exist.

    Raises
    ------
    ParameterError
        As `examine_example`.
    """
    names = as_names(column)
    known_as = name or str(example.get("id", "") or "")
    sounds = _named(example, names) if names else list(sounds_in(example))
    if not sounds and not names and example.get("audio") is not None:
        sounds = _named(example, ("audio",))
    if not sounds:
        return [no_sound(known_as or "example")]
    if len(sounds) == 1:
        return [describe_sound(sounds[0].value, known_as, rate=sounds[0].rate)]
    head = f"{known_as}::" if known_as else ""
    return [describe_sound(one.value, f"{head}{one.name}", rate=one.rate) for one in sounds]


def _named(example: Mapping[str, Any], names: tuple[str, ...]) -> list[Sound]:
    sounds: list[Sound] = []
    for name in names:
        if name not in example:
            raise ParameterError(
                f"the example has no column {name!r}",
                remedy=f"Its columns are {', '.join(map(str, example))}.",
            )
        found = [Sound(name, example[name], rate_of(example))]
        if isinstance(example[name], list | tuple) or hasattr(example[name], "items"):
            found = list(sounds_in({name: example[name]})) or found
        sounds += found
    return sounds


def is_refused(
    example: Mapping[str, Any],
    *,
    column: str | Sequence[str] | None = None,
    strict: bool = True,
    permissions: Sequence[Permission] = (),
    use: Use | None = None,
) -> bool | list[bool]:
    """Return whether an example, or each example of a batch, must not be trained on.

    Parameters
    ----------
    example : mapping
        As in `examine_example`, or a batch: a mapping of lists.
    column : str, sequence of str or None
        Columns with the audio; by default every sound counts.
    strict : bool
        Whether suspected recordings, and those not read to their end, count as refused.  An
        example in which no sound is recognised always does.
    permissions : sequence of Permission
        Of owners who permit the use: a marked recording that they release is not refused.
    use : Use or None
        The use; needed with permissions.

    Returns
    -------
    refused : bool or list of bool
        For each example.

    Raises
    ------
    ParameterError
        As `examine_example`; or if there are permissions and no use.

    Examples
    --------
    With Hugging Face's data sets, in two processes:

    >>> ds = ds.cast_column("audio", Audio(decode=False))  # doctest: +SKIP
    >>> ds = ds.filter(lambda one: not is_refused(one), num_proc=2)  # doctest: +SKIP
    >>> ds = ds.map(lambda b: {"refused": is_refused(b)}, batched=True)  # doctest: +SKIP
    """
    releases = Releases(permissions, use=use) if permissions else None
    n_rows = _length_of_batch(example, as_names(column))
    if n_rows is not None:
        rows = ({name: example[name][i] for name in example} for i in range(n_rows))
        return [_is_refused(row, column, strict=strict, releases=releases) for row in rows]
    return _is_refused(example, column, strict=strict, releases=releases)


def _is_refused(
    example: Mapping[str, Any],
    column: str | Sequence[str] | None,
    *,
    strict: bool,
    releases: Releases | None = None,
) -> bool:
    refused = refused_statuses(strict=strict)
    return any(
        (one.status in refused or one.message == _NO_SOUND)
        and not (releases is not None and releases.decide(one).released)
        for one in examine_sounds(example, column=column)
    )


def _length_of_batch(example: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the number of rows of a batch; None for a single example."""
    if names:
        named = [example[name] for name in names if name in example]
        is_batch = bool(named) and all(isinstance(one, list) for one in named)
        return len(named[0]) if is_batch else None
    values = [example[name] for name in example]
    is_batch = any(isinstance(one, list) for one in values) and all(
        isinstance(one, list) or getattr(one, "ndim", 0) > 0 for one in values
    )
    lengths = {len(one) for one in values} if is_batch else set()
    # A bare list of numbers is one recording.
    is_one = is_batch and len(values) == 1 and isinstance(next(iter(values[0]), None), float)
    return lengths.pop() if len(lengths) == 1 and not is_one else None


def without_refused(
    samples: Iterable[dict[str, Any]], *, strict: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield the samples of a WebDataset in which nothing is refused.

    Parameters
    ----------
    samples : iterable of dict
        The bytes of each member under its suffix or any other name, decoded or not.
    strict : bool
        As in `is_refused`: a sample in which no sound is recognised is never yielded.

    Yields
    ------
    sample : dict
        Unchanged.

    Examples
    --------
    >>> pipeline = webdataset.WebDataset(urls).compose(without_refused)  # doctest: +SKIP
    """
    for sample in samples:
        content = {key: value for key, value in sample.items() if not key.startswith("__")}
        if not _is_refused(content, None, strict=strict):
            yield sample
