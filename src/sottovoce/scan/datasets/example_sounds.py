"""`sounds_in`: every sound of an example in memory, and each as a recording.

An example is a mapping: a Hugging Face row, a WebDataset sample, any other dictionary.  Sounds are
found by their values, under any name and at any depth.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from sottovoce.errors import AudioFileError, ParameterError
from sottovoce.files.decoding.sniffing import HEAD_BYTES, kind_of, sounds_like_audio
from sottovoce.files.kinds import suffix_of_head
from sottovoce.files.reading import AUDIO_SUFFIXES
from sottovoce.scan.finding import Finding
from sottovoce.scan.listings.sound_values import decode_sound, looks_like_path, names_sound
from sottovoce.scan.recording import Inline, Recording
from sottovoce.scan.stores.lone_files import describe_file
from sottovoce.scan.stores.samples import as_rate, rate_of, wav_of_array, wav_of_npy, wav_of_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Sound", "describe_sound", "sounds_in"]

_MOST_DEPTH = 32
_PICTURES = {".png", ".jpg", ".gif", ".pdf"}
_WRAPPED = ("bytes", "path", "array")


@dataclasses.dataclass(frozen=True, slots=True)
class Sound:
    """A sound of an example.

    Attributes
    ----------
    name : str
        Where it is: ``"turns[2].audio"``.
    value : object
        Value for `describe_sound`.
    rate : int
        Sampling rate in Hz from a field next to it; 0 if there is none.
    """

    name: str
    value: Any
    rate: int = 0


def sounds_in(example: Mapping[str, Any]) -> Iterator[Sound]:
    """Yield every sound of an example.

    Parameters
    ----------
    example : mapping
        Mapping of names to any values: mappings and lists in it are searched as well.
    """
    found = list(_search("", example, rate_of(example), 0))
    is_embedded = any(not isinstance(one.value, str) for one in found)
    for one in found:
        # In an example with a recording, paths that lead nowhere state its origin.
        if not (is_embedded and _leads_nowhere(one.value)):
            yield one


def _leads_nowhere(value: object) -> bool:
    return isinstance(value, str) and looks_like_path(value) and not os.path.isfile(value)  # noqa: PTH113 - names that are too long as well


def _search(name: str, value: Any, rate: int, depth: int) -> Iterator[Sound]:  # noqa: ANN401 - anything
    key = _last(name)
    if depth > _MOST_DEPTH or value is None or isinstance(value, bool | int | float | complex):
        return
    if _is_decoder(value) or _is_decoded_pair(value):
        yield Sound(name, value)
    elif hasattr(value, "items"):
        if depth and _is_wrapped(value):
            yield Sound(name, value, rate_of(value) or rate)
            return
        rate = rate_of(value) or rate
        for one, inner in value.items():
            yield from _search(f"{name}.{one}" if name else str(one), inner, rate, depth + 1)
    elif isinstance(value, bytes | bytearray | memoryview):
        if _is_sound_bytes(key, bytes(value[:HEAD_BYTES])):
            yield Sound(name, value, rate)
    elif isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if isinstance(text, str) and (looks_like_path(text) or decode_sound(text) is not None):
            yield Sound(name, text)
    elif _is_samples(value):
        if names_sound(key) or f".{key.lower()}" in AUDIO_SUFFIXES:
            yield Sound(name, value, rate)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _search(f"{name}[{i}]", inner, rate, depth + 1)


def _last(name: str) -> str:
    return name.rpartition(".")[2].partition("[")[0]


def _is_decoder(value: object) -> bool:
    """Return whether a value is a torchcodec decoder, which `datasets` returns since version 4."""
    return hasattr(value, "get_all_samples")


def _is_decoded_pair(value: object) -> bool:
    """Return whether a value is a result of torchaudio: samples and their rate."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and (hasattr(value[0], "__array__") or isinstance(value[0], list))
        and as_rate(value[1]) > 0
    )


def _is_wrapped(value: Any) -> bool:  # noqa: ANN401 - any mapping
    if not any(value.get(one) is not None for one in _WRAPPED):
        return set(value) == {"bytes", "path"}
    data, path = value.get("bytes"), value.get("path")
    if isinstance(data, bytes) and (suffix := suffix_of_head(data[:HEAD_BYTES])):
        return suffix not in _PICTURES
    if value.get("array") is not None or isinstance(data, bytes):
        return True
    return isinstance(path, str) and "bytes" in value


def _is_sound_bytes(key: str, head: bytes) -> bool:
    return sounds_like_audio(head) or f".{key.lower()}" in AUDIO_SUFFIXES or names_sound(key)


def _is_samples(value: object) -> bool:
    if isinstance(value, list):
        return len(value) > 64 and isinstance(value[0], float | int)
    return hasattr(value, "__array__") and getattr(value, "ndim", 0) in (1, 2)


def describe_sound(value: Any, name: str, *, rate: int = 0) -> Recording | Finding:  # noqa: ANN401 - anything
    """Return a sound as a recording, or a finding that says why it is not one.

    Parameters
    ----------
    value : object
        A mapping of `bytes` and `path`, or of `array` and `sampling_rate`; bytes; a path; text in
        Base64; samples; a pair of samples and their rate; a torchcodec decoder.
    name : str
        The id; empty to use the path.
    rate : int
        Sampling rate of bare samples, in Hz.

    Raises
    ------
    ParameterError
        If it cannot be audio.
    """
    known_as = name or "example"
    if _is_decoder(value):
        return _decode(value, known_as)
    if _is_decoded_pair(value):
        return _of_samples(value[0], value[1], known_as)
    if hasattr(value, "get"):
        if value.get("array") is not None:
            return _of_samples(value["array"], rate_of(value) or rate, known_as)
        rate = rate_of(value) or rate
        known_as = name or str(value.get("path") or known_as)
        value = value.get("bytes") or value.get("path")
    if value is None:
        return Finding(id=known_as, status="error", message="there is no audio")
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value), rate, known_as)
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        data = decode_sound(text) if isinstance(text, str) else None
        if data is not None:
            return _of_bytes(data, rate, known_as)
        described = describe_file(str(text))
        return dataclasses.replace(described, id=name) if name else described
    if _is_samples(value):
        return _of_samples(value, rate, known_as)
    raise ParameterError(
        f"{known_as} holds a {type(value).__name__}, which is not audio",
        remedy="Cast it: ds.cast_column('audio', datasets.Audio(decode=False))",
    )


def _of_bytes(data: bytes, rate: int, name: str) -> Recording | Finding:
    try:
        if data.startswith(b"\x93NUMPY") and rate:
            data = wav_of_npy(data, rate, name)
        elif rate and len(data) > 1 and not kind_of(data[:HEAD_BYTES]):
            data = wav_of_raw(data, rate, name)
    except AudioFileError as err:
        return Finding(id=name, status="error", message=err.without_path(name))
    return Recording(id=name, place=Inline(data), stamp="", n_bytes=len(data))


def _of_samples(array: Any, rate: object, name: str) -> Recording | Finding:  # noqa: ANN401 - anything
    sr = as_rate(rate)
    message = "" if sr else "the sampling rate of its samples is not stated"
    data = b""
    try:
        y = np.asarray(array)
        if not y.size:
            message = "its samples are not audio: there are none"
        elif sr:
            data = wav_of_array(y, sr, name)
    except (TypeError, ValueError, RuntimeError, AudioFileError) as err:
        message = f"its samples are not audio: {err}"[:500]
    if message:
        return Finding(id=name, status="error", message=message)
    return Recording(id=name, place=Inline(data), stamp="", n_bytes=len(data))


def _decode(decoder: Any, name: str) -> Recording | Finding:  # noqa: ANN401 - not imported here
    try:
        samples = decoder.get_all_samples()
        array, rate = samples.data, samples.sample_rate
    except Exception as err:  # noqa: BLE001 - whatever its decoder raises
        return Finding(id=name, status="error", message=f"cannot be decoded: {err}"[:500])
    return _of_samples(array.numpy() if hasattr(array, "numpy") else array, rate, name)
