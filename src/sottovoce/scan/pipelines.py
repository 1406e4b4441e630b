"""Inside a training pipeline: leave out what is refused as examples pass by.

For data that cannot be scanned beforehand.  A scan is cheaper, keeps a ledger and pools the
evidence of short clips; here every example is looked at by itself, in the process that loads it.
What cannot be read counts as refused: nothing is known of it.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ParameterError
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.finding import Finding, refused_statuses
from sottovoce.scan.lone_files import describe_file
from sottovoce.scan.recording import Inline, Recording
from sottovoce.scan.worker import Limits, examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["describe_example", "examine_example", "is_refused", "without_refused"]

_LIMITS = Limits(memory_bytes=0)


def examine_example(example: Mapping[str, Any], *, column: str = "audio") -> Finding:
    """Look for marks in one example of a data set.

    Parameters
    ----------
    example : mapping
        A row.  Its audio is a mapping of `bytes` and `path` (``Audio(decode=False)`` of Hugging
        Face), a mapping of `array` and `sampling_rate` (decoded), bytes, or a path.
    column : str
        Under which name.

    Returns
    -------
    finding : Finding
        With a status for whatever went wrong.

    Raises
    ------
    ParameterError
        If there is no such column, or nothing in it that could be audio.
    """
    described = describe_example(example, column=column)
    return described if isinstance(described, Finding) else examine(described, limits=_LIMITS)


def describe_example(
    example: Mapping[str, Any], *, column: str = "audio", name: str | None = None
) -> Recording | Finding:
    """Return one example of a data set as a recording, or why it is none.

    Parameters
    ----------
    example : mapping
        As `examine_example` takes it.
    column : str
        Where the audio is.
    name : str or None
        The id; by default the example's path or its own ``"id"``.

    Returns
    -------
    described : Recording or Finding
        A finding for what is no regular file, or is not there at all.

    Raises
    ------
    ParameterError
        As `examine_example`.
    """
    if column not in example:
        raise ParameterError(
            f"the example has no column {column!r}",
            remedy=f"Its columns are {', '.join(map(str, example))}.",
        )
    audio = example[column]
    known_as = name or str(example.get("id", "example"))
    if hasattr(audio, "get"):
        if audio.get("array") is not None:
            return _describe_array(known_as, audio)
        known_as = name or str(audio.get("path") or known_as)
        audio = audio.get("bytes") or audio.get("path")
    if audio is None:
        return Finding(id=known_as, status="error", message="there is no audio")
    if isinstance(audio, bytes | bytearray | memoryview):
        place = Inline(bytes(audio))
        return Recording(id=known_as, place=place, stamp="", n_bytes=len(place.data))
    if isinstance(audio, str | os.PathLike):
        described = describe_file(os.fspath(audio))
        return described if name is None else dataclasses.replace(described, id=name)
    raise ParameterError(
        f"column {column!r} holds a {type(audio).__name__}, which is no audio",
        remedy="Cast it: ds.cast_column('audio', datasets.Audio(decode=False))",
    )


def _describe_array(name: str, audio: Mapping[str, Any]) -> Recording | Finding:
    import io

    import numpy as np
    import soundfile as sf

    file = io.BytesIO()
    try:
        y = np.asarray(audio["array"], dtype=np.float32)
        sr = round(audio["sampling_rate"])
        sf.write(file, y.T if y.ndim > 1 else y, sr, format="WAV", subtype="FLOAT")
    except (KeyError, TypeError, ValueError, RuntimeError) as err:  # soundfile's are RuntimeErrors
        return Finding(id=name, status="error", message=f"its samples are no audio: {err}"[:500])
    data = file.getvalue()
    return Recording(id=name, place=Inline(data), stamp="", n_bytes=len(data))


def is_refused(
    example: Mapping[str, Any], *, column: str = "audio", strict: bool = True
) -> bool | list[bool]:
    """Say whether an example, or each of a batch, must not be trained on.

    Parameters
    ----------
    example : mapping
        As `examine_example` takes it, or a batch: a mapping of lists.
    column : str
        Where the audio is.
    strict : bool
        Whether what is only suspected, or cannot be read to its end, counts as refused.

    Returns
    -------
    refused : bool or list of bool
        For each example.

    Examples
    --------
    With Hugging Face's data sets, in two processes:

    >>> ds = ds.cast_column("audio", Audio(decode=False))  # doctest: +SKIP
    >>> ds = ds.filter(lambda one: not is_refused(one), num_proc=2)  # doctest: +SKIP
    >>> ds = ds.map(lambda b: {"refused": is_refused(b)}, batched=True)  # doctest: +SKIP
    """
    audio = example.get(column)
    if isinstance(audio, list) and not hasattr(audio, "get"):
        return [bool(is_refused({column: one}, column=column, strict=strict)) for one in audio]
    finding = examine_example(example, column=column)
    return finding.status in refused_statuses(strict=strict)


def without_refused(
    samples: Iterable[dict[str, Any]], *, strict: bool = True
) -> Iterator[dict[str, Any]]:
    """Pass on the samples of a WebDataset in which nothing is refused.

    Parameters
    ----------
    samples : iterable of dict
        Not yet decoded: every member's bytes under its suffix.
    strict : bool
        As in `is_refused`.

    Yields
    ------
    sample : dict
        As it came.

    Examples
    --------
    >>> pipeline = webdataset.WebDataset(urls).compose(without_refused)  # doctest: +SKIP
    """
    for sample in samples:
        audio = [
            value
            for key, value in sample.items()
            if f".{key.rsplit('.', 1)[-1].lower()}" in AUDIO_SUFFIXES
        ]
        if not any(is_refused({"audio": value}, strict=strict) for value in audio):
            yield sample
