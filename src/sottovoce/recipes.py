"""Whole jobs that need several parts of the package: grants that a scan honours.

A scan knows no keys, and grants know no sound.  Here the grants are verified, become permissions,
and decide with the ledger of a scan what may be used; the report is signed by whoever uses it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from sottovoce.errors import ParameterError, SignatureError, StatementError
from sottovoce.files.atomic import atomic_path
from sottovoce.files.digests import hash_file
from sottovoce.rights.days import present_day
from sottovoce.rights.grants import GrantFile, read_grant_file, read_newest, verify_grant
from sottovoce.rights.jws import open_token, peek_payload, sign_token
from sottovoce.rights.public_keys import public_jwk, thumbprint_of
from sottovoce.scan.outputs import SIGNATURE, write_outputs

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sottovoce.core.permission import Permission
    from sottovoce.scan.ledger.ledger import Ledger
    from sottovoce.scan.naming import Naming
    from sottovoce.scan.release import Releases
    from sottovoce.scan.reports.results_table import Format
    from sottovoce.scan.reports.summary import Summary

__all__ = [
    "SIGNATURE",
    "GrantProblem",
    "ReadGrants",
    "check_report",
    "read_permissions",
    "write_signed_outputs",
]

_KIND = "sottovoce-report/1"
_SIGNED = ("report.html", "summary.json", "released.txt", "exclude.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantProblem:
    """Why a grant permits nothing.

    Attributes
    ----------
    path : Path
        Its file.
    message, remedy : str
        The reason, and what to do about it.
    """

    path: Path
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadGrants:
    """What some grants permit, and which of them permit nothing.

    Attributes
    ----------
    permissions : tuple of Permission
        One for each valid grant.
    problems : tuple of GrantProblem
        One for each other one.
    """

    permissions: tuple[Permission, ...]
    problems: tuple[GrantProblem, ...]


def read_permissions(
    paths: Iterable[str | os.PathLike[str]],
    *,
    owner_keys: Sequence[str],
    grantee: str | Ed25519PrivateKey | None = None,
    newest: Sequence[str | os.PathLike[str]] = (),
    day: date | None = None,
) -> ReadGrants:
    """Read and verify grants, without a network.

    Parameters
    ----------
    paths : iterable of path-like
        Files of grants, and folders with such files (``*.grant``).
    owner_keys : sequence of str
        Thumbprints of the owners' first keys, typed from the contracts: a grant of any other owner
        permits nothing.
    grantee : str or Ed25519PrivateKey or None
        As in `sottovoce.rights.grants.verify_grant`.
    newest : sequence of path-like
        Files with further statements of the owners, or with revocations by their agents; both may
        revoke a grant.
    day : datetime.date or None
        Day of the use; None is the present day.

    Returns
    -------
    grants : ReadGrants
        A grant that is not valid is named, and does not keep the others from being read.

    Raises
    ------
    ParameterError
        If a thumbprint is not one.
    StatementError
        If a file in `newest` cannot be read.
    MissingExtraError
        If the extra `rights` is not installed.

    Notes
    -----
    About 2 ms for each grant, and 0.2 s once for each owner.

    Examples
    --------
    >>> grants = read_permissions(["acme.grant"], owner_keys=[thumbprint])  # doctest: +SKIP
    >>> allowed = load_allowed(
    ...     "scan-out", permissions=grants.permissions, use=Use.CLONE
    ... )  # doctest: +SKIP
    """
    known = [read_newest(Path(path)) for path in newest]
    permissions: list[Permission] = []
    problems: list[GrantProblem] = []
    for path in _find_files(paths):
        try:
            file = read_grant_file(path)
            own = _choose_key(file.statements, owner_keys)
            owners = {_owner_of(one) for one in file.statements}
            related = [_only_of(owners, one) for one in known]
            verdict = verify_grant(
                file,
                owner_key=own,
                grantee=grantee,
                newest=[token for one in related for token in one.statements],
                revocations=[one for one in related if one.statements],
                day=day,
            )
        except StatementError as err:
            message = err.message.removeprefix(f"{path}: ")
            problems.append(GrantProblem(path=path, message=message, remedy=err.remedy))
            continue
        if verdict.permission is None:
            problem = GrantProblem(path=path, message=verdict.problem, remedy=verdict.remedy)
            problems.append(problem)
        else:
            permissions.append(verdict.permission)
    return ReadGrants(permissions=tuple(permissions), problems=tuple(problems))


def _find_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    found: list[Path] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            inside = sorted(path.glob("*.grant"))
            if not inside:
                raise ParameterError(f"{path} holds no grant", remedy="Name files: NAME.grant.")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _owner_of(token: str) -> str:
    """Return the owner id that a statement names, unverified; empty if it names none."""
    try:
        return str(peek_payload(token).get("id", ""))
    except SignatureError:
        return ""


def _only_of(owners: set[str], known: GrantFile) -> GrantFile:
    """Return what a file says, without the statements of other owners."""
    related = [one for one in known.statements if _owner_of(one) in owners]
    return dataclasses.replace(known, statements=tuple(related))


def _choose_key(statements: Sequence[str], owner_keys: Sequence[str]) -> str | None:
    """Return the key of the contracts by which these statements may be meant."""
    try:
        first = thumbprint_of(peek_payload(statements[0])["keys"]["inception"])
    except (StatementError, LookupError, TypeError, ValueError):
        first = ""
    # Another one is refused by the verification, in its words.
    return first if first in owner_keys else next(iter(owner_keys), None)


def write_signed_outputs(
    ledger: Ledger,
    folder: Path,
    *,
    releases: Releases,
    key: Ed25519PrivateKey | None,
    kind: Format = "parquet",
    strict: bool = False,
    reword: Callable[[str], str] = str,
    naming: Naming | None = None,
) -> Summary:
    """Write the results of a scan with what grants release, signed by the licensee.

    Parameters
    ----------
    ledger, folder, kind, strict, reword, naming
        As in `sottovoce.scan.write_outputs`.
    releases : Releases
        What owners permit.
    key : Ed25519PrivateKey or None
        The licensee's key, which signs the report; None leaves it unsigned.

    Returns
    -------
    summary : Summary
        Figures of the data set.
    """
    summary = write_outputs(
        ledger,
        folder,
        kind=kind,
        strict=strict,
        reword=reword,
        releases=releases,
        naming=naming,
    )
    if key is None:
        return summary
    payload = {
        "typ": _KIND,
        "issued": present_day().isoformat(),
        "day": releases.day.isoformat(),
        "files": {name: hash_file(folder / name) for name in (*_SIGNED, f"results.{kind}")},
        "grants": sorted({one.serial for one in releases.permissions}),
        "key": public_jwk(key),
    }
    with atomic_path(folder / SIGNATURE) as part:
        part.write_text(sign_token(payload, kind=_KIND, key=key) + "\n", encoding="ascii")
    return summary


def check_report(folder: str | os.PathLike[str], *, grantee_key: str) -> list[str]:
    """Check the signature of a report.

    Parameters
    ----------
    folder : path-like
        Output folder of a scan, with ``report.jws``.
    grantee_key : str
        Thumbprint of the licensee's key.

    Returns
    -------
    changed : list of str
        Files that are missing, were changed since, or are not signed although a report has them;
        empty if all are as signed.

    Raises
    ------
    SignatureError
        If it is not signed by this key, or what is signed is no report.
    StatementError
        If there is no signature.
    """
    place = Path(folder)
    try:
        token = (place / SIGNATURE).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as err:
        raise StatementError(
            f"{place / SIGNATURE}: there is no readable signature",
            remedy="Ask the licensee for the whole folder.",
        ) from err
    jwk = peek_payload(token).get("key")
    if not _is_key(jwk, grantee_key):
        raise SignatureError(f"{place / SIGNATURE}: not signed by this key")
    payload = open_token(token, kind=_KIND, jwk=jwk)
    files = payload.get("files")
    if payload.get("typ") != _KIND or not isinstance(files, dict):
        raise SignatureError(f"{place / SIGNATURE}: what is signed is no report")
    # Whoever signs chooses what is signed: what is left out can say anything.
    tables = sorted(path.name for path in place.glob("results.*")) or ["results.*"]
    names = dict.fromkeys((*files, *_SIGNED, *tables))
    return [name for name in names if not _is_as_signed(place, name, files.get(name))]


def _is_key(jwk: object, thumbprint: str) -> TypeGuard[dict[str, str]]:
    try:
        return isinstance(jwk, dict) and thumbprint_of(jwk) == thumbprint
    except (ValueError, TypeError):
        return False


def _is_as_signed(place: Path, name: str, digest: object) -> bool:
    """Return whether a file is as signed; a name that leads out of the folder never is."""
    return Path(name).name == name and bool(digest) and digest == hash_file(place / name)
