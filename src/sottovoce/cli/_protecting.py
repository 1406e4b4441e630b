"""What a worker of `sottovoce protect` does to one file."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sottovoce.errors import AudioFileError
from sottovoce.files.atomic import part_path
from sottovoce.files.digests import hash_file

if TYPE_CHECKING:
    from pathlib import Path

    from sottovoce import Notice
    from sottovoce.cli._batch import Progress
    from sottovoce.cli._inputs import Input
    from sottovoce.files import Protected

__all__ = ["Done", "OldCopies", "ProtectJob", "protect_source", "tidy_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectJob:
    """What each worker receives in addition to the file.

    `targets` says where each result goes; `kept` are the files that stay where they are, without a
    copy, if they need no mark.
    """

    targets: dict[Path, Path]
    kept: frozenset[Path]
    notice: Notice
    strength_db: float
    in_place: bool
    remark: bool
    partial: bool
    track: int | None
    keep_all: bool
    with_hashes: bool
    seal_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome of one file, with the SHA-256 before and after if a receipt needs them."""

    protected: Protected
    sha256_in: str = ""
    sha256_out: str = ""


def protect_source(job: ProtectJob, source: Input, progress: Progress | None) -> Done:
    """Mark one file."""
    from sottovoce.files.protecting import SEAL_FROM_S, protect_file

    target = job.targets[source.path]
    if not job.in_place:
        _make_folder(target.parent)
    # Now, since --in-place replaces it.
    before = hash_file(source.path) if job.with_hashes else ""
    protected = protect_file(
        source.path,
        target,
        notice=job.notice,
        strength_db=job.strength_db,
        in_place=job.in_place,
        remark=job.remark,
        partial=job.partial,
        track=job.track,
        keep_all=job.keep_all,
        seal_key=job.seal_key,
        seal_from_s=SEAL_FROM_S,
        copies=source.path not in job.kept,
        progress=progress,
    )
    if job.in_place and protected.status == "marked":
        protected = replace(protected, warnings=(*protected.warnings, *_renew_names(source)))
    after = hash_file(protected.path) if job.with_hashes else ""
    return Done(protected=protected, sha256_in=before, sha256_out=after)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        in_the_way = isinstance(err, FileExistsError | NotADirectoryError)
        reason = "a file of that name is in the way" if in_the_way else err.strerror or str(err)
        raise AudioFileError(
            f"the folder cannot be created: {reason}",
            path=str(folder),
            remedy="Choose another place with -o.",
        ) from err


def tidy_after(job: ProtectJob, source: Input, process: int) -> None:
    """Remove the partial files that a process left when it died."""
    from sottovoce.files.atomic import remove_parts

    target = job.targets[source.path]
    remove_parts(target.resolve() if job.in_place else target, process=process)


class OldCopies:
    """Results of an earlier run that existed before this one.

    A file that fails leaves its target as it was, and a copy there must not be taken for the
    result of this run.

    Parameters
    ----------
    job : ProtectJob
        The job, before it starts.
    """

    def __init__(self, job: ProtectJob) -> None:
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._targets = {} if job.in_place else job.targets
        for source, target in self._targets.items():
            # With another suffix it is something else, and the reason why the file failed.
            if source.suffix == target.suffix and (stamp := _stamp(target)):
                self._stamps[target] = stamp

    def describe(self, source: Input) -> str:
        """Return a note that an earlier copy of a file that failed exists; empty if none does."""
        target = self._targets.get(source.path)
        stamp = self._stamps.get(target) if target is not None else None
        if target is None or stamp is None or _stamp(target) != stamp:
            return ""
        return f"the copy at {target} is from an earlier run"


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            return status.st_ino, status.st_mtime_ns
    return None


def _renew_names(source: Input) -> list[str]:
    """Point other names of a file that was replaced to the new one; return what to report.

    A hard link is a second name of the old sound, and replacing the file under one name does
    nothing to the other.
    """
    told = []
    for twin in source.twins:
        draft = part_path(twin)
        try:
            os.link(source.path.resolve(), draft)
            draft.replace(twin)
        except OSError as err:
            told.append(f"{twin}, a hard link to it, keeps the old sound: {err.strerror or err}")
        else:
            told.append(f"{twin}, a hard link to it, was updated and has the mark too")
        finally:
            with suppress(OSError):
                draft.unlink()
    if source.n_other_names:
        names = "name" if source.n_other_names == 1 else "names"
        told.append(
            f"{source.n_other_names} other {names} of this file (hard links), outside the given"
            " inputs, still lead to the old sound without the mark"
        )
    return told
