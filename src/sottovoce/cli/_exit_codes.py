"""The exit codes of the commands, in one table that the docs and `--help` are held against."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["MEANINGS", "ExitCode"]


class ExitCode(IntEnum):
    """What a command ends with."""

    DONE = 0
    NOT_FOUND = 1
    ERROR = 2
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS = {
    "protect": {
        ExitCode.DONE: "all done",
        ExitCode.ERROR: "a file failed or was refused, or no audio file was found",
    },
    "check": {
        ExitCode.DONE: "a mark was found, and no file failed",
        ExitCode.NOT_FOUND: "no mark was found, and all of the sound was examined",
        ExitCode.ERROR: "a file failed or held sound that was not examined,"
        " or no audio file was found",
    },
    "every command": {
        ExitCode.ERROR: "wrong options, or another error",
        ExitCode.INTERRUPTED: "interrupted by Ctrl-C; no partial files are left behind",
        ExitCode.PIPE_CLOSED: "the program that read the results closed the pipe",
    },
}
"""By command: what each code means, in the words of the docs."""
