"""The files of two scripts that are handed around, and what is in each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import soundfile as sf

from benchmarks.whole_files.sound import SECONDS, Made, Part, Refusal, Workshop, ffmpeg

__all__ = ["handed_folder", "handed_made", "make_handed"]

_SR = 48_000
_N = _SR * SECONDS
_LIST = 52
# Name: samples, tolerance, what may be refused, whether there is more than the header says.
# Whatever is not here holds 12 s at 48 kHz, to the sample.
_EXPECTED: dict[str, tuple[int, int, Refusal, bool]] = {
    "sizes_zero.wav": (_N, 0, "never", True),
    "sizes_zero_then_list.wav": (_N, _LIST, "never", True),
    "avaudiofile_crash.wav": (_N, 0, "never", True),
    "data_16_too_long.wav": (_N, 0, "less", False),
    # Declared as stereo: half of the samples, and the last is half a frame.
    "data_1_frame_short_at_end.wav": (_N // 2 - 1, 0, "less", False),
    "flac_in_ogg.oga": (_N, 0, "unwritable", False),
    "data_before_fmt.wav": (_N, 0, "unwritable", False),
    "rf64_ds64_zero.wav": (_N, 0, "never", True),
    "mp3_vbr_noxing.mp3": (_N, 1152 + 1105, "never", False),
    "noxing_cbr.mp3": (_N, 2 * 1152, "never", False),
    "art_noxing.mp3": (_N, 2 * 1152, "never", False),
    "art_noxing_5mb.mp3": (_N, 2 * 1152, "never", False),
    "ff_pipe.mp3": (_N, 3 * 1152, "never", False),
    "ff_pipe_vbr.mp3": (_N, 3 * 1152, "never", False),
    "ff_pipe_vbr_noxing.mp3": (_N, 3 * 1152, "never", False),
    "mp3_joined.mp3": (2 * _N, 6 * 1152, "never", False),
    "mp3_cut_front.mp3": (_N * 4 // 5, 4 * 1152, "never", False),
    "cut_middle.mp3": (_N * 2 // 3, 4 * 1152, "never", False),
    "opus_chained.opus": (2 * _N, 0, "never", False),
    "vorbis_chained.ogg": (2 * _N, 0, "never", False),
    # Its last page holds up to a second.
    "opus_no_eos.opus": (_N - _SR // 2, _SR // 2, "never", False),
    # A cut of 1.234 s while encoding, and one of 2.5 s by an edit of what was encoded.
    "m4a_editlist.m4a": (_N - round(3.734 * _SR), 2 * 1024, "never", False),
    "m4a_frag.m4a": (_N, 2 * 1024, "never", False),
    # A tag of iTunes that says nothing true of this encoding.
    "m4a_meta.m4a": (_N, 1024, "never", False),
    "webm_live.webm": (_N, 960, "never", False),
    "webm_noduration.webm": (_N, 960, "never", False),
}
_HALF_PCM = {"odd24_pad.wav", "odd24_nopad_end.wav", "odd24_nopad_list.wav", "odd24_pad_q.wav"}
# Declared at a rate that is not their own: a mark made before is not where it would be.
_OTHER_SPEED = {"data_1_frame_short_at_end.wav", "sr_odd.wav"}


def handed_folder() -> Path:
    """Return where the scripts are: `SHARED`, or beside the repository."""
    default = Path(__file__).parents[3] / "shared"
    return Path(os.environ.get("SHARED", str(default))) / "cases"


def handed_made(path: Path) -> Made:
    """Return what is in one of the files."""
    n, tolerance, refusal, is_more = _EXPECTED.get(path.name, (_N, 0, "never", False))
    sr, channels = _SR, 1
    if path.name in _HALF_PCM:
        n -= 1
    if path.name == "sr_odd.wav":
        sr = 44_056
    if "51" in path.name:
        channels = 6
    if path.name == "data_1_frame_short_at_end.wav":
        channels = 2
    forms = {".ogg": "Vorbis", ".oga": "Ogg FLAC", ".webm": "WebM", ".opus": "Opus"}
    return Made(
        path=path,
        kind="handed",
        form=forms.get(path.suffix, path.suffix[1:].upper()),
        parts=(Part(sr=sr, n_channels=channels, n_samples=n),),
        tolerance=tolerance,
        refusal=refusal,
        is_more=is_more,
        n_marks=int(path.name not in _OTHER_SPEED),
    )


def make_handed(folder: Path, *, seed: int, clips: tuple[str, ...], marked: bool) -> list[str]:
    """Run the scripts; return the names of their files, none where the scripts are not here."""
    scripts = handed_folder()
    if not (scripts / "make_files.py").is_file():
        return []
    folder.mkdir(parents=True)
    shop = Workshop(folder.parent, "handed", seed, 0 if marked else None, clips)
    source, cover = folder.parent / f"{folder.name}.flac", folder.parent / "cover.jpg"
    sf.write(source, shop.take(_SR).T, _SR, subtype="PCM_24")
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=640x480", "-frames:v", 1, cover)
    for name, *arguments in (
        ("make_files.py", source, folder),
        ("make_more_files.py", folder / "a16.wav", cover, folder),
    ):
        command = [sys.executable, str(scripts / name), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - handed to us
    return sorted(path.name for path in folder.iterdir())
