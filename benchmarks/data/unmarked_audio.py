"""Hours of unmarked speech and music out of Debian's packages, in a cache outside the repository.

``python -m benchmarks.data.unmarked_audio fetch`` finds the packages by `apt-cache`, downloads them
by `apt-get download`, unpacks them by `dpkg-deb -x` (no root, nothing is installed), decodes what
libsndfile reads and keeps it as 16-bit mono FLAC at 16 kHz, or at its own rate where that is lower.
If interrupted, it resumes.  ``list`` shows what exists.

The cache is the folder in `SOTTOVOCE_CACHE`, or the user's cache folder.  A file with the same
bytes as another is kept once, and of prompts that come in several codecs one package a voice is
taken.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
import soundfile as sf

__all__ = ["Recording", "cache_dir", "fetch", "join_short", "load_recordings", "main", "table"]

# A regular expression over names of packages, and what is heard.  Of voices that come in several
# codecs the one with the most bits; of numbered releases whatever the system's lists have.
_PACKAGES = {
    r"asterisk-core-sounds-(en|es|fr|it|ru)-wav": "speech",
    r"asterisk-prompt-(es-co|fr-armelle|it-menardi-wav)": "speech",
    r"festvox-ru": "speech",
    r"fillets-ng-data-(cs|nl)": "speech",
    r"klettres-data": "speech",
    r"ktuberling-data": "speech",
    r"tuxpaint-stamps-default": "speech",
    r"fillets-ng-data": "mixed",
    r"colobot-common-sounds": "mixed",
    r"freedroidrpg-data": "mixed",
    r"hedgewars-data": "mixed",
    r"megaglest-data": "mixed",
    r"naev-data": "mixed",
    r"supertux-data": "mixed",
    r"ufoai-sound": "mixed",
    r"asc-music": "music",
    r"asterisk-moh-opsound-wav": "music",
    r"drascula-music": "music",
    r"fretsonfire-songs-(muldjord|sectoid)": "music",
    r"hyperrogue-music": "music",
    r"marsshooter-data": "music",
    r"nexuiz-music": "music",
    r"planetblupi-music-ogg": "music",
    r"pushover-data": "music",
    r"singularity-music": "music",
    r"ufoai-music": "music",
    r"warzone2100-music": "music",
    r"wesnoth-[0-9.]+-music": "music",
}
_SUFFIXES = {".wav", ".gsm", ".ogg", ".oga", ".flac", ".mp3", ".opus", ".au", ".aiff", ".aif"}
_MAX_SR_HZ = 16_000
_SHORTEST_S = 0.5
_SHORT_S = 10.0
_JOINED_S = 60.0
_TOOLS = ("apt-cache", "apt-get", "dpkg-deb")

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Unmarked audio: one file of a package, or several short ones joined.

    Attributes
    ----------
    package, version : str
        Where it comes from.
    path : str
        Name of the file in the package, or of the folder whose clips are joined.
    kind : str
        "speech", "music", or "mixed" where a package has both, and effects.
    files : tuple of str
        FLAC files under the cache folder.
    sr : int
        Sampling rate, in Hz.
    seconds : float
        Length.
    """

    package: str
    version: str
    path: str
    kind: str
    files: tuple[str, ...]
    sr: int
    seconds: float

    @property
    def joined(self) -> bool:
        """Whether it is made of several files."""
        return len(self.files) > 1

    def load(self) -> tuple[Audio, int]:
        """Read it: float32 of shape (n,), and its rate in Hz."""
        parts = [sf.read(cache_dir() / name, dtype="float32")[0] for name in self.files]
        return np.concatenate(parts), self.sr


def cache_dir() -> Path:
    """Return the folder of the unmarked audio; it need not exist."""
    given = os.environ.get("SOTTOVOCE_CACHE")
    root = Path(given).expanduser() if given else platformdirs.user_cache_path("sottovoce")
    return root.resolve() / "unmarked_audio"


def load_recordings() -> list[Recording]:
    """List what has been fetched, in the order of packages and paths.

    Raises
    ------
    FileNotFoundError
        If nothing has been; the message names the command.
    """
    recordings: list[Recording] = []
    known: set[str] = set()
    for path in sorted((cache_dir() / "manifests").glob("*.json")):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            Recording(**{**row, "files": tuple(row["files"])}) for row in manifest["recordings"]
        ]
        # Files are named by their bytes, so what two packages share has one name.
        recordings += [row for row in rows if Path(row.files[0]).name not in known]
        known.update(Path(row.files[0]).name for row in rows)
    if not recordings:
        message = f"no audio at {cache_dir()}: run 'python -m benchmarks.data.unmarked_audio fetch'"
        raise FileNotFoundError(message)
    return recordings


def join_short(recordings: list[Recording]) -> list[Recording]:
    """Join the short clips of each folder, one after the other, to recordings of 10 s to a minute.

    A folder of a package of prompts is one voice; in the dialogues of a game it may be two.
    """
    folders: dict[tuple[str, str, int], list[Recording]] = {}
    for one in recordings:
        if one.seconds < _SHORT_S:
            folder = one.path.rpartition("/")[0]
            folders.setdefault((one.package, folder, one.sr), []).append(one)
    joined: list[Recording] = []
    for (package, folder, sr), clips in folders.items():
        group: list[Recording] = []
        for number, clip in enumerate(clips):
            group.append(clip)
            seconds = sum(part.seconds for part in group)
            full = seconds >= _JOINED_S or number == len(clips) - 1
            if not full:
                continue
            if seconds >= _SHORT_S:
                files = tuple(name for part in group for name in part.files)
                joined.append(
                    Recording(
                        package=package,
                        version=clip.version,
                        path=f"{folder}, {len(files)} clips to {clip.path.rpartition('/')[2]}",
                        kind=clip.kind,
                        files=files,
                        sr=sr,
                        seconds=seconds,
                    )
                )
            group = []
    return [one for one in joined if one.joined]


def fetch() -> None:
    """Download, unpack and decode what is not in the cache yet.

    Raises
    ------
    SystemExit
        If apt is missing, knows none of the packages, or fails.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"{', '.join(missing)} not found: the unmarked audio comes out of Debian's packages; "
            "run this on Debian or Ubuntu (no root is needed)"
        )
    names = _names()
    if not names:
        sys.exit("apt-cache knows none of the packages: run 'apt-get update' first")
    for name in names:
        _fetch_package(name)
    print(table(load_recordings()))


def _names() -> list[str]:
    known = _run("apt-cache", "pkgnames").split()
    return sorted(name for name in known if _kind(name) is not None)


def _kind(name: str) -> str | None:
    for pattern, kind in _PACKAGES.items():
        if re.fullmatch(pattern, name):
            return kind
    return None


def _run(*command: str, folder: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - apt's own tools, with names from apt's own list
        command, cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def _fetch_package(name: str) -> None:
    """Fetch one package; its manifest is written last and says that it is complete."""
    manifests = cache_dir() / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    done = manifests / f"{name}.json"
    if done.is_file():
        return
    sys.stderr.write(f"{name}: ")
    sys.stderr.flush()
    archive = _download(name)
    version = _run("dpkg-deb", "-f", str(archive), "Version").strip()
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        _run("dpkg-deb", "-x", str(archive), folder)
        rows, left_out = _decode_all(Path(folder), name, version)
    text = json.dumps(
        {"recordings": [asdict(row) for row in rows], "left_out": left_out},
        indent=1,
        ensure_ascii=False,
    )
    partial = done.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(done)
    archive.unlink()
    hours = sum(row.seconds for row in rows) / 3600
    sys.stderr.write(f"{len(rows)} files, {hours:.2f} h, {len(left_out)} left out\n")


def _download(name: str) -> Path:
    """Download the archive of a package, unless all of it is there, and return where it lies."""
    folder = cache_dir() / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    offer = _run("apt-get", "--print-uris", "download", name).split()
    archive, n_bytes = folder / offer[1], int(offer[2])
    if not archive.is_file() or archive.stat().st_size != n_bytes:
        _run("apt-get", "download", name, folder=folder)
    return archive


def _decode_all(folder: Path, name: str, version: str) -> tuple[list[Recording], list[str]]:
    """Decode the audio of an unpacked package; return what was kept, and why the rest was not."""
    rows: list[Recording] = []
    left_out: list[str] = []
    seen: set[str] = set()
    target = cache_dir() / "audio" / name
    target.mkdir(parents=True, exist_ok=True)
    for archive in folder.rglob("*.pk3"):
        # Some games keep their music in a zip archive by another name.
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(archive.with_suffix(".unpacked"))
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES):
        if path.is_symlink() or not path.is_file():
            continue
        inside = str(path.relative_to(folder))
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in seen:
            left_out.append(f"{inside}: the same as another")
            continue
        seen.add(digest)
        try:
            y, sr = _decode(data, path.suffix.lower())
        except (sf.LibsndfileError, ValueError) as error:
            left_out.append(f"{inside}: {error}")
            continue
        if len(y) < _SHORTEST_S * sr:
            left_out.append(f"{inside}: shorter than {_SHORTEST_S} s")
            continue
        kept = target / f"{digest[:20]}.flac"
        sf.write(kept, y, sr, subtype="PCM_16")
        rows.append(
            Recording(
                package=name,
                version=version,
                path=inside,
                kind=_kind(name) or "mixed",
                files=(str(kept.relative_to(cache_dir())),),
                sr=sr,
                seconds=len(y) / sr,
            )
        )
    return rows, left_out


def _decode(data: bytes, suffix: str) -> tuple[Audio, int]:
    """Return mono audio at 16 kHz, or lower where it comes so, under full scale."""
    import soxr  # late: only fetching needs it

    # Prompts in GSM 06.10 are frames without any header.
    bare = {"format": "RAW", "subtype": "GSM610", "channels": 1, "samplerate": 8_000}
    how = bare if suffix == ".gsm" else {}
    y, sr = sf.read(io.BytesIO(data), dtype="float32", always_2d=True, **how)
    if sr < 8_000:
        raise ValueError(f"{sr} Hz is under the rates that carry a mark")
    mono = y.mean(axis=1)
    if not np.isfinite(mono).all():
        raise ValueError("not finite")
    if sr > _MAX_SR_HZ:
        mono, sr = soxr.resample(mono, sr, _MAX_SR_HZ), _MAX_SR_HZ
    return np.clip(mono, -1.0, 1.0 - 2.0**-15).astype(np.float32), int(sr)


def table(recordings: list[Recording]) -> str:
    """Return packages, versions, kinds, files and hours as comma-separated text, and the sum."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["package", "version", "kind", "files", "hours"])
    for name in sorted({one.package for one in recordings}):
        own = [one for one in recordings if one.package == name]
        hours = sum(one.seconds for one in own) / 3600
        writer.writerow([name, own[0].version, own[0].kind, len(own), f"{hours:.2f}"])
    hours = sum(one.seconds for one in recordings) / 3600
    writer.writerow(["all", "", "", len(recordings), f"{hours:.2f}"])
    return out.getvalue()


def main(arguments: list[str] | None = None) -> None:
    """Fetch or list."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data.unmarked_audio")
    parser.description = "Unmarked speech and music out of Debian's packages."
    parser.add_argument("command", choices=("fetch", "list"))
    options = parser.parse_args(arguments)
    if options.command == "fetch":
        fetch()
    else:
        try:
            print(table(load_recordings()))
        except FileNotFoundError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
