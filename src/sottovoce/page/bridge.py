"""What the page's worker calls: whole jobs on files of the browser, answered in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sottovoce.core.owner_id import format_owner_id
from sottovoce.core.payload import Notice
from sottovoce.core.policy import parse_policy
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import (
    MissingExtraError,
    NoSoundError,
    SottovoceError,
    UnsupportedFormatError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.core.results import Voice
    from sottovoce.files.protected import Protected

__all__ = ["check", "protect"]


def protect(source: str, target: str, options: str, tell: Callable[[float], None]) -> str:
    """Mark a file, and prove that the mark is in the new one.

    Parameters
    ----------
    source, target : str
        Paths in the worker's file system.
    options : str
        JSON with ``policy``, as typed by a user, and ``strength``, the name of a preset.
    tell : callable
        Called with the share of the work that is done, 0 to 1.

    Returns
    -------
    answer : str
        JSON: the fields of `Protected`, the ``policy`` of the mark, and ``encoded_kbps``, the rate
        at which sound was encoded once more, 0 if nothing is lost; or ``error`` and ``remedy``.
        The error is ``"format"`` where a library is needed that the page does not have, and
        ``"soundless"`` where there is no track of sound.
    """
    from sottovoce.files.protecting import protect_file

    wanted = json.loads(options)

    def work() -> dict[str, Any]:
        notice = Notice(policy=parse_policy(wanted["policy"]))
        done = protect_file(
            source,
            target,
            notice=notice,
            strength_db=STRENGTHS_DB[wanted["strength"]],
            progress=tell,
        )
        return {**done.to_dict(), "policy": int(notice.policy), **_tell_encoding(done, target)}

    return _answer(work, source)


def _tell_encoding(done: Protected, target: str) -> dict[str, Any]:
    """Return the rate of a new lossy file, and the warnings without the one that it replaces."""
    from sottovoce.files.reading import read_info
    from sottovoce.files.writing import is_lossy

    info = read_info(target) if done.status == "marked" else None
    if info is None or not is_lossy(info):
        return {"encoded_kbps": 0}
    others = [line for line in done.warnings if " is lossy: " not in line]
    return {"encoded_kbps": round(info.bit_rate / 1000.0), "warnings": others}


def check(source: str, options: str, tell: Callable[[float], None]) -> str:
    """Search a file for marks.

    Parameters
    ----------
    source : str
        Path in the worker's file system.
    options : str
        JSON with ``thorough``, whether to search other speeds and pitches, and with ``tracks`` if
        the browser has decoded them, as `sottovoce.page.tracks.check_tracks` takes them.
    tell : callable
        As for `protect`.

    Returns
    -------
    answer : str
        JSON: the fields of `Detection`, the ``owners`` of its voices as text, whether the file
        ``has_sound``, and ``warnings``, what is odd about it; or ``error`` and ``remedy``.
    """
    from sottovoce.files.checking import combine, detect_parts
    from sottovoce.page.tracks import check_tracks

    wanted = json.loads(options)
    thorough = bool(wanted.get("thorough"))

    def work() -> dict[str, Any]:
        if "tracks" in wanted:
            parts = check_tracks(source, wanted["tracks"], thorough=thorough, tell=tell)
        else:
            parts = detect_parts(source, thorough=thorough, progress=tell)
        found = combine(parts)
        return {
            **found.to_dict(),
            "owners": [_format_owner(voice) for voice in found.voices],
            "has_sound": any(part.sounding_s for part in parts),
            "warnings": list(dict.fromkeys(note for part in parts for note in part.notes)),
        }

    return _answer(work, source)


def _format_owner(voice: Voice) -> str:
    """Return the owner id of a voice as text; empty if it is anonymous or unread."""
    owner_id = voice.notice.owner_id if voice.notice else 0
    return format_owner_id(owner_id) if owner_id else ""


def _answer(work: Callable[[], dict[str, Any]], source: str) -> str:
    """Return the result of a job, or why there is none: a file never ends the worker."""
    try:
        return json.dumps(work(), allow_nan=False)
    except MissingExtraError:  # which nobody can install here
        return json.dumps({"error": "format", "remedy": ""})
    except NoSoundError:
        return json.dumps({"error": "soundless", "remedy": ""})
    except SottovoceError as err:
        # Another format is no remedy here: the page writes each file in its own.
        is_unwritable = isinstance(err, UnsupportedFormatError) and err.others
        fields = {"error": "format" if is_unwritable else str(err), "remedy": err.remedy}
    except MemoryError:
        fields = {"error": "not enough memory", "remedy": ""}
    except Exception as err:  # noqa: BLE001 - shown, and the next file is worked on
        fields = {"error": f"unexpected {type(err).__name__}: {err}", "remedy": ""}
    # The folder is the worker's own, and means nothing to anybody.
    folder = source.rpartition("/")[0] + "/"
    return json.dumps({name: text.replace(folder, "") for name, text in fields.items()})
