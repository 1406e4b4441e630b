"""What the page's worker calls: whole jobs on files of the browser, answered in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sottovoce.core.known_payload import make_usual_notices
from sottovoce.core.owner_id import format_owner_id, parse_owner_id
from sottovoce.core.payload import Notice, present_year
from sottovoce.core.policy import parse_policy
from sottovoce.core.wire_format import STRENGTHS_DB
from sottovoce.errors import (
    MissingExtraError,
    NoSoundError,
    ParameterError,
    SottovoceError,
    UnsupportedFormatError,
)
from sottovoce.files.digests import hash_file
from sottovoce.files.receipts.account import (
    make_entry,
    make_failed_entry,
    make_receipt,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sottovoce.files.protected import Protected

__all__ = [
    "answer",
    "check",
    "length_s",
    "make_identity",
    "make_words",
    "open_grant",
    "open_identity",
    "protect",
    "write_receipt",
]


def protect(source: str, target: str, options: str, tell: Callable[[float], None]) -> str:
    """Mark a file, and prove that the mark is in the new one.

    Parameters
    ----------
    source, target : str
        Paths in the worker's file system.
    options : str
        JSON with ``policy``, as typed by a user, ``strength``, the name of a preset, the
        ``owner_id``, and ``seal``, the key of the owner's seal in hexadecimal, or nothing.
    tell : callable
        Called with the share of the work that is done, 0 to 1.

    Returns
    -------
    answer : str
        JSON: the fields of `Protected`; the ``notice``, and its ``owner`` as people read it; the
        ``entry`` of a receipt; and ``encoded_kbps``, the rate at which sound was encoded once
        more, 0 if nothing is lost.  Or
        ``error``, ``remedy`` and ``sha256_in``: the error is ``"format"`` where a library is
        needed that the page does not have, and ``"soundless"`` where there is no track of sound.
    """
    from sottovoce.files.protecting import SEAL_FROM_S, protect_file

    wanted = json.loads(options)
    before = hash_file(source)

    def work() -> dict[str, Any]:
        notice = Notice(policy=parse_policy(wanted["policy"]), owner_id=wanted["owner_id"])
        done = protect_file(
            source,
            target,
            notice=notice,
            strength_db=STRENGTHS_DB[wanted["strength"]],
            seal_key=bytes.fromhex(wanted.get("seal", "")) or None,
            seal_from_s=SEAL_FROM_S,
            copies=False,
            progress=tell,
        )
        entry = make_entry(done, sha256_in=before, sha256_out=hash_file(done.path))
        said = {"notice": notice.to_dict(), "owner": format_owner_id(notice.owner_id)}
        fields = {**done.to_dict(), **said, "entry": entry}
        return {**fields, **_tell_encoding(done, target)}

    return answer(work, source, sha256_in=before)


def _tell_encoding(done: Protected, target: str) -> dict[str, Any]:
    """Return the rate of a new lossy file, and the warnings without the one that it replaces."""
    from sottovoce.files.protecting import ENCODED_AGAIN
    from sottovoce.files.reading import read_info
    from sottovoce.files.writing import is_lossy

    info = read_info(target) if done.status == "marked" else None
    # Of some, such as mu-law, no rate is known: then the warning itself is shown.
    if info is None or not is_lossy(info) or not info.bit_rate:
        return {"encoded_kbps": 0}
    others = [line for line in done.warnings if not line.endswith(ENCODED_AGAIN)]
    return {"encoded_kbps": round(info.bit_rate / 1000.0), "warnings": others}


def check(source: str, options: str, tell: Callable[[float], None]) -> str:
    """Search a file for marks.

    Parameters
    ----------
    source : str
        Path in the worker's file system.
    options : str
        JSON with ``thorough``, whether to search other speeds and pitches; ``asked``, an owner id
        to look for in clips that are too short to be read, or empty; ``granted``, the notices of a
        grant, likewise; the ``name`` of the file; ``own``, names of the user's identities by their
        owner ids, who are looked for as well, and ``seals``, the keys of their seals in
        hexadecimal; and ``tracks`` if the browser has decoded them, as
        `sottovoce.page.tracks.check_tracks` takes them.
    tell : callable
        As for `protect`.

    Returns
    -------
    answer : str
        JSON: the fields of `CheckedFile`; ``json``, the line that the command writes; whether the
        file ``has_sound``; whether it ``is_short``, so that no mark in it means little; and
        ``warnings``, what is odd about it; or ``error`` and ``remedy``: the error is
        ``"owner"`` if ``asked`` is no owner id.
    """
    from sottovoce.files.checked import ENOUGH_S, check_file
    from sottovoce.page.tracks import check_tracks

    wanted = json.loads(options)
    thorough = bool(wanted["thorough"])
    try:
        known = _list_known(wanted)
    except ParameterError:
        return json.dumps({"error": "owner", "remedy": ""})
    seal_keys = {int(owner): bytes.fromhex(key) for owner, key in wanted.get("seals", {}).items()}

    def work() -> dict[str, Any]:
        if "tracks" in wanted:
            tracks = wanted["tracks"]
            checked = check_tracks(
                source, tracks, thorough=thorough, tell=tell, known=known, seal_keys=seal_keys
            )
        else:
            checked = check_file(
                source, thorough=thorough, known=known, seal_keys=seal_keys, progress=tell
            )
        fields = checked.to_dict({int(owner): name for owner, name in wanted["own"].items()})
        line = json.dumps({"file": wanted["name"], **fields}, allow_nan=False)
        has_sound = any(part.sounding_s for part in checked.parts)
        told = {"has_sound": has_sound, "is_short": fields["duration_s"] < ENOUGH_S}
        return {**fields, **told, "json": line, "warnings": fields.get("notes", [])}

    return answer(work, source)


def _list_known(wanted: dict[str, Any]) -> list[Notice]:
    """Return the notices to look for: of the owner asked about, a grant and the user."""
    owners = {int(owner) for owner in wanted["own"]}
    if asked := wanted.get("asked", "").strip():
        owners.add(parse_owner_id(asked))
    last_year = present_year()
    granted = [Notice(**fields) for fields in wanted.get("granted", ())]
    usual = [
        notice
        for owner_id in sorted(owners - {0})
        for notice in make_usual_notices(owner_id, last_year=last_year)
    ]
    return list(dict.fromkeys([*granted, *usual]))


def length_s(source: str) -> float:
    """Return the length of a file, in seconds; 0.0 if it is not known before it is decoded."""
    from sottovoce.files.reading import read_info

    try:
        return read_info(source).duration_s
    except Exception:  # noqa: BLE001 - the job itself says what is wrong
        return 0.0


def make_identity(options: str) -> str:
    """Make an identity: JSON as `sottovoce.page.identities.make` takes and returns it."""
    from sottovoce.page.identities import make

    return json.dumps(make(**json.loads(options)))


def open_identity(options: str) -> str:
    """Open the file of one: JSON as `sottovoce.page.identities.read` takes and returns it."""
    from sottovoce.page.identities import read

    return json.dumps(read(**json.loads(options)))


def make_words(options: str) -> str:
    """Make recovery words: JSON as `sottovoce.page.identities.make_words` takes and returns it."""
    from sottovoce.page.identities import make_words as make

    return json.dumps(make(**json.loads(options)))


def open_grant(options: str) -> str:
    """Read a grant: JSON as `sottovoce.page.identities.read_grant` takes and returns it."""
    from sottovoce.page.identities import read_grant

    return json.dumps(read_grant(**json.loads(options)))


def write_receipt(options: str) -> str:
    """Write the receipt of files that were protected with one notice.

    Parameters
    ----------
    options : str
        JSON with the fields of the ``notice``, the name of the ``identity``, or nothing, and
        ``files``: the entry of each, or for one that failed the arguments of `make_failed_entry`.

    Returns
    -------
    answer : str
        JSON with the ``page``.
    """
    from sottovoce.files.receipts.page import make_page

    wanted = json.loads(options)
    files = [make_failed_entry(**one) if "error" in one else one for one in wanted["files"]]
    notice = Notice(**wanted["notice"])
    receipt = make_receipt(files, notice=notice, identity=wanted["identity"])
    return json.dumps({"page": make_page(receipt)})


def answer(work: Callable[[], dict[str, Any]], source: str, **known: str) -> str:
    """Return the result of a job as JSON, or why there is none: a file never ends the worker.

    Parameters
    ----------
    work : callable
        The job; returns the fields of its result.
    source : str
        Path of the file that it is about.
    **known : str
        Fields that an answer has without a result, too.

    Returns
    -------
    answer : str
        JSON: the fields; or ``error`` and ``remedy``.
    """
    try:
        return json.dumps(work(), allow_nan=False)
    except MissingExtraError:  # which nobody can install here
        return json.dumps({"error": "format", "remedy": "", **known})
    except NoSoundError:
        return json.dumps({"error": "soundless", "remedy": "", **known})
    except SottovoceError as err:
        fields = {"error": str(err), "remedy": err.remedy}
        if isinstance(err, UnsupportedFormatError) and err.others:
            # Another format is no remedy here: the page writes each file in its own.
            fields = {"error": "format", "remedy": ""}
    except MemoryError:
        fields = {"error": "not enough memory", "remedy": ""}
    except Exception as err:  # noqa: BLE001 - shown, and the next file is worked on
        fields = {"error": f"unexpected {type(err).__name__}: {err}", "remedy": ""}
    # The folder is the worker's own, and means nothing to anybody.
    folder = source.rpartition("/")[0] + "/"
    told = {name: text.replace(folder, "") for name, text in fields.items()}
    return json.dumps({**told, **known})
