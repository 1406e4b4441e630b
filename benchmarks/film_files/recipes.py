"""How films are made: every container with every codec of picture and sound, and odd ones."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.film_files import surgery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["FILMS", "Film", "make_film"]

SECONDS = 12
_LOUD_S = 1.9
_VIDEO = {
    "h264": "libx264 -preset ultrafast -g 25",
    "hevc": "libx265 -preset ultrafast -x265-params log-level=none:keyint=25",
    "vp8": "libvpx -deadline realtime -cpu-used 8",
    "vp9": "libvpx-vp9 -deadline realtime -cpu-used 8 -g 25",
    "av1": "libsvtav1 -preset 12 -g 25",
    "mpeg4": "mpeg4 -bf 2",
    "prores": "prores_ks -profile:v 0",
    "ffv1": "ffv1",
    "wmv2": "wmv2 -bf 0",
}
_AUDIO = {
    "aac": "aac",
    "mp3": "libmp3lame",
    "ac3": "ac3",
    "eac3": "eac3",
    "mp2": "mp2",
    "wmav2": "wmav2",
    "opus": "libopus",
    "flac": "flac",
    "alac": "alac",
    "vorbis": "libvorbis",
    "pcm16": "pcm_s16le",
    "pcm24": "pcm_s24le",
    "pcmf": "pcm_f32le",
}
_MATRIX = {
    "mp4": (
        ("h264", "hevc", "vp9", "av1", "mpeg4"),
        ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ),
    "mov": (("h264", "hevc", "prores", "mpeg4"), ("aac", "pcm16", "pcm24", "pcmf", "alac")),
    "mkv": (
        ("h264", "hevc", "vp9", "av1", "mpeg4", "prores", "ffv1"),
        ("aac", "opus", "flac", "pcm16", "pcm24", "mp3", "ac3", "vorbis"),
    ),
    "webm": (("vp8", "vp9", "av1"), ("opus", "vorbis")),
}
_SUBTITLES = "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,200 --> 00:00:02,000\nWorld\n"
_CHAPTERS = (
    ";FFMETADATA1\ntitle=A film\nartist=Somebody\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=One\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=12000\ntitle=Two\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """How one film is made.

    Attributes
    ----------
    name : str
        Name of the file.
    kind : str
        ``"codecs"``, or what is odd about it.
    video, audio : str
        Codecs, as keys of the tables here.
    extra : str
        Options of FFmpeg behind the codecs.
    layout : str
        ``-ac`` and ``-ar`` of the sound.
    n_sounds : int
        Tracks of sound.
    parts : str
        What else is put in: of ``subtitles``, ``chapters``, ``cover``, ``font``.
    shift : str
        Options of FFmpeg in front of the sound's input.
    begin : float
        Second of the speech with which the sound begins; at 0 it is quiet, and hides a delay.
    picture : str
        Filter that makes the picture.
    after : callable or None
        What is done to the file that FFmpeg made.
    """

    name: str
    kind: str = "codecs"
    video: str = "h264"
    audio: str = "aac"
    extra: str = ""
    layout: str = "-ac 2 -ar 48000"
    n_sounds: int = 1
    parts: str = ""
    shift: str = ""
    begin: float = 0.0
    picture: str = "s=96x72:r=25"
    after: Callable[[Path], None] | None = field(default=None, compare=False)


def _matrix() -> Iterator[Film]:
    for suffix, (videos, audios) in _MATRIX.items():
        for video in videos:
            for audio in audios:
                yield Film(name=f"{video}_{audio}.{suffix}", video=video, audio=audio)


_HDR = (
    "-pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
    " -x265-params log-level=none:keyint=25:hdr10=1:repeat-headers=1:master-display="
    "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
)
_PHONE = (
    "-metadata:s:v rotate=90 -metadata creation_time=2021-05-06T07:08:09Z"
    " -metadata location=+52.5200+013.4050/ -metadata:s:a language=deu"
)
_WHOLE = "subtitles chapters cover"
_ODD = (
    Film(name="obs_tracks.mkv", kind="OBS: four tracks", n_sounds=4),
    Film(name="obs_tracks.mp4", kind="OBS: four tracks", n_sounds=4),
    Film(
        name="obs_pieces.mp4",
        kind="OBS: fragmented",
        n_sounds=2,
        extra="-movflags frag_keyframe+empty_moov+delay_moov",
    ),
    Film(name="obs_hybrid.mp4", kind="OBS: hybrid", n_sounds=2, after=surgery.make_hybrid),
    Film(name="faststart.mp4", kind="index in front", extra="-movflags +faststart", parts=_WHOLE),
    Film(name="faststart.mov", kind="index in front", audio="pcm16", extra="-movflags +faststart"),
    Film(name="front_cues.mkv", kind="index in front", extra="-cues_to_front 1", parts="chapters"),
    Film(name="live.mkv", kind="index missing", extra="-live 1"),
    Film(name="phone.mp4", kind="phone: turned", layout="-ac 1 -ar 44100", extra=_PHONE),
    Film(name="phone.mov", kind="phone: turned", video="hevc", extra=_PHONE),
    Film(name="phone.mkv", kind="phone: turned", after=surgery.turn, extra=_PHONE),
    Film(name="hdr.mp4", kind="HDR", video="hevc", extra=_HDR + " -tag:v hvc1"),
    Film(name="hdr.mkv", kind="HDR", video="hevc", extra=_HDR),
    Film(name="late_sound.mp4", kind="sound late", shift="-itsoffset 0.7"),
    Film(name="late_sound.mkv", kind="sound late", shift="-itsoffset 0.7", audio="opus"),
    Film(
        name="late_sound_vorbis.webm",
        kind="sound late",
        shift="-itsoffset 0.7",
        video="vp8",
        audio="vorbis",
    ),
    Film(name="late_sound.mov", kind="sound late", shift="-itsoffset 0.7", audio="pcm24"),
    Film(name="late_picture.mp4", kind="picture late", picture="s=96x72:r=25,setpts=PTS+0.6/TB"),
    Film(name="late_picture.mkv", kind="picture late", picture="s=96x72:r=25,setpts=PTS+0.6/TB"),
    Film(name="starts_at_5.mkv", kind="start not zero", extra="-output_ts_offset 5"),
    Film(name="starts_at_5.mp4", kind="start not zero", extra="-output_ts_offset 5"),
    Film(name="b_frames.mp4", kind="B-frames", extra="-bf 3 -b_strategy 0"),
    Film(name="b_frames.mkv", kind="B-frames", extra="-bf 3 -b_strategy 0"),
    Film(
        name="variable.mp4",
        kind="variable frame rate",
        picture="s=96x72:r=25,select='not(mod(n\\,3))+lt(mod(n\\,50)\\,20)'",
    ),
    Film(
        name="variable.mkv",
        kind="variable frame rate",
        picture="s=96x72:r=25,select='not(mod(n\\,3))+lt(mod(n\\,50)\\,20)'",
    ),
    Film(name="edited.mp4", kind="edit list", after=surgery.cut_without_encoding),
    Film(name="edited.mov", kind="edit list", audio="alac", after=surgery.cut_without_encoding),
    Film(name="everything.mp4", kind="subtitles, chapters, cover", n_sounds=2, parts=_WHOLE),
    Film(
        name="everything.mov",
        kind="subtitles, chapters, cover",
        audio="pcm24",
        parts="subtitles chapters",
    ),
    Film(
        name="everything.mkv",
        kind="subtitles, chapters, cover",
        n_sounds=2,
        parts=_WHOLE + " font ass",
    ),
    Film(name="timecode.mov", kind="time code", audio="pcm24", extra="-timecode 01:02:03:04"),
    Film(name="timecode.mp4", kind="time code", extra="-timecode 01:02:03:04"),
    Film(
        name="camera.mp4", kind="camera: data track", parts="subtitles", after=surgery.make_camera
    ),
    Film(name="surround.mp4", kind="5.1", layout="-ac 6 -ar 48000", audio="aac"),
    Film(name="surround_ac3.mkv", kind="5.1", layout="-ac 6 -ar 48000", audio="ac3"),
    Film(name="surround_opus.mkv", kind="5.1", layout="-ac 6 -ar 48000", audio="opus"),
    Film(name="surround_flac.mkv", kind="5.1", layout="-ac 6 -ar 48000", audio="flac"),
    Film(name="surround.mov", kind="5.1", layout="-ac 6 -ar 48000", audio="pcm24"),
    Film(name="gap.mkv", kind="gaps in the sound", after=surgery.drop_sound),
    Film(
        name="gap_opus.webm",
        kind="gaps in the sound",
        video="vp8",
        audio="opus",
        after=surgery.drop_sound,
    ),
    Film(name="gap.mp4", kind="gaps in the sound", after=surgery.drop_sound),
    Film(name="gap.ts", kind="gaps in the sound", after=surgery.drop_sound),
    Film(name="film.ts", kind="written by FFmpeg"),
    Film(name="film.avi", kind="written by FFmpeg", video="mpeg4", audio="mp3"),
    Film(name="film.flv", kind="written by FFmpeg"),
    *(
        Film(name=name, kind="sound from the first sample", video=video, audio=audio, begin=_LOUD_S)
        for name, video, audio in (
            ("loud.ts", "h264", "aac"),
            ("loud_mp2.ts", "h264", "mp2"),
            ("loud_ac3.ts", "h264", "ac3"),
            ("loud_opus.ts", "h264", "opus"),
            ("loud.m2ts", "h264", "aac"),
            ("loud.flv", "h264", "aac"),
            ("loud_mp3.flv", "h264", "mp3"),
            ("loud_mp3.avi", "mpeg4", "mp3"),
            ("loud_ac3.avi", "mpeg4", "ac3"),
            ("loud_aac.avi", "mpeg4", "aac"),
            ("loud.wmv", "wmv2", "wmav2"),
            ("loud.mp4", "h264", "aac"),
            ("loud.mkv", "h264", "aac"),
        )
    ),
    Film(name="film.3gp", kind="phone: turned", video="mpeg4", layout="-ac 1 -ar 22050"),
    Film(name="itunes.m4v", kind="codecs"),
)

FILMS = {film.name: film for film in (*_matrix(), *_ODD)}
"""All films by the names of their files."""


def make_film(film: Film, folder: Path, speech: Path) -> Path:
    """Make a film with FFmpeg.

    Parameters
    ----------
    film : Film
        How.
    folder : Path
        Where; other files are left there too.
    speech : Path
        Sound that is looped, from another place in each track.

    Returns
    -------
    path : Path
        The film.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inputs, maps = _inputs(film, folder, speech)
    n = film.n_sounds
    names = " ".join(
        f"-metadata:s:a:{i} title=Track{i + 1} -metadata:s:a:{i} language=eng" for i in range(n)
    )
    path = folder / film.name
    codecs = f"-c:v {_VIDEO[film.video]} -c:a {_AUDIO[film.audio]} {film.layout} -strict -2"
    if "ass" in film.parts:
        codecs += " -c:s ass"
    elif "subtitles" in film.parts:
        codecs += " -c:s mov_text" if path.suffix in {".mp4", ".mov", ".m4v"} else " -c:s srt"
    if "cover" in film.parts and path.suffix != ".mkv":
        codecs += " -c:v:1 mjpeg -disposition:v:1 attached_pic"
    command = (
        f"ffmpeg -y -loglevel error {inputs} {maps} {codecs} {film.extra} {names if n > 1 else ''}"
        f" -t {SECONDS} {path}"
    )
    subprocess.run(command.split(), check=True)  # noqa: S603 - our own words
    if film.after:
        film.after(path)
    return path


def _inputs(film: Film, folder: Path, speech: Path) -> tuple[str, str]:
    inputs = [f"-f lavfi -i testsrc={film.picture.replace('s=', f'd={SECONDS}:s=', 1)}"]
    maps = ["-map 0:v"]
    for i in range(film.n_sounds):
        inputs.append(f"{film.shift} -stream_loop -1 -ss {film.begin + 1.5 * i} -i {speech}")
        maps.append(f"-map {i + 1}:a")
    attached = []
    (folder / "s.srt").write_text(_SUBTITLES)
    (folder / "m.txt").write_text(_CHAPTERS)
    at = film.n_sounds + 1
    if "subtitles" in film.parts:
        inputs.append(f"-i {folder}/s.srt")
        maps.append(f"-map {at}:s -metadata:s:s:0 language=fra")
        at += 1
    if "chapters" in film.parts:
        inputs.append(f"-i {folder}/m.txt")
        maps.append(f"-map_chapters {at} -map_metadata {at}")
        at += 1
    if "cover" in film.parts:
        cover = folder / "cover.jpg"
        picture = f"ffmpeg -y -loglevel error -f lavfi -i testsrc=s=64x64 -frames:v 1 {cover}"
        subprocess.run(picture.split(), check=True)  # noqa: S603
        if film.name.endswith(".mkv"):
            attached.append(f"-attach {cover} -metadata:s:t:0 mimetype=image/jpeg")
        else:
            inputs.append(f"-i {cover}")
            maps.append(f"-map {at}:v")
            at += 1
    if "font" in film.parts:
        (folder / "font.ttf").write_bytes(bytes(range(256)) * 4)
        attached.append(f"-attach {folder}/font.ttf -metadata:s:t:1 mimetype=font/ttf")
    return " ".join(inputs), " ".join([*maps, *attached])
