"""`file_of_command`: the one file that a command in a listing decodes; the command is never run.

Kaldi's ``wav.scp`` has entries such as ``flac -c -d -s a.flac |``.  The file that such a command
reads is read here directly.  A command that does not plainly decode one file (another program, an
unknown option, a second file, anything that only a shell understands) has no such file.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

__all__ = ["file_of_command"]

_MOST_LETTERS = 8192
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\|]*\"")
_SHELL = re.compile(r"[;&<>`$(){}*?\[\]!#~\\\n\"']")
_SILENCED = re.compile(r"\s2>\s*/dev/null(?=\s|$)")
_NUMBER = re.compile(r"[-+=]?[\d.:,%]+[a-zA-Z]{0,3}")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:")


@dataclass(frozen=True, slots=True)
class _Program:
    """The options of a decoder: those followed by a value, and those without."""

    with_value: frozenset[str]
    bare: re.Pattern[str]
    inputs: str = ""
    """The option before an input; empty if inputs are positional."""


_FLAC = _Program(
    frozenset(),
    re.compile(
        r"-[cdsfF]+|--(stdout|decode|silent|totally-silent|force|decode-through-errors)"
        r"|--(skip|until)=[-\d:.]+"
    ),
)
_SPH2PIPE = _Program(
    frozenset({"-f", "-c", "-t", "-s"}), re.compile(r"-[pua]|-c\d|-f(wav|raw|rif|aif|au|sph)")
)
_SOX = _Program(
    frozenset({"-t", "-r", "-b", "-c", "-e", "-v", "-C", "--vol", "--type", "--rate", "--bits"})
    | {"--channels", "--encoding", "--endian", "--buffer"},
    re.compile(
        r"-V\d?|-[qGRDSLBxN12348]|-[suU]w?|--(norm|guard|no-dither|ignore-length|no-show-progress)"
    ),
)
_FFMPEG = _Program(
    frozenset(
        {"-f", "-ar", "-ac", "-ab", "-b:a", "-acodec", "-c:a", "-codec:a", "-v", "-loglevel"}
        | {"-ss", "-t", "-to", "-map", "-sample_fmt", "-threads", "-map_metadata", "-bitexact"}
    )
    - {"-bitexact"},
    re.compile(r"-(y|n|vn|sn|dn|nostdin|hide_banner|nostats|bitexact)"),
    inputs="-i",
)
_PROGRAMS = {"flac": _FLAC, "sph2pipe": _SPH2PIPE, "sox": _SOX, "ffmpeg": _FFMPEG}
_STREAMS = frozenset({"-", "pipe:0", "pipe:1", "/dev/stdin", "/dev/stdout"})
_EFFECTS = frozenset(
    {
        *("remix", "rate", "speed", "tempo", "pitch", "vol", "gain", "trim", "channels", "dither"),
        *("highpass", "lowpass", "bandpass", "norm", "pad", "fade", "silence", "dcshift", "avg"),
    }
)


def file_of_command(text: str) -> str | None:
    """Return the path of the file that a command decodes; None if that is not certain.

    Parameters
    ----------
    text : str
        As written in ``wav.scp``, with or without the final ``|``.

    Examples
    --------
    >>> file_of_command("flac -c -d -s takes/a.flac |")
    'takes/a.flac'
    >>> file_of_command("sph2pipe -f wav -p -c 1 a.sph | sox -t wav - -r 16k -t wav - |")
    'a.sph'
    >>> file_of_command("flac -cd a.flac; rm -r b |") is None
    True
    """
    text = _SILENCED.sub("", text.strip().removesuffix("|").strip())
    if len(text) > _MOST_LETTERS or _SHELL.search(_QUOTED.sub("", _without_program_folder(text))):
        return None
    stages = [_split(stage) for stage in text.split("|")]
    files = [_input_of(words) for words in stages]
    first, *others = files
    if first is None or first in _STREAMS or any(one not in _STREAMS for one in others):
        return None
    return None if first.startswith("-") or _ADDRESS.match(first) else first


def _without_program_folder(text: str) -> str:
    """Return a command without program folders, as in ``$KALDI_ROOT/tools/sph2pipe``."""
    return re.sub(r"(^|\|)\s*[^\s'\"|;&<>`()]*/(?=(flac|sox|sph2pipe|ffmpeg)\s)", r"\1", text)


def _split(stage: str) -> list[str]:
    try:
        return shlex.split(stage)
    except ValueError:
        return []


def _input_of(words: list[str]) -> str | None:
    """Return the input of one program; None unless it reads one input and writes to stdout."""
    name = words[0].rpartition("/")[2] if words else ""
    program = _PROGRAMS.get(name)
    if program is None:
        return None
    plain: list[str] = []
    inputs: list[str] = []
    waiting = iter(words[1:])
    for word in waiting:
        if program is _SOX and len(plain) == 2:
            if word not in _EFFECTS and not _NUMBER.fullmatch(word) and word not in ("-s", "-h"):
                return None
        elif program.inputs and word == program.inputs:
            inputs.append(next(waiting, ""))
        elif word in program.with_value:
            if next(waiting, None) is None:
                return None
        elif program.bare.fullmatch(word):
            continue
        elif word.startswith("-") and word != "-":
            return None
        else:
            plain.append(word)
    if program is _FLAC and not _decodes(words):
        return None
    if program in (_FLAC, _SPH2PIPE):
        return plain[0] if len(plain) == 1 else None
    inputs += plain[:1] if not program.inputs else []
    outputs = plain if program.inputs else plain[1:]
    is_plain = len(inputs) == 1 and len(outputs) == 1 and outputs[0] in _STREAMS
    return inputs[0] if is_plain else None


def _decodes(words: list[str]) -> bool:
    short = "".join(word[1:] for word in words if re.fullmatch(r"-[a-zA-Z]+", word))
    return ("d" in short or "--decode" in words) and ("c" in short or "--stdout" in words)
