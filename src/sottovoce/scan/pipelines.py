"""Inside a training pipeline: leave out what is refused as examples pass by.

For data that cannot be scanned beforehand.  A scan is cheaper, keeps a ledger and pools the
evidence of short clips; here every example is looked at by itself, in the process that loads it.
What cannot be read counts as refused: nothing is known of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sottovoce.errors import ParameterError
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.finding import Finding
from sottovoce.scan.folders import describe_file
from sottovoce.scan.recording import Inline, Recording
from sottovoce.scan.worker import Limits, examine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["examine_example", "is_refused", "without_refused"]

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
    if column not in example:
        raise ParameterError(
            f"the example has no column {column!r}",
            remedy=f"Its columns are {', '.join(map(str, example))}.",
        )
    audio = example[column]
    name = str(example.get("id", "example"))
    if hasattr(audio, "get"):
        if audio.get("array") is not None:
            return _examine_array(name, audio["array"], audio["sampling_rate"])
        name = str(audio.get("path") or name)
        audio = audio.get("bytes") or audio.get("path")
    if isinstance(audio, bytes | bytearray | memoryview):
        place = Inline(bytes(audio))
        recording = Recording(id=name, place=place, stamp="", n_bytes=len(place.data))
        return examine(recording, limits=_LIMITS)
    if isinstance(audio, str | os.PathLike):
        described = describe_file(os.fspath(audio))
        if isinstance(described, Finding):
            return described
        return examine(described, limits=_LIMITS)
    raise ParameterError(
        f"column {column!r} holds a {type(audio).__name__}, which is no audio",
        remedy="Cast it: ds.cast_column('audio', datasets.Audio(decode=False))",
    )


def _examine_array(name: str, array: Any, sr: float) -> Finding:  # noqa: ANN401 - whatever holds samples
    import io

    import numpy as np
    import soundfile as sf

    y = np.asarray(array, dtype=np.float32)
    file = io.BytesIO()
    sf.write(file, y.T if y.ndim > 1 else y, round(sr), format="WAV", subtype="FLOAT")
    recording = Recording(id=name, place=Inline(file.getvalue()), stamp="")
    return examine(recording, limits=_LIMITS)


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
        Whether what cannot be read to its end counts as refused.

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
    return finding.marked or (strict and finding.unread)


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
