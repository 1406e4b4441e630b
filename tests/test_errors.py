from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from sottovoce import errors

ARGUMENTS: dict[str, dict[str, Any]] = {
    "MissingExtraError": {"extra": "video", "purpose": "read films"},
    "OtherPolicyError": {"path": "a.wav", "remedy": "Do that.", "policy": 5},
    "UnsupportedFormatError": {"path": "a.wav", "remedy": "Do that.", "others": ("a.flac",)},
}


def every_error() -> list[errors.SottovoceError]:
    made = []
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type):
            of_file = {"path": "a.wav"} if issubclass(kind, errors.AudioFileError) else {}
            arguments = ARGUMENTS.get(name, {"remedy": "Do that.", **of_file})
            made.append(kind("message", **arguments))
    return made


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_an_error_arrives_whole_from_another_process(error: errors.SottovoceError) -> None:
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)
