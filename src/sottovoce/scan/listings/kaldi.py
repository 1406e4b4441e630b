"""`WavScpSource`: Kaldi's data folders, by their ``wav.scp``.

A value of ``wav.scp`` that ends in ``|`` is a shell command.  Kaldi runs it; a scan never does, and
reads the one file that it decodes if that is certain.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sottovoce.scan.archives.kaldi_ark import split_offset
from sottovoce.scan.listings.decoding_commands import file_of_command
from sottovoce.scan.listings.entries import Entry, RecordingRef, cuts_of, fail, folder_of, point_at
from sottovoce.scan.listings.listed_recordings import recordings_of
from sottovoce.scan.listings.texts import read_lines
from sottovoce.scan.plain_text import clean
from sottovoce.scan.reach.reach import ANYWHERE, Reach
from sottovoce.scan.recording import Cut
from sottovoce.scan.source import Kept, atomic_out
from sottovoce.scan.stores.store import is_remote, open_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sottovoce.scan.finding import Finding
    from sottovoce.scan.recording import Recording

__all__ = ["WavScpSource"]

_OF_UTTERANCES = (
    *("text", "utt2spk", "utt2dur", "utt2lang", "utt2num_samples", "utt2num_frames", "utt2uniq"),
    *("feats.scp", "vad.scp"),
)
_OF_RECORDINGS = ("reco2dur", "reco2file_and_channel")
_RANGE = re.compile(r":\d+\[[\d:,]*\]$")
"""A part of an entry at a position in an archive."""
_ARCHIVE = ("is in a Kaldi archive", "Export its recordings as files.")


class WavScpSource:
    """A Kaldi data folder.

    The contents of ``segments`` and ``utt2spk`` that a scan needs, namely the recording and the
    speaker of each, are held in memory: about a hundred bytes each.

    Parameters
    ----------
    name : str
        Path or address of its ``wav.scp``.
    reach : Reach
        Where the names in it are looked up, and what they may refer to.
    """

    def __init__(self, name: str, *, reach: Reach = ANYWHERE) -> None:
        self.name = name
        self._beside = folder_of(name)
        self._reach = reach

    def recordings(self) -> Iterator[Recording | Finding]:
        """Yield each recording once, with its speaker if it has exactly one."""
        speakers = self._speakers()
        return recordings_of(self._entries(speakers), listing=self.name, reach=self._reach)

    def cuts(self) -> Iterator[Cut]:
        """Yield segments, or whole recordings if there are no segments."""
        if not self._has("segments"):
            yield from cuts_of(self._entries({}))
            return
        known = {entry.name: entry.uses[0].recording_id for entry in self._entries({})}
        for utterance, fields in self._pairs("segments"):
            recording, start, end = (*fields.split(), "", "", "")[:3]
            offset_s, end_s = _seconds(start) or 0.0, _seconds(end)
            yield Cut(
                id=clean(utterance),
                recording_id=known.get(recording, f"{self.name}::{clean(recording)}"),
                offset_s=offset_s,
                duration_s=None if end_s is None or end_s <= offset_s else end_s - offset_s,
            )

    def write_kept(self, out: Path, *, refused: Callable[[str], bool]) -> Kept:
        """Write a data folder without refused recordings, in all files that must stay in step.

        These are ``wav.scp``, ``segments``, ``text``, ``utt2spk`` and similar files; ``spk2utt``
        is rebuilt.  Lines are not changed.
        """
        recordings = {
            entry.name for entry in self._entries({}) if refused(entry.uses[0].recording_id)
        }
        with atomic_out(out) as part:
            part.mkdir()
            n_kept, n_left_out = self._filter(
                Path(self.name).name, part, recordings, as_name="wav.scp"
            )
            utterances = recordings
            if self._has("segments"):
                utterances = {
                    utterance
                    for utterance, fields in self._pairs("segments")
                    if fields.split()[:1] and fields.split()[0] in recordings
                }
                n_kept, n_left_out = self._filter("segments", part, utterances)
            for names, left_out in ((_OF_RECORDINGS, recordings), (_OF_UTTERANCES, utterances)):
                for name in filter(self._has, names):
                    self._filter(name, part, left_out)
            if self._has("utt2spk") or self._has("spk2utt"):
                self._write_speakers(part, utterances)
        return Kept(
            path=str(out),
            n_kept=n_kept,
            n_left_out=n_left_out,
            paths_from=self._beside or os.curdir,
        )

    def _entries(self, speakers: dict[str, str]) -> Iterator[Entry]:
        for line in read_lines(self.name):
            line_id = f"{self.name}::line {line.number}"
            if line.problem:
                yield Entry(raw=b"", name=line_id, uses=(fail(line_id, line.problem),))
                continue
            utterance, _, value = line.text.strip().partition(" ")
            if "\t" in utterance:
                utterance, _, value = line.text.strip().partition("\t")
            if not utterance:
                continue
            groups = {"speaker": speakers[utterance]} if utterance in speakers else {}
            known_as = f"{self.name}::{utterance}"
            use = self._use(value.strip(), known_as)
            yield Entry(raw=line.raw, name=utterance, uses=(use,), groups=groups)

    def _use(self, value: str, known_as: str) -> RecordingRef:
        """Return the recording of a value: a file, a part of an archive, or a command's input."""
        if value == "-" or _RANGE.search(value):
            return fail(known_as, _ARCHIVE[0], _ARCHIVE[1], status="unsupported")
        part = split_offset(value)
        if part is not None and not is_remote(value):
            use = self._point_at(part[0], known_as)
            if use.finding is not None:
                return use
            own_id = f"{use.recording_id}:{part[1]}"
            return RecordingRef(recording_id=own_id, archive=use.recording_id, start=part[1])
        if value.endswith("|") and (path := file_of_command(value)) is not None:
            return self._point_at(path, known_as)
        return self._point_at(value, known_as)

    def _point_at(self, name: str, known_as: str) -> RecordingRef:
        return point_at(name, folder=self._beside, known_as=known_as, reach=self._reach)

    def _speakers(self) -> dict[str, str]:
        """Return the speaker of each recording that has exactly one."""
        of_utterance: dict[str, str] = {}
        if self._has("utt2spk"):
            for utterance, speaker in self._pairs("utt2spk"):
                of_utterance[utterance] = clean(speaker)
        elif self._has("spk2utt"):
            for speaker, utterances in self._pairs("spk2utt"):
                of_utterance.update(dict.fromkeys(utterances.split(), clean(speaker)))
        if not of_utterance or not self._has("segments"):
            return of_utterance
        found: dict[str, str] = {}
        for utterance, fields in self._pairs("segments"):
            recording, speaker = (fields.split() or [""])[0], of_utterance.get(utterance, "")
            # Two speakers in one recording: neither is its speaker.
            found[recording] = speaker if found.get(recording, speaker) == speaker else ""
        return {recording: speaker for recording, speaker in found.items() if speaker}

    def _pairs(self, name: str) -> Iterator[tuple[str, str]]:
        for line in read_lines(self._path(name)):
            key, _, value = line.text.strip().replace("\t", " ").partition(" ")
            if key and not line.problem:
                yield key, value.strip()

    def _filter(
        self, name: str, part: Path, left_out: set[str], *, as_name: str = ""
    ) -> tuple[int, int]:
        """Copy the lines whose first word is not left out, and count."""
        n_kept = n_left_out = 0
        with (part / (as_name or name)).open("wb") as file:
            for line in read_lines(self._path(name)):
                key = line.text.split(maxsplit=1)[:1]
                if line.problem or (key and key[0] in left_out):
                    n_left_out += 1
                else:
                    file.write(line.raw)
                    n_kept += bool(key)
        return n_kept, n_left_out

    def _write_speakers(self, part: Path, left_out: set[str]) -> None:
        with (part / "spk2utt").open("w", encoding="utf-8", errors="surrogateescape") as file:
            for speaker, utterances in self._by_speaker():
                kept = [utterance for utterance in utterances if utterance not in left_out]
                if kept:
                    file.write(f"{speaker} {' '.join(kept)}\n")

    def _by_speaker(self) -> Iterator[tuple[str, list[str]]]:
        if not self._has("utt2spk"):
            yield from ((speaker, value.split()) for speaker, value in self._pairs("spk2utt"))
            return
        found: dict[str, list[str]] = {}
        for utterance, speaker in self._pairs("utt2spk"):
            found.setdefault(speaker, []).append(utterance)
        yield from found.items()

    def _path(self, name: str) -> str:
        separator = "/" if self._beside else ""
        return f"{self._beside}{separator}{name}"

    def _has(self, name: str) -> bool:
        path = self._path(name)
        if is_remote(path):
            system, inner = open_remote(path)
            return bool(system.exists(inner))
        return os.path.isfile(path)  # noqa: PTH113 - names that are too long as well


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
